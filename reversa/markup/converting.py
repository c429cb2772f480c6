"""Texts from one markup to another: what importers call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import tee
from types import TracebackType
from typing import NamedTuple, Self

from reversa.errors import ReversaError
from reversa.markup import (
    reading_dokuwiki,
    reading_html,
    reading_markdown,
    reading_mediawiki,
    slack,
    writing_dokuwiki,
    writing_html,
    writing_markdown,
    writing_mediawiki,
    writing_plain,
    writing_xwiki,
)
from reversa.markup.checking import disagreements
from reversa.markup.contract import Converted, Given, Links, Loss
from reversa.markup.pandoc import LIMIT, Pool, Request, Tree
from reversa.markup.tree import Resolver, Wrapped
from reversa.markup.writing import Writer
from reversa.records import Body

WRITERS: dict[str, type[Writer]] = {
    "mediawiki": writing_mediawiki.MediaWiki,
    "dokuwiki": writing_dokuwiki.DokuWiki,
    "markdown": writing_markdown.Markdown,
    "html": writing_html.Html,
    "plain": writing_plain.Plain,
    "xwiki": writing_xwiki.XWiki,
}
"""Markups that can be written, by the names of :class:`reversa.records.Body`."""
_MARKUPS = {
    "mediawiki": reading_mediawiki.MARKUP,
    "dokuwiki": reading_dokuwiki.MARKUP,
    "markdown": reading_markdown.MARKUP,
    "html": reading_html.MARKUP,
    "slack-message": reading_html.MARKUP,
    "slack-mrkdwn": reading_html.MARKUP,
    "plain": reading_html.MARKUP,
}
_AS_HTML: dict[str, Callable[[str], str]] = {
    "slack-message": lambda text: slack.broken(slack.message(text)),
    "slack-mrkdwn": lambda text: slack.broken(slack.mrkdwn(text)),
    "plain": reading_html.paragraphs,
}


class _Prepared(NamedTuple):
    """A text on its way: with tokens, as pandoc shall read it."""

    given: Given
    text: str
    wrapped: Wrapped
    request: Request
    active: int = 0


class Converter:
    """Converts texts to one markup. Owns the pandoc workers, so it is to be closed."""

    def __init__(self, target: str, workers: int = 2) -> None:
        if target not in WRITERS:
            raise ReversaError(f"There is no writer for {target}.", f"Choose one of {', '.join(WRITERS)}.")
        self._target = target
        self._pool = Pool(workers)

    def convert(self, given: Sequence[Given], links: Links) -> list[Converted]:
        """Each text in the target's markup, in order. Nothing that a text holds stops it: what cannot be parsed is shown as it was written.

        A text that comes back is converted once: of the versions in the wikis measured (docs/markup.md) that is one in five.
        """
        once = list(dict.fromkeys(given))
        prepared, asked = tee(None if one.body.format == self._target else _prepared(one) for one in once)
        trees = self._pool.read(ready.request if ready else None for ready in asked)
        made = {
            one: self._kept(one, links) if one.body.format == self._target else self._converted(one, ready, tree, links)
            for one, ready, tree in zip(once, prepared, trees, strict=True)
        }
        return [made[one] for one in given]

    def close(self) -> None:
        """Ends the workers."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _kept(self, given: Given, links: Links) -> Converted:
        """A text that is already in the target's markup: only names that changed are edited."""
        markup, text = _MARKUPS.get(self._target), given.body.text
        if markup is None or self._target == "plain" or len(text) > LIMIT:
            return Converted(given.body)
        parts, end = [], 0
        for mark in markup.places(text):
            target = markup.lookup(mark.name, given.page, links) if mark.kind in ("name", "link", "file") else None
            address = links.address(target.record) if target and target.record else None
            if target and address is not None and address != target.name and mark.start >= end:
                parts += [text[end : mark.start], markup.renamed(mark, address, target.anchor)]
                end = mark.end
        text = "".join([*parts, text[end:]])
        found = reading_html.active(text) if self._target == "html" and "<" in text else 0
        if found:
            return Converted(Body(format="html", text=reading_html.cleaned(text)), (Loss("active", found),))
        return Converted(Body(format=self._target, text=text) if parts else given.body)

    def _converted(self, given: Given, ready: _Prepared | None, tree: Tree | None, links: Links) -> Converted:
        if ready is not None and tree is not None:
            try:
                return self._written(ready, tree, links)
            except RecursionError:  # nested deeper than any page that a person wrote
                pass
        writer = WRITERS[self._target](links)
        shown = given.body.text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
        text = writer.document([{"t": "CodeBlock", "c": [["", [], []], shown]}])
        return Converted(Body(format=self._target, text=text), (Loss("unparsed"),))

    def _written(self, ready: _Prepared, tree: Tree, links: Links) -> Converted:
        markup = _MARKUPS[ready.given.body.format]
        resolver = Resolver(ready.wrapped, markup, ready.given.page, links)
        blocks = resolver.blocks(tree.blocks)
        writer = WRITERS[self._target](links)
        text = writer.document(blocks)
        given = ready.given
        found = disagreements((given.body.format, self._target), (ready.text, text), given.page, markup.lookup, links, resolver, writer, tree.log)
        return Converted(Body(format=self._target, text=text), tuple(_losses(ready, resolver, writer)), found)


def _prepared(given: Given) -> _Prepared | None:
    format, text = given.body.format, given.body.text
    if len(text) > LIMIT:
        return None
    markup = _MARKUPS.get(format)
    if markup is None:
        return None
    clean = text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")  # what no text can hold
    try:
        text = _AS_HTML.get(format, str)(clean.replace("\r\n", "\n").replace("\r", "\n"))
    except (ValueError, AttributeError, RecursionError):  # not what its format says
        return None
    wrapped = Wrapped(text, markup.marks(text), markup.token)
    source = markup.eased(wrapped.text)
    repaired = map(markup.repaired, (source,)) if markup.repaired else ()
    return _Prepared(given, clean, wrapped, Request(markup.pandoc, source, repaired), reading_html.active(text) if format == "html" else 0)


def _losses(ready: _Prepared, resolver: Resolver, writer: Writer) -> Iterator[Loss]:
    yield Loss("converted")
    hidden = sum(mark.kind == "hidden" for mark in ready.wrapped.hidden)
    style = len(ready.wrapped.hidden) - hidden
    for what, count in (
        ("boxed", writer.boxes),
        ("dangling", len(resolver.dangling)),
        ("hidden", hidden),
        ("style", style),
        ("active", ready.active + resolver.active),
    ):
        if count:
            yield Loss(what, count)
    for detail, count in sorted((writer.style + writer.demoted).items()):
        if count:
            yield Loss("style", count, detail)
