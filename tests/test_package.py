"""The package: read by strangers' tools, whole or absent, and no change to it goes unseen."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reversa.adapter import Source
from reversa.canonical import check, digest
from reversa.errors import PackageError
from reversa.package import MANIFEST, TAG_MANIFEST, Balance, Package, manifest_lines
from reversa.packing import PackageWriter, _write_bag_files
from reversa.records import KINDS, Record, Ref, Tag, kind_of
from reversa.sorting import Spool, identity_order, package_order
from reversa.testing.sample import write_sample_package
from reversa.validating import validate
from tests.paths import PROJECT
from tests.strategies import records


def _bash(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False)


# ------------------------------------------------------------------------------------------- strangers' tools


def test_stock_bagit_accepts_it(package: Package) -> None:
    done = subprocess.run([sys.executable, "-m", "bagit", "--validate", str(package.folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("readme", ["README.txt", "LISEZMOI.txt"])
def test_the_commands_of_the_notes_in_the_package_hold_and_see_a_change(package: Package, copy: Path, readme: str) -> None:
    text = (package.folder / readme).read_text(encoding="utf-8")
    script = "\n".join(line for line in text.splitlines() if re.match(r"  (sha256sum|diff|for p|  \[)", line))
    assert _bash(f"set -e\n{script}", package.folder).returncode == 0
    (copy / "data" / "extra").write_text("x")
    assert _bash(script.splitlines()[1], copy).returncode != 0
    (copy / "data" / "changes.ndjson").write_text("x")
    assert _bash(script.splitlines()[0], copy).returncode != 0


def test_a_script_without_reversa_recomputes_every_digest(package: Package, copy: Path) -> None:
    script = PROJECT / "docs" / "check_digests.py"
    assert len([line for line in script.read_text().splitlines() if line.strip()]) <= 40
    assert "reversa" not in re.sub(r"#.*|\"\"\".*?\"\"\"", "", script.read_text(), flags=re.DOTALL)
    done = subprocess.run([sys.executable, str(script), str(package.folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{3 * len(KINDS)} records" in done.stdout
    table = copy / "data" / "tables" / "tag" / "part-00000.parquet"
    forged = f"SELECT * REPLACE (CASE id WHEN '1' THEN 'forged' ELSE label END AS label) FROM '{table}'"
    duckdb.connect().execute(f"COPY ({forged}) TO '{table.with_suffix('.new')}' (FORMAT parquet)")
    table.with_suffix(".new").replace(table)
    done = subprocess.run([sys.executable, str(script), str(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "tag 1" in done.stdout


def test_duckdb_and_pandas_read_every_table(package: Package) -> None:
    for kind in KINDS:
        path = package.folder / "data" / "tables" / kind / "part-00000.parquet"
        assert duckdb.connect().execute(f"SELECT count(*) FROM '{path}'").fetchall() == [(3,)]
        assert sorted(pd.read_parquet(path)["id"]) == ["1", "2", "3 é/%"]


# ------------------------------------------------------------------------------------------- round trip


@settings(max_examples=40, deadline=None)
@given(made=st.lists(st.sampled_from(list(KINDS)).flatmap(records), max_size=12, unique_by=lambda r: (kind_of(r), r.id)))
def test_records_through_a_package_come_back_the_same(tmp_path_factory: pytest.TempPathFactory, made: list[Record]) -> None:
    package = _write(tmp_path_factory.mktemp("round") / "p", made)
    back = {(kind_of(record), record.id): record for kind in package.kinds() for record, _ in package.records(kind)}
    assert back == {(kind_of(record), record.id): record for record in made}
    assert validate(package.folder) == []
    in_units = [record for unit, _ in package.units() for record in unit.records]
    assert len(in_units) == len(made)
    roots = [unit.root for unit, _ in package.units()]
    assert len(roots) == len(set(roots)), "a unit was split"


def _write(folder: Path, made: list[Record]) -> Package:
    writer = PackageWriter(folder)
    with Spool(writer.scratch, package_order) as spool:
        for record in made:
            spool.add(record, check(record))
        for kind in spool.kinds():
            writer.write_table(kind, ((record, digest(data)) for record, data in spool.sorted(kind)))
    return writer.close(
        source=Source("test", "t"),
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        balance=[Balance(kind="tag", seen=0)],
        changes=[],
        unreadable=0,
        not_mapped={},
    )


@given(made=st.lists(records("tag"), unique_by=lambda r: r.id), data=st.data())
def test_the_order_of_arrival_does_not_matter(tmp_path_factory: pytest.TempPathFactory, made: list[Record], data: st.DataObject) -> None:
    def arranged(order: list[Record]) -> list[Record]:
        with Spool(tmp_path_factory.getbasetemp(), identity_order) as spool:
            for record in order:
                spool.add(record, check(record))
            return [record for record, _ in spool.sorted("tag")]

    assert arranged(data.draw(st.permutations(made))) == sorted(made, key=lambda r: r.id)


def test_sorting_beyond_memory_merges_its_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reversa.sorting.RUN_BYTES", 500)
    monkeypatch.setattr("reversa.sorting.BLOCK_BYTES", 200)
    made: list[Record] = [Tag(id=f"{n:04d}", root=Ref("tag:x"), target=Ref("page:1"), label="l") for n in range(300)]
    shuffled = random.Random(1).sample(made, len(made))
    with Spool(tmp_path, identity_order) as spool:
        for record in shuffled:
            spool.add(record, check(record))
        assert [record for record, _ in spool.sorted("tag")] == made
        assert len(list(tmp_path.rglob("*.run"))) > 10


# ------------------------------------------------------------------------------------------- tampering


def test_a_whole_package_is_whole(package: Package) -> None:
    assert validate(package.folder) == []


def _flips(package: Package) -> Iterator[tuple[str, int]]:
    chance = random.Random(7)
    for path in sorted(p for p in package.folder.rglob("*") if p.is_file()):
        size = path.stat().st_size
        for _ in range(6 if size else 0):
            yield path.relative_to(package.folder).as_posix(), chance.randrange(size * 8)


def test_any_flipped_bit_is_found(package: Package, copy: Path) -> None:
    for name, bit in _flips(package):
        path = copy / name
        data = bytearray(path.read_bytes())
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        assert validate(copy), f"bit {bit} of {name}"
        shutil.copyfile(package.folder / name, path)
    assert validate(copy) == []


def test_letter_case_and_line_ends_of_the_tag_manifest_count(copy: Path) -> None:
    """What stock tools overlook: they compare digests without case, and split lines softly."""
    path = copy / "tagmanifest-sha256.txt"
    whole = path.read_bytes()
    letters = [i * 8 + 5 for i, byte in enumerate(whole) if chr(byte).isalpha()][:60]
    ends = [i * 8 + bit for i, byte in enumerate(whole) if byte == 10 for bit in range(8)]
    for bit in letters + ends:
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        assert validate(copy), f"bit {bit}"


def test_any_file_added_removed_or_replaced_by_a_link_is_found(package: Package, copy: Path) -> None:
    for path in sorted(p for p in copy.rglob("*") if p.is_file()):
        data = path.read_bytes()
        path.unlink()
        assert validate(copy), f"{path.name} removed"
        path.symlink_to(package.folder / path.relative_to(copy))
        assert validate(copy), f"{path.name} replaced by a link"
        path.unlink()
        path.write_bytes(data)
    for name in ("extra.txt", "data/extra", "data/tables/tag/extra", "sub/extra", "data/sp ace"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text("x")
        assert validate(copy), f"{name} added"
        (copy / name).unlink()
    shutil.rmtree(copy / "sub")
    (copy / "data" / "empty").mkdir()
    assert validate(copy), "an empty folder"
    (copy / "data" / "empty").rmdir()
    os.mkfifo(copy / "pipe")
    assert validate(copy), "a pipe"
    (copy / "pipe").unlink()
    assert validate(copy) == []


def test_a_row_changed_with_all_manifests_rebuilt_is_found(copy: Path) -> None:
    table = copy / "data" / "tables" / "tag" / "part-00000.parquet"
    _rewrite(table, "SELECT * REPLACE ('forged' AS label) FROM '{}'")
    _rebuild_manifests(copy)
    assert any("tag '1' does not have its digest" in problem for problem in validate(copy))


def test_a_row_dropped_with_all_manifests_rebuilt_is_found(copy: Path) -> None:
    _rewrite(copy / "data" / "tables" / "tag" / "part-00000.parquet", "SELECT * FROM '{}' WHERE id <> '1'")
    _rebuild_manifests(copy)
    assert any("are not those that the package states" in problem for problem in validate(copy))


def test_a_blob_changed_with_all_manifests_rebuilt_is_found(copy: Path) -> None:
    pack = copy / "data" / "packs" / "pack-00000.zip"
    with zipfile.ZipFile(pack) as old:
        name = old.namelist()[0]
    with zipfile.ZipFile(pack, "w") as new:
        new.writestr(name, b"other")
    _rebuild_manifests(copy)
    assert validate(copy) == [f"blob {name} has other content"]


def _rewrite(table: Path, query: str) -> None:
    import pyarrow.parquet as pq

    schema = pq.read_schema(table)
    changed = duckdb.connect().sql(query.format(table)).to_arrow_table().cast(schema)
    pq.write_table(changed, table, compression="zstd", write_page_checksum=True)


def _rebuild_manifests(bag: Path) -> None:
    """What somebody does who changes a package and knows its format."""
    for name in (MANIFEST, TAG_MANIFEST):
        (bag / name).unlink()
    _write_bag_files(bag, Package(bag).manifest)


def test_parquet_pages_carry_checksums_and_reading_checks_them(copy: Path) -> None:
    """Without page checksums, most flipped bits would be read as other values in silence."""
    table = copy / "data" / "tables" / "message" / "part-00000.parquet"
    whole = table.read_bytes()
    package, caught = Package(copy), 0
    expected = list(package.records("message"))
    chance = random.Random(3)
    for _ in range(150):
        data = bytearray(whole)
        bit = chance.randrange(32, len(data) * 8 - 64)
        data[bit // 8] ^= 1 << bit % 8
        table.write_bytes(data)
        try:
            assert list(package.records("message")) == expected, f"bit {bit} was read as another value"
        except PackageError:
            caught += 1
    assert caught > 75


# ------------------------------------------------------------------------------------------- whole or absent


def test_an_interrupted_export_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    killed = "import os, pathlib, sys; from reversa.packing import PackageWriter; PackageWriter(pathlib.Path(sys.argv[1])).blobs; os._exit(9)"
    assert subprocess.run([sys.executable, "-c", killed, str(tmp_path / "p")], check=False).returncode == 9
    assert [p.name for p in tmp_path.iterdir()] == ["p.partial"]
    PackageWriter(tmp_path / "p").abandon()
    assert list(tmp_path.iterdir()) == []


def test_the_same_data_gives_the_same_bytes(tmp_path: Path, package: Package) -> None:
    again = write_sample_package(tmp_path / "again")
    for path in (p for p in package.folder.rglob("*") if p.is_file()):
        assert path.read_bytes() == (again.folder / path.relative_to(package.folder)).read_bytes(), path.name


@pytest.mark.parametrize("damage", ["format", "json", "missing"])
def test_a_package_that_is_not_one_says_what_to_type(copy: Path, damage: str) -> None:
    path = copy / "data" / "datapackage.json"
    text = path.read_text()
    path.write_text({"format": text.replace("reversa-package/1", "reversa-package/9"), "json": text[:100], "missing": "{}"}[damage])
    with pytest.raises(PackageError) as caught:
        Package(copy)
    assert caught.value.hint.startswith(("pip install --upgrade reversa", "reversa validate"))


@pytest.mark.parametrize("added", ["data/tables/user/part-00001.parquet", "data/packs/pack-00009.zip", "data/notes.txt"])
def test_a_file_that_only_the_manifests_know_is_found(copy: Path, added: str) -> None:
    (copy / added).parent.mkdir(parents=True, exist_ok=True)
    (copy / added).write_bytes(b"PAR1")
    _rebuild_manifests(copy)
    assert [problem for problem in validate(copy) if "is no part" in problem] == [f"{added} is no part of the package"]


def test_a_wrong_payload_oxum_is_found(copy: Path) -> None:
    info = copy / "bag-info.txt"
    info.write_text(info.read_text(encoding="utf-8").replace("Payload-Oxum: ", "Payload-Oxum: 1"), encoding="utf-8")
    (copy / TAG_MANIFEST).write_text(manifest_lines(copy, sorted(p.name for p in copy.iterdir() if p.is_file() and p.name != TAG_MANIFEST)))
    assert any(problem.startswith("bag-info.txt does not say") for problem in validate(copy))
