"""Whether three counts agree about a conversion: pandoc's log, the wrapped places, and what other parsers find at both ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from reversa.markup.contract import Links
from reversa.markup.counting import Link, Tally, count, differences, folded
from reversa.markup.tree import BOX, Lookup, Mark, Resolver, Target, Wrapped, pictured
from reversa.markup.writing import Writer

_KEPT = {"LoadedResource", "CouldNotHighlight"}


def disagreements(
    formats: tuple[str, str],
    texts: tuple[str, str],
    page: str,
    lookup: Lookup,
    links: Links,
    resolver: Resolver,
    writer: Writer,
    log: list[dict[str, object]],
) -> tuple[str, ...]:
    """Each difference that no declared loss explains, in words; none: the text is trusted."""
    source, target = count(formats[0], texts[0], source=True), count(formats[1], texts[1], source=False)
    expected = _Expected(source, page, lookup, links, writer, pictures_outside=formats[1] != "mediawiki")
    return (
        *_of_log(log),
        *_of_wrapped(resolver.wrapped, resolver.seen, texts, writer),
        *differences(expected.words(), target.words(), "words"),
        *expected.of_links(target, plain=formats[1] == "plain"),
        *expected.of_numbers(target, formats[1]),
    )


def _of_log(log: list[dict[str, object]]) -> Iterator[str]:
    """What pandoc skipped: our pre-passes leave nothing for it to skip."""
    for kind, number in Counter(str(message.get("type")) for message in log if message.get("verbosity") != "DEBUG").items():
        if kind not in _KEPT:
            yield f"pandoc: {kind} x{number}"


def _of_wrapped(wrapped: Wrapped, seen: Iterable[Mark], texts: tuple[str, str], writer: Writer) -> Iterator[str]:
    """Every wrapped place is in the tree, and every box in the text."""
    missing = Counter(wrapped.marks) - Counter(seen)
    if missing:
        yield f"wrapped, not in the tree: {missing.total()} ({next(iter(missing)).text[:40]!r})"
    shown = texts[1].count(BOX) - texts[0].count(BOX)
    if shown != writer.boxes:
        yield f"boxes: {writer.boxes} made, {shown} in the text"


class _Expected:
    """What the target must hold, by the source's own count."""

    def __init__(self, source: Tally, page: str, lookup: Lookup, links: Links, writer: Writer, *, pictures_outside: bool) -> None:
        self._source = source
        self._page = page
        self._lookup = lookup
        self._links = links
        self._pictures_outside = pictures_outside
        self._demoted = writer.demoted
        self._own = writer.own
        self._block_boxes = writer.block_boxes

    def words(self) -> Counter[str]:
        """The source's words, and the names that mentions are shown by."""
        made = self._source.words() + self._own
        names = Tally()
        for link in self._source.links:
            if link.label is None:
                names.text(self._address(link.name)[0])
                names.gap()
        for link in self._source.images:
            if not link.label and self._shown_as_link(link):
                names.text(self._file(link))
                names.gap()
        return made + names.words()

    def of_links(self, target: Tally, *, plain: bool) -> Iterator[str]:
        """Labels and the names they lead to, and pictures."""
        if plain:
            return
        links = [self._labelled(link) for link in self._source.links if folded(link.name)]
        within = Counter(name for link in self._source.links for name in link.pictures if self._lookup(name, self._page, self._links) is None)
        as_links = [
            Link(link.label or self._file(link), link.name)
            for link in self._source.images
            if self._shown_as_link(link) and not self._within(link, within)
        ]
        expected = Counter(self._key(link) for link in (*links, *as_links))
        got = Counter(_got(link) for link in target.links if folded(link.name))
        yield from _explained(expected, got, "links", self._demoted["link"])
        pictures = Counter(_folded(self._address(link.name)[0]) for link in self._source.images if not self._shown_as_link(link))
        yield from _explained(pictures, Counter(_got(link)[1] for link in target.images), "pictures", self._demoted["image"])

    def of_numbers(self, target: Tally, format: str) -> Iterator[str]:
        if format == "plain":
            return
        numbers = (
            ("table cells", self._source.cells - self._demoted["cell"], target.cells),
            ("code blocks", self._source.codes + self._block_boxes - self._demoted["code"], target.codes),
            ("headings", self._source.headings - self._demoted["heading"], target.headings),
        )
        for what, expected, got in numbers:
            if expected != got:
                yield f"{what}: {expected} in the source, {got} in the target"

    def _shown_as_link(self, link: Link) -> bool:
        target = self._lookup(link.name, self._page, self._links)
        if target is None:
            return not self._pictures_outside
        return target.kind == "file" and not pictured(target.name)

    def _labelled(self, link: Link) -> Link:
        """A link around a picture that becomes text shows the picture's name."""
        if (
            link.label is None
            or folded(link.label)
            or not link.pictures
            or self._pictures_outside
            or self._lookup(link.pictures[0], self._page, self._links)
        ):
            return link
        return link._replace(label=self._file(Link("", link.pictures[0])))

    def _within(self, picture: Link, within: Counter[str]) -> bool:
        within[picture.name] -= 1
        return not self._pictures_outside and within[picture.name] >= 0

    def _file(self, link: Link) -> str:
        """What a link to a file shows that says nothing itself."""
        target = self._lookup(link.name, self._page, self._links)
        return target.name.rpartition(":")[2] if target else link.name.rpartition("/")[2] or link.name

    def _address(self, name: str) -> tuple[str, str]:
        target = self._lookup(name, self._page, self._links)
        if target is None:
            return name, ""
        return _name(target, self._links), target.anchor

    def _key(self, link: Link) -> tuple[str, str]:
        name, anchor = self._address(link.name)
        label = link.label if link.label is not None else name
        return folded(label) or _folded(name), _folded(name + anchor)


def _name(target: Target, links: Links) -> str:
    return (links.address(target.record) if target.record else None) or target.name


def _folded(name: str) -> str:
    return folded(unquote(name))


def _got(link: Link) -> tuple[str, str]:
    return folded(link.label or "") or _folded(link.name), _folded(link.name)


def _explained(
    expected: Counter[tuple[str, str]] | Counter[str], got: Counter[tuple[str, str]] | Counter[str], what: str, demoted: int
) -> Iterator[str]:
    if demoted and not got - expected and (expected - got).total() == demoted:  # type: ignore[operator]
        return
    yield from differences(
        Counter({str(key): number for key, number in expected.items()}), Counter({str(key): number for key, number in got.items()}), what
    )
