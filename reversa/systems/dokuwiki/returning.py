"""What a target made of files shows, told as the records of the source that it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec

from reversa.adapter import Attached, Item, Noted, Unreadable
from reversa.records import Ref, ref, ref_parts, ref_to
from reversa.systems.dokuwiki.registry import Registry, Row


class ReadBack:
    """Gives the records of one source that a target holds, and no others; ``holds`` says what is really there."""

    def __init__(self, registry: Registry, held: Mapping[str, AbstractSet[str]], holds: Callable[[Ref, str], bool]) -> None:
        self._registry, self._held, self._holds = registry, held, holds
        self._rows: dict[Ref, list[Row]] = {}
        for kind in held:
            for row in registry.rows(kind):
                self._rows.setdefault(ref(kind, row.target), []).append(row)

    def known(self, kind: str) -> list[str]:
        """The wiki's names of what the registry lists and the files may not show: a group without members, an empty namespace."""
        rows = [row for shown, of_one in self._rows.items() for row in of_one if ref_parts(shown)[0] == kind]
        return sorted({row.target for row in rows if self._holds(row.record, row.target)})

    def pages(self) -> dict[str, Ref]:
        """The records of pages by the ids that the wiki has for them."""
        return {row.target: row.record for row in self._registry.rows("page") if self._holds(row.record, row.target)}

    def items(self, shown: Iterable[Item]) -> Iterator[Item]:
        """What is ours of what the wiki shows. What it cannot show is missed by its absence."""
        for item in shown:
            if isinstance(item, Noted | Unreadable):
                continue
            record = item.record if isinstance(item, Attached) else item
            for row in self._rows.get(ref_to(record), ()):
                told = self._told(record, row)
                yield Attached(told, item.blob) if isinstance(item, Attached) else told

    def close(self) -> None:
        self._registry.close()

    def _told(self, record: Any, row: Row) -> Any:
        kind, id = ref_parts(row.record)
        changed: dict[str, Any] = {"id": id, "root": row.root}
        for field in record.__struct_fields__:
            value = getattr(record, field)
            if field in changed:
                continue
            if field not in self._held[kind]:
                changed[field] = None
            elif field in row.refs and row.refs[field][0] == value:
                changed[field] = row.refs[field][1]
        if kind == "space" and "subscribed" not in row.refs:
            changed["native"] = None  # who is told of changes there was told before
        return msgspec.structs.replace(record, **changed)
