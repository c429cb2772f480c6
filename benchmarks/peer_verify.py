"""Differences between two databases as a public tool sees them. Runs in the environment of the peers.

    peers/bin/python peer_verify.py (reladiff|data_diff) URL OTHER_URL TABLE=KEY[,KEY] ...

Prints a line of JSON: table → how many keys differ.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit


def differing(library: Any, url: str, other: str, table: str, keys: tuple[str, ...]) -> int:
    """How many keys the tool finds to differ, over all columns."""
    sides = []
    for given in (url, other):
        parts = urlsplit(given)
        address = {"driver": "postgresql", "user": parts.username, "dbname": parts.path[1:], "host": parse_qs(parts.query)["host"][0]}
        side = library.connect_to_table(address, table, keys)
        names = tuple(name for name in side.database.query_table_schema(side.table_path) if name not in keys)
        sides.append(library.connect_to_table(address, table, keys, extra_columns=names))
    return len({row[: len(keys)] for _, row in library.diff_tables(*sides)})


if __name__ == "__main__":
    tool = importlib.import_module(sys.argv[1])
    found = {}
    for given in sys.argv[4:]:
        name, _, key = given.partition("=")
        found[name] = differing(tool, sys.argv[2], sys.argv[3], name, tuple(key.split(",")))
    print(json.dumps(found))
