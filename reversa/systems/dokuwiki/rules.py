"""Rights as lines of ``acl.auth.php``: never wider than they were."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from reversa.adapter import Change, Unit
from reversa.records import Grant, Opaque, Ref, Space, ref_parts, ref_to
from reversa.systems.dokuwiki.accounts import DELETE, EDIT, NOBODY, READ, UPLOAD, Rights, Rule, parse_rule
from reversa.systems.dokuwiki.pages import ROOT
from reversa.systems.dokuwiki.places import Places

SKIPPED_GRANTS = (
    Change("dokuwiki.grant.right.level", "grant", "right", "converted", "target-cannot", "the nearest right that the wiki has, never a wider one"),
    Change("dokuwiki.grant.no-place", "grant", None, "skipped", "target-cannot", "a right that has no common word, or on something without a place"),
    Change(
        "dokuwiki.grant.beside-a-refusal", "grant", None, "skipped", "policy", "the wiki lets an allowance win over a refusal beside it: not given"
    ),
    Change(
        "dokuwiki.grant.refusal", "grant", None, "skipped", "target-cannot", "only reading can be refused; what was allowed beside it is not given"
    ),
    Change(
        "dokuwiki.grant.whole-wiki",
        "grant",
        None,
        "skipped",
        "policy",
        "a right on everything: the wiki has pages of its own, to which it was not given",
    ),
    Change("dokuwiki.grant.wiki-narrower", "grant", None, "skipped", "policy", "the wiki has a narrower rule of its own, which stays"),
)
_LEVELS = {"view": READ, "comment": READ, "edit": EDIT, "delete": DELETE, "admin": DELETE}
_RIGHTS: dict[int, Literal["view", "edit", "delete"]] = {READ: "view", EDIT: "edit", UPLOAD: "edit", DELETE: "delete"}


class RuleMaker:
    """Makes rules of grants; ``own`` are those of another DokuWiki, whose levels are kept."""

    def __init__(
        self, places: Places, foreign: Sequence[Rule], rights: Rights, groups: Callable[[Ref], str | None], *, own: bool, live: bool
    ) -> None:
        self._places, self._rights, self._groups, self._own = places, rights, groups, own
        self._live = live
        self._foreign = {(rule.scope, rule.who): rule.level for rule in foreign}

    def rule(self, grant: Grant) -> Rule | None:
        """The line of a grant; None where it cannot be one."""
        kind, _ = ref_parts(grant.target)
        place = self._places.name(grant.target)
        if kind not in ("space", "page") or place is None or not (who := self._who(grant)):
            return None
        scope = place if kind == "page" else "*" if place == ROOT else f"{place}:*"
        level = NOBODY if grant.effect == "deny" else self._level(grant, kind)
        return None if level is None else Rule(scope, who, level)

    def _who(self, grant: Grant) -> str:
        if grant.principal is None:
            return {"anyone": "@ALL"}.get(grant.audience or "", "")
        kind, id = ref_parts(grant.principal)
        if kind == "group":
            return f"@{self._groups(grant.principal) or self._places.group(id, id)}"
        known = self._own or grant.principal in self._places.people or self._places.new_account(grant.principal)
        return self._places.login(grant.principal) if known else ""

    def _level(self, grant: Grant, kind: str) -> int | None:
        if self._own and grant.native_right is not None and grant.native_right.isdecimal():
            return int(grant.native_right)
        if grant.right is None:
            return None
        return UPLOAD if grant.right == "edit" and kind == "space" else _LEVELS[grant.right]

    def left_out(self, grant: Grant, unit: Unit) -> str:
        """The code of what keeps a grant from being given; empty when nothing does."""
        if grant.effect == "deny" and not self._own and grant.right != "view":
            return "grant.refusal"
        rule = self.rule(grant)
        if rule is None:
            return "grant.no-place"
        refused = {other.right for other in unit.records if isinstance(other, Grant) and other.effect == "deny" and other.target == grant.target}
        if not self._own and grant.effect == "allow" and refused and (grant.right != "view" or "view" in refused):
            return "grant.beside-a-refusal"
        there = self._foreign.get((rule.scope, rule.who))
        if rule.scope == "*" and there is None and rule.level != NOBODY and self._live:
            return "grant.whole-wiki"
        return "grant.wiki-narrower" if there is not None and there < rule.level else ""

    def is_there(self, rule: Rule) -> bool:
        """Whether the wiki has this very rule of its own."""
        return self._foreign.get((rule.scope, rule.who)) == rule.level

    def wider(self, rule: Rule) -> int | None:
        """The level of a rule that the wiki has of its own, in the place of a narrower one; None where there is none."""
        there = self._foreign.get((rule.scope, rule.who))
        return there if there is not None and there > rule.level else None

    def open_to_members(self, space: Space) -> bool:
        """Whether the wiki's own rules let every member read in a namespace."""
        return self._rights.in_namespace(self._places.within(ref_to(space))) >= READ

    def right(self, grant: Grant) -> str | None:
        """The right that the exporter will tell of it."""
        rule = self.rule(grant)
        if self._own or rule is None or rule.level == NOBODY:
            return grant.right
        return _RIGHTS[rule.level]

    def visibility(self, space: Space) -> str | None:
        """What an ordinary member will be able to see."""
        if self._own and space.visibility != "unknown":
            return space.visibility
        if space.visibility in ("private", "unknown"):
            return "private"
        return "public" if self.open_to_members(space) else "private"

    def closing(self, space: Space) -> Rule | None:
        """The line that keeps a private space private; those of another DokuWiki have their own."""
        if space.visibility != "private" or self._own:
            return None
        place = self._places.within(ref_to(space))
        return Rule(f"{place}:*" if place else "*", "@ALL", NOBODY)


def template(opaque: Opaque) -> Rule | None:
    """The rule for each person of another DokuWiki."""
    if opaque.native_kind != "acl-template":
        return None
    try:
        return parse_rule(opaque.id)
    except ValueError:
        return None
