"""Which kind each table is of: by its name, by what its columns can give, and by what the other tables are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from reversa.systems.mapped.suggest.deriving import place
from reversa.systems.mapped.suggest.drafting import Draft, Line, literal, scalar, word
from reversa.systems.mapped.suggest.guessing import Guesser
from reversa.systems.mapped.suggest.lexicon import EVIDENCE, FIELDS, TABLES
from reversa.systems.mapped.suggest.profiling import MARKUPS
from reversa.systems.mapped.suggest.relating import LONGEST_NAME, Known, bare, classes, snake, type_column, words
from reversa.systems.mapped.suggest.roles import HEADS, SIDES, SORTED, SORTED_KINDS, VISITS

LEAST = 0.5
"""A line that is less sure is written as a comment."""
_CLASSES = ("user", "group", "space", "page", "message", "task", "contact", "company", "event", "file", "revision")
"""Kinds that several classes of rows in one table may be of."""
_ROUNDS = 6


def decided(known: dict[str, Known]) -> Guesser:
    """The entries of every table that has a kind, their lines made."""
    guesser = Guesser(known)
    _decide(guesser)
    _mark(guesser)
    _one_markup(guesser)
    return guesser


def _one_markup(guesser: Guesser) -> None:
    """Texts in which no markup was met have the one that all others have."""
    bodies = [(draft, line) for drafts in guesser.drafts.values() for draft in drafts for line in draft.lines if line.field == "body"]
    met = Counter(profile.shape for one in guesser.known.values() for profile in one.profiles.values() if profile.shape in MARKUPS)
    # Text that was made as HTML has a tag somewhere; of the others, many texts show no sign.
    markup, count = met.most_common(1)[0] if met else ("", 0)
    if count < 2 or markup == "html" or 3 * count <= 2 * met.total():
        return
    for draft, line in bodies:
        if line.value.startswith("{plain:"):
            said = replace(line, value=line.value.replace("{plain:", f"{{{markup}:", 1), why=f"{line.why}, but {markup} elsewhere")
            draft.lines[draft.lines.index(line)] = said


def _decide(guesser: Guesser) -> None:
    """Which kind each table is of: first by names, then by what its columns can give, until nothing changes."""
    candidates = {name: list(_candidates(one)) for name, one in guesser.known.items() if len(name) < LONGEST_NAME and all(one.profiles)}
    _weigh(guesser, candidates)
    topics = dict(_topics(guesser.known, candidates))
    for topic in topics.values():
        candidates.pop(topic.name, None)
    for name, drafts in candidates.items():
        for draft in drafts:
            draft.topic = topics.get(name) if draft.kind == "message" else None
        guesser.drafts[name] = _divided(drafts)[0] if drafts else []
    for _ in range(_ROUNDS):
        before = _kinds(guesser)
        for name, drafts in candidates.items():
            fit = [one for one in _divided(drafts) if _sure(guesser, one)]
            guesser.drafts[name] = max(fit, key=lambda several: several[0].sure) if fit else []
        if _kinds(guesser) == before:
            break
    _drop_current(guesser)
    while any(not guesser.fill(draft) for drafts in guesser.drafts.values() for draft in drafts):  # without it, others may lack what they refer to
        for name, drafts in guesser.drafts.items():
            guesser.drafts[name] = [draft for draft in drafts if guesser.fill(draft)]
    for name, drafts in list(guesser.drafts.items()):
        for draft in list(drafts):
            if draft.kind == "page" and (text := _text_of(guesser, draft)):
                guesser.drafts[name].append(text)
            if draft.kind in SORTED_KINDS and len(drafts) == 1:
                guesser.drafts[name] += _sorted(guesser, draft)
    guesser.drafts = {name: drafts for name, drafts in guesser.drafts.items() if drafts}


def _drop_current(guesser: Guesser) -> None:
    """A table with one text for each page, beside one with several, holds the newest once more: it is a part of the page."""
    texts: dict[str, list[tuple[Draft, bool]]] = {}
    for drafts in guesser.drafts.values():
        for draft in drafts:
            target = next((line for line in draft.lines if line.field == "target" and line.columns), None) if draft.kind == "revision" else None
            lead = draft.known.leads.get(target.columns[0]) if target else None
            if target and lead and not draft.where and draft.known.profiles[target.columns[0]].values:
                texts.setdefault(lead.table, []).append((draft, draft.known.profiles[target.columns[0]].distinct == 1))
    for found in texts.values():
        for draft, once in found:
            if once and any(not other for _, other in found):
                guesser.drafts[draft.known.name] = []


def _weigh(guesser: Guesser, candidates: dict[str, list[Draft]]) -> None:
    """What a name means beside the others: an account or an organisation is a company in a customer file only."""
    sold = any(draft.kind in ("contact", "deal") for drafts in candidates.values() for draft in drafts)
    people = any(draft.kind == "user" and draft.sure > 0.9 for drafts in candidates.values() for draft in drafts)
    for name, drafts in candidates.items():
        for draft in list(drafts):
            if draft.kind == "company" and ((not sold and draft.sure < 0.7) or name == guesser.tenant):
                drafts.remove(draft)
            elif draft.kind in ("user", "company") and sold and people and draft.known.words == ("account",):
                draft.sure = {"user": 0.4, "company": 0.9}[draft.kind]
        if sold and (said := next((one for one in guesser.known[name].words if one in ("email", "mail", "call")), None)) and drafts:
            kinds = {draft.kind for draft in drafts}
            if said and "message" in kinds:
                drafts.append(Draft(guesser.known[name], "activity", 0.91, "name"))
        if name == guesser.tenant and not drafts:
            drafts.append(Draft(guesser.known[name], "space", 0.7, "most tables lead to it"))


def _kinds(guesser: Guesser) -> list[tuple[str, str]]:
    return [(name, draft.kind) for name, drafts in guesser.drafts.items() for draft in drafts]


def _candidates(one: Known) -> Iterator[Draft]:
    """Kinds that a table may be of, by its name or by the two rows that it joins."""
    if not one.words or one.words[-1] in SIDES or visit(one) or _audit(one):
        return
    joins = len(one.leads) == 2 and len(one.usable) <= 3 and len(one.words) > 1  # called after the two
    for kind, called in TABLES.items():
        sure = 0.0
        for length in range(1, len(one.words) + 1):
            weight = called.get("_".join(one.words[-length:]), 0.0)
            sure = max(sure, weight * (1.0 if length == len(one.words) else 0.95))
        if sure and not (joins and kind in _CLASSES):
            yield Draft(one, kind, sure, "name")
    if len(one.leads) == 2 and len(one.profiles) <= 7 and not any(one.words[-1] in called for called in TABLES.values()):
        yield Draft(one, "membership", 0.75, "joins two tables")
    if len(one.leads) == 2 and len(one.profiles) <= 5 and any(one.phrase.startswith(lead.table.rstrip("s")) for lead in one.leads.values()):
        yield Draft(one, "membership", 0.8, "joins two tables")


def _audit(one: Known) -> bool:
    """What a program wrote down of who did what, rather than what people wrote."""
    stems = set(one.stems.values())
    return bool(
        one.pairs and stems & {"action", "verb", "event"} and stems & {"metadata", "changes", "data", "details", "entity_name", "object_repr"}
    )


def _divided(drafts: list[Draft]) -> list[list[Draft]]:
    """Each candidate as entries: two, where a column of types says that some rows are of another kind."""
    found = []
    for draft in drafts:
        column = type_column(draft.known)
        by_kind: dict[str, list[str]] = {}
        for text in classes(draft.known) if column else ():
            if kind := _class_kind(words(re.split(r"[\\.:/]", text)[-1]), draft.kind):
                by_kind.setdefault(kind, []).append(text)
        if draft.kind == "message" and "page" in by_kind:
            continue  # what people post beside pages are articles
        if column and len(by_kind) > 1 and draft.kind in by_kind and draft.kind in _CLASSES:
            entries = []
            sure = max(draft.sure, 0.9 if any(TABLES[draft.kind].get(text, 0) >= 0.9 for text in by_kind[draft.kind]) else 0)
            for kind in sorted(by_kind, key=lambda kind: kind != draft.kind):
                texts = ", ".join(literal(text) for text in by_kind[kind])
                entries.append(Draft(draft.known, kind, 0.9 * sure, "name, types", where=f"{word(column)} IN ({texts})"))
            found.append(entries)
        else:
            found.append([draft])
    return found


def _class_kind(called: tuple[str, ...], rather: str) -> str | None:
    """The kind of the rows of a class; where the name fits several, the one that the table is rather of."""
    if TABLES[rather].get("_".join(called), 0) >= LEAST:
        return rather
    for name in ("_".join(called), called[-1] if called else "", called[0] if called else ""):
        for kind in _CLASSES:
            if TABLES[kind].get(name, 0) >= 0.85:
                return kind
    return None


def _sure(guesser: Guesser, drafts: list[Draft]) -> bool:
    """Whether an entry may be made, and with what columns its kind is known by."""
    drafts[1:] = [draft for draft in drafts[1:] if guesser.fill(draft)]  # the types of their rows say enough
    for draft in drafts[:1]:
        weight = draft.sure
        if not guesser.fill(draft):
            return False
        signs = EVIDENCE.get(draft.kind, ())
        met = len({line.field for line in draft.lines if line.field in signs and line.sure >= LEAST})
        found = 1.0 if not signs or met > 1 or met == len(signs) else 0.9 if met else 0.5
        stems = set(draft.known.stems.values())
        if draft.kind == "page" and place(draft.known) and not stems & set(FIELDS["revision"]["body"]):
            found *= 0.5  # rather a file
        if draft.kind == "message" and not draft.topic and stems & {"slug", "published_at"}:
            found *= 0.6  # rather an article
        if weight * found < LEAST:
            return False
    return True


def _topics(known: dict[str, Known], candidates: dict[str, list[Draft]]) -> Iterator[tuple[str, Known]]:
    """A table of messages, and the table of the conversations that they are in, where that one holds no text."""
    for topic in known.values():
        if not topic.words or topic.words[-1] not in HEADS or set(topic.stems.values()) & set(FIELDS["message"]["body"]):
            continue
        for name, drafts in candidates.items():
            led = any(lead.table == topic.name for lead in known[name].leads.values())
            last = name.rpartition(".")[2].casefold() != topic.name.rpartition(".")[2].casefold()
            if led and last and topic.table.primary_key == (topic.key,) and any(draft.kind == "message" for draft in drafts):
                yield name, topic


def _text_of(guesser: Guesser, page: Draft) -> Draft | None:
    """The text of a page that lies in its own row: its only revision."""
    revised = any(
        draft.kind == "revision" and draft.native and any(lead.table == page.known.name for lead in draft.known.leads.values())
        for drafts in guesser.drafts.values()
        for draft in drafts
        if draft.known is not page.known
    )
    text = Draft(page.known, "revision", 0.95 * page.sure, "text in the row of the page", where=page.where, native=False)
    guesser.fill(text)
    body = next((line for line in text.lines if line.field == "body"), None)
    if revised or body is None or len(page.keys) != 1:
        return None
    kept = ("created_at", "created_by", "body", "title")
    text.lines = [line for line in text.lines if line.field in kept]
    return text


def _sorted(guesser: Guesser, draft: Draft) -> Iterator[Draft]:
    """Columns that sort the rows of a table into a few with a name, as labels: the tracker of an issue, its category."""
    used = {column for line in draft.lines if line.sure * draft.sure >= LEAST for column in line.columns}
    for column, lead in draft.known.leads.items():
        called = words(bare(draft.known.stems[column]))[-1:]
        sql = guesser.lookup(draft, column) if set(called) & SORTED and column not in used and not guesser.drafts.get(lead.table) else None
        if sql and len(draft.keys) == 1:
            label = Draft(draft.known, "tag", 0.85 * draft.sure, "a list of names", f"{word(column)} IS NOT NULL", f"{called[0]}-", native=False)
            scheme = Line("scheme", f"{{is: {called[0]}}}", 0.9, "name")
            label.lines = [Line("label", scalar(sql), 0.95 * lead.sure, "name in another table", (column,)), scheme]
            yield label


def _mark(guesser: Guesser) -> None:
    """Ids of a kind that several tables have, told apart; then every line again, with the ids that it refers to."""
    kinds: dict[str, list[Draft]] = {}
    for drafts in guesser.drafts.values():
        for draft in drafts:
            kinds.setdefault(draft.kind, []).append(draft)
    for drafts in kinds.values():
        drafts.sort(key=lambda draft: (not draft.native, len(draft.keys) > 1, -draft.sure, len(draft.known.words)))
        marks: dict[str, Draft] = {}
        for draft in drafts:
            mark = snake(draft.known.name) or "table"
            while mark in marks:
                mark += "x"
            marks[mark] = draft
        for mark, draft in marks.items() if len(drafts) > 1 else ():
            key = draft.known.profiles[draft.keys[0]]
            alone = len(draft.keys) == 1 and key.shape in ("", "integer", "boolean", "uuid") and draft is drafts[0]
            if draft.mark:
                continue
            if not alone or any(value.startswith(tuple(f"{other}/" for other in marks)) for value in key.values):
                draft.mark = f"{mark}/"
    for drafts in guesser.drafts.values():
        for draft in drafts:
            if draft.native:
                guesser.fill(draft)
    for drafts in guesser.drafts.values():
        for draft in drafts:
            if not draft.native:
                draft.lines = [
                    Line("target", guesser.refer(draft, draft.keys[0], drafts[0], needed=True), 0.97, draft.why),
                    *draft.lines,
                ]
                if draft.kind == "revision":
                    drafts[0].lines.append(Line("head", f"{{revision: {scalar(draft.id)}}}", 0.9, "text in the row of the page"))


def visit(one: Known) -> str | None:
    """Why nobody misses a table."""
    for name in (one.phrase, "_".join(one.words[-2:]), *one.words[-1:], *one.words[:1]):
        if name in VISITS:
            return VISITS[name]
    return VISITS["cache"] if any(name.endswith("cache") for name in one.words) else None
