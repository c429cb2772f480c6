"""A body as a person may see it: safe HTML, whatever the body holds.

Everything passes nh3 with one short list of elements: no script, no style, no image, no address but web, mail and
``ref:KIND:ID``, which stands for a record and is replaced by its place in the target.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import NamedTuple

import nh3
from markupsafe import escape

from reversa.markup import slack
from reversa.records import Body

LIMIT = 40_000
"""Characters of HTML that are shown of one body."""
CUT = 5_000
"""Characters of its words that are shown of a longer one."""
LARGE = 100_000
"""Characters of a body that is only shown as plain text, cut: cleaning is quadratic in some inputs (nested elements, `&`)."""

_READERS: dict[str, Callable[[str], str]] = {"slack-message": slack.message, "slack-mrkdwn": slack.mrkdwn, "html": str}
_ADDRESS = re.compile("(?i:https?|mailto):|ref:")


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
_TAG = re.compile("<[^<>]*>")
_BREAK = re.compile("</?(?:blockquote|br|caption|d[dlt]|h[1-6r]|li|ol|p|pre|t[dhr]|ul)[ >/]")


class Shown(NamedTuple):
    """Safe HTML, its words, and whether it is only the beginning."""

    html: str
    words: str
    cut: bool


def shown(body: Body) -> Shown:
    """A body for a page. A markup without a reader is shown as it is written."""
    if len(body.text) > LARGE:
        words = slack.text_of_message(body.text) if body.format == "slack-message" else body.text
        return Shown(_preformatted(words[:CUT]), words, cut=True)
    try:
        made = _cleaned(_READERS.get(body.format, _preformatted)(body.text))
    except (ValueError, AttributeError, RecursionError):  # not what its format says
        made = _cleaned(_preformatted(body.text))
    words = _text_of(made)
    if len(made) <= LIMIT:
        return Shown(made, words, cut=False)
    return Shown(_preformatted(words[:CUT]), words, cut=True)


def _cleaned(made: str) -> str:
    return _CLEANER.clean(made) if "<" in made else made  # without an element there is nothing that could be active


def _text_of(made: str) -> str:
    """The words in cleaned HTML."""
    if "<" not in made and "&" not in made:
        return made
    return html.unescape(_TAG.sub("", _BREAK.sub(lambda tag: "\n" + tag[0], made)))


def _preformatted(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"
