"""What the values of a table look like: its first rows only, column by column."""

from __future__ import annotations

import contextlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from reversa.systems.mapped.staging import distinct
from reversa.systems.tables.contract import Damaged, Reader, Table

SAMPLE = 1000
"""Rows that are looked at."""
LOOKED_AT = 2000
"""Characters of a value that are looked at."""
FEW = 20
"""An enumeration has at most so many values."""

_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.IGNORECASE | re.DOTALL))
    for name, pattern in (
        ("boolean", r"t|f|true|false|0|1|yes|no|\\x0[01]"),
        ("packed", r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])[0-2]\d[0-5]\d[0-5]\d"),  # MediaWiki's times
        ("epoch", r"1[0-9]{9}(\.\d+)?|1[0-9]{12}"),
        ("integer", r"-?\d{1,18}"),
        ("decimal", r"-?\d+\.\d+"),
        ("date", r"\d{4}-\d\d-\d\d"),
        ("instant", r"-?infinity|\d{4}-\d\d-\d\d[ T]\d\d:\d\d.*(Z|[+-]\d\d(:?\d\d)?)"),
        ("local", r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?"),  # a time that names no zone
        ("uuid", r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}"),
        ("sha256", r"[0-9a-f]{64}"),
        ("hash", r"[0-9a-f]{32,128}|\$\w{1,8}\$.{20,}"),
        ("email", r"[^@\s<>]+@[^@\s<>]+\.[a-z]{2,}"),
        ("url", r"(https?|ftp)://\S+"),
        ("bytes", r"\\x([0-9a-f]{2})+"),
        ("php", r"(a:\d+:\{|O:\d+:|s:\d+:\").*"),
        ("json", r"\s*(\{\s*(\".*)?\}|\[.*\])\s*"),
        ("yaml", r"---[ \n].*"),
        ("path", r"(/|\.{0,2}/)?[\w.@ -]+(/[\w.@ -]+)+\.\w{1,5}"),
        ("html", r".*<(/?(p|br|div|span|h[1-6]|ul|ol|li|a|b|i|em|strong|table|img|blockquote|pre|code)\b[^>]*/?)>.*"),
        ("textile", r"(.*\n)?(h[1-6]|bq|bc|p)\. .*"),
        ("wikitext", r".*(\{\{[^{}]+\}\}|'''|\{\|).*|(.*\n)?==+[^=\n]+==+\s*(\n.*)?"),
        ("markdown", r"(.*\n)?(#{1,6} |```|> |[-*] |\d+\. ).*|.*(\*\*\S.*?\*\*|\[[^\]\n]+\]\([^)\s]+\)).*"),
    )
)
NUMBERS = ("boolean", "packed", "epoch", "integer")
MARKUPS = ("html", "markdown", "textile", "wikitext")
_MOST = 0.8


@dataclass(frozen=True)
class Profile:
    """What the values of a column look like in the sample."""

    filled: float
    """Share of the rows with a value that is not empty."""
    values: Counter[str]
    """Those values that are not empty."""
    shape: str
    """What most values look like; ``text`` where that is nothing special, empty where there are none."""
    longest: int
    whole: bool
    """Whether the sample is the whole table."""
    blank: bool = False
    """Whether some values are texts without a character."""

    @property
    def distinct(self) -> float:
        """Share of the values that are there once, were each value counted once."""
        return len(self.values) / self.values.total() if self.values else 0.0

    @property
    def enumeration(self) -> tuple[str, ...]:
        """The few values that come again and again; none where there is no such thing."""
        few = len(self.values) <= FEW and self.values.total() >= 2 * len(self.values) and self.longest <= 60
        return tuple(sorted(self.values, key=lambda value: (len(value), value) if value.isdecimal() else (0, value))) if few else ()


def profile(reader: Reader, table: Table) -> dict[str, Profile]:
    """Column → its profile. The columns have the names that the SQL of a mapping calls them."""
    rows, values, blank = 0, [Counter[str]() for _ in table.columns], [False] * len(table.columns)
    with contextlib.closing(cast("Iterator[object]", reader.batches(table))) as batches:  # type: ignore[type-var]
        for batch in batches:
            if isinstance(batch, Damaged):
                continue
            part = batch.slice(0, SAMPLE - rows)  # type: ignore[attr-defined]
            rows += len(part)
            for number, column in enumerate(part.columns):
                texts = column.to_pylist()
                values[number].update(value[:LOOKED_AT] for value in texts if value)
                blank[number] |= "" in texts
            if rows >= SAMPLE:
                break
    names = distinct(column.name for column in table.columns)
    return {name: _profile(values[number], rows, blank=blank[number]) for number, name in enumerate(names)}


def _profile(values: Counter[str], rows: int, *, blank: bool) -> Profile:
    return Profile(
        filled=values.total() / rows if rows else 0.0,
        values=values,
        shape=_shape(values) if values else "",
        longest=max(map(len, values), default=0),
        whole=rows < SAMPLE,
        blank=blank,
    )


def _shape(values: Counter[str]) -> str:
    """The first shape that most values have. A fifth of them is enough for a markup: short texts have none."""
    shapes = Counter(_shape_of(value) for value in list(values)[:200])
    count = shapes.total()
    if set(shapes) <= set(NUMBERS):
        return "boolean" if set(shapes) == {"boolean"} else max((name for name in shapes if name != "boolean"), key=lambda name: shapes[name])
    if shapes["local"] + shapes["instant"] + shapes["date"] >= _MOST * count:
        return max(("local", "instant", "date"), key=lambda name: shapes[name])
    if shapes["decimal"] and shapes["decimal"] + shapes["integer"] + shapes["boolean"] >= _MOST * count:
        return "decimal"
    name, most = shapes.most_common(1)[0]
    if most >= _MOST * count:
        return name
    markup = max(MARKUPS, key=lambda name: shapes[name])
    return markup if shapes[markup] >= 0.2 * count else "text"


def _shape_of(value: str) -> str:
    return next((name for name, pattern in _SHAPES if pattern.fullmatch(value)), "text")
