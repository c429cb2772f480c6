"""Recompute every digest of a reversa package from its Parquet tables, with pyarrow alone.

python check_digests.py PACKAGE
"""

import hashlib
import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow.parquet as pq


def plain(value):
    """A value as it stands in the canonical form: absent members left out, times in UTC."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    return value.isoformat() if isinstance(value, date) else value


checked, wrong = 0, 0
for part in sorted(Path(sys.argv[1]).glob("data/tables/*/*.parquet")):
    for batch in pq.ParquetFile(part, page_checksum_verification=True).iter_batches():
        for row in batch.to_pylist():
            stated = row.pop("digest")
            record = plain(row) | {"kind": part.parent.name}
            text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            checked += 1
            if hashlib.sha256(text.encode()).hexdigest() != stated:
                wrong += 1
                print("WRONG", part.parent.name, row["id"])
print(f"{checked} records, {wrong} wrong")
sys.exit(1 if wrong else 0)
