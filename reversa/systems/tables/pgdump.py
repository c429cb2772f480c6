"""Reads dumps of PostgreSQL, plain or as an archive, without PostgreSQL: a dump is parsed, and nothing in it is run."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from reversa.systems.tables.contract import Damaged, Table
from reversa.systems.tables.dumpfile import Dump, Part, copied
from reversa.systems.tables.pgcustom import CONTENTS, MAGIC, Archive
from reversa.systems.tables.sqllex import POSTGRESQL, Window, statements
from reversa.systems.tables.streams import Input, first_bytes

_SIGNS = re.compile(
    rb"^(?:-- PostgreSQL database (?:cluster )?dump|SELECT pg_catalog\.set_config|SET (?:standard_conforming_strings|search_path)\b"
    rb"|\\restrict |COPY [^;]+ FROM stdin;)",
    re.MULTILINE,
)
_DEFINING = ("TABLE", "FOREIGN TABLE", "CONSTRAINT", "FK CONSTRAINT")


class PgDump(Dump):
    """What pg_dump writes as text (.sql, .sql.gz), with -Fc, or with -Fd (a tar that was unpacked is one, too)."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, POSTGRESQL, "public")
        self._missing: dict[str, str] = {}
        """Table → why its rows are not in the archive."""
        self._archive = Archive(path) if _is_archive(path) else None
        if self._archive:
            self._read_contents(self._archive)
        else:
            self._scan()

    @staticmethod
    def recognises(path: Path) -> bool:
        if path.is_dir():
            return _is_archive(path)
        first = first_bytes(path)
        return first.startswith(MAGIC) or bool(_SIGNS.search(first))

    def batches(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        yield from super().batches(table)
        if table.name in self._missing:
            yield Damaged(table.name, "its block of data", self._missing[table.name])

    def count(self, table: Table) -> int:
        return super().count(table) + (table.name in self._missing)

    def _stream(self, part: Part) -> Input:
        return self._archive.stream(part.start) if self._archive else super()._stream(part)

    def _read_contents(self, archive: Archive) -> None:
        for entry in archive.entries:
            if entry.kind == "ENCODING":
                self._note_encoding(entry.definition.encode())
            elif entry.kind in _DEFINING:
                for statement in statements(Window(io.BytesIO(entry.definition.encode())), POSTGRESQL):
                    self._definitions.take(statement.text.decode())
        for entry in archive.entries:
            if entry.kind != "TABLE DATA" or not entry.has_data:
                continue
            name = self._definitions.name(f"{_quoted(entry.schema)}.{_quoted(entry.name)}")
            copy = copied(entry.copy.strip().removesuffix(";"))
            if entry.number in archive.blocks:
                self._filled(name, copy[1] if copy else (), Part(archive.blocks[entry.number], None, 1, copy[1] if copy else None))
            else:
                self._missing[name] = archive.broken or "the dump does not have it"


def _is_archive(path: Path) -> bool:
    contents = path / CONTENTS if path.is_dir() else path
    return contents.is_file() and first_bytes(contents, len(MAGIC)) == MAGIC


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
