"""Whether what a registry says is in a wiki is really there."""

from __future__ import annotations

import functools

from reversa.records import Ref, ref_parts
from reversa.systems.dokuwiki.changes import lines, parse
from reversa.systems.dokuwiki.pages import CURRENT, ROOT
from reversa.systems.dokuwiki.wiki import Wiki


class Standing:
    """Looks at the files; each configuration file is read once."""

    def __init__(self, wiki: Wiki) -> None:
        self._wiki = wiki

    @functools.cached_property
    def _groups(self) -> dict[str, tuple[str, ...]]:
        return {login: account.groups for login, account in self._wiki.accounts().items()}

    @functools.cached_property
    def _rules(self) -> set[str]:
        return {f"{rule.scope} {rule.who} {rule.level}" for rule in self._wiki.rules()}

    def holds(self, record: Ref, target: str) -> bool:
        """Whether the wiki has it."""
        kind, _ = ref_parts(record)
        match kind:
            case "user":
                return target in self._groups
            case "membership":
                group, _, login = target.rpartition("/")
                return group in self._groups.get(login, ())
            case "grant":
                return target in self._rules
            case "space":
                return target == ROOT or self._wiki.path("pages", target).is_dir()
            case "page":
                return self._wiki.path("pages", target, ".txt").exists() or self._wiki.path("meta", target, ".changes").exists()
            case "revision":
                id, _, at = target.rpartition("@")
                if at == CURRENT:
                    return self._wiki.path("pages", id, ".txt").exists()
                return self._wiki.path("attic", id, f".{at}.txt.gz").exists() or int(at) in self._times("meta", id)
            case "file":
                id, _, at = target.partition("@")
                if at:
                    return self._old(id, at) or int(at) in self._times("media_meta", id)
                return self._wiki.path("media", id).exists() or bool(self._times("media_meta", id))
        return True

    def _old(self, id: str, at: str) -> bool:
        stem, dot, ending = id.rpartition(".")
        return bool(dot) and self._wiki.path("media_attic", f"{stem}.{at}.{ending}").exists()

    def _times(self, folder: str, id: str) -> set[int]:
        path = self._wiki.path(folder, id, ".changes")
        return {parse(line).time for line in lines(path.read_bytes())} if path.exists() else set()
