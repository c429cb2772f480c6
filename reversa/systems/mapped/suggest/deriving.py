"""Fields that no column gives by its name: worked out from several columns, or from other tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from reversa.schema import fields
from reversa.systems.mapped.secrets import is_secret
from reversa.systems.mapped.suggest.drafting import NAMES, Draft, Line, escaped, last, literal, placed, scalar, truth, word
from reversa.systems.mapped.suggest.lexicon import FIELDS
from reversa.systems.mapped.suggest.relating import Known, snake
from reversa.systems.mapped.suggest.roles import ADDRESS, ARTICLES, ASSIGNED, DEEDS, JOINED, MANY, PLACED, PLACES, SETTINGS, SIDES, STATES

if TYPE_CHECKING:
    from reversa.systems.mapped.suggest.guessing import Guesser


def worked_out(guesser: Guesser, draft: Draft, given: set[str]) -> Iterator[Line]:
    one = draft.known
    if line := _state(draft):
        yield line
    if draft.kind == "comment" and "resolved" not in given and "resolved_at" in given:
        at = next(line for line in draft.lines if line.field == "resolved_at")
        yield Line("resolved", scalar(f"{draft.part(at.columns[0])} IS NOT NULL"), 0.9, "set when it was settled")
    if draft.topic and one.key:
        yield from _of_topic(guesser, draft, draft.topic)
    if draft.kind == "message" and one.key and "thread" not in given and not draft.mark:
        parent = next((line for line in draft.lines if line.field == "reply_to"), None)
        if parent and len(parent.columns) == 1:
            first = f"coalesce({draft.part(parent.columns[0])}, {draft.part(one.key)})"
            yield Line("thread", f"{{message: {scalar(first)}}}", 0.7, "what it answers, or itself")
    if "space" not in given and any(f.name == "space" for f in fields(draft.kind)):
        yield from _through(guesser, draft, "space", ("space",))
    outer = "parent" if draft.kind == "space" else "space"
    if outer not in given and one.name != guesser.tenant and any(f.name == outer for f in fields(draft.kind)):
        for column, lead in one.leads.items():
            if lead.table == guesser.tenant and (found := guesser.reference(draft, column, ("space",))):
                yield Line(outer, found[0], 0.8, "most tables lead to it", (column,))
    if draft.kind == "page" and one.key:
        yield from _head(guesser, draft)
    if "created_by" not in given:
        yield from _through(guesser, draft, "created_by", ("user",))
    if draft.kind == "user":
        yield from _roles(draft)
    if draft.kind == "activity":
        yield from _targets(guesser, draft)
    number = next((line for line in draft.lines if line.field == "number"), None)
    if draft.kind == "revision" and number and one.profiles[number.columns[0]].shape in ("integer", "boolean"):
        yield Line("order", number.value, 0.8, "the number of the version")
    if "parent" not in given and one.key and not draft.mark and draft.kind in ("space", "page", "task", "group", "company"):
        yield from _closure(guesser, draft)
    for name in JOINED.get(draft.kind, ()) if one.key else ():
        if name not in given:
            yield from _joined(guesser, draft, name)
    if one.key:
        yield from _settings(guesser, draft, given)
    yield from _constants(draft, given)
    if draft.kind == "activity":
        yield from _duration(draft)
    if draft.kind == "file" and "name" not in given and (path := place(one)):
        yield Line("name", scalar(f"split_part({draft.part(path)}, '/', -1)"), 0.85, "the end of its path", (path,))
    if draft.kind in ("contact", "company") and "addresses" not in given:
        yield from _addresses(draft)
    if draft.kind == "pipeline" and one.key:
        yield from _stages(guesser, draft)
    if draft.kind == "poll" and one.key:
        yield from _poll_choices(guesser, draft)


def place(one: Known) -> str | None:
    """The column that says where the content of a file lies."""
    by_stem = {one.stems[name]: name for name in one.usable}
    stems = (*PLACED, *(f"{called}_file" for called in one.words), *(f"{called}_path" for called in one.words))
    return next((by_stem[stem] for stem in stems if stem in by_stem and one.profiles[by_stem[stem]].shape in ("path", "text", "")), None)


def _joined(guesser: Guesser, draft: Draft, name: str) -> Iterator[Line]:
    """A list of what other rows say: e-mail addresses of a person, people or contacts that a table joins with this one."""
    one = draft.known
    for other in guesser.known.values():
        back = next((column for column, lead in other.leads.items() if lead.table == one.name), None)
        if back is None or other is one or other.name in guesser.drafts:
            continue
        own = f"s.{word(back)} = {word(last(one.name))}.{word(one.key or '')}"
        for column in other.usable:
            if name == "emails":
                if other.profiles[column].shape == "email" and len(other.usable) <= 8:
                    order = f" ORDER BY s.{word(other.key)}" if other.key else ""
                    sql = f"(SELECT list(s.{word(column)}{order}) FROM {placed(other.name)} s WHERE {own})"
                    yield Line(name, scalar(sql), 0.75, f"e-mail addresses in {escaped(other.name)[:40]}")
                continue
            lead = other.leads.get(column)
            if lead is None or column == back or len(other.usable) > 5 or (name == "assignees" and not set(other.words) & ASSIGNED):
                continue
            kind = {"assignees": "user", "contacts": "contact"}[name]
            if (to := guesser.drafted(lead.table, (kind,))) and not to.mark:
                sql = f"(SELECT list(s.{word(column)}) FROM {placed(other.name)} s WHERE {own})"
                yield Line(name, f"{{{kind}: {scalar(sql)}}}", 0.8, "a table that joins the two")
            elif kind == "user" and (behind := guesser.behind(lead.table)):
                between = f"JOIN {placed(lead.table)} p ON p.{word(guesser.known[lead.table].key or '')} = s.{word(column)}"
                sql = f"(SELECT list(p.{word(behind[0])}) FROM {placed(other.name)} s {between} WHERE {own})"
                yield Line(name, f"{{user: {scalar(sql)}}}", 0.8, "a table that joins the two")


def _settings(guesser: Guesser, draft: Draft, given: set[str]) -> Iterator[Line]:
    """What stands in a table of keys and values, or of preferences, that belongs to this one."""
    one = draft.known
    texts = {f.name: f for f in fields(draft.kind) if f.name in FIELDS.get(draft.kind, {}) and f.type == "string" and not f.choices}
    for other in guesser.known.values():
        back = next((column for column, lead in other.leads.items() if lead.table == one.name and "_by_" not in f"{other.stems[column]}_"), None)
        if back is None or other.name in guesser.drafts or not set(other.words[-1:]) & SIDES or {other.stems[name] for name in other.usable} & MANY:
            continue
        by_stem = {other.stems[name]: name for name in other.usable}
        key, value = (next((by_stem[stem] for stem in stems if stem in by_stem), None) for stems in SETTINGS)
        where = f"FROM {placed(other.name)} m WHERE m.{word(back)} = {word(last(one.name))}.{word(one.key or '')}"
        found = [(name, by_stem[name], where) for name in by_stem if name != "name"]
        if key and value:
            met = {snake(text): text for text in other.profiles[key].values if not is_secret(text)}
            found = [(name, value, f"{where} AND m.{word(key)} = {literal(text)}") for name, text in met.items()]
        for name, of in texts.items():
            if name in given:
                continue
            called = ((FIELDS[draft.kind][name].get(stem, 0.0), column, rest) for stem, column, rest in found)
            sure, column, rest = max(called, default=(0.0, "", ""))
            if sure >= 0.8:
                sql = f"list(m.{word(column)})" if of.is_list else f"any_value(m.{word(column)})"
                sql = f"nullif({sql}, '')" if other.profiles[column].blank and not of.is_list else sql
                yield Line(name, scalar(f"(SELECT {sql} {rest})"), 0.85 * sure, f"in {escaped(other.name)[:40]}")


def _constants(draft: Draft, given: set[str]) -> Iterator[Line]:
    """What the name of the table says of all its rows."""
    called = draft.known.words[-1] if draft.known.words else ""
    if draft.kind == "message" and "message_type" not in given:
        yield Line("message_type", "{is: user}", 0.8, "no column says otherwise")
    if draft.kind == "space" and "space_type" not in given and called in PLACES:
        yield Line("space_type", f"{{is: {called}}}", 0.75, "name of the table")
    if draft.kind == "page" and "page_type" not in given and called in ARTICLES:
        yield Line("page_type", f"{{is: {called}}}", 0.75, "name of the table")
    if draft.kind == "activity" and "activity_type" not in given and (said := next((DEEDS[one] for one in draft.known.words if one in DEEDS), None)):
        yield Line("activity_type", f"{{is: {said}}}", 0.8, "name of the table")


def _duration(draft: Draft) -> Iterator[Line]:
    """How long something took, with the letter of ISO 8601 for its unit."""
    for column in draft.known.usable:
        unit = {"hours": "H", "minutes": "M", "seconds": "S"}.get(draft.known.stems[column].removeprefix("duration_"))
        if unit:
            yield Line("duration", scalar(f"'PT' || {draft.part(column)} || '{unit}'"), 0.9, "name", (column,))


def _addresses(draft: Draft) -> Iterator[Line]:
    """A postal address whose parts stand in columns."""
    by_stem = {draft.known.stems[name]: name for name in draft.known.usable}
    parts = [by_stem[stem] for stem in ADDRESS if stem in by_stem]
    if len(parts) > 2:
        joined = ", ".join(f"nullif({draft.part(name)}, '')" for name in parts)
        yield Line("addresses", scalar(f"nullif(concat_ws(', ', {joined}), '')"), 0.8, "names", tuple(parts))


def _stages(guesser: Guesser, draft: Draft) -> Iterator[Line]:
    """The stages of a pipeline, from the table of stages that lead to it."""
    for other in guesser.known.values():
        back = next((column for column, lead in other.leads.items() if lead.table == draft.known.name), None)
        by_stem = {other.stems[name]: name for name in other.usable}
        label = next((by_stem[name] for name in ("label", *NAMES) if name in by_stem), None)
        if back and label and other.key and set(other.words[-1:]) & {"stage", "step", "etape", "column"}:
            order = next((f" ORDER BY s.{word(by_stem[name])}::int" for name in ("position", "order", "sort_order", "rank") if name in by_stem), "")
            inner = f"{{id: s.{word(by_stem.get('code', other.key))}, label: s.{word(label)}}}{order}"
            own = f"{word(last(draft.known.name))}.{word(draft.known.key or '')}"
            yield Line(
                "stages", scalar(f"(SELECT list({inner}) FROM {placed(other.name)} s WHERE s.{word(back)} = {own})"), 0.85, "a table of stages"
            )


def _through(guesser: Guesser, draft: Draft, name: str, kinds: tuple[str, ...]) -> Iterator[Line]:
    """What something between the two leads to: the project of a wiki, the user behind an actor."""
    for column, lead in draft.known.leads.items():
        between = guesser.known[lead.table]
        if guesser.drafts.get(lead.table) or between is draft.known or (name == "created_by" and between.words[-1:] not in (("actor",), ("author",))):
            continue
        for other, further in between.leads.items():
            to = guesser.drafted(further.table, kinds)
            sql = guesser.lookup(draft, column, (between.stems[other],)) if to else None
            if to and sql:
                id = f"{literal(to.mark)} || {sql}" if to.mark else sql
                sure = 0.8 * further.sure * lead.sure
                yield Line(name, f"{{{to.kind}: {scalar(id)}}}", sure, f"through {escaped(between.name)[:40]}", (column,))
                return


def _roles(draft: Draft) -> Iterator[Line]:
    """A mark of administrators as a role."""
    one = draft.known
    marks = ("admin", "is_admin", "is_superuser", "superuser", "is_administrator")
    for column in one.usable:
        if one.stems[column] in marks and (one.profiles[column].shape == "boolean" or "bool" in one.type(column)):
            yes = literal(truth(one, column)[0])
            yield Line("roles", scalar(f"CASE WHEN {draft.part(column)} = {yes} THEN list_value('admin') END"), 0.75, "a mark", (column,))
            return


def _targets(guesser: Guesser, draft: Draft) -> Iterator[Line]:
    """All that an activity is about."""
    kinds = ("task", "ticket", "deal", "contact", "company", "page", "event", "space")
    leads = [column for column, lead in draft.known.leads.items() if lead.table != guesser.tenant]
    found = [(column, found) for column in leads if (found := guesser.reference(draft, column, kinds))]
    pairs = [line for pair in draft.known.pairs if (line := guesser.pair(draft, pair, kinds))]
    values = [value for _, (value, *_) in found] + [line.value for line in pairs]
    if values:
        sure = min([sure for _, (_, sure, *_) in found] + [line.sure for line in pairs])
        yield Line("targets", f"[{', '.join(values)}]", 0.85 * sure, "all that it leads to", tuple(column for column, _ in found))


def _closure(guesser: Guesser, draft: Draft) -> Iterator[Line]:
    """The parent by a closure table: what is one generation above."""
    for other in guesser.known.values():
        to = {other.stems[column].split("_")[0]: column for column, lead in other.leads.items() if lead.table == draft.known.name}
        by_stem = {other.stems[name]: name for name in other.usable}
        depth = next((by_stem[name] for name in ("depth", "generations", "generation", "distance", "path_length", "level") if name in by_stem), None)
        if "ancestor" in to and "descendant" in to and depth:
            own = f"{word(last(draft.known.name))}.{word(draft.known.key or '')}"
            sql = f"(SELECT min(s.{word(to['ancestor'])}) FROM {placed(other.name)} s WHERE s.{word(to['descendant'])} = {own} AND s.{word(depth)} = '1')"
            yield Line("parent", f"{{{draft.kind}: {scalar(sql)}}}", 0.75, "a table of all ancestors")


def _poll_choices(guesser: Guesser, draft: Draft) -> Iterator[Line]:
    for other in guesser.known.values():
        back = next((column for column, lead in other.leads.items() if lead.table == draft.known.name), None)
        by_stem = {other.stems[name]: name for name in other.usable}
        label = next((by_stem[name] for name in (*NAMES, "text") if name in by_stem), None)
        if back and label and other.key and set(other.words[-1:]) & {"option", "choice", "answer"}:
            position = next((by_stem[name] for name in ("position", "order", "sort_order") if name in by_stem), other.key)
            inner = f"{{'id': s.{word(other.key)}, 'label': s.{word(label)}}} ORDER BY try_cast(s.{word(position)} AS BIGINT)"
            own = f"{word(last(draft.known.name))}.{word(draft.known.key or '')}"
            yield Line(
                "choices", scalar(f"(SELECT list({inner}) FROM {placed(other.name)} s WHERE s.{word(back)} = {own})"), 0.85, "a table of choices"
            )


def _head(guesser: Guesser, draft: Draft) -> Iterator[Line]:
    """The newest revision, by its number."""
    for drafts in guesser.drafts.values():
        for other in drafts:
            target = next((line for line in other.lines if line.field == "target"), None)
            number = next((line for line in other.lines if line.field == "number"), None)
            if other.kind != "revision" or not other.native or other.mark or not target or not number or target.value.startswith("{by"):
                continue
            lead = other.known.leads.get(target.columns[0])
            if lead and lead.table == draft.known.name and len(other.keys) == 1:
                own = f"{word(last(draft.known.name))}.{word(draft.known.key or '')}"
                newest = f"arg_max(r.{word(other.keys[0])}, try_cast(r.{word(number.columns[0])} AS BIGINT))"
                sql = f"(SELECT {newest} FROM {placed(other.known.name)} r WHERE r.{word(target.columns[0])} = {own})"
                yield Line("head", f"{{revision: {scalar(sql)}}}", 0.75, "the highest number")


def _of_topic(guesser: Guesser, draft: Draft, topic: Known) -> Iterator[Line]:
    """What messages have from the conversation that they are in."""
    here = word(last(topic.name))
    for column in topic.usable:
        lead = topic.leads.get(column)
        to = guesser.drafted(lead.table, ("space",)) if lead else None
        if to:
            id = f"{literal(to.mark)} || {here}.{word(column)}" if to.mark else f"{here}.{word(column)}"
            yield Line("space", f"{{space: {scalar(id)}}}", 0.85, "of the conversation")
        if topic.stems[column] in ("subject", "title", "name", "sujet", "titre"):
            yield Line("subject", scalar(f"{here}.{word(column)}"), 0.85, "of the conversation")
    back = next((column for column, lead in draft.known.leads.items() if lead.table == topic.name), None)
    if back and draft.known.key and not draft.mark:
        key = word(draft.known.key)
        first = f"(SELECT arg_min(f.{key}, try_cast(f.{key} AS BIGINT)) FROM {placed(draft.known.name)} f WHERE f.{word(back)} = {draft.part(back)})"
        yield Line("thread", f"{{message: {scalar(first)}}}", 0.8, "the first of the conversation")


def _state(draft: Draft) -> Line | None:
    """Soft deletes, archives and drafts."""
    one, cases = draft.known, list[str]()
    used: list[str] = []
    for stem, state in (
        ("deleted", "deleted"),
        ("trashed", "deleted"),
        ("removed", "deleted"),
        ("archived", "archived"),
        ("supprime", "deleted"),
    ):
        for column in one.usable:
            called, profile = one.stems[column], one.profiles[column]
            times = profile.shape in ("instant", "local", "epoch", "packed") or (
                not profile.shape and re.search("time|date|_at |_on ", f"{one.type(column)} {called} ")
            )
            if called in (f"{stem}_at", f"{stem}_on", f"date_{stem}", f"{stem}_date", f"{stem}_le", stem) and times:
                cases.append(f"WHEN {draft.part(column)} IS NOT NULL THEN '{state}'")
                used.append(column)
            elif called in (stem, f"is_{stem}") and (profile.shape == "boolean" or "bool" in one.type(column)):
                cases.append(f"WHEN {draft.part(column)} = {literal(truth(one, column)[0])} THEN '{state}'")
                used.append(column)
    sure = 0.95
    for column in one.usable if draft.kind in ("page", "message", "comment", "event") else ():
        if one.stems[column] in ("is_published", "published", "is_approved", "approved") and (
            one.profiles[column].shape == "boolean" or "bool" in one.type(column)
        ):
            cases.append(f"WHEN {draft.part(column)} = {literal(truth(one, column)[1])} THEN 'draft'")
            used.append(column)
    published = next((name for name in one.usable if one.stems[name] == "published_at"), None)
    if published and draft.kind in ("page", "message", "event"):
        cases.append(f"WHEN {draft.part(published)} IS NULL THEN 'draft'")
        sure = 0.88
    if cases:
        return Line("state", scalar(f"CASE {' '.join(cases)} END"), sure, "soft deletes", tuple(used))
    for column in one.usable:
        met = list(one.profiles[column].values)
        if (
            one.stems[column] in ("status", "state", "statut", "etat")
            and met
            and 3 * sum(value.lower() in STATES for value in met) > 2 * len(met)
            and draft.kind not in ("task", "ticket", "deal", "revision")
        ):
            values = ", ".join(f"{scalar(value)}: {STATES[value.lower()]}" for value in met if value.lower() in STATES)
            return Line("state", f"{{by: {scalar(draft.column(column))}, values: {{{values}}}}}", 0.75, "values", (column,))
    return None
