"""What the columns of a table give the fields of a kind: an expression each, how sure that is, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reversa.records import ANY
from reversa.schema import Field, fields
from reversa.systems.mapped.suggest.deriving import worked_out
from reversa.systems.mapped.suggest.drafting import NAMES, Draft, Line, escaped, last, literal, placed, scalar, truth, word
from reversa.systems.mapped.suggest.lexicon import FIELDS, TABLES
from reversa.systems.mapped.suggest.profiling import MARKUPS
from reversa.systems.mapped.suggest.relating import Known, Pair, bare, reached_by_most, words
from reversa.systems.mapped.suggest.roles import CHOICES, LIKES

PEOPLE = ("user", "group")
_OFF = ("disabled", "blocked", "suspended", "inactive", "banned", "deactivated")
_OFTEN = {"page": 1.0, "message": 1.0, "task": 1.0, "comment": 0.97, "space": 0.75}


class Guesser:
    """Makes the lines of entries, once it is known of which kinds the tables are."""

    def __init__(self, known: dict[str, Known]) -> None:
        self.known = known
        self.drafts: dict[str, list[Draft]] = {}
        best = reached_by_most(known)
        self.tenant = best[0].name if best and best[1] > 0.5 * len(known) else None
        """The table of the vendor's customers, where nearly every table names it: a row's customer says nothing about the row."""
        leading = [(one.profiles[column], lead.table) for one in known.values() for column, lead in one.leads.items() if one.profiles[column].values]
        nulls = any(of.filled < 1 and "0" not in of.values and not of.blank for of, _ in leading)
        self.zero = not nulls and any("0" in of.values and "0" not in known[table].profiles[known[table].key or ""].values for of, table in leading)
        """Whether the source says 0 where a row leads nowhere, in this sample or another day."""

    # -------------------------------------------------------------------------------------------- what leads elsewhere

    def drafted(self, table: str, kinds: tuple[str, ...], called: str = "") -> Draft | None:
        """The entry of a table whose records a reference may name: the one of the class that a column is called after, or the first."""
        fit = [draft for draft in self.drafts.get(table, ()) if draft.native and len(draft.keys) == 1]
        named = [draft for draft in fit if TABLES[draft.kind].get(called, 0) >= 0.85]
        return next((draft for draft in named or fit if kinds == ANY or draft.kind in kinds), None)

    def refer(self, draft: Draft, column: str, to: Draft, *, needed: bool = False) -> str:
        """``{KIND: id}``, with the mark of the other's ids. 0 and an empty text are how systems without foreign keys say none."""
        of, keys, lead = draft.known.profiles[column], to.known.profiles[to.keys[0]].values, draft.known.leads.get(column)
        said = "0" in of.values or (
            self.zero and not needed and lead is not None and lead.why != "foreign key" and of.shape in ("integer", "boolean")
        )
        zero = said and "0" not in keys
        none = "0" if zero else "" if of.blank else None
        own = draft.part(column) if none is None else f"nullif({draft.part(column)}, {literal(none)})"
        id = f"{literal(to.mark)} || {own}" if to.mark else own if none is not None else draft.column(column)
        return f"{{{to.kind}: {scalar(id)}}}"

    def reference(self, draft: Draft, column: str, kinds: tuple[str, ...], *, needed: bool = False) -> tuple[str, float, str, Draft] | None:
        """What a column refers to, how sure, and why."""
        lead = draft.known.leads.get(column)
        called = words(bare(draft.known.stems[column]))
        to = self.drafted(lead.table, kinds, called[-1] if called else "") if lead else None
        if lead and to:
            return self.refer(draft, column, to, needed=needed), lead.sure * (0.9 if lead.table == self.tenant else 1.0), lead.why, to
        if lead and (kinds == ANY or "user" in kinds) and (behind := self.behind(lead.table)):
            sql = self.lookup(draft, column, (self.known[lead.table].stems[behind[0]],))
            if sql:
                return f"{{user: {scalar(sql)}}}", 0.93 * lead.sure, f"through {escaped(lead.table)[:40]}", behind[1]
        return None

    def behind(self, table: str) -> tuple[str, Draft] | None:
        """The column of a table of profiles that leads to the users, and their entry."""
        one = self.known[table]
        if self.drafts.get(table) or one.words[-1:] not in (("profile",), ("actor",)):
            return None
        for column, lead in one.leads.items():
            to = self.drafted(lead.table, ("user",)) if bare(one.stems[column]) in ("user", "account", "person") else None
            if to and not to.mark:
                return column, to
        return None

    def pair(self, draft: Draft, pair: Pair, kinds: tuple[str, ...]) -> Line | None:
        """A polymorphic pair as the value of a reference; types that no entry makes records of are left to ``native``."""
        met = {text: to for text, table in pair.tables.items() if (to := self.drafted(table, kinds))}
        if pair.types and kinds == ANY:
            met = {text: to for text, to in met.items() if to.kind not in PEOPLE and to is not draft}
        if not met:
            return None
        cases = ", ".join(f"{scalar(text)}: {self.refer(draft, pair.id, to, needed=True)}" for text, to in met.items())
        missing = len([text for text in draft.known.profiles[pair.type].values if text not in met])
        why = "type and id" + (f", {missing} types without records" if missing else "")
        if pair.types and (by := self.lookup(draft, pair.type, (self.known[pair.types[0]].stems[pair.types[1]],))):
            return Line("", f"{{by: {scalar(by)}, values: {{{cases}}}}}", 0.75, "a table of types", (pair.type, pair.id))
        return Line("", f"{{by: {scalar(draft.column(pair.type))}, values: {{{cases}}}}}", 0.9 if not missing else 0.7, why, (pair.type, pair.id))

    def lookup(self, draft: Draft, column: str, ends: tuple[str, ...] = NAMES) -> str | None:
        """The name of the row that a column leads to, where that row is no record."""
        lead = draft.known.leads.get(column)
        other = self.known[lead.table] if lead else None
        if lead is None or other is None or other.key is None or other.table.primary_key != (other.key,):
            return None
        by_stem = {other.stems[name]: name for name in other.usable}
        name = next((by_stem[end] for end in ends if end in by_stem), None)
        own = f"{word(last(draft.known.name))}.{word(column)}"
        return name and f"(SELECT s.{word(name)} FROM {placed(other.name)} s WHERE s.{word(other.key)} = {own})"

    # -------------------------------------------------------------------------------------------- lines

    def fill(self, draft: Draft) -> bool:
        """Make the lines of an entry. False where a field that its kind needs has none."""
        draft.lines = []
        if not draft.keys:
            return False
        own = {f.name: f for f in fields(draft.kind)}
        for line in self._needed(draft):
            draft.lines.append(line)
        given = {line.field for line in draft.lines}
        used = {column for line in draft.lines for column in line.columns}
        for line in sorted(self._named(draft, own), key=lambda line: -line.sure):
            if line.field not in given and not used & set(line.columns):
                draft.lines.append(line)
                given.add(line.field)
                used |= set(line.columns)
        for line in worked_out(self, draft, given):
            if line.field not in given:
                draft.lines.append(line)
                given.add(line.field)
        order = list(own)
        draft.lines.sort(key=lambda line: order.index(line.field) if line.field in order else -1)
        enough = {line.field for line in draft.lines if line.sure * draft.sure >= 0.5}
        return all(name in enough for name, of in own.items() if of.required and name not in ("id", "root"))

    def _needed(self, draft: Draft) -> Iterator[Line]:
        """The fields without which a record is none of its kind; the best that fits."""
        kind, used = draft.kind, set[str]()
        wanted = {
            "membership": (("group", ("group", "space")), ("member", PEOPLE)),
            "association": (("source", ANY), ("target", ANY)),
            "grant": (("target", ANY), ("principal", PEOPLE)),
        }.get(
            kind, (("target", next(f.note.to for f in fields(kind) if f.name == "target")),) if any(f.name == "target" for f in fields(kind)) else ()
        )
        for name, kinds in wanted:
            best: Line | None = None
            for line in self._leading(draft, name, kinds):
                if not used & set(line.columns) and (best is None or line.sure > best.sure):
                    best = line
            if best:
                used |= set(best.columns)
                yield best
        if kind == "reaction" and not used:
            votes = list(self._votes(draft))[:2]
            yield from votes
            if votes:
                return
        if kind == "grant":
            marks = [
                name
                for name in draft.known.usable
                if draft.known.stems[name] in FIELDS["grant"]["effect"] and draft.known.profiles[name].shape == "boolean"
            ]
            if not marks:
                yield Line("effect", "{is: allow}", 0.8, "no column says otherwise")
        if kind == "reaction" and not any(draft.known.stems[name] in FIELDS["reaction"]["key"] for name in draft.known.usable):
            like = next((LIKES[one] for one in reversed(draft.known.words) if one in LIKES), None)
            if like:
                yield Line("key", f"{{is: {like}}}", 0.75, "name of the table")
        if kind == "tag":
            for column, lead in draft.known.leads.items():
                if (
                    column not in used
                    and self.known[lead.table].words[-1:]
                    and self.known[lead.table].words[-1] in TABLES["tag"]
                    and (sql := self.lookup(draft, column))
                ):
                    yield Line("label", scalar(sql), 0.9 * lead.sure, "name in another table", (column,))
                    break
        if kind == "alias":
            yield (
                Line("alias_type", "{is: redirect}", 0.75, "name of the table")
                if "redirect" in draft.known.words
                else Line("alias_type", "{is: old-name}", 0.4, "a guess")
            )

    def _leading(self, draft: Draft, name: str, kinds: tuple[str, ...]) -> Iterator[Line]:
        """Columns that could give a reference that is needed."""
        for pair in draft.known.pairs:
            line = self.pair(draft, pair, kinds)
            if line and (name != "principal") == (pair.stem not in ("subject", "principal", "grantee", "holder")):
                yield Line(name, line.value, line.sure + 0.05, line.why, line.columns)
        for column, lead in draft.known.leads.items():
            found = self.reference(draft, column, kinds, needed=True)
            if found is None:
                continue
            value, sure, why, to = found
            if name in ("target", "source"):
                if (
                    to.kind in PEOPLE
                    or "_by_" in f"{draft.known.stems[column]}_"
                    or (lead.table == draft.known.name and draft.kind != "association" and not draft.where)
                ):
                    continue
                if lead.table == self.tenant and (draft.kind != "file" or draft.known.pairs):
                    continue
                if draft.kind == "tag" and to.kind in ("company", "space", "tag") and len(draft.known.leads) < 2:
                    continue  # a list of labels that a customer or a project has, rather than labels on it
                sure *= _OFTEN.get(to.kind, 0.93) if draft.kind != "association" and lead.table != self.tenant else 1.0
                sure *= 1.0 if set(to.known.words) & set(draft.known.words) or draft.kind == "association" else 0.96
            yield Line(name, value, sure, why, (column,))

    def _votes(self, draft: Draft) -> Iterator[Line]:
        """A vote leads to a choice, and the choice to the poll."""
        for column, lead in draft.known.leads.items():
            between = self.known[lead.table]
            for other, further in between.leads.items():
                to = self.drafted(further.table, ("poll",))
                if to and not to.mark and between.table.primary_key == (between.key,):
                    sql = self.lookup(draft, column, (between.stems[other],))
                    if sql:
                        yield Line("target", f"{{poll: {scalar(sql)}}}", 0.85, "a choice of a poll")
                        yield Line("key", scalar(draft.column(column)), 0.85, "a choice of a poll", (column,))

    def _named(self, draft: Draft, own: dict[str, Field]) -> Iterator[Line]:
        """Lines of fields that a column is called after."""
        one = draft.known
        for name, of in own.items():
            known = FIELDS[draft.kind].get(name) if draft.kind in FIELDS else None
            called = {} if known == {} else FIELDS["*"].get(name, {}) | (known or {})
            several: list[Line] = []
            for column in one.usable:
                sure = _called(called, one, column, as_key=of.type == "ref" or column in one.leads)
                if of.type == "ref":
                    line = self._referring(draft, of, column, sure)
                elif sure and not (column in draft.keys and one.profiles[column].shape in ("", "integer", "boolean", "uuid")):
                    line = self._valued(draft, of, column, sure)
                else:
                    line = None
                if line:
                    several.append(line)
            if of.is_list and of.type == "string" and len(several) > 1:
                several.sort(key=lambda line: -line.sure)
                listed = [line for line in several if line.sure >= 0.6 and not line.value.startswith(("{", "["))]
                if len(listed) > 1:
                    value = f"[{', '.join(line.value for line in listed)}]"
                    yield Line(name, value, 0.9 * listed[-1].sure, "names", tuple(column for line in listed for column in line.columns))
            yield from several

    def _referring(self, draft: Draft, of: Field, column: str, called: float) -> Line | None:
        kinds = of.note.to
        found = self.reference(draft, column, kinds) if kinds != ANY else None
        if found is None:
            return None
        value, sure, why, to = found
        if not called:  # a page has one space, whatever the column is called
            if to.kind == draft.kind or to.known.name == self.tenant or to.kind in PEOPLE or of.name == "head":
                return None
            called = 0.9
        return Line(of.name, value, min(0.97, called + 0.04) * sure, why, (column,))

    def _valued(self, draft: Draft, of: Field, column: str, sure: float) -> Line | None:
        """A line of a field that holds no reference."""
        one, profile = draft.known, draft.known.profiles[column]
        shape, leaf, declared = profile.shape, draft.column(column), one.type(column)

        def line(value: str, fits: float, why: str = "") -> Line:
            return Line(of.name, value, sure * fits, f"name{', ' + why if why else ''}", (column,))

        empty = 0.9 if not shape else 1.0
        match of.type:
            case "instant":
                if zero := next((value for value in profile.values if value.startswith("0000-00-00")), None):  # how MySQL says none
                    leaf = f"nullif({draft.part(column)}, {literal(zero)})"
                if shape in ("instant", "local", "packed", "epoch"):
                    return line(scalar(leaf), 1.0, "times")
                if shape == "date":
                    return line(scalar(leaf), 0.8, "dates")
                return line(scalar(leaf), 0.95 if re.search("time|date", declared) else 0.8) if not shape else None
            case "local-datetime":
                if shape == "date" or (not shape and declared == "date"):
                    return line(scalar(f"{draft.part(column)} || ' 00:00:00'"), 0.85 * empty, "dates")
                return (
                    line(scalar(leaf), 0.9, "times")
                    if shape == "local"
                    else line(scalar(f"left({draft.part(column)}, 19)"), 0.7, "times")
                    if shape == "instant"
                    else None
                )
            case "date":
                return (
                    line(scalar(leaf), empty, "dates")
                    if shape in ("", "date")
                    else line(scalar(f"left({draft.part(column)}, 10)"), 0.7, "times")
                    if shape in ("local", "instant")
                    else None
                )
            case "boolean":
                off = one.stems[column].removeprefix("is_") in _OFF
                if one.stems[column].endswith("_at"):
                    return line(scalar(f"{draft.part(column)} IS NULL"), 0.85, "set when it ended") if shape in ("", "instant", "local") else None
                if shape != "boolean" and (shape or ("bool" not in declared and "tinyint(1)" not in declared)):
                    return None
                true, false = truth(one, column)
                return (
                    line(f"{{by: {scalar(leaf)}, values: {{{scalar(true)}: false, {scalar(false)}: true}}}}", 0.85)
                    if off
                    else line(scalar(leaf), empty)
                )
            case "integer":
                return line(scalar(leaf), empty) if shape in ("", "integer", "boolean") else None
            case "decimal":
                return line(scalar(leaf), empty) if shape in ("", "integer", "boolean", "decimal") else None
            case "sha256":
                return line(scalar(leaf), 0.97) if shape == "sha256" else None
            case "struct":
                return self._body(draft, of, column, sure) if of.name == "body" else None
        if of.choices:
            return self._choice(draft, of, column, sure)
        return self._text(draft, of, column, sure)

    def _body(self, draft: Draft, of: Field, column: str, sure: float) -> Line | None:
        profile = draft.known.profiles[column]
        shape = profile.shape
        if (
            shape in ("integer", "boolean", "instant", "local", "date", "uuid", "hash", "php", "bytes", "epoch", "packed")
            or column in draft.known.leads
        ):
            return None
        markup = shape if shape in MARKUPS else "plain"
        fits = {"html": 0.97, "markdown": 0.9, "textile": 0.9, "wikitext": 0.9, "": 0.75}.get(shape, 0.8)
        why = f"signs of {shape}" if shape in MARKUPS else "no markup met"
        return Line(of.name, f"{{{markup}: {scalar(draft.column(column))}}}", sure * fits, f"name, {why}", (column,))

    def _choice(self, draft: Draft, of: Field, column: str, sure: float) -> Line | None:
        """A field of few values, from a column whose values have a meaning that is known."""
        one, profile, leaf = draft.known, draft.known.profiles[column], scalar(draft.column(column))
        stem = one.stems[column].removeprefix("is_")
        met = list(profile.values)
        if met and all(value in of.choices for value in met):
            return Line(of.name, leaf, sure, "name, values", (column,))
        if profile.shape == "boolean" or (not met and "bool" in one.type(column)):
            true, false = truth(one, column)
            meant = {"public": ("public", "private"), "private": ("private", "public"), "denied": ("deny", "allow"), "deny": ("deny", "allow")}
            meant |= dict.fromkeys(("allowed", "allow", "granted"), ("allow", "deny"))
            if stem not in meant:
                return None
            yes, no = meant[stem]
            return Line(of.name, f"{{by: {leaf}, values: {{{scalar(true)}: {yes}, {scalar(false)}: {no}}}}}", sure, "name, values", (column,))
        said = CHOICES.get(of.name, {})
        if met and len(met) <= 20 and all(value.lower() in said for value in met):
            cases = ", ".join(f"{scalar(value)}: {said[value.lower()]}" for value in met)
            return Line(of.name, f"{{by: {leaf}, values: {{{cases}}}}}", 0.9 * sure, "name, values", (column,))
        return None

    def _text(self, draft: Draft, of: Field, column: str, sure: float) -> Line | None:
        one, profile = draft.known, draft.known.profiles[column]
        shape = profile.shape
        if column in one.leads or shape in ("php", "bytes", "hash", "instant", "local", "packed", "epoch", "json", "yaml"):
            sql = self.lookup(draft, column) if column in one.leads and not self.drafts.get(one.leads[column].table) else None
            return Line(of.name, scalar(sql), 0.95 * sure * one.leads[column].sure, "name in another table", (column,)) if sql else None
        fits = 1.0 if shape else 0.9
        if of.name == "emails":
            fits = 1.0 if shape == "email" else 0.85 if not shape else 0.3
        elif of.name in ("photo_url", "url", "websites"):
            fits = 1.0 if shape == "url" else 0.85 if not shape else 0.5
        elif shape in ("integer", "boolean") and of.name not in ("number", "version", "phones", "tax_id", "name"):
            cases = ", ".join(f"{scalar(value)}: '?'" for value in profile.enumeration)
            stub = f"{{by: {scalar(draft.column(column))}, values: {{{cases}}}}}" if cases else scalar(draft.column(column))
            return Line(of.name, stub, 0.3 * sure, "name, codes of the program", (column,))
        elif shape in MARKUPS and of.name in ("title", "name", "subject"):
            fits = 0.8
        elif re.fullmatch(r"(tiny)?int.*|.*bool.*", one.type(column)) and of.name not in ("number", "version"):
            fits = 0.4
        leaf = draft.column(column) if not profile.blank or of.required else f"nullif({draft.part(column)}, '')"
        return Line(of.name, scalar(leaf), sure * fits, "name" + (f", {shape}" if shape not in ("", "text") else ""), (column,))

    # -------------------------------------------------------------------------------------------- lines of several columns and tables


def _called(called: dict[str, float], one: Known, column: str, *, as_key: bool) -> float:
    """How well a column's name fits the words of a field."""
    stem = bare(one.stems[column]) if as_key else one.stems[column]
    short = [stem.removeprefix(f"{begin}_") for begin in (one.phrase, *one.words) if begin and stem.startswith(f"{begin}_")]
    return max([called.get(stem, 0.0), *(0.97 * called.get(name, 0.0) for name in short)])
