"""Reads Parquet files as tables of texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from reversa.errors import SourceError
from reversa.systems.tables.contract import BATCH, Column, Damaged, Table
from reversa.systems.tables.texts import batch_of

pc: Any = pyarrow.compute


class Parquet:
    """One file. What it says about its rows is checked by the sums of its pages, where it has them."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{path} cannot be read as Parquet: {error}", "Copy it again from where it was made.") from error
        schema = self._file.schema_arrow
        if len(set(schema.names)) < len(schema.names):
            raise SourceError(f"{path} has two columns of one name.", "Write it again with names that differ.")
        self.table = Table(path.stem, tuple(Column(field.name, str(field.type)) for field in schema))

    def batches(self) -> Iterator[pa.RecordBatch | Damaged]:
        for group in range(self._file.num_row_groups):
            given = 0
            try:
                for batch in self._file.iter_batches(BATCH, row_groups=[group]):
                    texts = {name: as_text(batch.column(place)) for place, name in enumerate(batch.schema.names)}
                    given += batch.num_rows
                    yield batch_of(self.table, texts, batch.num_rows)
            except (OSError, pa.ArrowException) as error:
                lost = self._file.metadata.row_group(group).num_rows - given
                yield Damaged(self.table.name, f"row group {group}, after row {given}", str(error), lost)

    def count(self) -> int:
        """What the file states."""
        return self._file.metadata.num_rows

    def close(self) -> None:
        self._file.close()


def as_text(column: pa.Array[Any]) -> pa.Array[Any]:
    """Exactly: binary as hexadecimal digits, points in time as ISO 8601, nested values as JSON."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return as_text(column.storage)  # type: ignore[attr-defined]
    if pa.types.is_dictionary(kind):
        return as_text(column.dictionary_decode())  # type: ignore[attr-defined]
    if pa.types.is_timestamp(kind):
        texts = pc.replace_substring(column.cast(pa.timestamp(kind.unit)).cast(pa.string()), " ", "T")
        return cast("pa.Array[Any]", pc.binary_join_element_wise(texts, "Z", "") if kind.tz else texts)
    if pa.types.is_duration(kind):
        return column.cast(pa.int64()).cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind):
        return pa.array([None if value is None else "\\x" + value.hex() for value in column.to_pylist()], pa.string())
    if pa.types.is_nested(kind):
        return pa.array(
            [None if value is None else json.dumps(value, ensure_ascii=False, default=_named) for value in column.to_pylist()], pa.string()
        )
    return column.cast(pa.string())


def _named(value: Any) -> str:
    return "\\x" + value.hex() if isinstance(value, bytes) else value.isoformat() if hasattr(value, "isoformat") else str(value)
