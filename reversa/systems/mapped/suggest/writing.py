"""`reversa map suggest`: a first mapping of a database, with how sure each line is and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reversa.adapter import Options
from reversa.records import KINDS
from reversa.systems.mapped.suggest.deciding import LEAST, decided, visit
from reversa.systems.mapped.suggest.deriving import place
from reversa.systems.mapped.suggest.drafting import Draft, escaped, literal, placed, scalar, word
from reversa.systems.mapped.suggest.guessing import Guesser
from reversa.systems.mapped.suggest.lexicon import TABLES
from reversa.systems.mapped.suggest.relating import LONGEST_NAME, Known, Lead, bare, known_tables, reached_by_most
from reversa.systems.mapped.suggest.roles import PARTS, SIDES, VISITS
from reversa.systems.tables.contract import Reader
from reversa.systems.tables.opening import open_reader

_HEADER = """\
# A first mapping, written by `reversa map suggest`. Behind each line stands how sure it is (the probability that it
# stays as it is) and why. Lines under 0.5 are comments. The manual is docs/mapping.md; `reversa map check` comes next.
"""


def suggest(database: str, options: Options) -> str:
    """The YAML text of a first mapping of a database."""
    reader = open_reader(database, options)
    try:
        return suggested(reader, database, options)
    finally:
        reader.close()


def suggested(reader: Reader, database: str, options: Options) -> str:
    """The YAML text of a first mapping of what a reader reads."""
    return "\n".join(_document(decided(known_tables(reader)), database, options)) + "\n"


# ------------------------------------------------------------------------------------------------ what becomes of the other tables


@dataclass(frozen=True)
class _Rule:
    table: str
    value: str
    sure: float
    why: str


def _rules(guesser: Guesser) -> Iterator[_Rule]:
    """Rows that are left out, or lie within the records that they are a part of."""
    for one in guesser.known.values():
        if one.name in guesser.drafts or len(one.name) >= LONGEST_NAME or not one.name.strip():
            continue
        if reason := visit(one):
            yield _Rule(one.name, f"{{ignore: {scalar(reason)}}}", 0.85 if one.words[-1] in VISITS else 0.7, "name")
            continue
        if one.phrase.endswith("link") and "from" in one.stems.values() and one.key is None:
            yield _Rule(one.name, "{ignore: worked out from the texts}", 0.6, "links without a key of their own")
            continue
        owners = dict(_owners(guesser, one))
        if owners:
            side = bool(set(one.words[-1:]) & SIDES)
            value = ", ".join(f"{scalar(owner)}: {scalar(on)}" for owner, on in owners.items())
            yield _Rule(
                one.name, f"{{within: {{{value}}}}}", 0.8 if side else 0.65, "a side table" if side else "named after the table that it leads to"
            )


def _owners(guesser: Guesser, one: Known) -> Iterator[tuple[str, str]]:
    """Tables whose records the rows of a table are a part of, and the condition that joins them."""

    def joined(column: str, owner: str) -> str:
        key = guesser.known[owner].key or ""
        return f"{word(_bare(one.name))}.{word(column)} = {word(_bare(owner))}.{word(key)}"

    side = bool(set(one.words[-1:]) & SIDES)
    if behind := guesser.behind(one.name):
        yield behind[1].known.name, joined(behind[0], behind[1].known.name)
        return
    for pair in [pair for pair in one.pairs if not pair.types] if side or len(one.usable) <= 5 else ():
        for text, owner in pair.tables.items():
            if owner in guesser.drafts and _bare(owner).casefold() != _bare(one.name).casefold():
                yield owner, f"{word(_bare(one.name))}.{word(pair.type)} = {literal(text)} AND {joined(pair.id, owner)}"
        return
    member = bool(one.words) and one.words[-1] in TABLES["membership"]
    leads = {column: lead for column, lead in one.leads.items() if _of_its_own(guesser, one, column, lead)}
    if not member and not any(_after(one, guesser.known[lead.table]) for lead in leads.values()):
        leads = {column: lead for column, lead in leads.items() if not guesser.drafted(lead.table, ("user",))} or leads
    for column, lead in sorted(leads.items(), key=lambda item: ("ancestor" in item[0], one.stems[item[0]] != bare(one.stems[item[0]]) + "_id")):
        led = guesser.known[lead.table]
        fit = lead.table in guesser.drafts and lead.sure >= 0.6
        alone = len({lead.table for lead in leads.values()}) == 1 and (side or set(one.words[-1:]) & PARTS or len(one.usable) <= 4)
        if fit and (_after(one, led) or member or alone):
            yield led.name, joined(column, led.name)
            return


def _after(one: Known, led: Known) -> bool:
    """Whether a table is called after another: ``page_props`` of ``page``."""
    return one.words[: len(led.words)] == led.words and len(one.words) > len(led.words)


def _of_its_own(guesser: Guesser, one: Known, column: str, lead: Lead) -> bool:
    """Whether a lead says what a row is a part of: neither who wrote it, nor which customer's it is, nor itself."""
    if _bare(lead.table).casefold() == _bare(one.name).casefold() or lead.table == guesser.tenant:
        return False
    return not one.stems[column].removesuffix("_id").endswith("_by")


def _bare(table: str) -> str:
    return table.rpartition(".")[2]


# ------------------------------------------------------------------------------------------------ YAML


def _document(guesser: Guesser, database: str, options: Options) -> Iterator[str]:
    drafts = [draft for drafts in guesser.drafts.values() for draft in drafts]
    drafts.sort(key=lambda draft: (list(KINDS).index(draft.kind), bool(draft.mark)))
    address = re.sub(r"(://[^/@:]*):[^/@]*@", r"\1@", database)
    system = Path(re.split(r"[?#]", address)[0].rstrip("/")).name.split(".")[0] or "database"
    yield _HEADER + "mapping: 1"
    yield "source:"
    yield f"  system: {scalar(system)}"
    yield f"  tenant: {scalar(options.tenant or system)}"
    yield f"  database: {scalar(address)}"
    if any(draft.kind == "file" for draft in drafts):
        yield "  # files: uploads/   # where attachments lie, if they do"
    if any(
        draft.known.profiles[column].shape == "local"
        for draft in drafts
        for line in draft.lines
        for column in line.columns
        if column in draft.known.profiles
    ):
        yield "  zone: UTC   # 0.60 some times name no zone, and most systems write UTC"
    if drafts:
        yield "\nrecords:"
    for draft in drafts:
        yield from _entry(draft)
    yield from _rows(guesser)
    yield from _customers(guesser)


def _entry(draft: Draft) -> Iterator[str]:
    one = draft.known
    yield f"  - kind: {draft.kind}{_note(draft.sure, draft.why)}"
    yield f"    from: {scalar(_from(draft))}{_note(draft.sure, 'the conversation joined' if draft.topic else 'name')}"
    if draft.where:
        yield f"    where: {scalar(draft.where)}{_note(0.8 * draft.sure, 'types', LEAST)}"
    why = "primary key" if one.table.primary_key else "tells rows apart" if one.key else "what it joins"
    yield f"    id: {scalar(draft.id)}{_note(0.97 * draft.sure if not draft.mark else 0.8 * draft.sure, why + (', marked: another entry has this kind' if draft.mark else ''), LEAST)}"
    if not draft.native:
        yield f"    native: false{_note(0.95 * draft.sure, 'the first entry keeps the other columns')}"
    if draft.kind == "file":
        yield from _content(draft)
    if draft.lines:
        yield "    fields:" if any(line.sure * draft.sure >= LEAST for line in draft.lines) else "    # fields:"
    for line in draft.lines:
        sure = line.sure * draft.sure
        yield f"      {'' if sure >= LEAST else '# '}{line.field}: {line.value}{_note(sure, line.why)}"
    if draft.native:
        used = {column for line in draft.lines for column in line.columns if line.sure * draft.sure >= LEAST} | set(draft.keys)
        for column in one.usable:
            values = one.profiles[column].enumeration
            few = 1 < len(values) <= (12 if one.profiles[column].shape == "text" else 6)
            if column not in used and few and one.profiles[column].shape in ("boolean", "integer", "text") and column not in one.leads:
                yield f"      # native: {escaped(column)} has the values {', '.join(escaped(value)[:40] for value in values)}"
    yield ""


def _from(draft: Draft) -> str:
    one, topic = draft.known, draft.topic
    if topic is None:
        return placed(one.name)
    back = next(column for column, lead in one.leads.items() if lead.table == topic.name)
    return f"{placed(one.name)} LEFT JOIN {placed(topic.name)} ON {word(_bare(topic.name))}.{word(topic.key or '')} = {draft.part(back)}"


def _content(draft: Draft) -> Iterator[str]:
    """Where the content of a file lies."""
    by_stem = {draft.known.stems[name]: name for name in draft.known.usable}
    folder = next((by_stem[name] for name in ("disk_directory", "directory", "folder", "dir", "path_dir") if name in by_stem), None)
    name = next((by_stem[name] for name in ("disk_filename", "stored_name", "storage_name") if name in by_stem), None)
    if folder and name:
        path = f"{draft.part(folder)} || '/' || {draft.part(name)}"
        yield f"    content: {scalar(path)}{_note(0.85 * draft.sure, 'a folder and a name in it')}"
        return
    held = next((name for name in draft.known.usable if draft.known.profiles[name].shape == "bytes" and not draft.known.leads.get(name)), None)
    if held:
        yield f"    content: {{bytes: {scalar(draft.column(held))}}}{_note(0.85 * draft.sure, 'bytes')}"
    elif column := place(draft.known):
        sure = (0.85 if draft.known.profiles[column].shape == "path" else 0.4 if draft.known.profiles[column].values else 0.6) * draft.sure
        yield f"    {'' if sure >= LEAST else '# '}content: {scalar(draft.column(column))}{_note(sure, 'a path')}"


def _rows(guesser: Guesser) -> Iterator[str]:
    rules = list(_rules(guesser))
    if any(rule.sure >= LEAST for rule in rules):
        yield "rows:"
    for rule in rules:
        yield f"  {'' if rule.sure >= LEAST else '# '}{scalar(rule.table)}: {rule.value}{_note(rule.sure, rule.why)}"
    ruled = {rule.table for rule in rules}
    for one in guesser.known.values():
        if one.name not in guesser.drafts and one.name not in ruled:
            yield f"  # {escaped(one.name)[:80]}: kept as rows"


def _customers(guesser: Guesser) -> Iterator[str]:
    """The table whose rows are the customers of the vendor, if most others lead to it."""
    best = reached_by_most(guesser.known)
    if best is None or any(draft.kind == "user" for draft in guesser.drafts.get(best[0].name, ())):
        return
    one = best[0]
    by_stem = {one.stems[name]: name for name in one.usable}
    name = next((by_stem[stem] for stem in ("slug", "subdomain", "code", "identifier", "name", "nom") if stem in by_stem), one.key or "")
    yield f"\n# Most tables lead to {escaped(one.name)}: if its rows are customers of the vendor, this tells their data apart."
    yield "# customers:"
    yield f"#   table: {scalar(one.name)}{_note(0.7, 'most tables lead to it')}"
    yield f"#   id: {scalar(one.key or '')}"
    yield f"#   name: {scalar(name)}"


def _note(sure: float, why: str, least: float = 0.0) -> str:
    return f"   # {max(least, min(sure, 0.98)):.2f} {why}"
