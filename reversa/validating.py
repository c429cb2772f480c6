"""Is a package whole? Stricter than BagIt tools, which accept extra tag files, missing tag manifests and empty folders."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from pathlib import Path

from reversa.blobs import Measure
from reversa.canonical import NotCanonical, check, digest
from reversa.errors import PackageError
from reversa.package import BAGIT, MANIFEST, TAG_MANIFEST, Package, manifest_lines
from reversa.sorting import package_order


def validate(folder: Path) -> list[str]:
    """Everything that is wrong with a package, one sentence each; an empty list when it is whole.

    Checked: the exact set of files, every file against its manifest, every row against its digest, the order of the
    rows, every blob against its name. What this cannot prove is in docs/what-we-do-not-prove.md.
    """
    problems = wrong_files(folder)
    if problems:
        return problems
    try:
        package = Package(folder)
        for kind in package.kinds():
            problems += _wrong_rows(package, kind)
        problems += _wrong_names(package) + _wrong_blobs(package) + _wrong_events(package)
    except PackageError as error:
        problems.append(error.message)
    return problems


def wrong_files(bag: Path) -> list[str]:
    if not bag.is_dir() or bag.is_symlink():
        return [f"{bag} is not a folder"]
    everything = sorted(bag.rglob("*"))
    problems = []
    for path in everything:
        name = path.relative_to(bag).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            problems.append(f"{name} is not a plain file or folder")
        elif path.is_dir() and not any(path.iterdir()):
            problems.append(f"{name} is an empty folder")
        elif not re.fullmatch(r"[A-Za-z0-9._/-]+", name):
            problems.append(f"{name!r} is not a name that a package uses")
    if problems:
        return problems
    names = sorted(path.relative_to(bag).as_posix() for path in everything if path.is_file())
    payload = [name for name in names if name.startswith("data/")]
    tags = [name for name in names if "/" not in name and name != TAG_MANIFEST]
    problems = [f"{name} is not in any manifest" for name in names if "/" in name and not name.startswith("data/")]
    if (bag / "bagit.txt").is_file() and (bag / "bagit.txt").read_bytes() != BAGIT.encode():
        problems.append("bagit.txt is not that of a BagIt 1.0 bag in UTF-8")
    problems += _wrong_manifest(bag, MANIFEST, payload) + _wrong_manifest(bag, TAG_MANIFEST, tags)
    return problems or _wrong_oxum(bag, payload)


def _wrong_oxum(bag: Path, payload: list[str]) -> list[str]:
    oxum = f"Payload-Oxum: {sum((bag / name).stat().st_size for name in payload)}.{len(payload)}"
    stated = (bag / "bag-info.txt").read_text(encoding="utf-8", errors="replace") if (bag / "bag-info.txt").is_file() else ""
    return [] if oxum in stated.splitlines() else [f"bag-info.txt does not say {oxum}"]


def _wrong_manifest(bag: Path, manifest: str, names: list[str]) -> list[str]:
    """A manifest is right when it is, byte for byte, the one that the files would give."""
    if not (bag / manifest).is_file():
        return [f"{manifest} is missing"]
    stated, actual = (bag / manifest).read_bytes(), manifest_lines(bag, names).encode()
    if stated == actual:
        return []
    listed, found = ({line[66:]: line[:64] for line in text.split(b"\n") if line} for text in (stated, actual))
    problems = [f"{name.decode(errors='replace')} is missing" for name in sorted(listed.keys() - found)]
    problems += [f"{name.decode()} is not in {manifest}" for name in sorted(found.keys() - listed)]
    problems += [f"{name.decode()} is not what {manifest} says" for name in sorted(found.keys() & listed) if found[name] != listed[name]]
    return problems or [f"{manifest} is not written as it should be"]


def _wrong_names(package: Package) -> list[str]:
    """Files that both manifests list, and the package itself knows nothing of."""
    data = package.folder / "data"
    known = {"datapackage.json", "changes.ndjson", "blobs.parquet", *package.blob_places().values()}
    known.update(part for table in package.manifest.tables.values() for part in table.parts)
    names = {path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()}
    return [f"data/{name} is no part of the package" for name in sorted(names - known) if not name.startswith("schema/")]


def _wrong_rows(package: Package, kind: str) -> list[str]:
    problems, rows, last = [], 0, None
    for record, stored in package.records(kind):
        rows += 1
        try:
            if digest(check(record)) != stored:
                problems.append(f"{kind} {record.id!r} does not have its digest")
        except NotCanonical as error:
            problems.append(f"{kind} {record.id!r} is not a valid record: {error}")
            continue
        order = package_order(record)
        if last is not None and order <= last:
            problems.append(f"{kind} {record.id!r} is out of order or twice there")
        last = order
    if rows != package.manifest.tables[kind].rows:
        problems.append(f"{kind} does not have the rows that the package states")
    return problems


def _wrong_blobs(package: Package) -> list[str]:
    problems = []
    with contextlib.closing(package.blobs()) as blobs:
        for sha256 in package.blob_places():
            with blobs.open(sha256) as content:
                if Measure().add(content)[0] != sha256:
                    problems.append(f"blob {sha256} has other content")
    return problems


def _wrong_events(package: Package) -> list[str]:
    counted: Counter[str] = Counter()
    for event in package.events():
        if event["event"] == "noted":
            counted[event["code"]] += event["count"]
        else:
            counted["unreadable"] += event.get("count", 1)
    stated = Counter({happened.change.code: happened.count for happened in package.manifest.changes}) + Counter(
        unreadable=package.manifest.unreadable
    )
    return [
        f"changes.ndjson does not tell of {code} as often as the package states"
        for code in sorted(counted.keys() | stated.keys())
        if counted[code] != stated[code]
    ]
