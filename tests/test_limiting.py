"""What a target has no place for is said field by field."""

from __future__ import annotations

from reversa.adapter import Noted
from reversa.limiting import Held
from reversa.records import Page, Ref, Task, ref


def test_fields_and_kinds_without_a_place() -> None:
    held = Held("wiki", {"page": {"title"}})
    page = Page(id="1", root=ref("page", "1"), title="Home", name="home", language="fr")
    limited, noted = held.limit(page)
    assert limited == Page(id="1", root=ref("page", "1"), title="Home")
    assert {one.code for one in noted} == {"wiki.page.name.no-place", "wiki.page.language.no-place"}
    assert held.limit(Task(id="1", root=ref("task", "1"))) == (None, [Noted("wiki.task.no-place", Ref("task:1"))])
    declared = {change.code: change for change in held.changes}
    assert declared["wiki.page.name.no-place"].field == "name"
    assert declared["wiki.task.no-place"].effect == "skipped"
    assert "wiki.page.title" not in declared
