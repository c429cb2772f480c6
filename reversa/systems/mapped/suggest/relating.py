"""Which table a column leads to: by declared foreign keys, by names, and by the values that were sampled."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from reversa.systems.mapped.secrets import is_secret
from reversa.systems.mapped.suggest.lexicon import TABLES
from reversa.systems.mapped.suggest.profiling import Profile, profile
from reversa.systems.mapped.suggest.roles import CUSTOMERS, HEAD, PEOPLE, SELF, SIDES, VISITS
from reversa.systems.tables.contract import Reader, Table

VOCABULARY = frozenset(word for words in TABLES.values() for name in words for word in name.split("_")) | SIDES | frozenset(VISITS)
_KEY_ENDS = re.compile(r"_(id|ids|uuid|guid|fk|pk|ref|key|no)$")
_KEY_BEGINS = re.compile(r"^(id|fk|ref)_")
_ACTED = re.compile(r"(\w+)_by")
_NO_KEYS = frozenset(("version", "status", "number", "count", "level", "type", "state", "position", "order", "total", "size", "length", "revision"))
"""Numbers, though a table may be called so."""
LONGEST_NAME = 200


@dataclass(frozen=True)
class Lead:
    """The table that a column leads to, and how sure that is."""

    table: str
    sure: float
    why: str


@dataclass(frozen=True)
class Pair:
    """A column of types and a column of ids that lead to a table each."""

    stem: str
    type: str
    id: str
    tables: dict[str, str]
    """Type → table; types that name no table are left out."""
    types: tuple[str, str] | None = None
    """Where the column of types holds a key: the table of types, and its column that names them."""


@dataclass
class Known:
    """A table, and what its names and its sample say."""

    table: Table
    words: tuple[str, ...]
    profiles: dict[str, Profile]
    stems: dict[str, str] = field(default_factory=dict)
    """Column → its name in small letters, without what all columns of the table begin with."""
    key: str | None = None
    """The one column of the primary key, or what stands for it."""
    leads: dict[str, Lead] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    called: list[tuple[str, ...]] = field(default_factory=list)
    """The words of the table, and those of its column of types where its rows are of several classes."""

    @property
    def name(self) -> str:
        return self.table.name

    @property
    def phrase(self) -> str:
        return "_".join(self.words)

    def type(self, column: str) -> str:
        """The type of a column in the words of the source."""
        return next((of.type.lower() for name, of in zip(self.profiles, self.table.columns, strict=True) if name == column), "")

    @property
    def usable(self) -> list[str]:
        """Columns that a mapping may name: no secrets, and no names that SQL or YAML cannot take."""
        return [name for name in self.profiles if name.strip() and len(name) < LONGEST_NAME and "\0" not in name and not is_secret(name)]


def known_tables(reader: Reader) -> dict[str, Known]:
    """Every table of a source with its sample and its leads."""
    tables = list(reader.tables())
    shared = _shared_prefix([table.name.rpartition(".")[2] for table in tables])
    known = {}
    for table in tables:
        bare = table.name.rpartition(".")[2]
        known[table.name] = one = Known(table, words(bare.removeprefix(shared)), profile(reader, table))
        own = _own_prefix(one)
        one.stems = {name: snake(name).removeprefix(own) or snake(name) for name in one.profiles}
        one.key = _key(one)
        one.called = [one.words, *(words(re.split(r"[\\.:/]", text)[-1]) for text in classes(one))]
    for one in known.values():
        _relate(one, known)
    return known


def reached_by_most(known: dict[str, Known]) -> tuple[Known, int] | None:
    """The table whose rows are the customers of the vendor, if most others lead to it, and how many do so themselves."""
    best: tuple[int, int, Known] | None = None
    for one in known.values():
        if not one.key or not one.words or one.words[-1] not in CUSTOMERS or any("pass" in stem for stem in one.stems.values()):
            continue  # where there is a password, it is a person's account
        reached = {one.name}
        while more := {
            other.name for other in known.values() if other.name not in reached and any(lead.table in reached for lead in other.leads.values())
        }:
            reached |= more
        direct = sum(any(lead.table == one.name for lead in other.leads.values()) for other in known.values())
        rank = (direct, -CUSTOMERS.index(one.words[-1]))
        if len(reached) > 0.5 * len(known) and direct > 2 and (best is None or rank > best[:2]):
            best = (*rank, one)
    return (best[2], best[0]) if best else None


def type_column(one: Known) -> str | None:
    """The column that says of which class a row is."""
    return next((name for name in one.usable if one.stems[name] in ("type", "class", "model_type", f"{one.phrase}_type")), None)


def classes(one: Known) -> tuple[str, ...]:
    """The classes that the rows of one table are of, as Rails writes them."""
    column = type_column(one)
    found = one.profiles[column].enumeration if column else ()
    return tuple(text for text in found if text[:1].isalpha() and len(text) < 60)


@lru_cache(100_000)
def snake(name: str) -> str:
    """A name in small letters without accents, its words joined by ``_``."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    return re.sub(r"\W+", "_", plain).strip("_").lower()


@lru_cache(100_000)
def words(name: str) -> tuple[str, ...]:
    """The words of a name in the singular; two known words written as one are two."""
    found: list[str] = []
    for word in snake(name).split("_"):
        one = singular(word)
        cut = (
            next((at for at in range(3, len(one) - 2) if one[:at] in VOCABULARY and singular(one[at:]) in VOCABULARY), 0)
            if one not in VOCABULARY
            else 0
        )
        found += [one[:cut], singular(one[cut:])] if cut else [one]
    return tuple(word for word in found if word)


def singular(word: str) -> str:
    if word in ("news", "status", "address", "access", "alias", "metadata", "avis", "process"):
        return word
    if word.endswith("s") and word[:-1] in VOCABULARY:
        return word[:-1]
    for end, instead in (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("iases", "ias"), ("uses", "us"), ("aux", "al")):
        if word.endswith(end) and len(word) > len(end) + 1:
            return word.removesuffix(end) + instead
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def _shared_prefix(names: Sequence[str]) -> str:
    """What nearly all tables begin with, as ``wp_``."""
    begins = Counter(found[0] for name in names if (found := re.match(r"[A-Za-z0-9]+_", name)))
    prefix, count = begins.most_common(1)[0] if begins else ("", 0)
    return prefix if count > 3 and count >= 0.8 * len(names) else ""


def _own_prefix(one: Known) -> str:
    """What all columns of a table begin with, as ``rev_``, or several of them, if that is its name."""
    begins = {found[0] if (found := re.match(r"[a-z0-9]+_", snake(name))) else "" for name in one.profiles}
    if len(begins) == 1 and len(one.profiles) > 1:
        return begins.pop()
    return f"{one.phrase}_" if sum(snake(name).startswith(f"{one.phrase}_") for name in one.profiles) > 2 else ""


def _key(one: Known) -> str | None:
    """The column that tells the rows apart: the primary key, or a column called ``id`` that repeats nothing in the sample."""
    if one.table.primary_key:
        return one.table.primary_key[0] if len(one.table.primary_key) == 1 and one.table.primary_key[0] in one.usable else None
    for name in ("id", "uuid", "guid", f"{one.phrase}_id"):
        for column in one.usable:
            of = one.profiles[column]
            if snake(column) == name and of.distinct == 1 and of.filled == 1:
                return column
    return None


@lru_cache(100_000)
def bare(stem: str) -> str:
    """What a key is called after: ``author`` of ``author_id`` and of ``id_author``."""
    return _KEY_BEGINS.sub("", _KEY_ENDS.sub("", stem))


def _relate(one: Known, known: dict[str, Known]) -> None:
    declared = {lead.columns[0]: lead for lead in one.table.foreign_keys if len(lead.columns) == 1 and len(lead.to) == 1}
    one.pairs = list(_pairs(one, known))
    of_pairs = {pair.id for pair in one.pairs}
    for column in one.usable:
        lead = declared.get(column)
        if lead and lead.table in known and known[lead.table].key == lead.to[0]:
            one.leads[column] = Lead(lead.table, 0.98, "foreign key")
        elif column not in of_pairs and column != one.key and (found := _by_name(one, column, known.values())):
            one.leads[column] = found
    one.pairs += _typed(one, known)
    for pair in one.pairs:
        one.leads.pop(pair.id, None)


def _by_name(one: Known, column: str, known: Iterable[Known]) -> Lead | None:
    stem = one.stems[column]
    called = bare(stem)
    of = one.profiles[column]
    as_key = called != stem
    if not called or (of.shape not in ("", "boolean", "integer", "uuid") and not as_key):
        return None
    counts = singular(called.split("_")[-1]) != called.split("_")[-1] or called.split("_")[-1] in _NO_KEYS
    if not as_key and (of.shape == "boolean" or not of.values or counts):
        return None  # `author` that is 0 or 1, or nothing, is rather a mark than a key
    best: Lead | None = None
    for other in known:
        sure = max(_called(called, one, other, name) * (1.0 if number == 0 else 0.95) for number, name in enumerate(other.called))
        if sure and other.key:
            fit, why = _fit(of, other.profiles[other.key])
            sure *= fit if as_key else fit * 0.95
            if sure > (best.sure if best else 0.35):
                best = Lead(other.name, sure, f"name{why}")
    return best


def _called(called: str, one: Known, other: Known, name: tuple[str, ...]) -> float:
    """How well what a column is called after fits one of the names of a table."""
    mine = words(called)
    if called in SELF or (mine and mine[-1] in SELF):
        return (0.95 if called in ("parent", "reply_to") else 0.8) if other is one else 0.0
    if not mine:
        return 0.0
    if mine == ("from",):  # what links and redirects call their page
        return 0.8 if name[-1:] == ("page",) and one.phrase.endswith(("link", "redirect")) else 0.0
    if mine == name:
        return 0.97
    if set(mine) <= HEAD and name[-1:] in (("revision",), ("version",)):
        return 0.8
    if name[-len(mine) :] == mine:
        return 0.85 - 0.03 * (len(name) - len(mine))
    if mine[: len(name)] == name or mine[-len(name) :] == name:
        return 0.8 if name else 0.0
    if (
        (mine[-1] in PEOPLE or called in PEOPLE or _ACTED.fullmatch(called))
        and name
        and name[-1] in ("user", "account", "person", "utilisateur", "compte", "employee")
    ):
        return 0.9 if len(name) == 1 else 0.75
    return 0.0


def _fit(of: Profile, key: Profile) -> tuple[float, str]:
    """How well sampled values fit the keys of the other table. 0 is how systems without foreign keys say none."""
    values = {value for value in of.values if value != "0"}
    if not values:
        return 0.85, ""
    if not key.values:
        return 0.6, ""
    met = sum(value in key.values for value in values) / len(values)
    if met >= 0.8 or (len(values) > 3 and met >= 0.6):
        return 1.0, ", values"
    if key.whole:
        return (0.6, ", some values") if met >= 0.3 else (0.0, "")
    same = of.shape == key.shape or {of.shape, key.shape} <= {"integer", "boolean"}
    return (0.9, "") if same else (0.0, "")


def _pairs(one: Known, known: dict[str, Known]) -> Iterable[Pair]:
    """Polymorphic pairs: ``commentable_type`` and ``commentable_id``."""
    by_stem = {one.stems[name]: name for name in one.usable}
    for stem, type_ in by_stem.items():
        begin = next((stem.removesuffix(end) for end in ("_type", "_kind", "_model", "_class") if stem.endswith(end)), "")
        id = by_stem.get(f"{begin}_id") if begin else None
        if id is None or id == one.key:
            continue
        texts = [value for value in one.profiles[type_].enumeration or tuple(one.profiles[type_].values)[:20] if not value.isdecimal()]
        tables = {text: table for text in texts if len(text) < LONGEST_NAME and (table := _named(text, known.values()))}
        if tables:
            yield Pair(begin, type_, id, tables)


def _typed(one: Known, known: dict[str, Known]) -> Iterable[Pair]:
    """Polymorphic pairs whose type is the key of a row in a table of types, as Django's."""
    by_stem = {one.stems[name]: name for name in one.usable}
    for column, lead in one.leads.items():
        stem, types = one.stems[column], known[lead.table]
        begin = stem.removesuffix("_type_id")
        id = by_stem.get("object_id") or by_stem.get(f"{begin}_id")
        of = next((name for name in types.usable if types.stems[name] in ("model", "class", "class_name")), None)
        if begin != stem and id and of and types.table.primary_key == (types.key,):
            named = {text: _named(text, known.values()) or _written_as_one(text, known) for text in types.profiles[of].values}
            yield Pair(begin, column, id, {text: table for text, table in named.items() if table and len(text) < LONGEST_NAME}, (types.name, of))


def _written_as_one(text: str, known: dict[str, Known]) -> str | None:
    """The table whose words, without what is between them, are a type: ``board_task`` of ``boardtask``."""
    return next((other.name for other in known.values() if other.key and "".join(other.words) == text.lower()), None)


def _named(text: str, known: Iterable[Known]) -> str | None:
    """The table that a type is called after, with or without a path before it."""
    called = words(re.split(r"[\\.:/]", text)[-1])
    named = [
        (0 if other.words == called else 1, len(other.words), other.name)
        for other in known
        if other.key and called and other.words[-len(called) :] == called
    ]
    if not named and called and called[-1] in ("user", "account"):
        named = [(2, len(other.words), other.name) for other in known if other.key and other.words[-1:] in (("user",), ("account",))]
    return min(named)[2] if named else None
