"""Broken importers: each wraps a real one."""

from __future__ import annotations

import unicodedata
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from reversa.adapter import Change, Facts, Importer, Noted, Outcome, Shaped, Unit
from reversa.records import Grant, Message, Page, Record, Ref, Revision, Space, User, kind_of, ref_to
from reversa.testing.mutants.mutant import Mutant, importer_is
from reversa.testing.trial import Around

ARRIVES = "the_hall_of_pain_arrives"
Mangle = Callable[[Record], Record | None]
CHOICES = {"state", "effect", "right", "audience", "visibility", "message_type", "user_type", "availability", "key"}


class Mangling(Around):
    """Changes each record before it is written, or drops it, and says that all went well."""

    def __init__(self, inner: Importer, change: Mangle) -> None:
        super().__init__(inner)
        self._change = change
        self._dropped: dict[Ref, tuple[str, ...]] = {}

    def write(self, units: Sequence[Shaped], session: Any) -> Iterable[Outcome]:
        sent = []
        for unit in units:
            changed = [(record, self._change(record)) for record in unit.records]
            self._dropped |= {ref_to(record): ("nowhere",) for record, after in changed if after is None}
            sent.append(msgspec.structs.replace(unit, records=tuple(after for _, after in changed if after is not None)))
        outcomes = list(self.inner.write([unit for unit in sent if unit.records], session))
        return [*outcomes, *(Outcome(ref_to(r), "written", ("nowhere",)) for unit in units for r in unit.records if ref_to(r) in self._dropped)]

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        return {**self.inner.find(records), **{record: self._dropped[record] for record in records if record in self._dropped}}


def _texts(change: Callable[[str], str]) -> Callable[[Record], Record]:
    """The change made to every text of a record, except its identity."""

    def apply(record: Record) -> Record:
        new: dict[str, Any] = {}
        for name in record.__struct_fields__:
            value = getattr(record, name)
            if name in ("id", "root", "native", "amount", "probability", "sha256") or isinstance(value, datetime):
                continue
            if isinstance(value, str) and name not in CHOICES and ":" not in value[:12]:
                new[name] = change(value)
            elif name == "body" and value is not None:
                new[name] = msgspec.structs.replace(value, text=change(value.text))
        return msgspec.structs.replace(record, **new)

    return apply


def _first(key: Callable[[Record], object]) -> Mangle:
    """Only the first record with a key is kept; None is no key."""
    seen: set[object] = set()

    def keep(record: Record) -> Record | None:
        value = key(record)
        if value is None:
            return record
        known = value in seen
        seen.add(value)
        return None if known else record

    return keep


def _text(record: Record) -> str | None:
    return record.body.text if isinstance(record, Message) and record.body is not None else None


def _at(change: Callable[[datetime], datetime]) -> Mangle:
    """The change made to the time a record was created."""
    return lambda r: r if r.created_at is None else msgspec.structs.replace(r, created_at=change(r.created_at))


def _only(kind: type[Record], change: Callable[[Any], Record | None]) -> Mangle:
    """The change made to the records of a kind."""
    return lambda r: change(r) if isinstance(r, kind) else r


def _set(**values: Any) -> Callable[[Record], Record]:
    return lambda r: msgspec.structs.replace(r, **values)


def _local(at: datetime) -> datetime:
    """The hour of the machine's zone, taken for UTC."""
    return at + (at.astimezone().utcoffset() or timedelta()) if datetime(2, 1, 1, tzinfo=UTC) < at < datetime(9999, 1, 1, tzinfo=UTC) else at


def _swapped(record: Record) -> Record:
    return msgspec.structs.replace(record, created_by=record.updated_by, updated_by=record.created_by) if record.updated_by else record


def _reordered(record: Record) -> Record:
    lists = {name: sorted(value) for name in ("emails", "phones", "locations", "recurrence") if (value := getattr(record, name, None))}
    return msgspec.structs.replace(record, **lists)


MANGLED: tuple[tuple[str, str, Callable[[], Mangle]], ...] = (
    ("drops every record and says it wrote it", "missing", lambda: lambda _: None),
    ("keeps only ASCII", "differs", lambda: _texts(lambda text: text.encode("ascii", "replace").decode())),
    ("merges on equal text", "missing", lambda: _first(_text)),
    ("merges on equal length", "missing", lambda: _first(lambda r: (text := _text(r)) and len(text))),
    ("merges on a 32-bit hash of the id", "missing", lambda: _first(lambda r: zlib.crc32(r.id.encode()) if isinstance(r, Message) else None)),
    ("merges on equal title", "missing", lambda: _first(lambda r: (r.title,) if isinstance(r, Page) else None)),
    ("takes ids that differ by case for one", "missing", lambda: _first(lambda r: (kind_of(r), r.id.casefold()))),
    ("takes ids that differ by Unicode form for one", "missing", lambda: _first(lambda r: (kind_of(r), unicodedata.normalize("NFC", r.id)))),
    ("takes ids that differ by a space for one", "missing", lambda: _first(lambda r: (kind_of(r), r.id.strip()))),
    ("normalises text", "differs", lambda: _texts(lambda text: unicodedata.normalize("NFC", text))),
    ("normalises line ends", "differs", lambda: _texts(lambda text: text.replace("\r\n", "\n"))),
    ("strips blanks", "differs", lambda: _texts(str.strip)),
    ("cuts at 255 characters", "differs", lambda: _texts(lambda text: text[:255])),
    ("drops U+0000", "differs", lambda: _texts(lambda text: text.replace("\0", ""))),
    ("writes nothing for an empty text", "differs", lambda: lambda r: _set(subject=None)(r) if isinstance(r, Message) and r.subject == "" else r),
    ("forgets edits", "missing", lambda: _only(Revision, lambda r: None if r.target.startswith("message:") else r)),
    ("reports success on what is too large", "missing", lambda: lambda r: None if len(_text(r) or "") > 100_000 else r),
    ("drops authors who are gone", "missing", lambda: _only(User, lambda r: None if r.placeholder else r)),
    ("writes everything as the account that migrates", "created_by", lambda: lambda r: _set(created_by="user:ann")(r) if r.created_by else r),
    ("swaps author and editor", "created_by", lambda: _swapped),
    ("writes everything as of now", "created_at", lambda: _at(lambda _: datetime.now(UTC))),
    ("cuts milliseconds", "created_at", lambda: _at(lambda at: at.replace(microsecond=0))),
    ("cuts microseconds", "created_at", lambda: _at(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000))),
    ("makes private spaces public", "visibility", lambda: _only(Space, _set(visibility="public"))),
    ("gives rights that were refused", "effect", lambda: _only(Grant, _set(effect="allow"))),
    ("brings the deleted back to life", "state", lambda: lambda r: _set(state=None)(r) if r.state == "deleted" else r),
    ("takes answers out of their thread", "thread", lambda: _only(Message, _set(thread=None))),
    ("sorts lists whose order means something", "differs", lambda: _reordered),
    ("drops what has no home", "native", lambda: _set(native=None)),
)  # fmt: skip


class _HidesALoss(Around):
    """Its shape drops what the target could hold, and notes nothing."""

    def shape(self, unit: Unit) -> Shaped:
        made = self.inner.shape(unit)
        return msgspec.structs.replace(made, records=tuple(_set(native=None)(record) for record in made.records))


class _LeavesOut(Around):
    def shape(self, unit: Unit) -> Shaped:
        made = self.inner.shape(unit)
        return msgspec.structs.replace(made, records=tuple(record for record in made.records if not isinstance(record, Revision)))


IDLE = Change("sql.tag.label.shortened", "tag", "label", "converted", "target-cannot", "long labels are cut")


class _DeclaresTooMuch(Around):
    @property
    def facts(self) -> Facts:
        return msgspec.structs.replace(self.inner.facts, changes=(*self.inner.facts.changes, IDLE))


class _NotesTooMuch(_DeclaresTooMuch):
    def shape(self, unit: Unit) -> Shaped:
        made = self.inner.shape(unit)
        noted = tuple(Noted(IDLE.code, ref_to(record)) for record in made.records if kind_of(record) == "tag")
        return msgspec.structs.replace(made, noted=(*made.noted, *noted))


class _SaysOtherwiseLater(Around):
    """Its shape depends on what it was asked before."""

    asked = 0

    def shape(self, unit: Unit) -> Shaped:
        type(self).asked += 1
        made = self.inner.shape(unit)
        return msgspec.structs.replace(made, records=made.records[: self.asked % 100 + 1])


class _FindsNothing(Around):
    def find(self, _: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        return {}


class _FindsByBeginning(Around):
    """Takes an id for found when a shorter one is there."""

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        found = dict(self.inner.find(records))
        for record in records:
            if record not in found and (alike := self.inner.find([Ref(record[:-1])])):
                found[record] = next(iter(alike.values()))
        return found


class _DropsTheLast(Around):
    """Leaves out the last unit of each batch, and says it wrote it."""

    def write(self, units: Sequence[Shaped], session: Any) -> Iterable[Outcome]:
        outcomes = list(self.inner.write(units[:-1], session)) if len(units) > 1 else []
        return [*outcomes, *(Outcome(ref_to(record), "written", ("nowhere",)) for record in units[-1].records)]


class _StopsAtAnOrphan(Around):
    def write(self, units: Sequence[Shaped], session: Any) -> Iterable[Outcome]:
        for unit in units:
            for record in unit.records:
                if getattr(record, "target", None) == "file:nowhere":
                    raise KeyError(record.id)
        return list(self.inner.write(units, session))


class _EmptyContents(Around):
    """Writes the uses of files without their contents."""

    def write(self, units: Sequence[Shaped], session: Any) -> Iterable[Outcome]:
        bare = [msgspec.structs.replace(u, records=tuple(_bare(record) for record in u.records)) for u in units]
        return self.inner.write(bare, session)


def _bare(record: Record) -> Record:
    return msgspec.structs.replace(record, sha256=None) if getattr(record, "sha256", None) else record


class _UndoesNothing(Around):
    def undo(self, written: object) -> None:
        """Say that it is done."""


class _WritesWhilePlanning(Around):
    """Writes what it is asked to shape."""

    def shape(self, unit: Unit) -> Shaped:
        made = self.inner.shape(unit)
        if unit.root == "message:length-1" and not self.inner.find([unit.root]):
            list(self.inner.write([made], None))  # type: ignore[arg-type]
        return made


def _wrapped(name: str, check: str, told: str, wrap: Callable[[Importer], Any]) -> Mutant:
    return Mutant(name, check, told, lambda: importer_is(wrap))


def _mangled(make: Callable[[], Mangle]) -> Callable[[Importer], Any]:
    return lambda inner: Mangling(inner, make())


IMPORTERS: tuple[Mutant, ...] = (
    *(_wrapped(name, ARRIVES, told, _mangled(make)) for name, told, make in MANGLED),
    _wrapped("takes the hour of the machine's zone for UTC", "the_zone_of_the_machine_changes_nothing", "created_at", _mangled(lambda: _at(_local))),
    _wrapped("hides a loss", "every_change_is_declared_and_noted", "hidden loss", _HidesALoss),
    _wrapped("leaves records out in silence", "every_change_is_declared_and_noted", "hidden loss", _LeavesOut),
    _wrapped("declares a loss that never happens", "every_declared_change_happens", "never seen to happen", _DeclaresTooMuch),
    _wrapped("notes a loss where nothing is lost", "every_change_is_declared_and_noted", "nothing changes", _NotesTooMuch),
    _wrapped("shapes differently each time", "shape_is_pure", "asked again", _SaysOtherwiseLater),
    _wrapped("never finds what it wrote", "records_are_found_by_source_id", "not found by their source id", _FindsNothing),
    _wrapped("writes twice after a crash", "killed_at_every_write_it_resumes", "resum", _FindsNothing),
    _wrapped("takes a longer id for a shorter one", "records_are_found_by_source_id", "never written are found", _FindsByBeginning),
    _wrapped("drops the last of each batch", ARRIVES, "missing", _DropsTheLast),
    _wrapped("stops at an orphan", ARRIVES, "KeyError", _StopsAtAnOrphan),
    _wrapped("writes files without their contents", ARRIVES, "sha256", _EmptyContents),
    _wrapped("says it has undone", "undo_restores_the_target", "still there", _UndoesNothing),
    _wrapped("writes while it plans", "planning_writes_nothing", "written records", _WritesWhilePlanning),
)
