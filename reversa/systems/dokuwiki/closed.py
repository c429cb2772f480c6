"""Keeps closed what was closed: refuses, before anything is written, what the rules of a wiki would show to more people than the source did."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from reversa.adapter import Unit
from reversa.directory import Directory
from reversa.errors import TargetError
from reversa.records import File, Grant, Opaque, Page, Record, Ref, Space, ref_to
from reversa.systems.dokuwiki.accounts import NOBODY, READ, UPLOAD, Rule, parse_rule
from reversa.systems.dokuwiki.names import namespace
from reversa.systems.dokuwiki.opening import ALL, Guard, Opened
from reversa.systems.dokuwiki.places import Places
from reversa.systems.dokuwiki.rules import RuleMaker, template
from reversa.systems.dokuwiki.wiki import Wiki


class Closed:
    """What the source let people see, in the names that the wiki has for people and places."""

    def __init__(self, directory: Directory, wiki: Wiki, places: Places, rules: RuleMaker, foreign: Sequence[Rule], *, own: bool) -> None:
        self._directory, self._wiki, self._places, self._rules, self._foreign, self._own = directory, wiki, places, rules, foreign, own
        self._accounts = wiki.foreign_accounts()
        self._source: dict[Rule, None] = {}
        self._shown = set[str]()
        """Scopes that the road says to show, whatever the source said of them: it counts that itself."""
        for row in wiki.registry.rows("space", done=False):  # an import that was interrupted knew them
            told = json.loads(row.refs.get("rights", ("[]", None))[0] or "[]")
            self._source |= dict.fromkeys(parse_rule(text) for text in told)

    def learn(self, unit: Unit) -> None:
        """Take note of the rights that a unit tells of, those that the wiki will not get among them."""
        if self._own:
            self._source |= dict.fromkeys(self._told(unit.records))

    def rights(self, space: Space) -> str | None:
        """What is known of the rights on a space itself, for a run that goes on where this one stops."""
        scope = self._scope(ref_to(space))
        told = [rule.text() for rule in self._source if rule.scope == scope]
        return json.dumps(told) if told else None

    def _told(self, records: Iterable[Record]) -> Iterable[Rule]:
        for record in records:
            rule = None
            if isinstance(record, Grant) and (self._own or record.effect == "allow" or record.right == "view"):
                rule = self._rules.rule(record)
            elif isinstance(record, Opaque):
                rule = template(record)
            if rule is not None:
                yield rule

    def _scope(self, space: Ref | None) -> str:
        name = self._places.within(space)
        return f"{name}:*" if name else "*"

    def refuse_opened(self, records: Sequence[Record], ours: Iterable[Rule]) -> None:
        """Raise TargetError when the wiki would show one of these places to somebody who did not see it in the source."""
        if not self._own:
            self._source |= dict.fromkeys(self._told(records))
            self._shown |= {self._scope(ref_to(record)) for record in records if isinstance(record, Space) and record.visibility == "public"}
        target = [*self._wiki.rules(), *ours] if self._wiki.used else [Rule("*", ALL, UPLOAD)]
        guard = Guard([*self._open(), *self._source], target, self._foreign, self._accounts, self._wiki.members)
        for record in records:
            opened = self._opened(record, guard)
            if opened is not None:
                raise self._refused(opened)

    def _open(self) -> Iterable[Rule]:
        """Of other systems: all is open but the spaces that are closed, or of which nobody knows."""
        if self._own:
            return []
        spaces = [space for space in self._directory.all("space").values() if isinstance(space, Space)]
        closed = {self._scope(ref_to(space)) for space in spaces if space.visibility in ("private", "unknown")} - self._shown
        return [Rule(scope, ALL, NOBODY if scope in closed else READ) for scope in sorted({"*", *closed})]

    def _opened(self, record: Record, guard: Guard) -> Opened | None:
        match record:
            case Space():
                home, opened = ref_to(record), guard.namespace(self._places.within(ref_to(record)))
            case Page():
                home, opened = record.space or ref_to(record), guard.page(self._places.name(ref_to(record)) or "")
            case File():
                home, opened = record.target, guard.namespace(namespace(self._places.name(ref_to(record)) or ""))
            case _:
                return None
        space = self._directory.get(home)
        shown = self._own and isinstance(space, Space) and space.visibility == "public"
        return None if shown and guard.unused(self._places.within(home)) else opened  # a wiki without rights shows everything

    def _refused(self, opened: Opened) -> TargetError:
        if not self._wiki.used:
            return TargetError(
                f"The source closes {opened.place} to somebody, and the wiki shows everything: it does not use rights.",
                f"Set $conf['useacl'] = 1 in {self._wiki.conf / 'local.php'}, then type the same command again.",
            )
        rule, narrow = opened.rule, Rule(opened.place, opened.rule.who, NOBODY)
        way = f"Write `{narrow.text()}` in its place" if rule.scope == opened.place else f"Add the line `{narrow.text()}`"
        return TargetError(
            f"The line `{rule.text()}` of the wiki lets people see {opened.place} who could not see it in the source: rights would be widened.",
            f"{way} in {self._wiki.conf / 'acl.auth.php'}, then type the same command again.",
        )
