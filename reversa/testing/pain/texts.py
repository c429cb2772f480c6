"""Cases about text: letters, controls, what a program would run, what is empty or too long."""

from __future__ import annotations

from collections.abc import Iterator

from reversa.records import (
    Contact,
    Record,
    Space,
    ref,
)
from reversa.testing.pain.cases import case, message, page, tag


@case("MushroomObserver/mushroom-observer#4804")
def _() -> Iterator[Record]:
    """Letters outside ASCII and outside the Basic Multilingual Plane, in every place a name or a text can be."""
    for number, text in enumerate(("é", "Жанна", "日本語", "שלום", "😀👍🏽", "e\u0301", "\U0010ffff", "\ufeffbom", "a\u200db")):
        yield Space(id=f"text-{number}", root=ref("space", f"text-{number}"), name=text, title=text, description=text)
        yield message(f"text-{number}", text, author_name=text, subject=text)
        yield tag(f"text-{number} {text}", text)


@case("meltano/sdk encoded strings")
def _() -> Iterator[Record]:
    """U+0000, line ends and controls, kept one by one."""
    for number, text in enumerate(("a\0b", "\0", "a\r\nb", "a\nb", "a\rb", "\t", "\x1b[31mred", "a\u2028b\u2029", "\x7f\x80\x1f", "  two  spaces  ")):
        yield message(f"control-{number}", text)


@case("OWASP ASVS 1.2.10")
def _() -> Iterator[Record]:
    """What a spreadsheet, a browser, a database or a template would run."""
    texts = (
        "=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "<script>alert(1)</script>", '<img src=x onerror="x">', "[x](javascript:alert(1))",
        "{{velocity}}$x{{/velocity}}", "'; DROP TABLE x; --", "%s%n", "${jndi:x}", "\u202egnp.exe", "\\N", "\\.", "NULL", "<null>", "]]>", "-->",
    )  # fmt: skip
    for number, text in enumerate(texts):
        yield message(f"active-{number}", text, subject=text)


@case("absent, empty, blank")
def _() -> Iterator[Record]:
    """An empty text is not an absent one; nor is an empty list."""
    yield message("blank-1", "", subject="")
    yield message("blank-2", " ", subject=" ")
    yield message("blank-3", "x", subject=None)
    yield Contact(id="lists-1", root=ref("contact", "lists-1"), emails=[], phones=[""], addresses=["", " ", ""])
    yield Contact(id="lists-2", root=ref("contact", "lists-2"), emails=None, phones=["b", "a", "b"])


@case("truncation at 255")
def _() -> Iterator[Record]:
    """Names at and above the usual limits, in characters and in bytes."""
    for length in (255, 256, 1000):
        yield page(f"long-{length}", "x" * length, name="é" * length)


@case("airbytehq/airbyte#27124")
def _() -> Iterator[Record]:
    """A text too large for some writers was skipped without a word."""
    yield message("large", "large " * 60_000)


@case("links in text")
def _() -> Iterator[Record]:
    """outline/outline#11673 anchors, WikiTransformationProject/wikitraccs-releases#178 absolute addresses of the old host."""
    yield page("linked", "Linked", url="https://old.example.org/wiki/Linked?x=1&y=2#top")
    text = "see https://old.example.org/wiki/Linked#a-heading and [[Linked|there]] and <https://old.example.org/wiki/Linked|here>"
    yield message("links", text, url="https://old.example.org/archives/1")


@case("redaction leaves text alone")
def _() -> Iterator[Record]:
    """What looks a little like a secret and is none."""
    yield message("no-secret", "the password is at reception; token: see the wiki; sk-learn; AKIA is a name")
