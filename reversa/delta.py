"""A newer package over what an earlier one left at the target: replaced, removed, or a conflict for people to decide.

Nothing is overwritten or removed unless the target shows it as this run left it. What people changed there since is a
conflict: it is listed in ``conflicts.csv`` and stays as it is, until somebody decides.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, Self, cast

import msgspec

from reversa.adapter import Exporter, Importer, Item, Noted, Outcome, Selective, Shaped, Unit, Unreadable
from reversa.blobs import Measure
from reversa.canonical import digest, encode
from reversa.errors import RunError, TargetError
from reversa.exporting import Intake, Progress
from reversa.files import read_rows, write_whole
from reversa.importing import BATCH, Blobs, batches, finish, import_package
from reversa.ledger import Entry, Ledger, State
from reversa.package import Package
from reversa.patience import attempts
from reversa.records import Record, Ref, ref_parts, ref_to
from reversa.sorting import Spool, identity_order

Decision = Literal["keep", "overwrite"]
_COLUMNS = ("record", "field", "ours", "theirs", "decision", "seen")
SHOWN_CHARACTERS = 2000


class Conflicts:
    """The list of conflicts. Read when opened, for what was decided; written anew, or with more lines, when closed without an error."""

    def __init__(self, path: Path, *, more: bool = False) -> None:
        self._path, self._more = path, more
        self._decided = {} if more else _decisions(path)
        self._rows: list[list[str]] = []

    def __enter__(self) -> Self:
        return self

    def decided(self, record: Ref, ours: str | None, theirs: str | None) -> Decision | None:
        """What people decided about a record, when they saw these two states of it, given as digests."""
        return self._decided.get((record, _seen(ours, theirs)))

    def add(self, record: Ref, ours: Record | None, theirs: Record | None) -> None:
        """List a record, field by field; None is a record that is not there."""
        seen = _seen(*(None if one is None else digest(encode(one)) for one in (ours, theirs)))
        for field, a, b in _differences(ours, theirs):
            self._rows.append([record, field, _shown(a), _shown(b), "", seen])

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            return
        if self._rows:
            held = self._path.read_bytes() if self._more and self._path.exists() else b""
            text = io.StringIO(newline="")
            csv.writer(text).writerows(self._rows if held else [_COLUMNS, *self._rows])
            write_whole(self._path, held + text.getvalue().encode())
        elif not self._more:
            self._path.unlink(missing_ok=True)


def _seen(ours: str | None, theirs: str | None) -> str:
    """Stands for the two states between which people decide: a decision is not carried over to others."""
    return "s" + digest(f"{ours} {theirs}".encode())[:12]  # never what a spreadsheet takes for a number


def _differences(ours: Record | None, theirs: Record | None) -> list[tuple[str, Any, Any]]:
    if ours is None or theirs is None:
        return [("", ours, theirs)]
    return [(name, a, b) for name in ours.__struct_fields__ if (a := getattr(ours, name)) != (b := getattr(theirs, name))]


def _shown(value: Any) -> str:
    """A value as JSON text, which no spreadsheet takes for a formula; empty when there is none."""
    return "" if value is None else msgspec.json.encode(value).decode()[:SHOWN_CHARACTERS]


def _decisions(path: Path) -> dict[tuple[Ref, str], Decision]:
    """What people filled in, per record. Raises RunError when it is no decision, or two."""
    if not path.exists():
        return {}
    hint = "Write keep or overwrite in the column `decision`, the same on every line of a record."
    try:
        rows = read_rows(path)
    except (OSError, ValueError, csv.Error) as error:
        raise RunError(f"{path} cannot be read: {error}", hint) from error
    if rows and not {"record", "decision", "seen"} <= rows[0].keys():
        raise RunError(f"{path} does not have the columns {', '.join(_COLUMNS)}, with commas or semicolons between them.", hint)
    decided: dict[tuple[Ref, str], Decision] = {}
    for row in rows:
        record, word = Ref(row.get("record") or ""), (row.get("decision") or "").strip().lower()
        decision: Decision | None = "keep" if word == "keep" else "overwrite" if word == "overwrite" else None
        if word and (decision is None or decided.setdefault((record, row.get("seen") or ""), decision) != decision):
            raise RunError(f"{path} does not decide clearly about {record}.", hint)
    return decided


def named(target: Exporter, records: Sequence[Ref]) -> Iterator[Item]:
    """The items of these records. Raises TargetError when the target cannot be asked for single ones."""
    if not hasattr(target, "named"):
        raise TargetError(f"{target.facts.system} cannot be asked for single records.", "Without a part or a sample all of it is read.")
    return cast("Selective", target).named(records)


class Held(NamedTuple):
    """A record as the target shows it now."""

    record: Record
    digest: str


def read_back(
    target: Exporter, records: Sequence[Ref], scratch: Path, note: Callable[[Noted | Unreadable], None] = lambda _: None
) -> dict[Ref, Held]:
    """What the target shows of these records; ``note`` is told what cannot be read."""
    with Spool(scratch, identity_order) as spool:
        Intake(target, spool, Measure(), note).read(lambda _step, _done, _whole: None, items=named(target, records))
        return {ref_to(record): Held(record, digest(data)) for kind in spool.kinds() for record, data in spool.sorted(kind)}


def meet(package: Package, ledger: Ledger) -> None:
    """Lay the package beside what the ledger knows."""
    ledger.meet(package.identities(), whole=package.manifest.since is None)


def carry(package: Package, importer: Importer, target: Exporter, ledger: Ledger, folder: Path, progress: Progress) -> None:
    """Bring the target from what earlier packages left there to what this one says.

    What is new is written first, then what changed, and last what is gone is removed, so that nothing points at nothing on the way.
    """
    if not hasattr(importer, "replace"):
        raise TargetError(f"{importer.facts.system} cannot replace single records.", "Give the newer export a new target and a new run folder.")
    meet(package, ledger)
    roots = ledger.reopen()
    known = ledger.generation
    with Conflicts(folder / "conflicts.csv") as conflicts, contextlib.closing(package.blobs()) as blobs:
        carrier = Carrier(importer, target, ledger, conflicts, Blobs(blobs), folder)
        import_package(package, importer, ledger, progress, roots)
        for batch in batches(package.units(roots)):
            carrier.update(batch, known)
        gone = ledger.gone()
        for start in range(0, len(gone), BATCH):
            carrier.remove(gone[start : start + BATCH])
    ledger.withdraw()
    finish(importer)


class Wanted(NamedTuple):
    """A record that the target has or had, and what it should become; None: not there."""

    entry: Entry
    source_digest: str
    ours: Record | None
    digest: str | None


class Carrier:
    """Decides about single records that the target holds already, and does it, batch by batch."""

    def __init__(self, importer: Any, target: Exporter, ledger: Ledger, conflicts: Conflicts, session: Blobs, scratch: Path) -> None:
        self._importer, self._target, self._ledger, self._conflicts = importer, target, ledger, conflicts
        self._session, self._scratch = session, scratch

    def update(self, batch: Sequence[tuple[Unit, dict[str, str]]], generation: int) -> None:
        """Replace what changed in these units since an earlier generation."""
        wanted: list[Wanted] = []
        noted: list[Noted] = []
        for unit, digests in batch:
            entries = {entry.record: entry for record in digests if (entry := self._ledger.entry(Ref(record))) is not None}
            if not any(entry.generation < generation or entry.state == "conflict" for entry in entries.values()):
                continue
            shaped = self._importer.shape(unit)
            noted += shaped.noted
            ours = {ref_to(record): record for record in shaped.records}
            for record, entry in entries.items():
                now = digest(encode(ours[record])) if record in ours else None
                if _is_open(entry, digests[record], now):
                    wanted.append(Wanted(entry, digests[record], ours.get(record), now))
        self._settle(wanted, noted)

    def remove(self, records: Sequence[Ref]) -> None:
        """Take out what the source holds no more."""
        entries = [entry for record in records if (entry := self._ledger.entry(record)) is not None]
        self._settle([Wanted(entry, "", None, None) for entry in entries], [])

    def _settle(self, wanted: Sequence[Wanted], noted: Sequence[Noted]) -> None:
        if not wanted:
            return
        events: list[Noted | Unreadable] = []
        shown = read_back(self._target, [one.entry.record for one in wanted], self._scratch, events.append)
        unreadable = {event.kind for event in events if isinstance(event, Unreadable)}  # which one of its kind, not all systems can say
        settled: list[Entry] = []
        replaced: list[Wanted] = []
        removed: list[Wanted] = []
        for one in wanted:
            theirs = shown.get(one.entry.record)
            state = self._decide(one, None if theirs is None else theirs.digest)
            if theirs is None and ref_parts(one.entry.record)[0] in unreadable:
                state = "conflict"  # it may be there
            if state is None:
                (removed if one.ours is None else replaced).append(one)
                continue
            if state == "conflict":
                self._conflicts.add(one.entry.record, one.ours, None if theirs is None else theirs.record)
            standing = state in ("conflict", "kept")
            settled.append(_became(one, state, expected=(None if theirs is None else theirs.digest) if standing else one.digest))
        self._ledger.intend(one.entry.record for one in (*replaced, *removed))
        settled += self._replace(replaced, shown)
        if removed:
            for attempt in attempts():
                with attempt:
                    self._importer.remove({one.entry.record: one.entry.targets for one in removed})
            settled += [_became(one, _absent(one)) for one in removed]
        arrived = {entry.record for entry in settled}
        self._ledger.settle(settled, [change for change in noted if change.record in arrived])

    def _decide(self, one: Wanted, theirs: str | None) -> State | None:
        """What becomes of a record without touching the target; None: it is brought to what it should be."""
        entry = one.entry
        if theirs == one.digest:  # done by an attempt that was interrupted, or by people
            return "replaced" if one.ours is not None else _absent(one)
        decision = self._conflicts.decided(entry.record, one.digest, theirs) if entry.state == "conflict" else None
        if decision == "keep":
            return "kept"
        untouched = entry.state not in ("conflict", "kept") and (
            theirs == entry.expected_digest or (theirs is None and entry.record in self._ledger.interrupted)
        )
        return None if untouched or decision == "overwrite" else "conflict"

    def _replace(self, replaced: Sequence[Wanted], shown: dict[Ref, Held]) -> Iterator[Entry]:
        """Write these records anew; one that the target refuses is as before, and listed."""
        if not replaced:
            return
        units = [Shaped(one.entry.root, (one.ours,)) for one in replaced if one.ours is not None]
        outcomes: dict[Ref, Outcome] = {}
        for attempt in attempts():
            with attempt:
                outcomes = {outcome.record: outcome for outcome in self._importer.replace(units, self._session)}
        for one in replaced:
            outcome = outcomes.get(one.entry.record)
            if outcome is not None and outcome.state == "written":
                yield _became(one, "replaced", expected=one.digest, targets=outcome.targets)
                continue
            theirs = shown.get(one.entry.record)
            self._conflicts.add(one.entry.record, one.ours, None if theirs is None else theirs.record)
            reason = "the importer gave no outcome" if outcome is None else outcome.reason
            yield _became(one, "conflict", expected=None if theirs is None else theirs.digest, reason=reason)


def _is_open(entry: Entry, source_digest: str, expected_digest: str | None) -> bool:
    """Whether anything is to be decided about a record, given what it is and should become now."""
    if entry.state in ("refused", "blocked", "skipped") or (entry.state == "kept" and entry.source_digest == source_digest):
        return False
    return (entry.source_digest, entry.expected_digest) != (source_digest, expected_digest)


def _absent(one: Wanted) -> State:
    """Not at the target: because the source lost it, or because the target cannot hold what it became."""
    return "skipped" if one.source_digest else "removed"


def _became(one: Wanted, state: State, *, expected: str | None = None, targets: tuple[str, ...] | None = None, reason: str = "") -> Entry:
    held = one.entry.targets if targets is None else targets
    return Entry(one.entry.record, state, one.source_digest, expected, () if state in ("skipped", "removed") else held, reason, one.entry.root)


Edited = Callable[[Record, Record | None], bool]


def edits(ledger: Ledger, conflicts: Conflicts) -> Edited:
    """What tells, of a record that is not at the target as expected, whether people changed it since an earlier package was verified."""
    generation = ledger.generation

    def edited(expected: Record, found: Record | None) -> bool:
        entry = ledger.entry(ref_to(expected)) if generation > 1 else None
        if entry is None or entry.generation == generation or entry.state not in ("written", "merged", "replaced"):
            return False
        theirs = None if found is None else digest(encode(found))
        ledger.settle([msgspec.structs.replace(entry, state="conflict", expected_digest=theirs)], [])
        conflicts.add(entry.record, expected, found)
        return True

    return edited
