"""Writes a DokuWiki on this machine: its files, in the order in which it stays a whole wiki.

Facts and limits: docs/adapters/dokuwiki.md.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from reversa.adapter import Account, Facts, Locator, Options, Outcome, Session, Shaped, Source, Unit
from reversa.directory import Directory
from reversa.errors import TargetError
from reversa.limiting import Held
from reversa.markup.contract import changes as changes_of_body
from reversa.records import File, Grant, Group, Membership, Opaque, Page, Record, Ref, Revision, Space, User, ref, ref_parts, ref_to
from reversa.systems.dokuwiki.accounts import NOBODY, Rights, Rule, account_line, append, joining, leaving, login_of, text_of
from reversa.systems.dokuwiki.bodies import Bodies
from reversa.systems.dokuwiki.cleaning import Cleaner
from reversa.systems.dokuwiki.closed import Closed
from reversa.systems.dokuwiki.disk import answered, make_folder, put, remove, remove_folder, whole
from reversa.systems.dokuwiki.held import held, is_own
from reversa.systems.dokuwiki.pages import CURRENT, ROOT, space_of
from reversa.systems.dokuwiki.places import Places
from reversa.systems.dokuwiki.registry import Row
from reversa.systems.dokuwiki.rules import RuleMaker, template
from reversa.systems.dokuwiki.shaping import CHANGES, Shaper
from reversa.systems.dokuwiki.standing import Standing
from reversa.systems.dokuwiki.wiki import Wiki
from reversa.systems.dokuwiki.writing import PIECE, MediaWriter, PageWriter, seconds

KINDS = ("user", "group", "space", "membership", "page", "revision", "file", "grant")
NO_SOURCE = Source("dokuwiki", "")
"""Stands for the source while only the facts are asked for."""


class DokuWikiImporter:
    """Writes file by file; whose record each thing is lies in a registry in the data directory."""

    def __init__(self, folder: Path, options: Options) -> None:
        self._source = options.source or NO_SOURCE
        self._own = is_own(self._source)
        self._wiki, self._people, self._nobody = Wiki(folder, self._source), options.people, options.nobody
        self._registry = self._wiki.registry
        self._converter: Any = None
        self._directory = Directory()
        self._settle()
        self.facts = Facts(
            system="dokuwiki",
            kinds=(*KINDS, "opaque") if self._own else KINDS,
            changes=(*Held("dokuwiki", held(self._source)).changes, *CHANGES, *changes_of_body("dokuwiki", "revision", "body")),
            limits={"times": "whole seconds from 1970 to 2099, one per version of a page", "names": "200 bytes for each part of an id"},
            live=not self._wiki.stock_only(),
        )

    def _lists_are_ours(self, name: str) -> bool:
        """Whether a namespace has no list of those who are told of its changes, or one that we wrote."""
        listed = self._wiki.path("meta", _listed("" if name == ROOT else name), ".mlist")
        return not listed.exists() or any(row.target == name and "subscribed" in row.refs for row in self._registry.rows("space", done=False))

    @classmethod
    def open(cls, locator: Locator, options: Options) -> Self:
        return cls(Path(locator.address), options)

    @staticmethod
    def scratch_target(folder: Path) -> str:
        """An empty target for the shared suite."""
        for name in ("pages", "attic", "meta", "media", "media_attic", "media_meta"):
            (folder / "wiki" / "data" / name).mkdir(parents=True)
        put(folder / "wiki" / "conf" / "acl.auth.php", b"# acl.auth.php\n# <?php exit()?>\n*\t@ALL\t1\n")
        return str(folder / "wiki")

    def _settle(self) -> None:
        """Everything that follows from who and what there is."""
        wiki, foreign = self._wiki, self._wiki.foreign_rules()
        self._places = Places(self._directory, Cleaner.of(wiki.settings), wiki.taken(), self._people, self._nobody, own=self._own)
        rights = Rights(foreign, used=wiki.used, members=wiki.members)
        self._rules = RuleMaker(self._places, foreign, rights, self._group_name, own=self._own, live=not wiki.stock_only())
        self._closed = Closed(self._directory, wiki, self._places, self._rules, foreign, own=self._own)
        bodies = Bodies(self._directory, self._places, self._convert, own=self._own)
        self._shaper = Shaper(
            self._source, self._places, wiki.foreign_accounts(), self._rules, bodies, wiki.settings.get("title"), self._lists_are_ours
        )
        self._pages, self._media = PageWriter(wiki, self._places, own=self._own), MediaWriter(wiki, self._places, own=self._own)

    def _convert(self) -> Any:
        if self._converter is None:
            from reversa.markup.converting import Converter

            self._converter = Converter("dokuwiki")
        return self._converter

    def foresee(self, directory: Directory) -> None:
        self._directory = directory
        self._settle()

    def shape(self, unit: Unit) -> Shaped:
        self._closed.learn(unit)
        return self._shaper.shape(unit)

    def close(self) -> None:
        self._registry.close()
        if self._converter is not None:
            self._converter.close()

    def accounts(self) -> Iterator[Account]:
        """Who has an account already."""
        for account in self._wiki.foreign_accounts().values():
            yield Account(
                id=account.login, username=account.login, display_name=account.name or None, emails=(account.email,) if account.email else ()
            )

    def address(self, targets: Sequence[str]) -> str:
        """The id that the wiki shows a page or a medium under; links of a wiki begin where the wiki is served."""
        return f"/doku.php?id={quote(targets[0].partition('@')[0], safe=':')}"

    # ------------------------------------------------------------------------------------------- found

    def find(self, records: Sequence[Ref]) -> Mapping[Ref, tuple[str, ...]]:
        found = self._registry.targets(records)
        there = Standing(self._wiki)
        return {record: (target,) for record, target in found.items() if there.holds(record, target)}

    # ------------------------------------------------------------------------------------------- written

    def write(self, units: Sequence[Shaped], session: Session) -> Iterable[Outcome]:
        records = [record for unit in units for record in unit.records]
        self._refuse_wider(records)
        self._closed.refuse_opened(records, [rule for record in records for rule in self._rules_of(record)])
        groups = [record for record in records if isinstance(record, Group)]
        self._registry.begin(self._row(group, records) for group in groups)  # their names are asked for by what follows
        rows = {ref_to(record): self._row(record, records) for record in records}
        self._registry.begin(rows.values())
        with answered():
            self._write_accounts(records)
            self._write_rules(records)
            for space in (record for record in records if isinstance(record, Space)):
                name = self._places.within(ref_to(space))
                make_folder(self._wiki.path("pages", name))
                if "subscribed" in rows[ref_to(space)].refs:
                    self._pages.subscribe(_listed(name), space.native)
            for page in (record for record in records if isinstance(record, Page)):
                versions = [r for r in records if isinstance(r, Revision) and r.target == ref_to(page)]
                original = self._directory.get(ref_to(page))
                self._pages.write(page, sorted(versions, key=lambda v: v.order or 0), original if isinstance(original, Page) else None)
            self._write_media([record for record in records if isinstance(record, File)], session)
            for opaque in (record for record in records if isinstance(record, Opaque) and record.sha256 is not None):
                self._keep(opaque, session)
        self._registry.done(list(rows))
        return [Outcome(record, "written", (row.target,)) for record, row in rows.items()]

    def _refuse_wider(self, records: Sequence[Record]) -> None:
        """Before anything is written: rights that the wiki gives to more people than the source did, or may have done."""
        for space in (record for record in records if isinstance(record, Space) and self._own):
            original = self._directory.get(ref_to(space))
            if isinstance(original, Space) and original.visibility == "unknown" and self._rules.open_to_members(space):
                raise TargetError(
                    f"The source does not say who may read what, and the wiki lets all its members read {self._places.name(ref_to(space))}.",
                    f"Close the wiki first (`*  @ALL  0` in {self._wiki.conf / 'acl.auth.php'}), then type the same command again; open later what may be.",
                )
        for grant in records:
            rule = self._rules.rule(grant) if isinstance(grant, Grant) else None
            wider = self._rules.wider(rule) if rule is not None else None
            if rule is not None and wider is not None:
                raise TargetError(
                    f"The wiki gives {rule.who} the level {wider} on {rule.scope}, the source gave {rule.level}: rights would be widened.",
                    f"Write `{rule.text()}` in its place in {self._wiki.conf / 'acl.auth.php'}, then type the same command again.",
                )

    def _write_accounts(self, records: Sequence[Record]) -> None:
        users = {self._places.login(ref_to(r)): r for r in records if isinstance(r, User) and ref_to(r) not in self._people}
        joined: dict[str, list[str]] = {}
        for membership in (record for record in records if isinstance(record, Membership)):
            joined.setdefault(self._places.login(membership.member), []).append(self._group(membership.group))
        if not users and not joined:
            return
        accounts, lines = self._wiki.accounts(), self._wiki.lines("users.auth.php")
        for login, user in users.items():
            if login not in accounts:
                append(lines, account_line(login, user.display_name or "", (user.emails or [""])[0], joined.pop(login, [])))
        for login, groups in joined.items():
            lines = [joining(line, login, groups) for line in lines]
        self._wiki.write_lines("users.auth.php", lines)

    def _write_rules(self, records: Sequence[Record]) -> None:
        wanted = [rule.text() for record in records for rule in self._rules_of(record)]
        if not wanted:
            return
        lines = self._wiki.lines("acl.auth.php")
        there = {rule.text() for rule in self._wiki.rules()}
        for text in dict.fromkeys(wanted):
            if text not in there:
                append(lines, text)
        self._wiki.write_lines("acl.auth.php", lines)

    def _rules_of(self, record: Record) -> list[Rule]:
        rule = None
        if isinstance(record, Grant):
            rule = self._rules.rule(record)
        elif isinstance(record, Space):
            rule = self._rules.closing(record)
        elif isinstance(record, Opaque):
            rule = template(record)
        return [rule] if rule is not None else []

    def _write_media(self, files: Sequence[File], session: Session) -> None:
        media: dict[str, list[File]] = {}
        for file in files:
            media.setdefault(self._places.name(ref_to(file)) or "", []).append(file)
        for id, versions in media.items():
            self._media.write(id, versions, session)

    def _keep(self, opaque: Opaque, session: Session) -> None:
        path = self._stranger(opaque.id)
        if path is None or path.exists():
            return
        with whole(path) as out, session.open_blob(opaque.sha256 or "") as content:
            while piece := content.read(PIECE):
                out.write(piece)

    def _stranger(self, id: str) -> Path | None:
        """Where a plugin's file lies; None for a name that leads elsewhere."""
        parts = id.split("/")
        inside = parts[0] in ("pages", "attic", "meta", "media_attic", "media_meta") and len(parts) > 1
        return self._wiki.data.joinpath(*parts) if inside and not {"", ".", ".."} & set(parts) and parts[1] != "_reversa" else None

    def finish(self) -> None:
        """Let the wiki make its index anew, where PHP is there to do it; else it does so page by page as they are shown."""
        indexer, php = self._wiki.data.parent / "bin" / "indexer.php", shutil.which("php")
        if php is not None and indexer.exists() and any(self._registry.rows("page")):
            subprocess.run([php, str(indexer), "-q"], cwd=indexer.parent, capture_output=True, check=False, timeout=3600)  # noqa: S603

    # ------------------------------------------------------------------------------------------- taken back

    def undo(self, written: Iterator[tuple[Ref, tuple[str, ...]]]) -> None:
        """Take records out; those that were begun when a run was interrupted, too."""
        gone = {record for record, _ in written}
        rows = [row for kind in (*KINDS, "opaque") for row in self._registry.rows(kind, done=False)]
        ours = [row for row in rows if row.record in gone]
        with answered():
            self._take_back_pages(ours)
            self._take_back_media(ours)
            self._take_back_people(ours)
            for row in ours:
                kind, _ = ref_parts(row.record)
                if "subscribed" in row.refs:
                    remove(self._wiki.path("meta", _listed("" if row.target == ROOT else row.target), ".mlist"), self._wiki.data / "meta")
                if kind == "space" and row.target != ROOT:
                    remove_folder(self._wiki.path("pages", row.target), self._wiki.data / "pages")
                elif kind == "opaque" and (path := self._stranger(row.target)) is not None:
                    remove(path, self._wiki.data)
        self._registry.forget(row.record for row in ours)

    def _take_back_pages(self, rows: Sequence[Row]) -> None:
        times: dict[str, set[int]] = {}
        for row in rows:
            kind, _ = ref_parts(row.record)
            if kind == "page":
                last = (row.refs.get("head", ("", None))[0] or "").rpartition("@")[2]
                times.setdefault(row.target, set()).update([int(last)] if last.isdecimal() else [])
            elif kind == "revision":
                id, _, at = row.target.rpartition("@")
                times.setdefault(id, set()).update([int(at)] if at.isdecimal() else [])
        for id, of_page in times.items():
            self._pages.take_back(id, of_page)

    def _take_back_media(self, rows: Sequence[Row]) -> None:
        times: dict[str, set[int]] = {}
        today: dict[str, str | None] = {}
        for row in rows:
            if ref_parts(row.record)[0] == "file":
                id, _, at = row.target.partition("@")
                at = at or row.refs.get("at", (None, None))[0] or ""
                times.setdefault(id, set()).update([int(at)] if at else [])
                if "digest" in row.refs:
                    today[id] = row.refs["digest"][0]
        for id, of_medium in times.items():
            self._media.take_back(id, of_medium, today.get(id))

    def _take_back_people(self, rows: Sequence[Row]) -> None:
        gone = {row.record for row in rows}
        logins = {row.target for row in rows if ref_parts(row.record)[0] == "user" and row.record not in self._people}
        left: dict[str, set[str]] = {}
        for row in rows:
            if ref_parts(row.record)[0] == "membership":
                group, _, login = row.target.rpartition("/")
                left.setdefault(login, set()).add(group)
        if logins or left:
            lines = [leaving(line, left) for line in self._wiki.lines("users.auth.php") if login_of(line) not in logins]
            self._wiki.write_lines("users.auth.php", lines)
        texts = {text_of(row.target) for row in rows if ref_parts(row.record)[0] in ("grant", "opaque") and "there" not in row.refs}
        texts |= {text_of(closing[0] or "") for row in rows if (closing := row.refs.get("closing"))}
        others = {text_of(row.target) for row in self._registry.rows("grant", done=False) if row.record not in gone}
        if texts - others - {""}:
            self._wiki.write_lines("acl.auth.php", [line for line in self._wiki.lines("acl.auth.php") if line not in texts - others - {""}])

    # ------------------------------------------------------------------------------------------- what is what

    def _group_name(self, group: Ref) -> str | None:
        return self._registry.targets([group], done=False).get(group)

    def _group(self, group: Ref) -> str:
        id = ref_parts(group)[1]
        return self._group_name(group) or self._places.group(id, id)

    def _person(self, person: Ref) -> str:
        if ref_parts(person)[0] == "group":
            return ref("group", self._group(person))
        return ref("user", self._places.login(person))

    def _row(self, record: Record, records: Sequence[Record]) -> Row:
        target = self._target(record)
        refs: dict[str, tuple[str | None, str | None]] = {}
        for field in ("created_by", "updated_by", "member", "principal"):
            if (person := getattr(record, field, None)) is not None:
                refs[field] = (self._person(person) if field != "created_by" else ref("user", self._places.login(person)), person)
        match record:
            case Page():
                refs |= {
                    "space": (space_of(target), record.space),
                    "parent": (None, record.parent),
                    "head": (self._head(record, records), record.head),
                }
            case Revision():
                refs["target"] = (ref("page", self._places.name(record.target) or ""), record.target)
            case File():
                newer = ref("file", target.partition("@")[0]) if "@" in target else None
                refs |= {"target": (space_of(target), record.target), "version_of": (newer, record.version_of)}
                if newer is None and record.created_at is not None:
                    refs["at"] = (str(seconds(record.created_at)), None)  # its line in the log
                if newer is None and record.sha256 is not None:
                    refs["digest"] = (record.sha256, None)
            case Space():
                refs["parent"] = (space_of(target) if target != ROOT else None, record.parent)
                listed = self._wiki.path("meta", _listed("" if target == ROOT else target), ".mlist")
                if self._own and record.native is not None and not listed.exists():  # a list that is there is the wiki's own
                    refs["subscribed"] = (target, None)
                if (rights := self._closed.rights(record)) is not None:
                    refs["rights"] = (rights, None)
                if (closing := self._rules.closing(record)) is not None and not self._rules.is_there(closing):
                    refs["closing"] = (f"{closing.scope} {closing.who} {closing.level}", None)
            case Membership():
                refs["group"] = (ref("group", self._group(record.group)), record.group)
            case Grant():
                refs["target"] = (ref(ref_parts(record.target)[0], self._places.name(record.target) or ""), record.target)
        if isinstance(record, Grant | Opaque) and any(self._rules.is_there(rule) for rule in self._rules_of(record)):
            refs["there"] = (target, None)
        original = self._directory.get(ref_to(record))
        return Row(ref_to(record), target, record.root, refs, getattr(original, "title", None) or getattr(original, "name", None))

    def _target(self, record: Record) -> str:
        own = ref_to(record)
        match record:
            case Group():
                return record.name or self._places.group(record.id, None)
            case Membership():
                return f"{self._group(record.group)}/{self._places.login(record.member)}"
            case Revision():
                return f"{self._places.name(record.target)}@{seconds(record.created_at) or CURRENT}"
            case File():
                name = self._places.name(own) or ""
                return name if record.version_of is None else f"{name}@{seconds(record.created_at)}"
            case Grant():
                rule = self._rules.rule(record) or Rule("", "", NOBODY)
                return f"{rule.scope} {rule.who} {rule.level}"
            case Opaque():
                return record.id
        return self._places.name(own) or record.id

    def _head(self, page: Page, records: Sequence[Record]) -> str | None:
        """The revision that the exporter will call the current one."""
        versions = [r for r in records if isinstance(r, Revision) and r.target == ref_to(page)]
        last = max(versions, key=lambda v: v.order or 0, default=None)
        at: int | str = CURRENT if last is None else seconds(last.created_at) or CURRENT
        if not self._own and (last is None or (page.state == "deleted" and last.state != "deleted")):
            at = seconds(page.updated_at) or CURRENT
        return ref("revision", f"{page.name}@{at}")


def _listed(namespace: str) -> str:
    """What the list of those who are told of a namespace is called."""
    return f"{namespace}:" if namespace else ""


ADAPTER = DokuWikiImporter
