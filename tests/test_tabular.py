"""Rows of tables by columns are the same records, bytes and packages as one by one."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reversa import tablesorting
from reversa.adapter import BlobRef, Facts, Item, Locator, Options, Source
from reversa.canonical import check, digest
from reversa.columns import to_batch
from reversa.exporting import export
from reversa.package import Package
from reversa.records import Ref, Row, Table, kind_of, ref
from reversa.redaction import _HINTS, suspect_rows
from reversa.sorting import package_order
from reversa.tabular import TableRows, places_of

TOKEN = "xoxb-" + "1234567890-abcdefghij"
TEXTS = st.text(st.sampled_from('ab"\\\n\x01é🎈\u2028/~')).map(str) | st.sampled_from(["", TOKEN, "ghp", "_"])
IDS = st.sampled_from(["1", "2", "10", "a/1", "é", TOKEN, '"', "1~2"])


@st.composite
def table_rows(draw: st.DrawFn, tables: Sequence[str] = ("a",)) -> TableRows:
    table = draw(st.sampled_from(tables))
    names = draw(st.lists(st.sampled_from(["x", 'y"', "z", "é", TOKEN]), unique=True, max_size=3))
    ids = draw(st.lists(IDS, min_size=1, max_size=5))
    columns = [pa.array(draw(st.lists(st.none() | TEXTS, min_size=len(ids), max_size=len(ids))), pa.string()) for _ in names]
    cells = pa.RecordBatch.from_arrays(columns, names=names)
    return TableRows(ref("table", table), pa.array([f"{table}/{id}" for id in ids], pa.string()), cells)


@given(table_rows(), st.data())
def test_bytes_digests_and_columns_are_those_of_the_records(rows: TableRows, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=4))
    for some in (rows, rows.take(pa.array(places)), TableRows(rows.table, rows.ids[-1:], rows.cells[-1:])):
        records = list(some.records())
        lines = [check(record) for record in records]
        assert some.canonical() == lines
        assert some.batch().equals(to_batch("row", records, [digest(line) for line in lines]))


@given(table_rows())
def test_a_hint_is_found_in_the_rows_that_hold_it(rows: TableRows) -> None:
    held = {number for number, record in enumerate(rows.records()) if any(hint in check(record) for hint in _HINTS)}
    assert held <= suspect_rows(rows)
    assert TOKEN in rows.cells.schema.names or suspect_rows(rows) == held


def test_a_hint_across_the_border_of_two_texts_is_none() -> None:
    assert places_of(pa.array(["gh", "p_", "xghp_", None, "ghp_"]), [b"ghp_"]) == {2, 4}
    assert places_of(pa.array([], pa.string()), [b"ghp_"]) == set()


class Tables:
    """A source of rows that come by columns, or one by one."""

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        raise NotImplementedError

    def __init__(self, rows: Sequence[TableRows], *, others: Sequence[Row] = ()) -> None:
        self._rows, self._others = rows, others
        self.facts = Facts(system="tables", kinds=("table", "row"), source=Source("tables", "t"))

    def census(self) -> Mapping[str, int]:
        return {"table": 1, "row": sum(map(len, self._rows)) + len(self._others)}

    def items(self) -> Iterator[Item]:
        for item in self.everything():
            if isinstance(item, TableRows):
                yield from item.records()
            else:
                yield item

    def everything(self) -> Iterator[Item | TableRows]:
        yield Table(id="a", root=ref("table", "a"), name="a", columns=[])
        yield from self._others
        yield from self._rows

    def open_blob(self, blob: BlobRef) -> BinaryIO:
        raise FileNotFoundError(blob)

    def close(self) -> None:
        pass


class ByColumns(Tables):
    def tabular(self) -> Iterator[Item | TableRows]:
        return self.everything()


def exported(source: Tables, folder: Path) -> Package:
    return export(source, folder, datetime(2026, 11, 23, tzinfo=UTC), lambda *_: None)


def contents(package: Package) -> tuple[Any, ...]:
    manifest = package.manifest
    events = sorted(str(sorted(event.items())) for event in package.events())
    return (
        manifest.digest,
        manifest.balance,
        manifest.changes,
        manifest.unreadable,
        events,
        list(package.records("row")) if "row" in package.kinds() else [],
    )


@settings(max_examples=30)
@given(st.lists(table_rows(("a", "a/b", "b")), max_size=4), st.booleans(), st.sampled_from([1, 100]))
def test_a_package_by_columns_equals_the_one_by_records(
    tmp_path_factory: pytest.TempPathFactory, rows: list[TableRows], other: bool, run_bytes: int
) -> None:
    """Twins, secrets, ids of one table among those of another, records beside: whatever the way."""
    folder = tmp_path_factory.mktemp("packages")
    others = [Row(id="a/15", root=ref("row", "a/15"), table=Ref("table:a"), cells=[])] if other else []
    with pytest.MonkeyPatch.context() as small:
        small.setattr(tablesorting, "RUN_BYTES", run_bytes)
        small.setattr(tablesorting, "BLOCK_BYTES", run_bytes)
        by_columns = exported(ByColumns(rows, others=others), folder / "columns")
    assert contents(by_columns) == contents(exported(Tables(rows, others=others), folder / "records"))
    assert all(line.unexplained == 0 for line in by_columns.manifest.balance)


def test_many_rows_are_sorted_outside_memory_and_written_in_whole_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tablesorting, "RUN_BYTES", 2**14)
    monkeypatch.setattr(tablesorting, "BLOCK_BYTES", 2**12)
    numbers = [number * 7919 % 12_000 for number in range(12_000)]
    texts = pa.array([str(number) for number in numbers], pa.string())
    rows = TableRows(ref("table", "a"), pa.array([f"a/{number}" for number in numbers], pa.string()), pa.RecordBatch.from_pydict({"x": texts}))
    pieces = [TableRows(rows.table, rows.ids[at : at + 500], rows.cells[at : at + 500]) for at in range(0, 12_000, 500)]
    package = exported(ByColumns(pieces), tmp_path / "package")
    records = [record for record, _ in package.records("row")]
    assert [package_order(record) for record in records] == sorted(package_order(record) for record in records)
    assert len(records) == 12_000
    assert {kind_of(record) for record in records} == {"row"}
    assert [len(batch) for batch in package.batches("row", ["id"])] == [5_000, 5_000, 2_000]


def test_a_thousand_tables_do_not_need_a_thousand_open_files(tmp_path: Path) -> None:
    pieces = [TableRows(ref("table", f"t{n}"), pa.array([f"t{n}/1"]), pa.RecordBatch.from_pydict({"x": pa.array(["1"])})) for n in range(300)]
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 40, before[1]))
    try:
        package = exported(ByColumns(pieces), tmp_path / "package")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert package.count() == 301


@pytest.mark.parametrize("source", [ByColumns, Tables])
def test_long_rows_lie_in_small_row_groups(source: type[Tables], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table may hold files: 5,000 of them are more than memory, or an Arrow array, holds."""
    monkeypatch.setattr("reversa.exporting.GROUP_BYTES", 100_000)
    monkeypatch.setattr("reversa.packing.GROUP_BYTES", 100_000)
    texts = ["x"] * 50 + ["x" * 30_000] * 10
    ids = [f"a/{number:03}" for number in range(60)]
    package = exported(
        source([TableRows(ref("table", "a"), pa.array(ids), pa.RecordBatch.from_pydict({"x": pa.array(texts)}))]), tmp_path / "package"
    )
    groups = [len(batch) for batch in package.batches("row", ["id"])]
    assert sum(groups) == 60
    assert max(groups[1:]) <= 4
    assert [record.id for record, _ in package.records("row")] == ids


@pytest.mark.parametrize(
    "wrong",
    [
        TableRows(Ref("user:a"), pa.array(["a/1"]), pa.RecordBatch.from_pydict({"x": pa.array(["1"])})),
        TableRows(Ref("table:a"), pa.array([""]), pa.RecordBatch.from_pydict({"x": pa.array(["1"])})),
        TableRows(Ref("table:a"), pa.array([None], pa.string()), pa.RecordBatch.from_pydict({"x": pa.array(["1"])})),
        TableRows(Ref("table:a"), pa.array(["a/1"]), pa.RecordBatch.from_pydict({"x": pa.array([b"\xff"]).view(pa.string())})),
        TableRows(Ref("table:a"), pa.array(["a/1"]), pa.RecordBatch.from_pydict({"x": pa.array([1])})),
    ],
)
def test_rows_that_are_no_records_are_counted_with_their_reason(wrong: TableRows, tmp_path: Path) -> None:
    package = exported(ByColumns([wrong]), tmp_path / "package")
    (line,) = [line for line in package.manifest.balance if line.kind == "row"]
    assert (line.records, line.unreadable, line.unexplained) == (0, 1, 0)
