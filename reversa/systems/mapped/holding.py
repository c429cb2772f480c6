"""What a column of a database holds of a value: the text that is written into it, and the text that it shows then.

All is written as texts, as all is read: the database makes of them what its columns are. What its columns do to a text is
told here beforehand, so that a plan can say it.
"""

from __future__ import annotations

import functools
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from typing import Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from reversa.schema import Field
from reversa.systems.sql.dialects import Dialect
from reversa.systems.sql.shaping import NUL, SYMBOL_FOR_NUL

Harm = tuple[Literal["lost", "converted"], str]
"""What a column may do to a value, and how a person would say it."""
_NUMBER = re.compile(r"-?\d{1,18}(\.0+)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Held:
    """One column."""

    def __init__(self, column: sa.Column[Any], dialect: Dialect, zone: ZoneInfo | None) -> None:
        self.name, self.nullable, self._dialect, self._zone = column.name, bool(column.nullable), dialect, zone
        self._type = column.type
        bare = dialect.name != "sqlite" or isinstance(column.type, sa.types.NullType)
        self._declared = "" if bare else column.type.compile(dialect=sqlite.dialect())
        self.default = _literal(column)
        """The text that the database puts there by itself, where that is a fixed one."""
        self.needed = not column.nullable and column.server_default is None and column.identity is None and column.computed is None
        """A row cannot be without it, and the database puts nothing there."""
        self.generated = column.computed is not None or (column.identity is not None and column.identity.always)
        """The database puts there what it makes, and takes nothing."""
        self.is_binary = is_binary(column)

    @property
    def _is_time(self) -> bool:
        return isinstance(self._type, sa.DateTime)

    @property
    def _aware(self) -> bool:
        return bool(getattr(self._type, "timezone", False))

    @property
    def needs_zone(self) -> bool:
        """Whether a point in time cannot be told here without knowing the zone."""
        return not self._aware and not isinstance(self._type, sa.Integer) and self._zone is None

    @property
    def _digits(self) -> int:
        """Digits of a second that are kept."""
        if not self._is_time:
            return 6
        if self._dialect.name in ("mysql", "mariadb"):
            return getattr(self._type, "fsp", None) or 0
        precision = getattr(self._type, "precision", None)
        return 6 if precision is None else min(precision, 6)

    @property
    def _longest(self) -> int | None:
        """Characters that a text may have."""
        return getattr(self._type, "length", None) if isinstance(self._type, sa.String) and not isinstance(self._type, sa.Enum) else None

    @property
    def _takes_whole_numbers(self) -> bool:
        return isinstance(self._type, sa.Integer) and self._dialect.name != "sqlite"  # which takes texts there as well

    # ------------------------------------------------------------------------------------------------ there and back

    def text(self, value: Any) -> str:
        """What is written for a value. Raises OverflowError for one that cannot be told here."""
        if isinstance(value, bool):
            return "1" if value else "0"
        if isinstance(value, datetime):
            return self._instant(value)
        if isinstance(value, date):
            return value.isoformat()
        return self._string(str(value))

    def _instant(self, value: datetime) -> str:
        if isinstance(self._type, sa.Integer):
            microseconds = (value - _EPOCH) // (_EPOCH.resolution)
            return str(microseconds // 1000 if isinstance(self._type, sa.BigInteger) else microseconds // 10**6)
        local = value.astimezone(UTC if self._aware else self._zone or UTC).replace(tzinfo=None)
        return self._cut_second(local.isoformat(" ")) + ("+00" if self._aware else "")

    def _string(self, text: str) -> str:
        if self._takes_whole_numbers:
            return _whole(text)
        if self._is_time and len(text) > 10 and text[10] == "T":
            return self._cut_second(text.replace("T", " "))
        if not self._dialect.holds_nul:
            text = text.replace(NUL, SYMBOL_FOR_NUL)
        return text if self._longest is None else text[: self._longest]

    def _cut_second(self, text: str) -> str:
        whole, _, fraction = text.partition(".")
        fraction = fraction[: self._digits].rstrip("0")
        return f"{whole}.{fraction}" if fraction else whole

    def shown(self, text: str) -> str:
        """What is read of a text that was written."""
        if self._dialect.name == "sqlite":
            return _by_affinity(self._declared, text)
        try:
            if isinstance(self._type, sa.Float):
                return repr(float(text)).removesuffix(".0")
            if isinstance(self._type, sa.Numeric):
                return _rounded(text, self._type.scale)
        except (ValueError, InvalidOperation):
            return text
        if isinstance(self._type, sa.Date):
            return text[:10]
        if self._is_time and len(text) == 10:
            return text + " 00:00:00" + ("+00" if self._aware else "")
        return text

    # ------------------------------------------------------------------------------------------------ told beforehand

    def harms(self, of: Field) -> Iterator[Harm]:
        """What may happen to the values of a field here."""
        if of.type == "instant":
            yield from self._harms_to_time()
        elif of.type == "local-datetime" and self._digits < 6:
            yield "converted", f"its column keeps {self._digits} digits of a second"
        elif of.type == "decimal" and isinstance(self._type, sa.Numeric):
            yield "converted", "its column keeps numbers to a scale of its own"
            if isinstance(self._type, sa.Float) or self._dialect.name == "sqlite":
                yield "lost", "its column keeps about 15 digits of a number"
        elif of.type in ("string", "decimal") and self._takes_whole_numbers:
            yield "converted", "its column writes 1.0 and 01 as 1"
            yield "lost", "its column takes whole numbers"
        elif of.type in ("string", "sha256", "decimal") and isinstance(self._type, sa.Integer | sa.Numeric) and not of.choices:
            yield "converted", "its column writes what looks like a number as one"  # SQLite's, which takes texts as well
        elif of.type in ("string", "decimal", "sha256") and not of.choices:
            if self._longest is not None:
                yield "lost", f"longer than {self._longest} characters, it is cut"
            if not self._dialect.holds_nul:
                yield "converted", "U+0000 is shown as U+2400"

    def _harms_to_time(self) -> Iterator[Harm]:
        if isinstance(self._type, sa.Integer):
            yield "lost", "before 2001, its column's numbers are not told from others"
            yield "converted", "its column keeps milliseconds" if isinstance(self._type, sa.BigInteger) else "its column keeps whole seconds"
        elif isinstance(self._type, sa.Date):
            yield "converted", "its column keeps the day only"
        elif self._digits < 6:
            yield "converted", f"its column keeps {self._digits} digits of a second"
        if not self._aware and self._zone is not None and self._zone.key != "UTC" and not isinstance(self._type, sa.Integer):
            yield "converted", f"in {self._zone.key}, an hour of autumn occurs twice"
            yield "lost", f"a time that {self._zone.key} cannot tell"


def is_binary(column: sa.Column[Any]) -> bool:
    """Whether a column takes bytes."""
    try:
        return column.type.python_type is bytes
    except NotImplementedError:  # a type that SQLAlchemy does not know
        return False


def _literal(column: sa.Column[Any]) -> str | None:
    """A default that is a fixed text or number; PostgreSQL writes its type after it."""
    written = str(getattr(column.server_default, "arg", "")).partition("::")[0].strip().strip("()")
    if len(written) > 1 and written[0] == written[-1] == "'":
        return written[1:-1].replace("''", "'")
    if written.lower() in ("true", "false"):
        return "1" if written.lower() == "true" else "0"
    return written if written.lstrip("-").replace(".", "", 1).isdigit() else None


def _whole(text: str) -> str:
    """Raises OverflowError for what is no whole number."""
    if not _NUMBER.fullmatch(text):
        raise OverflowError(text)
    return str(int(text.partition(".")[0]))


def _rounded(text: str, scale: int | None) -> str:
    if scale is None:
        return text
    with localcontext(prec=200):
        return f"{Decimal(text).quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP):f}"


@functools.cache
def _scratch() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", check_same_thread=False)


@functools.lru_cache(4096)
def _by_affinity(declared: str, text: str) -> str:
    """What SQLite makes of a text in a column of a type: it is asked itself, as numbers that are texts become numbers."""
    if not text.lstrip(" +-.").strip()[:1].isdigit():
        return text
    scratch = _scratch()
    scratch.execute("DROP TABLE IF EXISTS held")
    scratch.execute(f"CREATE TABLE held (value {declared})")
    scratch.execute("INSERT INTO held VALUES (?)", (text,))
    ((value,),) = scratch.execute("SELECT value FROM held")
    return repr(value) if isinstance(value, float) else str(value)
