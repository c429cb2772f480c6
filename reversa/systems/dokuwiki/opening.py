"""Whether the rules of a wiki, its own and ours together, would show something to somebody who could not see it in the source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from reversa.systems.dokuwiki.accounts import NOBODY, READ, Account, Rule
from reversa.systems.dokuwiki.names import namespace

ALL, EACH, EACH_GROUP = "@ALL", "%USER%", "%GROUP%"


class Opened(msgspec.Struct, frozen=True):
    """A place that the wiki would show to somebody, and the rule that does it."""

    place: str
    rule: Rule


class Levels:
    """How far somebody may go, as DokuWiki finds out: the nearest scope that names them counts, and in it the widest rule."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._scopes: dict[str, dict[str, Rule]] = {}
        self._each: list[Rule] = []
        for rule in rules:
            if any(word in rule.scope for word in (EACH, EACH_GROUP)):
                self._each.append(rule)
                continue
            there = self._scopes.setdefault(rule.scope, {})
            if rule.who not in there or there[rule.who].level < rule.level:
                there[rule.who] = rule
        self.names = frozenset(name for named in self._scopes.values() for name in named)

    def has(self, scope: str) -> bool:
        """Whether a rule is about this page, or may be."""
        return scope in self._scopes or bool(self._each)

    def on_page(self, id: str, names: AbstractSet[str]) -> Rule:
        """The rule that counts for somebody with these names on a page."""
        return self._widest(id, names) or self.within(namespace(id), names)

    def within(self, name: str, names: AbstractSet[str]) -> Rule:
        """The rule that counts for them on what lies in a namespace."""
        while name:
            if (rule := self._widest(f"{name}:*", names)) is not None:
                return rule
            name = namespace(name)
        return self._widest("*", names) or Rule("*", ALL, NOBODY)

    def _widest(self, scope: str, names: AbstractSet[str]) -> Rule | None:
        rules = [rule for who, rule in self._scopes.get(scope, {}).items() if who in names]
        if names != {ALL}:  # a rule for each member may be about any of them
            rules += [rule for rule in self._each if _stands_for(rule.scope, scope)]
        return max(rules, key=lambda rule: rule.level, default=None)


def _stands_for(template: str, scope: str) -> bool:
    parts, given = template.split(":"), scope.split(":")
    return len(parts) == len(given) and all(EACH in part or EACH_GROUP in part or part == name for part, name in zip(parts, given, strict=True))


class Guard:
    """Compares what the source let people see with what the wiki will let them see."""

    def __init__(
        self, source: Iterable[Rule], target: Iterable[Rule], foreign: Sequence[Rule], accounts: Mapping[str, Account], members: str
    ) -> None:
        target, source = list(target), list(source)
        self._target = Levels(rule for rule in target if not (rule.template and rule in source))  # the very same is no wider
        self._source = Levels(rule for rule in source if not rule.template)
        self._who = [frozenset(names) for names in dict.fromkeys(_people(foreign, accounts, f"@{members}", self._target.names | self._source.names))]
        self._seen: dict[str, Opened | None] = {}

    def page(self, id: str) -> Opened | None:
        """What shows a page to somebody new."""
        if not (self._target.has(id) or self._source.has(id)):
            return self.namespace(namespace(id))
        for names in self._who:
            rule = self._target.on_page(id, names)
            if rule.level >= READ and self._source.on_page(id, names).level < READ:
                return Opened(id, rule)
        return None

    def namespace(self, name: str) -> Opened | None:
        """What shows a namespace to somebody new."""
        if name not in self._seen:
            self._seen[name] = None
            for names in self._who:
                rule = self._target.within(name, names)
                if rule.level >= READ and self._source.within(name, names).level < READ:
                    self._seen[name] = Opened(f"{name}:*" if name else "*", rule)
                    break
        return self._seen[name]

    def unused(self, name: str) -> bool:
        """Whether the source has no rule that lets anybody see a namespace: then it shows it without rules, or to nobody."""
        return not any(self._source.within(name, {who, ALL}).level >= READ for who in self._source.names | {ALL})


def _people(foreign: Iterable[Rule], accounts: Mapping[str, Account], members: str, named: AbstractSet[str]) -> Iterator[frozenset[str]]:
    """Whom a wiki knows, by what its rules can call them: nobody in particular, a member, each that its own rules name, each account."""
    yield frozenset({ALL})
    yield frozenset({ALL, EACH, EACH_GROUP, members})
    for rule in foreign:
        if rule.who not in (ALL, members) and not rule.template:
            yield frozenset({ALL, EACH, EACH_GROUP, rule.who})
            yield frozenset({ALL, EACH, EACH_GROUP, members, rule.who})
    for account in accounts.values():
        held = {account.login, *(f"@{group}" for group in account.groups)}
        yield frozenset({ALL, EACH, EACH_GROUP, *(held & named)})
