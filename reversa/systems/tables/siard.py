"""Reads SIARD archives (2.0 to 2.2): a ZIP file of XML, with large values in files of their own."""

from __future__ import annotations

import contextlib
import json
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pyarrow as pa

from reversa.errors import SourceError
from reversa.systems.tables.archives import open_zip
from reversa.systems.tables.contract import Column, Damaged, ForeignKey, Table, text_of
from reversa.systems.tables.sqllex import CAP
from reversa.systems.tables.texts import batches_of
from reversa.systems.tables.xmls import Node, Refused, document, parsed

_METADATA = "header/metadata.xml"
_ESCAPE = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u((?![dD][89a-fA-F])[0-9a-fA-F]{4})")
_OF_BYTES = re.compile(r"BLOB|BINARY|VARBINARY|BIT\b|DATALINK", re.IGNORECASE)
_ROW = re.compile(rb"<(?:\w+:)?row[\s>/]")
_UNREADABLE = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, Refused)


class _Place(NamedTuple):
    """Where a table is, and how many rows the archive says it has."""

    folder: str
    rows: int | None
    lobs: tuple[str, ...]
    """Folder of the files of each column."""
    bytes: tuple[bool, ...]
    """Which columns are of bytes."""

    @property
    def content(self) -> str:
        return f"{self.folder}/{PurePosixPath(self.folder).name}.xml"


class _Cell:
    """A value as it stands in the XML: a text, elements of an array or a type with parts, or the name of a file."""

    def __init__(self, file: str) -> None:
        self.file, self.size = file, 0
        self._pieces: list[str] = []
        self._parts: list[tuple[str, list[str]]] = []

    def begin(self, name: str) -> None:
        self._parts.append((name, []))

    def add(self, text: str) -> None:
        self.size += len(text)
        if self.size <= CAP:
            (self._parts[-1][1] if self._parts else self._pieces).append(text)

    @property
    def text(self) -> str:
        if self._parts:
            return json.dumps({name: _plain("".join(pieces)) for name, pieces in self._parts}, ensure_ascii=False)
        return "".join(self._pieces)


class _Rows:
    """Gathers the cells of rows: ``<row><c1>…</c1><c3>…</c3></row>``, without those that are NULL."""

    def __init__(self, columns: int) -> None:
        self._columns, self._done = columns, list[list[_Cell | None]]()
        self._row: list[_Cell | None] = []
        self._cell: _Cell | None = None
        self._depth = 0

    @property
    def inside(self) -> bool:
        """Whether a row has begun that has not ended."""
        return self._depth > 1

    def taken(self) -> list[list[_Cell | None]]:
        done, self._done = self._done, []
        return done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 2:
            self._row = [None] * self._columns
        elif self._depth == 3 and name[:1] == "c" and name[1:].isdecimal() and 0 < int(name[1:]) <= self._columns:
            self._cell = self._row[int(name[1:]) - 1] = _Cell(attributes.get("file", ""))
        elif self._depth > 3 and self._cell:
            self._cell.begin(name)

    def text(self, text: str) -> None:
        if self._cell:
            self._cell.add(text)

    def end(self, _name: str) -> None:
        self._depth -= 1
        if self._depth == 2:
            self._cell = None
        elif self._depth == 1:
            self._done.append(self._row)


class Siard:
    """The tables of an archive."""

    def __init__(self, path: Path) -> None:
        self._path, self._zip = path, open_zip(path)
        try:
            with self._zip.open(_METADATA) as file:
                root = document(file).children[0]
        except (KeyError, *_UNREADABLE) as error:
            self._zip.close()
            raise SourceError(f"{path} has no readable {_METADATA}: {error}", "Ask for the archive again, as the tool wrote it.") from error
        schemas = root.all("schemas", "schema")
        self._main = _plain(schemas[0].of("name")) if schemas else ""
        self._places: dict[str, _Place] = {}
        self._tables = [self._table(schema, table, root.of("lobFolder")) for schema in schemas for table in schema.all("tables", "table")]

    @staticmethod
    def recognises(path: Path) -> bool:
        try:
            with zipfile.ZipFile(path) as archive:
                return _METADATA in archive.namelist()
        except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
            return False

    def tables(self) -> list[Table]:
        return self._tables

    def batches(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        damaged: list[Damaged] = []
        for batch in batches_of(table, self._rows(table, damaged)):
            yield from damaged
            damaged.clear()
            yield batch
        yield from damaged

    def _rows(self, table: Table, damaged: list[Damaged]) -> Iterator[list[str | None]]:
        place, given, line = self._places[table.name], 0, 0
        handler = _Rows(len(table.columns))
        reason = "the archive states more rows than it has"
        try:
            with self._zip.open(place.content) as file:
                for _line in parsed(file, handler):
                    for row in handler.taken():
                        given += 1
                        found = self._row(table, place, row, damaged, given)
                        if found is not None:
                            yield found
        except KeyError:
            reason = f"there is no {place.content}"
        except _UNREADABLE as error:
            reason = str(error)
            for row in handler.taken():
                given += 1
                found = self._row(table, place, row, damaged, given)
                if found is not None:
                    yield found
        lost = max(0, place.rows - given) if place.rows is not None else int(handler.inside)
        if lost:
            damaged.append(Damaged(table.name, f"after row {given}, about line {line}", reason, lost))

    def _row(self, table: Table, place: _Place, row: list[_Cell | None], damaged: list[Damaged], number: int) -> list[str | None] | None:
        """The values of a row, those in files too; nothing where one is too long."""
        values: list[str | None] = []
        for index, cell in enumerate(row):
            where = f"row {number}, column {table.columns[index].name}"
            if cell is None:
                values.append(None)
            elif cell.size > CAP:
                damaged.append(Damaged(table.name, where, f"a value of more than {CAP >> 20} MiB"))
                return None
            elif cell.file:
                found = self._lob(place, index, cell.file)
                if isinstance(found, str):
                    damaged.append(Damaged(table.name, where, found))
                    return None
                text, well = ("\\x" + found.hex(), True) if place.bytes[index] else text_of(found)
                if not well:
                    damaged.append(Damaged(table.name, where, "bytes that are not utf-8", count=0))
                values.append(text)
            else:
                values.append("\\x" + cell.text.strip().lower() if place.bytes[index] else _plain(cell.text))
        return values

    def _lob(self, place: _Place, index: int, file: str) -> bytes | str:
        """What a file holds, or why it cannot be had."""
        for folder in (f"{place.folder}/lob{index + 1}", place.lobs[index], f"{place.folder}/{place.lobs[index]}", ""):
            name = str(PurePosixPath(folder.removeprefix("/")) / file)
            with contextlib.suppress(KeyError):
                if self._zip.getinfo(name).file_size > CAP:
                    return f"a value of more than {CAP >> 20} MiB"
                try:
                    return self._zip.read(name)
                except _UNREADABLE as error:
                    return f"{name}: {error}"
        return f"its file {file} is not in the archive"

    def count(self, table: Table) -> int:
        """What the archive states; where it states nothing, the tags of rows."""
        place = self._places[table.name]
        if place.rows is not None:
            return place.rows
        found, rest = 0, b""
        with contextlib.suppress(*_UNREADABLE), self._zip.open(place.content) as file:
            while block := file.read(1 << 20):
                data = rest + block
                found += len(_ROW.findall(data))
                rest = data[data.rfind(b"<") :] if data.rfind(b">") < data.rfind(b"<") and not _ROW.match(data, data.rfind(b"<")) else b""
        return found

    def close(self) -> None:
        self._zip.close()

    def _table(self, schema: Node, table: Node, lobs: str) -> Table:
        columns = table.all("columns", "column")
        folder = f"content/{schema.of('folder')}/{table.of('folder')}"
        stated = table.of("rows")
        named = self._name(_plain(schema.of("name")), _plain(table.of("name")))
        self._places[named] = _Place(
            folder,
            int(stated) if stated.isdecimal() and len(stated) < 19 else None,
            tuple(column.of("lobFolder") or lobs for column in columns),
            tuple(bool(_OF_BYTES.match(column.of("type"))) for column in columns),
        )
        keys = [
            ForeignKey(
                tuple(_plain(one.of("column")) for one in key.all("reference")),
                self._name(_plain(key.of("referencedSchema") or schema.of("name")), _plain(key.of("referencedTable"))),
                tuple(_plain(one.of("referenced")) for one in key.all("reference")),
            )
            for key in table.all("foreignKeys", "foreignKey")
        ]
        primary = tuple(_plain(column.text.strip()) for column in table.all("primaryKey", "column"))
        typed = tuple(
            Column(_plain(column.of("name")), column.of("typeOriginal") or column.of("type") or column.of("typeName")) for column in columns
        )
        return Table(named, typed, primary, tuple(keys))

    def _name(self, schema: str, table: str) -> str:
        return table if schema == self._main else f"{schema}.{table}"


def _plain(text: str) -> str:
    """Characters that XML cannot hold, and spaces that it would not keep, are written by their numbers."""
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[3] or found[1] + found[2]).decode("utf-16-be"), text) if "\\u" in text else text
