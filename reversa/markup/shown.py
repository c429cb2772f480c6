"""A body as a person may see it: safe HTML, whatever the body holds.

Everything passes nh3 with one short list of elements: no script, no style, no image, no address but web, mail and
``ref:KIND:ID``, which stands for a record and is replaced by its place in the target.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

import nh3
from markupsafe import escape

from reversa.markup import slack
from reversa.records import Body

LIMIT = 40_000
"""Characters of HTML that are shown of one body."""

_READERS: dict[str, Callable[[str], str]] = {"slack-message": slack.message, "slack-mrkdwn": slack.mrkdwn, "html": str}
_ADDRESS = re.compile(r"(https?|mailto|ref):", re.IGNORECASE)


def _whole_addresses(_tag: str, name: str, value: str) -> str | None:
    """An address without a scheme would lead to somewhere in the target."""
    return value if name != "href" or _ADDRESS.match(value) else None


_CLEANER = nh3.Cleaner(
    tags={
        *("a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i"),
        *("ins", "kbd", "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul"),
    },
    attributes={"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}},
    attribute_filter=_whole_addresses,
    url_schemes={"http", "https", "mailto", "ref"},
    link_rel="noopener noreferrer",
)
_TAG = re.compile("<[^>]*>")


def shown(body: Body) -> tuple[str, bool]:
    """Safe HTML for a body, and whether it had to be cut. A markup without a reader is shown as it is written."""
    try:
        made = _cleaned(_READERS.get(body.format, _preformatted)(body.text))
    except (ValueError, AttributeError, RecursionError):  # not what its format says
        made = _cleaned(_preformatted(body.text))
    if len(made) <= LIMIT:
        return made, False
    return _preformatted(text_of(made)[: LIMIT // 8]), True


def _cleaned(made: str) -> str:
    return _CLEANER.clean(made) if "<" in made else made  # without an element there is nothing that could be active


def text_of(made: str) -> str:
    """The words in cleaned HTML."""
    if "<" not in made and "&" not in made:
        return made
    return html.unescape(_TAG.sub("", made.replace("<br>", "\n")))


def _preformatted(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"
