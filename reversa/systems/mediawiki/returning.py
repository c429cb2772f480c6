"""What a wiki holds of one source, told with the ids of that source again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from reversa.adapter import Attached, Item, Noted, Unreadable
from reversa.records import Alias, File, Grant, Group, Membership, Page, Record, Ref, Revision, Space, Tag, User, ref, ref_parts, ref_to

SEEN = frozenset(
    {"mediawiki.revision.sha1-differs", "mediawiki.revision.text-missing", "mediawiki.file.content-missing", "mediawiki.file.sha1-differs"}
)
"""What a wiki that is read back may have to say; the rest is of the source only."""


class Returning:
    """Turns the wiki's own ids into those of the source. What is not of the source is left out."""

    def __init__(self, rows: Iterable[tuple[str, str, str, str, bool, Ref, Ref]]) -> None:
        self._refs: dict[str, Ref] = {}
        self._people: dict[str, Ref] = {}
        self._met: set[Ref] = set()
        self._outside: dict[Ref, User] = {}
        """Authors without an account."""
        self._roots: dict[Ref, Ref] = {}
        self._of: dict[Ref, Ref] = {}
        """To what a file was attached, where its page here is none of the source."""
        for kind, id, target, name, made, root, of in rows:
            if target.startswith("actor/"):
                who = ref("user", id)
                self._outside[who] = User(id=id, root=root, username=name, user_type="external", placeholder=True)
            self._roots[ref(kind, id)] = root
            if kind == "file":
                self._of[ref(kind, id)] = of
            self._refs.setdefault(f"{kind} {target}", ref(kind, id))
            if kind == "user":
                self._people.setdefault(name, ref(kind, id))
                if not made:
                    self._met.add(ref(kind, id))

    def outside(self) -> Iterable[User]:
        """Authors without an account, whether they wrote anything that is here or not."""
        return self._outside.values()

    def items(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if isinstance(item, User) and self._own(ref_to(item)) in self._outside:
                continue  # given already
            if isinstance(item, Noted):
                record = self._own(item.record)
                if item.code in SEEN and record is not None:
                    yield msgspec.structs.replace(item, record=record)
            elif isinstance(item, Unreadable):
                yield item
            elif isinstance(item, Attached):
                file = self._record(item.record)
                if isinstance(file, File):
                    yield Attached(file, item.blob)
            else:
                record_ = self._record(item)
                if record_ is not None:
                    yield record_

    def _own(self, record: Ref) -> Ref | None:
        """The source's name of something that the wiki calls so."""
        kind, id = ref_parts(record)
        match kind:
            case "user":
                return self._people.get(id.removeprefix("ip:"))
            case "space":
                return self._refs.get(f"space {'wiki' if id == 'wiki' else f'ns/{id}'}")
            case "group":
                return self._refs.get(f"group group/{id}")
            case "alias":
                return self._refs.get(f"alias page/{id}/redirect")
            case "file":
                return self._refs.get(f"file file/{id}")
        return self._refs.get(f"{kind} {kind}/{id}")

    def _known(self, record: Ref | None) -> Ref | None:
        return None if record is None else self._own(record)

    def _record(self, record: Record) -> Record | None:
        changes: dict[str, Any] = {"url": None, "created_by": self._known(record.created_by)}
        own = self._own(ref_to(record))
        match record:
            case User():
                if own in self._met:
                    record = User(id=record.id, root=record.root, username=record.username)
            case Space():
                changes |= {"parent": self._known(record.parent), "native": None}
            case Page():
                changes |= {"space": self._known(record.space), "head": self._known(record.head), "native": None}
            case Revision():
                changes["target"] = self._known(record.target)
            case File():
                own = self._refs.get(f"file {'old' if record.version_of else 'file'}/{record.id}")
                of = self._known(record.target) or (self._of.get(own) if own else None)
                changes |= {"version_of": self._known(record.version_of), "target": of}
            case Tag():
                page, _, label = record.id.partition("/")
                own = self._refs.get(f"tag page/{page}/category/{label}")
                changes["target"] = self._known(record.target)
            case Alias():
                changes["target"] = self._known(record.target)
            case Grant():
                own = self._refs.get(f"grant protection/{record.id}")
                changes |= {"target": self._known(record.target), "principal": self._known(record.principal)}
            case Membership():
                own = self._refs.get(f"membership member/{record.id}")
                changes |= {"group": self._known(record.group), "member": self._known(record.member)}
            case Group():
                pass
            case _:
                own = None
        if own is None:
            return None
        _, id = ref_parts(own)
        if any(changes.get(name, "") is None for name in ("target", "group", "member")):
            return None
        return msgspec.structs.replace(record, id=id, root=self._roots[own], **changes)
