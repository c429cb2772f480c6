"""The exporter and the importer of memo (:mod:`reversa.testing.service`): a whole network adapter, to learn from and to try things on.

Identity lies in memo itself: every object we make carries custom fields with the source and the record it stands for.
So a record is found again after an answer was lost, and read back by nothing but what memo holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

import msgspec

from reversa.adapter import Attached, BlobRef, Facts, Item, Locator, Options, Outcome, Session, Shaped, Source, Unit, Unreadable
from reversa.errors import MissingExtra, TargetError, Unavailable
from reversa.patience import attempts
from reversa.records import KINDS, Body, File, Message, Record, Ref, kind_of, ref, ref_parts, ref_to
from reversa.testing.memo_fields import FIELDS, KIND_OF, LINKS, PROPERTIES, TIMES, TYPES, changes, shape

try:
    import httpx

    from reversa.web import Refused, Web
except ModuleNotFoundError as error:
    raise MissingExtra(f"memo needs the Python package {error.name}.", "pip install 'reversa[testing]'") from error


def connect(locator: Locator, options: Options) -> Web:
    """The service at an address such as ``memo+https://memo.example``; the password is its secret."""

    def login(http: httpx.Client) -> str:
        answer = http.post("/token", json={"secret": options.password or ""})
        if answer.status_code == httpx.codes.FORBIDDEN:
            raise TargetError(f"{locator} does not take the secret.", "Put the right one into the environment variable REVERSA_PASSWORD.")
        if not answer.is_success:
            raise Unavailable(f"{locator} gave no token ({answer.status_code}).")
        return str(answer.json()["token"])

    return Web(locator.address, login)


def listed(web: Web, type_: str, **of: str) -> Iterator[dict[str, Any]]:
    """Every object of a type, page by page. A cursor, not an offset: people go on writing while we read."""
    cursor: dict[str, str] | None = {}
    while cursor is not None:
        page = web.ask("GET", f"/{type_}", params={f"field.{name}": value for name, value in of.items()} | cursor)
        yield from page["items"]
        cursor = {"cursor": page["next"]} if page["next"] else None


def searched(web: Web, **wanted: str | Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every object with these custom fields."""
    cursor: str | None = None
    while True:
        page = web.ask("POST", "/search", json={"fields": wanted, "cursor": cursor})
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return


class MemoExporter:
    """Reads a workspace: all of it under memo's own ids, or, of a target, one source's records under theirs."""

    def __init__(self, web: Web, name: str, source: Source | None) -> None:
        self._web, self._origin = web, source
        self._of = {"source": str(source)} if source else {}
        self.facts = Facts(system="memo", kinds=tuple(TYPES), source=source or Source("memo", name))
        self._refs: dict[int, Ref] = {}

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        web = connect(locator, options)
        return cls(web, web.ask("GET", "/workspace")["name"], options.source)

    def census(self) -> Mapping[str, int]:
        params = {f"field.{name}": value for name, value in self._of.items()}
        return {kind: self._web.ask("GET", f"/{type_}/count", params=params)["count"] for kind, type_ in TYPES.items()}

    def items(self) -> Iterator[Item]:
        if self._origin:  # memo's links give memo's ids: first learn what these stand for
            self._refs = {
                o["id"]: Ref(o["fields"]["id"])
                for type_ in ("accounts", "boards", "notes")
                for o in listed(self._web, type_, **self._of)
                if "id" in o["fields"]
            }
        for kind, type_ in TYPES.items():
            for found in listed(self._web, type_, **self._of):
                try:
                    record = self._record(kind, found)
                except (KeyError, ValueError, TypeError) as error:
                    yield Unreadable(kind, f"{type_}/{found.get('id')}", f"{type(error).__name__}: {error}")
                    continue
                yield Attached(record, BlobRef(f"/files/{found['id']}/content")) if isinstance(record, File) and found["size"] is not None else record

    def _record(self, kind: str, found: Mapping[str, Any]) -> Record:
        kept = found["fields"] if self._origin else {}
        unset = kept.get("unset", "").split()
        values: dict[str, Any] = {name: found[theirs] for name, theirs in PROPERTIES[kind].items()}
        values |= {name: _instant(found[theirs]) for name, theirs in TIMES.items() if name not in unset}
        for name, (theirs, to) in LINKS[kind].items():
            if name not in unset:
                values[name] = kept.get(name) or (None if found[theirs] is None else self._ref(to, found[theirs]))
        if kind == "message" and found["text"] is not None:
            values["body"] = Body(format="plain", text=found["text"])
        if kind == "file":
            values["size"] = found["size"]
        if self._origin:
            id = ref_parts(kept["id"])[1]
            values |= {"root": kept["root"], "state": kept.get("state"), "order": int(kept["order"]) if "order" in kept else None}
        else:
            id = str(found["id"])
            native = msgspec.json.encode(found["fields"], order="sorted").decode() if found["fields"] else None
            if kind == "file" and values["target"] is None:  # it lies in no note
                values["target"] = values["created_by"]
            values |= {"root": values.get("target") or ref(kind, id), "native": native}
        return KINDS[kind](id=id, **values)

    def _ref(self, kind: str, number: int) -> Ref:
        """What a link leads to; in a target, what is not of our source shows as memo's."""
        return self._refs.get(number) or ref(kind, f"memo/{number}" if self._origin else str(number))

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        return self._web.download(blob)

    def close(self) -> None:
        self._web.close()


class MemoImporter:
    """Writes one source's records, one request each. A link to what memo does not hold yet waits in a custom field until the end."""

    def __init__(self, web: Web, source: Source | None) -> None:
        self._web, self._source = web, str(source)
        self.facts = Facts(system="memo", kinds=tuple(TYPES), changes=tuple(changes()), live=True)

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        web = connect(locator, options)
        web.ask("GET", "/workspace")
        return cls(web, options.source)

    @staticmethod
    def scratch_target(folder: Path) -> str:
        """An empty target for the shared suite, which answers as long as this process lives."""
        from reversa.testing.service import Memo

        return Memo(folder).__enter__()

    def shape(self, unit: Unit) -> Shaped:
        shaped = [shape(record) for record in unit.records]
        return Shaped(unit.root, tuple(record for record, _ in shaped if record), tuple(noted for _, some in shaped for noted in some))

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        self._wait_until_shown()
        return self._found(records)

    def _wait_until_shown(self) -> None:
        """What memo was sent shows in searches only after a while; whoever asks before would send it twice."""
        for attempt in attempts():
            with attempt:
                if pending := self._web.ask("GET", "/workspace")["pending"]:
                    raise Unavailable(f"{self._web.address} does not show its last {pending} objects yet.")

    def _found(self, records: Iterable[Ref]) -> dict[Ref, tuple[str, ...]]:
        asked, found = list(dict.fromkeys(records)), dict[Ref, tuple[str, ...]]()
        for start in range(0, len(asked), 100):
            for item in searched(self._web, source=self._source, id=asked[start : start + 100]):
                record = Ref(item["fields"]["id"])
                found[record] = (*found.get(record, ()), f"{item['type']}/{item['id']}")
        return found

    def write(self, units: Sequence[Shaped], session: Session) -> Iterator[Outcome]:
        own = {ref_to(record) for unit in units for record in unit.records}
        ids = self._ids(to for unit in units for record in unit.records for to in _links(record).values() if to not in own)
        for unit in units:
            refused = False
            for record in unit.records:
                reference = ref_to(record)
                if refused:
                    yield Outcome(reference, "refused", reason=f"{unit.root} was refused")
                    continue
                try:
                    made = self._web.send("POST", f"/{TYPES[kind_of(record)]}", json=self._object(record, ids, session))
                except Refused as error:
                    refused = reference == unit.root
                    yield Outcome(reference, "refused", reason=str(error))
                else:
                    ids[reference] = made["id"]
                    yield Outcome(reference, "written", (f"{made['type']}/{made['id']}",))

    def _ids(self, records: Iterable[Ref]) -> dict[Ref, int]:
        """The ids in memo of those records that it holds."""
        return {record: int(targets[0].partition("/")[2]) for record, targets in self._found(records).items()}

    def _object(self, record: Record, ids: Mapping[Ref, int], session: Session) -> dict[str, Any]:
        """What memo is sent for a record."""
        kind = kind_of(record)
        made = {theirs: getattr(record, name) for name, theirs in PROPERTIES[kind].items()}
        kept = {"source": self._source, "id": ref_to(record)} | {name: str(v) for name in FIELDS if (v := getattr(record, name)) is not None}
        if isinstance(record, Message) and record.body is not None:
            made["text"] = record.body.text
        for name, theirs in TIMES.items():
            if getattr(record, name) is not None:
                made[theirs] = getattr(record, name).isoformat()
        for name, to in _links(record).items():
            theirs, kind_of_target = LINKS[kind][name]
            if to in ids and ref_parts(to)[0] == kind_of_target:
                made[theirs] = ids[to]
            else:
                kept[name] = to
                kept |= {"waiting": "yes"} if ref_parts(to)[0] == kind_of_target else {}
        if unset := [name for name in ("created_at", "created_by") if getattr(record, name) is None]:  # memo fills these in by itself
            kept["unset"] = " ".join(unset)
        if isinstance(record, File) and record.sha256 is not None:
            with session.open_blob(record.sha256) as content:  # an upload is nothing until it is named: it may be repeated
                made["upload"] = self._web.ask("POST", "/uploads", content=content)["upload"]
        return made | {"fields": kept}

    def finish(self) -> None:
        """Wait until memo shows all that it was sent, and set the links to what came later."""
        self._wait_until_shown()
        for found in searched(self._web, source=self._source, waiting="yes"):
            kept = found["fields"]
            waiting = {
                name: Ref(kept[name]) for name, (_, kind) in LINKS[KIND_OF[found["type"]]].items() if kept.get(name, "").startswith(f"{kind}:")
            }
            ids = self._ids(waiting.values())
            arrived = {name: to for name, to in waiting.items() if to in ids}
            if arrived:
                made = {LINKS[KIND_OF[found["type"]]][name][0]: ids[to] for name, to in arrived.items()}
                done = dict.fromkeys(arrived) | ({"waiting": None} if arrived == waiting else {})
                self._web.ask("PATCH", f"/{found['type']}/{found['id']}", json=made | {"fields": done})

    def undo(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        for _, targets in written:
            for target in targets:
                try:
                    self._web.ask("DELETE", f"/{target}")
                except Refused as error:
                    if error.status != httpx.codes.NOT_FOUND:  # else it is gone already
                        raise TargetError(f"{self._web.address} does not remove {target}: {error}", "Remove it by hand.") from error

    def address(self, targets: Sequence[str]) -> str:
        return f"{self._web.address}/{targets[0]}"

    def close(self) -> None:
        self._web.close()


def _links(record: Record) -> dict[str, Ref]:
    return {name: to for name in LINKS[kind_of(record)] if (to := getattr(record, name)) is not None}


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).astimezone(UTC)
