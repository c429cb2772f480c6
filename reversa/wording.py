"""Words for people: the texts of ``templates/messages.toml``, ``runbook.toml``, ``drill.toml`` and ``archive.toml`` in one language, its numbers and dates, and data made harmless.

A text that a person reads is a :class:`Phrase` from the catalogue. Every other string is data, and :meth:`Texts.show`
passes it through :func:`visible`, so that it drives neither a terminal nor the direction of a line.
"""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import resources
from typing import Any, Literal, get_args

import jinja2
from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_decimal, format_percent
from markupsafe import Markup

from reversa.adapter import Change
from reversa.records import KINDS
from reversa.schema import fields

Language = Literal["fr", "en"]
_LOCALES = {"fr": "fr_FR", "en": "en_GB"}  # the English that puts the day before the month and counts 24 hours
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
_UNSEEN_LETTERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")
_WILD = frozenset({"SYSTEM", "KIND", "FIELD"})


class Phrase(str):
    """Text of ours, shown as it is."""

    __slots__ = ()


def visible(text: str, keep: str = " ") -> Phrase:
    """Data with every character that is not seen, or that steers what is seen, written as its code point: ``‹U+202E›``.

    ``keep`` names the unseen characters that stay, the plain space alone unless told.
    """
    return Phrase("".join(c if c in keep or not _unseen(c) else f"‹U+{ord(c):04X}›" for c in text))


def _unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN_CATEGORIES or _UNSEEN_LETTERS.match(character) is not None


class Texts:
    """The texts of one language. Raises ValueError for a language that the catalogue does not have."""

    def __init__(self, language: str) -> None:
        if language not in get_args(Language):
            raise ValueError(f"the reports speak {', '.join(get_args(Language))}, not {language!r}")
        self.language: Language = "fr" if language == "fr" else "en"
        self._locale = Locale.parse(_LOCALES[language])

    def __call__(self, key: str, n: int | None = None, /, **values: object) -> Phrase:
        """The text of a key; ``n`` chooses its plural form. Raises KeyError for a key that the catalogue does not have, or a value that the text lacks."""
        text = catalogue()[key][self.language]
        if isinstance(text, dict):
            text = text["other"] if n is None else text.get(self._locale.plural_form(n), text["other"])
        shown = {name: self.show(value) for name, value in values.items()}
        return Phrase(text.format(**shown) if n is None else text.format(n=self.show(n), **shown))

    def show(self, value: object) -> Phrase | Markup:
        """Anything as it may be shown: phrases and markup as they are, counts in the language's digits, data made visible."""
        if isinstance(value, (Phrase, Markup)):
            return value
        return self.number(value) if isinstance(value, int) else visible("" if value is None else str(value))

    def number(self, value: int) -> Phrase:
        return Phrase(format_decimal(value, locale=self._locale))

    def percent(self, part: int, whole: int) -> Phrase:
        """A share with one decimal. It says 100 % only of all, and 0 % only of nothing."""
        thousandths = round(Decimal(1000 * part) / whole)
        if thousandths == 0 and part > 0:
            return self._percent("<\u00a0", 1)
        if thousandths == 1000 and part < whole:
            return self._percent(">\u00a0", 999)
        return self._percent("", thousandths)

    def _percent(self, sign: str, thousandths: int) -> Phrase:
        return Phrase(sign + format_percent(Decimal(thousandths) / 1000, locale=self._locale, decimal_quantization=False))

    def moment(self, at: datetime) -> Phrase:
        at = at.astimezone(UTC)
        return self("moment", date=Phrase(format_date(at, "long", locale=self._locale)), time=Phrase(format_time(at, "short", locale=self._locale)))

    def day(self, at: date) -> Phrase:
        """A day with its place in the week."""
        return Phrase(format_date(at, "full", locale=self._locale))

    def short_day(self, at: date) -> Phrase:
        return Phrase(format_date(at, "medium", locale=self._locale))

    def duration(self, milliseconds: int) -> Phrase:
        """How long something took: with a decimal below a minute."""
        seconds = milliseconds // 1000
        if seconds >= 3600:
            return self("duration.hours", seconds // 3600, minutes=seconds % 3600 // 60)
        if seconds >= 60:
            return self("duration.minutes", seconds // 60, seconds=seconds % 60)
        return self("duration.seconds", seconds=Phrase(format_decimal(Decimal(milliseconds // 100) / 10, locale=self._locale)))

    def period(self, period: str) -> Phrase:
        """A month (``2016-05``) or a year (``2016``) in words."""
        year, _, month = period.partition("-")
        return Phrase(format_date(date(int(year), int(month), 1), "MMM y", locale=self._locale) if month else year)

    def kind(self, kind: str, n: int = 2) -> Phrase:
        """The name of a kind, in the plural unless ``n`` says otherwise; an unknown kind is its own name."""
        return self(f"kind-name.{kind}", n) if kind in KINDS else visible(kind)

    def field(self, kind: str, name: str) -> Phrase:
        """The name of a field, from the schema; an unknown field is its own name."""
        if name == "target id":  # what verification calls the id in the ledger, which is no field of a record
            return self("findings.target-id")
        known = {field.name: field for field in fields(kind)} if kind in KINDS else {}
        if name not in known:
            return visible(name)
        return Phrase(known[name].note.fr if self.language == "fr" else known[name].doc)

    def change(self, change: Change) -> Phrase:
        """What a change means. An adapter's own note stands for a code that the catalogue does not know."""
        code = change.code.split(".")
        for pattern in change_patterns():
            words = pattern.split(".")
            if len(words) == len(code) and all(word in _WILD or word == given for word, given in zip(words, code, strict=True)):
                return self(f"change.{pattern}", kinds=self.kind(change.kind), field=self.field(change.kind, change.field or ""))
        return visible(change.note)


@functools.cache
def templates(language: Language | None = None) -> jinja2.Environment:
    """The pages of ``templates``. Every value is escaped; in a language, it is also shown as :meth:`Texts.show` does."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("reversa"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=None if language is None else Texts(language).show,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@functools.cache
def catalogue() -> dict[str, dict[str, Any]]:
    """Every text: key → language → text, or plural form → text."""
    texts: dict[str, dict[str, Any]] = {}

    def flatten(table: dict[str, Any], prefix: str) -> None:
        for key, value in table.items():
            if "en" in value:
                texts[prefix + key] = value | {"fr": spaced(value["fr"])}
            else:
                flatten(value, f"{prefix}{key}.")

    for name in ("messages.toml", "runbook.toml", "drill.toml", "archive.toml"):
        flatten(tomllib.loads((resources.files("reversa.templates") / name).read_text(encoding="utf-8")), "")
    return texts


def spaced(french: Any) -> Any:
    """French with the spaces of its punctuation made non-breaking."""
    if isinstance(french, dict):
        return {form: spaced(text) for form, text in french.items()}
    return re.sub(r" (?=[:;?!%»])|(?<=«) ", "\u00a0", french)


@functools.cache
def change_patterns() -> list[str]:
    """The codes of changes that have a text, the most exact first."""
    patterns = [key.removeprefix("change.") for key in catalogue() if key.startswith("change.")]
    return sorted(patterns, key=lambda pattern: len(_WILD.intersection(pattern.split("."))))
