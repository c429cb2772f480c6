"""What a wiki will show of a page: its revisions, categories, redirects, protection and files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from reversa.adapter import Unit
from reversa.markup.contract import Given, noted
from reversa.markup.converting import Converter
from reversa.records import Alias, Body, File, Grant, Page, Record, Ref, Revision, Tag, ref, ref_parts, ref_to
from reversa.systems.mediawiki.marks import Marks, cleaned, second
from reversa.systems.mediawiki.names import Names, Target
from reversa.systems.mediawiki.values import Namespace, categories, native, normalised, page_type

COMMENT = 500
ACTIVE = ("javascript", "css", "sanitized-css", "Scribunto", "GadgetDefinition")
"""Kinds of text that act: they arrive as plain text."""


class PageShaper:
    """Says what the wiki will show of pages and files."""

    def __init__(self, target: Target, names: Names, converter: Converter) -> None:
        self._target, self._names, self._converter = target, names, converter
        self._spaces = frozenset(space.name.casefold() for key, space in target.namespaces.items() if key == "14") | {"category"}
        words = "|".join(re.escape(word) for word in target.redirects) or "#REDIRECT"
        self._redirect = re.compile(rf"\s*(?:{words})\s*:?\s*\[\[\s*:?([^\]|#]+)", re.IGNORECASE)

    def shape(self, unit: Unit, records: Sequence[Record], marks: Marks) -> list[Record]:
        """The page of a unit and what belongs to it, without what the wiki has no place for."""
        page = next((record for record in records if isinstance(record, Page) and ref_to(record) == unit.root), None)
        made: list[Record] = []
        revisions = [record for record in records if isinstance(record, Revision)]
        mine = sorted((r for r in revisions if page is not None and r.target == unit.root), key=_place)
        for revision in revisions:
            if page is None or revision.target != unit.root:
                marks.without(revision, "mediawiki.revision.no-page")
        for other in records:
            if isinstance(other, Page) and (other is not page or not mine):
                marks.without(other, "mediawiki.page.empty")
        text = None
        if page is not None and mine:
            head = next((r for r in mine if ref_to(r) == page.head), mine[-1])
            tags = [record for record in records if isinstance(record, Tag) and record.target == unit.root]
            converted = self._converted(page, mine, marks)
            shown = [self._revision(r, number, converted, marks) for number, r in enumerate(mine, 1)]
            at = mine.index(head)
            if not self._names.of_a_wiki:
                shown[at] = self._with_categories(shown[at], tags, marks)
            body = shown[at].body
            text = body.text if body is not None and body.format == "mediawiki" else None
            made += [self._page(page, ref_to(head), text, marks), *shown]
        rest = (record for record in records if isinstance(record, Tag | Alias | Grant | File))
        written = page is not None and bool(mine)
        for record in rest:
            kept = self._part(record, text, marks, written=written and record.root == unit.root)
            if kept is not None:
                made.append(kept)
        return _without_twins(made, marks)

    def _part(self, record: Record, text: str | None, marks: Marks, *, written: bool) -> Record | None:
        match record:
            case Tag():
                return self._tag(record, text, marks, written=written)
            case Alias():
                return self._alias(record, text, marks, written=written)
            case Grant():
                known = (
                    written
                    and record.target == record.root
                    and record.effect == "allow"
                    and ref_parts(record.principal or ref("group", ""))[1] in self._target.levels
                    and record.native_right in self._target.protections
                )
                if known:
                    return record
                marks.without(record, "mediawiki.grant.unknown")
            case File():
                return self._file(record, marks)
        return None

    # ------------------------------------------------------------------------------------------- pages

    def _page(self, page: Page, head: Ref, text: str | None, marks: Marks) -> Page:
        titles = self._names.titles
        title = self._names.title(ref_to(page)) or titles.clean(page.name or page.title or page.id)
        key = titles.key_of(title)
        values: dict[str, Any] = {
            "name": title,
            "title": titles.local(title) or title,
            "page_type": page_type(key, redirect=bool(text and self._redirect.match(text))),
            "head": head,
            "url": None,
        }
        codes = {
            "name": "mediawiki.page.name.renamed",
            "title": "mediawiki.page.title.renamed",
            "page_type": "mediawiki.page.page_type.derived",
            "head": "mediawiki.page.head.last",
            "url": "mediawiki.page.url",
            "space": "mediawiki.page.space.other",
        }
        if self._names.of_a_wiki:
            space = ref("space", key)
            values["space"] = space if self._names.directory.get(space) is not None else None
        made: Page = marks.changed(page, values, codes)
        return made

    def _revision(self, revision: Revision, number: int, converted: Mapping[Ref, Body], marks: Marks) -> Revision:
        own = ref_to(revision)
        hidden = self._hidden(revision)
        gone = "text" in hidden
        comment = None if "comment" in hidden else cleaned(revision.comment or "") or None
        values: dict[str, Any] = {
            "order": number,
            "created_at": second(revision.created_at),
            "created_by": None if "contributor" in hidden else self._names.person(revision.created_by),
            "minor": True if revision.minor else None,
            "state": "deleted" if gone else None,
            "native": native({"hidden": hidden}),
        }
        codes = {
            "order": "mediawiki.revision.order.counted",
            "created_at": f"mediawiki.revision.created_at.{'seconds' if revision.created_at else 'unknown'}",
            "created_by": "mediawiki.revision.created_by.unknown",
            "minor": "mediawiki.revision.minor.false",
            "state": "mediawiki.revision.state.visible",
            "native": "mediawiki.revision.native.in-part",
        }
        if comment != revision.comment:
            marks.add("mediawiki.revision.comment.cleaned", own)
        if comment is not None and len(comment) > COMMENT:
            comment = comment[: COMMENT - 1].rstrip() + "…"
            marks.add("mediawiki.revision.comment.cut", own)
        body = None if gone else converted.get(own) or self._body(revision, marks)
        if gone and revision.body is not None:
            marks.add("mediawiki.revision.body.hidden", own)
        made: Revision = marks.changed(revision, values, codes)
        return msgspec.structs.replace(made, comment=comment, body=body)

    def _hidden(self, revision: Revision) -> list[str]:
        """What nobody is to see of a revision."""
        said = json.loads(revision.native or "{}").get("hidden") if self._names.of_a_wiki else None
        known = {part for part in said if part in ("text", "comment", "contributor")} if isinstance(said, list) else set()
        return sorted(known | ({"text"} if revision.state == "deleted" else set()))

    def _body(self, revision: Revision, marks: Marks) -> Body:
        own = ref_to(revision)
        if revision.body is None:
            marks.add("mediawiki.revision.body.absent", own)
            return Body(format="mediawiki", text="")
        format, text = revision.body.format, revision.body.text
        model = format.removeprefix("mediawiki-")
        if format == "mediawiki":
            made = Body(format=format, text=cleaned(text))
        else:
            known = model in self._target.models and model not in ("unknown", "wikitext", *ACTIVE)
            made = Body(format=format if known else "mediawiki-text", text=cleaned(text))
            if not known:
                marks.add("mediawiki.revision.body.model", own, model)
        if made.text != text:
            marks.add("mediawiki.revision.body.cleaned", own)
        return made

    def _converted(self, page: Page, revisions: Sequence[Revision], marks: Marks) -> dict[Ref, Body]:
        """The texts of a page that are in the markup of another system."""
        foreign = [r for r in revisions if r.body is not None and r.state != "deleted" and not _of_mediawiki(r.body)]
        given = [Given(r.body, page.name or "") for r in foreign if r.body is not None]
        made: dict[Ref, Body] = {}
        for revision, one in zip(foreign, self._converter.convert(given, self), strict=True):
            marks.noted += noted("mediawiki", "revision", "body", ref_to(revision), one)
            made[ref_to(revision)] = Body(format="mediawiki", text=cleaned(one.body.text))
        return made

    # ------------------------------------------------------------------------------------------- links, as the converter asks for them

    def find(self, kind: str, name: str) -> Ref | None:
        """The page, file or user that the source calls so."""
        return self._names.directory.find(kind, name)

    def address(self, record: Ref) -> str | None:
        """The title that links lead to; of a file, its name."""
        kind = ref_parts(record)[0]
        if kind == "user":
            name = self._names.accounts.get(record) or self._names.user(record)
            return f"User:{name}" if name else None
        if kind == "file":
            return self._names.file(record)
        return self._names.title(record)

    # ------------------------------------------------------------------------------------------- labels and old names

    def _with_categories(self, revision: Revision, tags: Sequence[Tag], marks: Marks) -> Revision:
        """The current revision, with the labels of its page as categories."""
        body = revision.body
        labels = dict.fromkeys(label for tag in tags if (label := self._label(tag.label)))
        if not labels or body is None or body.format != "mediawiki":
            return revision
        marks.add("mediawiki.revision.body.categories", ref_to(revision))
        links = "\n".join(f"[[Category:{label}]]" for label in labels)
        return msgspec.structs.replace(revision, body=Body(format=body.format, text=f"{body.text}\n\n{links}" if body.text else links))

    def _label(self, label: str) -> str:
        return self._names.titles.local(self._category(label))

    def _category(self, label: str) -> str:
        made = self._names.titles.clean("Category " + label).removeprefix("Category ")
        space = self._target.namespaces.get("14") or Namespace("Category")
        return normalised(made, space.case)

    def _tag(self, tag: Tag, text: str | None, marks: Marks, *, written: bool) -> Tag | None:
        if not written or text is None or tag.target != tag.root:
            marks.without(tag, "mediawiki.tag.no-page")
            return None
        label = tag.label if self._names.of_a_wiki else self._category(tag.label)
        space = self._target.namespaces.get("14") or Namespace("Category")
        if label not in categories(text, self._spaces, space.case):
            marks.without(tag, "mediawiki.tag.not-a-category" if self._names.of_a_wiki else "mediawiki.tag.no-page")
            return None
        codes = {"label": "mediawiki.tag.label.renamed", "scheme": "mediawiki.tag.scheme.category"}
        made: Tag = marks.changed(tag, {"label": label, "scheme": "category"}, codes)
        return made

    def _alias(self, alias: Alias, text: str | None, marks: Marks, *, written: bool) -> Alias | None:
        """A redirect that leads to the same page there."""
        found = self._redirect.match(text) if written and text is not None else None
        to = self._names.title(alias.target)
        title = self._names.title(alias.root)
        if found is None or to is None or title is None or self._names.titles.clean(found[1]) != to or alias.alias_type != "redirect":
            marks.without(alias, "mediawiki.alias.not-a-redirect")
            return None
        made: Alias = marks.changed(alias, {"name": title}, {"name": "mediawiki.alias.name"})
        return made

    # ------------------------------------------------------------------------------------------- files

    def _file(self, file: File, marks: Marks) -> File | None:
        own = ref_to(file)
        name = self._names.file(own)
        head = self._names.heads.get(own, own)
        if file.sha256 is None or name is None:
            marks.without(file, "mediawiki.file.no-content")
            return None
        comment = json.loads(file.native or "{}").get("comment") if self._names.of_a_wiki else None
        values: dict[str, Any] = {
            "name": name.replace("_", " "),
            "created_at": second(file.created_at),
            "created_by": self._names.person(file.created_by),
            "version_of": None if head == own else head,
            "native": native({"comment": cleaned(comment)[: COMMENT - 1]}) if isinstance(comment, str) else None,
        }
        codes = {
            "name": "mediawiki.file.name.renamed",
            "created_at": f"mediawiki.file.created_at.{'seconds' if file.created_at else 'unknown'}",
            "created_by": "mediawiki.file.created_by.unknown",
            "version_of": "mediawiki.file.version_of.newest",
            "native": "mediawiki.file.native.in-part",
        }
        made: File = marks.changed(file, values, codes)
        return made


def _place(revision: Revision) -> tuple[int, Any, int, str]:
    """The place of a revision among those of its page."""
    return revision.order or 0, second(revision.created_at), len(revision.id), revision.id


def _of_mediawiki(body: Body) -> bool:
    return body.format == "mediawiki" or body.format.startswith("mediawiki-")


def _without_twins(records: list[Record], marks: Marks) -> list[Record]:
    """Two labels that the wiki takes for one are one."""
    seen: set[str] = set()
    kept = []
    for record in records:
        if isinstance(record, Tag):
            if record.label in seen:
                marks.without(record, "mediawiki.tag.no-page")
                continue
            seen.add(record.label)
        kept.append(record)
    return kept
