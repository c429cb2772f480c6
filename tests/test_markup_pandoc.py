"""Input that nobody wrote for people: it costs one text, never the run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reversa.errors import MissingExtra
from reversa.markup import pandoc
from reversa.markup.contract import Given, Loss
from reversa.markup.converting import Converter
from reversa.markup.pandoc import Failed, Pool, Request, Worker
from reversa.records import Body
from tests.test_markup import NAMES

UNPARSED = Loss("unparsed")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(2, seconds=1.0) as made:
        yield made


@pytest.fixture
def alone() -> Iterator[Pool]:
    with Pool(1) as made:
        yield made


@pytest.fixture
def worker(alone: Pool) -> Worker:
    alone._started()
    return alone._all[0]


def given(text: str, format: str = "mediawiki") -> Given:
    return Given(Body(format=format, text=text))


def test_no_file_of_this_machine_can_be_read(pool: Pool, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("xyzzy")
    requests = [Request("rst", f".. include:: {secret}"), Request("latex", rf"\input{{{secret}}}"), Request("org", f'#+INCLUDE: "{secret}"')]
    for tree in pool.read(requests):
        assert "xyzzy" not in str(tree)


def test_each_text_is_answered_in_order(pool: Pool) -> None:
    texts = [f"word{number}" * (number % 7) for number in range(40)]
    trees = list(pool.read(Request("mediawiki", text) if number % 5 else None for number, text in enumerate(texts)))
    for number, (text, tree) in enumerate(zip(texts, trees, strict=True)):
        assert (tree is None) == (number % 5 == 0)
        assert tree is None or text in str(tree.blocks)


def test_what_does_not_answer_in_time_fails_alone(pool: Pool) -> None:
    started = time.monotonic()
    before, slow, after = pool.read([Request("mediawiki", "before"), Request("mediawiki", "[[" * 12_000), Request("mediawiki", "after")])
    assert (before is None, slow, after is None) == (False, None, False)
    assert time.monotonic() - started < 4


def test_a_worker_that_is_killed_fails_one_text_and_is_replaced(worker: Worker) -> None:
    assert worker.read("mediawiki", "before").blocks
    process = worker._process
    assert process is not None
    threading.Timer(0.2, lambda: os.kill(process.pid, signal.SIGKILL)).start()
    with pytest.raises(Failed):
        worker.read("mediawiki", "[[" * 12_000)
    assert "after" in str(worker.read("mediawiki", "after").blocks)


def test_a_worker_is_replaced_after_many_texts(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandoc, "PAGES", 3)
    processes = set()
    for _ in range(7):
        worker.read("mediawiki", "text")
        assert worker._process is not None
        processes.add(worker._process.pid)
    assert len(processes) == 3


def test_without_the_extra_there_is_a_word_of_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pypandoc", None)
    with Converter("html") as converter, pytest.raises(MissingExtra) as error:
        converter.convert([given("text")], NAMES)
    assert error.value.hint == "pip install 'reversa[documents]'"


ODD = [
    "",
    " ",
    "\n",
    "\x00",
    "a\x00b",
    "a\rb",
    "a\r\nb",
    "\x1b[31mred",
    "\ufeffa",
    "\ue0001\ue001",
    "http://0.token.reversa.invalid/7/",
    "\ud800",
    "a\u202eb",
]
ODD += ["{{", "}}", "[[", "{|", "{|\n|", "|}", "<", "&"]


@pytest.mark.parametrize("format", ["mediawiki", "dokuwiki", "markdown", "html", "slack-mrkdwn"])
@pytest.mark.parametrize("target", ["html", "dokuwiki"])
def test_odd_characters_are_no_odd_case(target: str, format: str) -> None:
    with Converter(target, workers=1) as converter:
        made = converter.convert([given(text, format) for text in ODD], NAMES)
    assert {text: one.disagreements for text, one in zip(ODD, made, strict=True) if one.disagreements} == {}
    for one in made if format != target else ():  # else it is given back as it was
        one.body.text.encode()


@pytest.mark.parametrize("text", ["[[" * 3_000, "{{" * 2_000, "<div>" * 3_000, "'''" * 3_000, "> " * 3_000], ids=lambda text: text[:6])
@pytest.mark.parametrize("format", ["mediawiki", "dokuwiki", "markdown", "html"])
def test_deep_nesting_does_not_stop_anything(format: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pandoc, "SECONDS", 0.5)
    with Converter("html", workers=2) as converter:
        before, made, after = converter.convert([given("before", format), given(text, format), given("after", format)], NAMES)
    assert "before" in before.body.text
    assert "after" in after.body.text
    assert UNPARSED in made.losses or made.disagreements == ()


@pytest.mark.long
def test_a_page_of_100_megabytes_is_shown_as_it_is() -> None:
    started = time.monotonic()
    with Converter("html") as converter:
        (made,) = converter.convert([given("''x'' " * 17_000_000)], NAMES)
    assert made.losses == (UNPARSED,)
    assert len(made.body.text) > 100_000_000
    assert time.monotonic() - started < 20
