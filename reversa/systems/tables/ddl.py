"""Tables and their keys from CREATE TABLE and ALTER TABLE, in the words of any of the systems."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from reversa.systems.tables.contract import Column, ForeignKey, Table

NAME = r"""(?:"(?:[^"]|"")*+"|`(?:[^`]|``)*+`|'(?:[^']|'')*+'|\[[^\]]*+\]|[\w$\x80-\xff]++)"""
QUALIFIED = rf"{NAME}(?:\s*\.\s*{NAME})*"
_QUOTED = r"""'(?:[^'\\]|\\.|'')*+'|"(?:[^"]|"")*+"|`(?:[^`]|``)*+`"""
_PARENTHESES = rf"\((?:{_QUOTED}|[^'\"`()])*+\)"
for _ in range(5):
    _PARENTHESES = rf"\((?:{_QUOTED}|[^'\"`()]|{_PARENTHESES})*+\)"

_COMMENTS = re.compile(rf"({_QUOTED})|--[^\n]*+|/\*.*?\*/", re.DOTALL)
_CREATE = re.compile(
    rf"CREATE\s+(?:(?:GLOBAL|LOCAL|TEMPORARY|TEMP|UNLOGGED|FOREIGN|OR\s+REPLACE)\s+)*TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?({QUALIFIED})\s*(\(.*)",
    re.IGNORECASE | re.DOTALL,
)
_ALTER = re.compile(rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?({QUALIFIED})\s+(.*)", re.IGNORECASE | re.DOTALL)
_ITEM = re.compile(rf"\s*+((?:{_QUOTED}|[^,()'\"`]|{_PARENTHESES})++)(,|\)|$)", re.DOTALL)
_INHERITS = re.compile(r"\)\s*INHERITS\s*\(([^()]*)\)", re.IGNORECASE)
_CONSTRAINT = rf"(?:ADD\s+)?(?:CONSTRAINT\s+(?:{NAME}\s+)??)?"
_PRIMARY = re.compile(rf"{_CONSTRAINT}PRIMARY\s+KEY\b[^()]*({_PARENTHESES})", re.IGNORECASE | re.DOTALL)
_REFERENCES = rf"REFERENCES\s+({QUALIFIED})\s*({_PARENTHESES})?"
_FOREIGN = re.compile(rf"{_CONSTRAINT}FOREIGN\s+KEY\s*(?:{NAME}\s*)?({_PARENTHESES})\s*{_REFERENCES}", re.IGNORECASE | re.DOTALL)
_OTHER = re.compile(
    r"(?:ADD\b|CONSTRAINT\b|UNIQUE\b|CHECK\s*\(|EXCLUDE\b|LIKE\b|PERIOD\s+FOR\b|(?:(?:FULLTEXT|SPATIAL)\s+)?(?:KEY|INDEX)\s*[`\"\w]*\s*(?:USING\s+\w+\s*)?\()",
    re.IGNORECASE,
)
_COLUMN = re.compile(rf"({NAME})\s*(.*)", re.DOTALL)
_END_OF_TYPE = re.compile(
    rf"""({_QUOTED}|{_PARENTHESES})|\b(?:NOT|NULL|DEFAULT|PRIMARY|UNIQUE|CONSTRAINT|COLLATE|REFERENCES|CHECK|GENERATED|AS|AUTO_INCREMENT|AUTOINCREMENT
    |COMMENT|CHARACTER\s+SET|CHARSET|ON|KEY|VIRTUAL|STORED|INVISIBLE|STORAGE|COMPRESSED|OPTIONS|WITH(?:OUT)?\s+SYSTEM)\b""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_COMPUTED = re.compile(rf"(?:{_QUOTED})|\b(AS)\s*\(", re.IGNORECASE | re.DOTALL)
_KEY_IN_COLUMN = re.compile(rf"(?:{_QUOTED}|{_PARENTHESES})|\b(PRIMARY\s+KEY)\b", re.IGNORECASE | re.DOTALL)
_REFERENCE_IN_COLUMN = re.compile(rf"(?:{_QUOTED})|\b{_REFERENCES}", re.IGNORECASE | re.DOTALL)


class Definitions:
    """The tables that a dump defines, by their names."""

    def __init__(self, main: str) -> None:
        self.tables: dict[str, Table] = {}
        self.positions: dict[str, tuple[str, ...]] = {}
        """The columns in the order of a row, with those that the system works out: dumps leave them out, or write DEFAULT."""
        self.main, self.schema = main, ""

    def take(self, statement: str) -> None:
        """Learn from a statement, if it is about tables."""
        bare = _COMMENTS.sub(lambda found: found.group(1) or " ", statement)
        if created := _CREATE.match(bare):
            self._create(self.name(created[1]), created[2])
        elif altered := _ALTER.match(bare):
            name = self.name(altered[1])
            if table := self.tables.get(name):
                self.tables[name] = self._with_keys(table, _items(altered[2]))

    def filled(self, name: str, columns: tuple[str, ...]) -> None:
        """Rows come with these columns: those that nothing defined are kept too, without a type."""
        table = self.tables.get(name) or Table(name, ())
        known = self.positions.get(name, ())
        new = tuple(column for column in dict.fromkeys(columns) if column not in known)
        self.tables[name] = msgspec.structs.replace(table, columns=table.columns + tuple(Column(column) for column in new))
        self.positions[name] = known + new

    def name(self, qualified: str) -> str:
        """As a mapping calls the table: without the main schema, and with the current one where it is another."""
        schema, name = [self.schema, *names(qualified)][-2:]
        return name if schema in ("", self.main) else f"{schema}.{name}"

    def _create(self, name: str, body: str) -> None:
        items = list(_items(body[1:]))
        columns: dict[str, Column] = {}
        if inherits := _INHERITS.search(body):
            for parent in _items(inherits[1]):
                columns |= {column.name: column for column in self.tables.get(self.name(parent), Table("", ())).columns}
        table = self._with_keys(Table(name, ()), items)
        positions = list(columns)
        for item in items:
            if _OTHER.match(item) or _PRIMARY.match(item) or _FOREIGN.match(item) or not (found := _COLUMN.match(item)):
                continue
            column = unquoted(found[1])
            positions.append(column)
            if _first(_COMPUTED, found[2]):
                continue
            columns[column] = Column(column, _type(found[2]))
            if _first(_KEY_IN_COLUMN, found[2]):
                table = msgspec.structs.replace(table, primary_key=(column,))
            if reference := _first(_REFERENCE_IN_COLUMN, found[2]):
                key = ForeignKey((column,), self.name(reference[1]), _listed(reference[2]))
                table = msgspec.structs.replace(table, foreign_keys=(*table.foreign_keys, key))
        self.tables[name] = msgspec.structs.replace(table, columns=tuple(columns.values()))
        self.positions[name] = tuple(dict.fromkeys(positions))

    def _with_keys(self, table: Table, items: Iterator[str] | list[str]) -> Table:
        for item in items:
            if primary := _PRIMARY.match(item):
                table = msgspec.structs.replace(table, primary_key=_listed(primary[1]))
            elif foreign := _FOREIGN.match(item):
                key = ForeignKey(_listed(foreign[1]), self.name(foreign[2]), _listed(foreign[3]))
                table = msgspec.structs.replace(table, foreign_keys=(*table.foreign_keys, key))
        return table

    def finished(self) -> list[Table]:
        """All tables; a foreign key that names no columns means the primary key of the other table."""
        return [
            msgspec.structs.replace(
                table,
                foreign_keys=tuple(
                    key if key.to or key.table not in self.tables else msgspec.structs.replace(key, to=self.tables[key.table].primary_key)
                    for key in table.foreign_keys
                ),
            )
            for table in self.tables.values()
        ]


def names(qualified: str) -> list[str]:
    return [unquoted(part) for part in re.findall(NAME, qualified)]


def unquoted(name: str) -> str:
    if name[:1] in ('"', "`", "'"):
        return name[1:-1].replace(name[0] * 2, name[0])
    return name[1:-1] if name[:1] == "[" else name


def _items(body: str) -> Iterator[str]:
    """What stands between commas, up to the closing parenthesis."""
    at = 0
    while found := _ITEM.match(body, at):
        yield found[1].strip()
        at = found.end()
        if found[2] != ",":
            return


def _listed(parentheses: str | None) -> tuple[str, ...]:
    """Names in parentheses; lengths and orders after them are of no interest."""
    return tuple(unquoted(found[1]) for item in _items((parentheses or "()")[1:]) if (found := re.match(rf"({NAME})", item)))


def _type(rest: str) -> str:
    """The words before the first that is no longer part of the type."""
    found = _first(_END_OF_TYPE, rest, absent=True)
    return (rest[: found.start()] if found else rest).strip()


def _first(pattern: re.Pattern[str], text: str, *, absent: bool = False) -> re.Match[str] | None:
    """The first find outside quotes and parentheses: where its group is there, or absent."""
    return next((found for found in pattern.finditer(text) if (found[1] is None) == absent), None)
