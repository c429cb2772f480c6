"""Reads XLSX workbooks: each sheet is a table whose first row names the columns."""

from __future__ import annotations

import datetime as dt
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from reversa.errors import SourceError
from reversa.systems.tables.archives import open_zip
from reversa.systems.tables.contract import Column, Damaged, Table
from reversa.systems.tables.texts import batches_of
from reversa.systems.tables.xmls import Refused, document, parsed


class Workbook:
    """The sheets of a file. One that is empty is no table."""

    def __init__(self, path: Path) -> None:
        import python_calamine

        self._zip = open_zip(path)
        try:
            self._book = python_calamine.CalamineWorkbook.from_path(path)
            self._parts = self._sheets()
        except (OSError, KeyError, ValueError, Refused, zipfile.BadZipFile, python_calamine.CalamineError) as error:
            self._zip.close()
            raise SourceError(f"{path} cannot be read as a workbook: {error}", "Save it again as XLSX.") from error
        filled = {name: header for name in self._book.sheet_names if name in self._parts and (header := self._header(name))}
        self.sheets: dict[str, str] = {}
        """Table → sheet."""
        self.tables: list[Table] = []
        for name, header in filled.items():
            if len(set(header)) < len(header) or "" in header:
                raise SourceError(f"The sheet {name} of {path} does not name each column once.", "Put the names of the columns into its first row.")
            table = Table(path.stem if len(filled) == 1 else name, tuple(Column(column) for column in header))
            self.sheets[table.name] = name
            self.tables.append(table)

    def batches(self, table: Table) -> Iterator[pa.RecordBatch | Damaged]:
        width = len(table.columns)
        rows = self._rows(self.sheets[table.name])
        next(rows)
        damaged: list[Damaged] = []

        def fitting() -> Iterator[list[str | None]]:
            for number, row in enumerate(rows, 2):
                if any(value is not None for value in row[width:]):
                    damaged.append(Damaged(table.name, f"row {number}", f"more than {width} values"))
                elif any(value is not None for value in row):
                    yield row[:width]

        for batch in batches_of(table, fitting()):
            yield from damaged
            damaged.clear()
            yield batch
        yield from damaged

    def count(self, table: Table) -> int:
        """Rows with a value, by the tags of the sheet."""
        counter = _Counter()
        try:
            with self._zip.open(self._parts[self.sheets[table.name]]) as file:
                for _ in parsed(file, counter):
                    pass
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, Refused) as error:
            raise SourceError(f"The sheet {self.sheets[table.name]} cannot be read: {error}", "Save the workbook again as XLSX.") from error
        return counter.rows - 1

    def close(self) -> None:
        self._book.close()
        self._zip.close()

    def _sheets(self) -> dict[str, str]:
        """Sheet → its part of the file."""
        with self._zip.open("xl/_rels/workbook.xml.rels") as file:
            targets = {node.attributes["Id"]: node.attributes["Target"] for node in document(file).all("Relationships", "Relationship")}
        with self._zip.open("xl/workbook.xml") as file:
            sheets = document(file).all("workbook", "sheets", "sheet")
        found = {}
        for sheet in sheets:
            target = targets[next(value for name, value in sheet.attributes.items() if name.endswith(" id"))]
            found[sheet.attributes["name"]] = target[1:] if target.startswith("/") else f"xl/{target}"
        return {name: part for name, part in found.items() if "worksheets/" in part}

    def _header(self, name: str) -> list[str]:
        first = [value or "" for value in next(self._rows(name), [])]
        while first and not first[-1]:
            first.pop()
        return first

    def _rows(self, name: str) -> Iterator[list[str | None]]:
        for row in self._book.get_sheet_by_name(name).iter_rows():
            yield [_text(value) for value in row]


class _Counter:
    """Counts rows in which a cell has a value."""

    def __init__(self) -> None:
        self.rows = 0
        self._filled = self._in_value = False

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        self._in_value = name in ("v", "t")

    def text(self, text: str) -> None:
        self._filled = self._filled or (self._in_value and bool(text))

    def end(self, name: str) -> None:
        self._in_value = False
        if name == "row":
            self.rows += self._filled
            self._filled = False


def _text(value: Any) -> str | None:
    """As a spreadsheet shows it without a format: whole numbers without a point, points in time as ISO 8601. An empty cell is NULL."""
    if value == "" or value is None:
        return None
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)
