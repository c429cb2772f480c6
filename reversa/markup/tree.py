"""The document between two markups: what is wrapped before pandoc reads, found again in its tree, and where links lead.

Pandoc drops or rewrites what it does not know. So a scanner of each markup marks such places in the source (:class:`Mark`), a token
of private-use characters stands there while pandoc reads, and the token becomes a node of the tree again: a box, a link, an image.
Nodes that pandoc does not have are called ``Box`` (inline) and ``BoxBlock``; a link inside the package has a URN as its address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from html import unescape
from itertools import count, groupby
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, unquote

from reversa.markup.contract import Links
from reversa.records import Ref, ref_parts

URN = "urn:reversa:"
DANGLING = f"{URN}dangling:"
HOST = "token.reversa.invalid"
"""Where addresses lead while pandoc reads: it wants to know them for addresses."""
BOX = "▣"
"""Stands before every box: readers see that it is one, and boxes can be counted in the target."""

Kind = Literal["box", "hidden", "style", "name", "link", "file", "category", "code", "dangling"]
Node = dict[str, Any]


class Mark(NamedTuple):
    """A place in a source that pandoc shall not read. ``name``: what it leads to; ``label``: what is shown of it, if that is said."""

    start: int
    end: int
    kind: Kind
    text: str
    name: str = ""
    label: str | Mark | None = None


class Target(NamedTuple):
    """Where a link leads: the kind of record, its name in the source, an anchor, and the record itself if there is one.

    The kind "address" is for what a markup has a short name for: its name is an address outside.
    """

    kind: str
    name: str
    anchor: str = ""
    record: Ref | None = None


_TAG = re.compile(r"</?[a-zA-Z][^<>]*>\s*")
_PIECE = re.compile(
    r"<!--.*?(?:-->|\Z)|(?P<active><(?P<name>script|style|iframe|object|embed|form|svg)\b.*?(?:</(?P=name)\s*>|\Z))"
    r"|<img\b[^<>]*?\bsrc\s*=\s*[\"'](?P<picture>[^\"'<>]*)[^<>]*>|(?P<tag></?[a-zA-Z][^<>]*>)|(?P<text>[^<]+|<)",
    re.DOTALL | re.IGNORECASE,
)

Lookup = Callable[[str, str, Links], Target | None]
"""A markup's title rules: a name as written and the page it stands on → where it leads; None: outside, it is an address already."""


class Markup(NamedTuple):
    """How texts of one markup are read."""

    pandoc: str
    """Pandoc's name of it."""
    marks: Callable[[str], Iterable[Mark]]
    """What pandoc shall not read."""
    lookup: Lookup
    renamed: Callable[[Mark, str, str], str]
    """A mark with another name and anchor, for texts that stay in their markup."""
    places: Callable[[str], Iterable[Mark]]
    """Every name in a text, also those that pandoc reads by itself."""
    token: Callable[[Mark, str], str] = lambda _mark, made: made
    """What stands in the place of a mark, around its token."""
    eased: Callable[[str], str] = str
    """The text as pandoc reads it in full."""
    repaired: Callable[[str], str] | None = None
    """Another way to write a text that does not parse."""
    code: Callable[[str], str] = str
    """What a listing shows, if it is not what pandoc says."""
    whole: bool = False
    """Whether the marks are all links there are: pandoc makes others of what only looks like an address."""


class Wrapped:
    """A source with tokens in place of its marks."""

    def __init__(self, text: str, marks: Iterable[Mark], token: Callable[[Mark, str], str] = lambda _mark, made: made) -> None:
        self._open, self._close = _free(text)
        self._host = next(host for number in count() if (host := f"{number}.{HOST}") not in text)
        self.marks: list[Mark] = []
        self.hidden: list[Mark] = []
        parts, end = [], 0
        for mark in marks:
            parts.append(text[end : mark.start])
            if mark.kind in ("hidden", "style"):
                self.hidden.append(mark)
            else:
                parts.append(token(mark, f"{self._open}{len(self.marks)}{self._close}").replace(HOST, self._host))
                self.marks.append(mark)
            end = mark.end
        self.text = "".join([*parts, text[end:]])
        self._token = re.compile(f"(?:{self._open}|http://{re.escape(self._host)}/)([0-9]+)[{self._close}/]")

    def split(self, text: str) -> Iterator[str | Mark]:
        """The text and the marks in it, by turns."""
        for place, piece in enumerate(self._token.split(text)):
            if place % 2 and int(piece) < len(self.marks):
                yield self.marks[int(piece)]
            elif piece:
                yield piece

    def restored(self, text: str) -> str:
        """The text as it was written."""
        return self._token.sub(self._written, text) if self.has_token(text) else text

    def _written(self, found: re.Match[str]) -> str:
        return self.marks[int(found[1])].text if int(found[1]) < len(self.marks) else found[0]

    def has_token(self, text: str) -> bool:
        return self._open in text or self._host in text

    def mark_in(self, address: str) -> Mark | None:
        found = self._token.search(unquote(address))
        return self.marks[int(found[1])] if found and int(found[1]) < len(self.marks) else None


def _free(text: str) -> tuple[str, str]:
    """Two private-use characters that the text does not hold."""
    free = (chr(code) for code in range(0xE000, 0xF8FF) if chr(code) not in text)
    return next(free), next(free)


class Resolver:
    """Walks a tree: tokens become nodes, links become URNs. ``seen`` are the marks that arrived."""

    def __init__(self, wrapped: Wrapped, markup: Markup, page: str, links: Links) -> None:
        self.wrapped = wrapped
        self.seen: list[Mark] = []
        self._categories: list[Node] = []
        self.dangling: list[str] = []
        self.active = 0
        self._markup = markup
        self._page = page
        self._links = links

    def blocks(self, blocks: list[Any]) -> list[Any]:
        """The tree with everything resolved. Categories become links at its end."""
        made = self._list(blocks)
        named = [part for link in self._categories for part in (link, {"t": "Space"})][:-1]
        return [*made, {"t": "Para", "c": named}] if named else made

    def _list(self, nodes: list[Any]) -> list[Any]:
        """Resolved nodes; text and blanks between others become one string, which is most of the nodes that there are."""
        made: list[Any] = []
        run: list[str] = []
        for node in nodes:
            kind = node.get("t") if isinstance(node, dict) else None
            if kind == "Space" or kind == "SoftBreak":  # noqa: PLR1714 # the innermost loop
                run.append(" ")
                continue
            if kind == "Str" and not self.wrapped.has_token(node["c"]):
                run.append(node["c"])
                continue
            if run:
                made.append({"t": "Str", "c": "".join(run)})
                run = []
            if kind is not None:
                made += self._node(node)
                if kind == "RawBlock":
                    _as_heading(made)
            elif isinstance(node, list):
                made.append(self._list(node))
            else:
                made.append(self._text(node) if isinstance(node, str) else node)
        if run:
            made.append({"t": "Str", "c": "".join(run)})
        return made

    def _text(self, text: str) -> str:
        if self.wrapped.has_token(text):
            self.seen += [mark for mark in self.wrapped.split(text) if isinstance(mark, Mark)]
            return self.wrapped.restored(text)
        return text

    def _node(self, node: Node) -> list[Node]:
        kind: str = node["t"]
        content: Any = node.get("c")
        if kind == "Str":
            return list(self._str(content)) if self.wrapped.has_token(content) else [node]
        if kind in ("Link", "Image"):
            return self._link(kind, content)
        if kind == "Code" and self.wrapped.has_token(content[1]):
            return list(self._in_code(content[1]))
        if kind == "CodeBlock":
            return [{"t": kind, "c": [content[0], self._markup.code(self._text(content[1]))]}]
        if kind == "Figure":
            content = self._captioned(content)
            if not content[1][1]:
                return [made for inner in content[2] for made in self._node(inner)]
        if kind in ("RawBlock", "RawInline") and content[0] == "html" and not _TAG.fullmatch(content[1]):
            made = self._list(list(self._html(content[1])))
            return [{"t": "Para", "c": made}] if kind == "RawBlock" and made else made
        if isinstance(content, str):
            return [{"t": kind, "c": self._text(content)}]
        if not isinstance(content, list):
            return [node]
        made = self._list(content)
        if kind in ("Para", "Plain") and made and any(inner["t"] == "Box" for inner in made):
            solid = [inner for inner in made if not _blank(inner)]
            if kind == "Para" and all(inner["t"] == "Box" for inner in solid):
                return [{"t": "BoxBlock", "c": inner["c"]} for inner in solid]
        if kind in ("Para", "Plain") and any(inner["t"] == "CodeBlock" for inner in made):
            return list(_lifted(kind, made))
        return [{"t": kind, "c": made}]

    def _html(self, text: str) -> Iterator[Node]:
        """HTML amid another markup: its text and its pictures; what is active in it is dropped."""
        for piece in _PIECE.finditer(text):
            if piece["active"]:
                self.active += 1
            elif piece["picture"]:
                alt = re.search(r"alt\s*=\s*[\"']([^\"']*)", piece[0])
                yield {"t": "Image", "c": [["", [], []], list(_words(unescape(alt[1]) if alt else "")), [unescape(piece["picture"]), ""]]}
            elif piece["tag"]:
                yield {"t": "RawInline", "c": ["html", piece["tag"]]}
            elif piece["text"]:
                yield from _words(unescape(" ".join(piece["text"].split("\n"))))

    def _supposed(self, address: str, label: list[Node]) -> bool:
        """Whether pandoc takes for a link what is only text to the source."""
        if self._markup.lookup(address, self._page, self._links) is not None:
            return True
        if address.startswith("mailto:"):
            return False
        return [node.get("c") for node in label] in ([address], [unquote(address)])

    def _captioned(self, figure: list[Any]) -> list[Any]:
        """A figure whose caption says something: pandoc makes one of each picture that stands alone."""
        attributes, (short, caption), inside = figure
        pictures = [node for block in inside if block["t"] in ("Para", "Plain") for node in block["c"] if node["t"] == "Image"]
        if len(pictures) != 1 or len(caption) != 1:
            return figure
        picture_attributes, label, target = pictures[0]["c"]
        text, mark = caption[0].get("c"), self.wrapped.mark_in(target[0])
        if text in (label, [{"t": "Str", "c": unquote(target[0])}]):
            return [attributes, [short, []], inside]
        if mark and not label and not pictured(mark.name):
            return [attributes, [short, []], [{"t": "Para", "c": [{"t": "Image", "c": [picture_attributes, text, target]}]}]]
        return figure

    def _in_code(self, text: str) -> Iterator[Node]:
        """Preformatted text, in which links are links all the same."""
        for piece in self.wrapped.split(text):
            if isinstance(piece, str):
                yield {"t": "Code", "c": [["", [], []], piece]}
            elif piece.kind in ("link", "file"):
                self.seen.append(piece)
                yield self._marked(piece)
            else:
                self.seen.append(piece)
                yield {"t": "Code", "c": [["", [], []], piece.text]}

    def _str(self, text: str) -> Iterator[Node]:
        pieces = list(self.wrapped.split(text))
        for place, piece in enumerate(pieces):
            if isinstance(piece, str):
                follows = pieces[place + 1] if place + 1 < len(pieces) else None
                yield {"t": "Str", "c": piece.removesuffix("<") if isinstance(follows, Mark) and follows.kind == "code" else piece}
                continue
            self.seen.append(piece)
            if piece.kind == "box":
                yield {"t": "Box", "c": piece.text}
            elif piece.kind == "code":
                yield from _listing(piece)
            elif piece.kind == "category":
                label = f"Category:{piece.name}"
                self._categories.append(self._made("Link", ["", [], []], list(_words(label)), label, ""))
            elif piece.kind == "dangling":
                self.dangling.append(piece.name)
                yield from [*self._label(piece), *_words(f" [[{piece.name}]]")]
            elif piece.kind == "name":  # not a link to pandoc: then it is text
                yield from _words(piece.text)
            else:
                yield self._marked(piece)

    def _marked(self, mark: Mark) -> Node:
        return self._made("Image" if mark.kind == "file" else "Link", ["", [], []], self._label(mark), mark.name, "")

    def _label(self, mark: Mark) -> list[Node]:
        return [self._marked(mark.label)] if isinstance(mark.label, Mark) else list(_words(mark.label or ""))

    def _link(self, kind: str, content: list[Any]) -> list[Node]:
        attributes, label, (address, title) = content
        mark = self.wrapped.mark_in(address) if address else None
        if mark is None and self._markup.whole and (kind == "Image" or self._supposed(address, label)):
            return self._list(label)
        if mark is not None:
            self.seen.append(mark)
            if kind == "Image" and len(label) == 1 and list(self.wrapped.split(str(label[0].get("c", "")))) == [mark]:
                label = []  # a picture without a caption shows its name to pandoc
            title = ""
        label = self._list(label)
        if kind == "Link":
            label = list(_unlinked(label))
        return [self._made(kind, attributes, label, mark.name if mark else address, title)]

    def _made(self, kind: str, attributes: list[Any], label: list[Node], name: str, title: str) -> Node:
        target = self._markup.lookup(name, self._page, self._links)
        if target is None:
            return {"t": kind, "c": [attributes, label, [name, title]]}
        if kind == "Image" and target.kind == "file" and not pictured(target.name):
            kind = "Link"  # a document that the source calls like an image
            label = label or [{"t": "Str", "c": target.name.rpartition(":")[2]}]
        address = self.address(target)
        return {"t": kind, "c": [attributes, label, [address, title]]}

    def address(self, target: Target) -> str:
        """A target as an address on the tree. What leads nowhere is counted."""
        if target.kind == "address":
            return target.name
        anchor = f"#{target.anchor}" if target.anchor else ""
        if not target.name:
            return anchor
        if target.record is None or self._links.address(target.record) is None:
            self.dangling.append(target.name)
            return f"{DANGLING}{target.kind}:{quote(target.name)}{anchor}"
        kind, id = ref_parts(target.record)
        return f"{URN}{kind}:{quote(id)}{anchor}"


def _unlinked(label: list[Node]) -> Iterator[Node]:
    """A label without links in it: an address that is shown is no link of its own."""
    for node in label:
        if node["t"] == "Link":
            yield from node["c"][1]
        elif node["t"] in ("Strong", "Emph", "Underline", "Strikeout"):
            yield {"t": node["t"], "c": list(_unlinked(node["c"]))}
        else:
            yield node


def _listing(mark: Mark) -> Iterator[Node]:
    """A listing with its language; a file name stands before it."""
    language, _, name = mark.name.partition(" ")
    if name.strip():
        yield {"t": "Code", "c": [["", [], []], name.strip()]}
    yield {"t": "CodeBlock", "c": [["", [language] if language not in ("", "-") else [], []], str(mark.label)]}


def _blank(node: Node) -> bool:
    return node["t"] in ("Space", "LineBreak") or (node["t"] == "Str" and not node["c"].strip())


def _lifted(kind: str, nodes: list[Node]) -> Iterator[Node]:
    """A paragraph with listings in it as the blocks that it is."""
    for is_block, group in groupby(nodes, lambda node: node["t"] == "CodeBlock"):
        inside = list(group)
        if is_block:
            yield from inside
        elif not all(map(_blank, inside)):
            yield {"t": kind, "c": inside}


def _as_heading(nodes: list[Node]) -> None:
    """A heading that is written as HTML."""
    if nodes and nodes[-1].get("t") == "RawBlock" and (closing := re.fullmatch(r"</h([1-6])>", nodes[-1]["c"][1], re.IGNORECASE)) and len(nodes) > 2:
        first, text = nodes[-3:-1]
        if first.get("t") == "RawBlock" and re.match(f"<h{closing[1]}[ >]", first["c"][1], re.IGNORECASE) and text.get("t") in ("Para", "Plain"):
            nodes[-3:] = [{"t": "Header", "c": [int(closing[1]), ["", [], []], text["c"]]}]


def _words(text: str) -> Iterator[Node]:
    for place, word in enumerate(text.split(" ")):
        if place:
            yield {"t": "Space"}
        if word:
            yield {"t": "Str", "c": word}


def pictured(name: str) -> bool:
    """Whether a file of this name is shown as a picture."""
    return name.rpartition(".")[2].lower() in ("png", "jpg", "jpeg", "gif", "svg", "webp", "bmp", "ico", "tif", "tiff") or "." not in name
