"""What `reversa map suggest` makes of habits that many schemas share, each in a few tables of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.test_map_suggest import PAGES, USERS, live, rows, suggested


def test_posts_revisions_and_attachments_in_one_table(tmp_path: Path) -> None:
    kinds = ["post", "post", "page", "revision", "revision", "attachment", "post", "page", "menu"]
    posts = [
        (
            "CREATE TABLE posts (post_id INTEGER PRIMARY KEY, post_author INTEGER, post_title TEXT, post_name TEXT, post_content TEXT, post_type TEXT, "
            "post_status TEXT, post_parent INTEGER, post_date_gmt TEXT)"
        ),
        *rows(
            "posts",
            *(
                (
                    n,
                    n % 3,
                    f"Title {n}",
                    f"t-{n}",
                    f"<p>{n}</p>",
                    kind,
                    "publish",
                    1 + n % 3 if kind in ("revision", "attachment") else 0,
                    "2024-01-01 10:00:00",
                )
                for n, kind in enumerate(kinds * 2, 1)
            ),
        ),
    ]
    users = "CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT, email TEXT)"
    lines = live(suggested(tmp_path, users, *rows("users", (1, "ada", "a@b.org"), (2, "bob", "b@b.org")), *posts))
    assert {"where: \"post_type IN ('page', 'post')\"", "where: post_type IN ('revision')", "where: post_type IN ('attachment')"} <= set(lines)
    assert "head: {revision: \"'postsx/' || post_id\"}" in lines  # the current text lies in the row of the post
    assert "created_by: {user: \"nullif(post_author, '0')\"}" in lines
    assert "target: {page: \"nullif(post_parent, '0')\"}" in lines
    assert "body: {html: post_content}" in lines
    assert "state: {by: post_status, values: {publish: live}}" in lines


def test_none_is_said_as_the_source_says_it(tmp_path: Path) -> None:
    events = [
        "CREATE TABLE comments (id INTEGER PRIMARY KEY, page_id INTEGER, user_id INTEGER, parent_id INTEGER, body TEXT, created_at TEXT)",
        *rows(
            "comments", *((n, n, n % 2, 0 if n < 3 else 1, "text", "0000-00-00 00:00:00" if n == 1 else "2024-01-01 10:00:00") for n in range(1, 6))
        ),
    ]
    lines = live(suggested(tmp_path, *USERS, *PAGES, *events))
    assert "reply_to: {comment: \"nullif(parent_id, '0')\"}" in lines
    assert "created_at: \"nullif(created_at, '0000-00-00 00:00:00')\"" in lines
    assert "target: {page: page_id}" in lines


def test_tables_of_keys_and_values_give_fields(tmp_path: Path) -> None:
    people = [
        "CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT, email TEXT)",
        *rows("users", (1, "ada", "a@b.org"), (2, "bob", "b@b.org")),
        "CREATE TABLE usermeta (id INTEGER PRIMARY KEY, user_id INTEGER, meta_key TEXT, meta_value TEXT)",
        *rows("usermeta", (1, 1, "first_name", "Ada"), (2, 2, "first_name", ""), (3, 1, "reset_token", "DOOR")),
    ]
    text = suggested(tmp_path, *people)
    found = "(SELECT nullif(any_value(m.meta_value), '') FROM usermeta m WHERE m.user_id = users.id AND m.meta_key = 'first_name')"
    assert f'given_name: "{found}"' in live(text), text
    assert "DOOR" not in text


CUSTOMER_FILE = [
    "CREATE TABLE organization (id INTEGER PRIMARY KEY, name TEXT, api_key TEXT)",
    *rows("organization", (1, "Vendor's customer", "x")),
    *USERS,
    "CREATE TABLE profile (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users(id), org_id INTEGER REFERENCES organization(id), phone TEXT)",
    *rows("profile", (11, 1, 1, "1"), (12, 2, 1, "2")),
    "CREATE TABLE accounts (id INTEGER PRIMARY KEY, name TEXT, website TEXT, industry TEXT, city TEXT, postcode TEXT, country TEXT, org_id INTEGER REFERENCES organization(id))",
    *rows("accounts", (1, "Acme", "https://acme.example", "tools", "Lyon", "69001", "FR", 1)),
    "CREATE TABLE pipeline (id INTEGER PRIMARY KEY, name TEXT, org_id INTEGER REFERENCES organization(id))",
    *rows("pipeline", (1, "Sales", 1)),
    'CREATE TABLE pipeline_stage (id INTEGER PRIMARY KEY, code TEXT, label TEXT, "order" INTEGER, pipeline_id INTEGER REFERENCES pipeline(id))',
    *rows("pipeline_stage", (1, "NEW", "New", 1, 1), (2, "WON", "Won", 2, 1)),
    (
        "CREATE TABLE contacts (id INTEGER PRIMARY KEY, first_name TEXT, last_name TEXT, email TEXT, account_id INTEGER REFERENCES accounts(id), "
        "org_id INTEGER REFERENCES organization(id))"
    ),
    *rows("contacts", (1, "Zoé", "Bellerive", "z@b.org", 1, 1)),
    "CREATE TABLE deals (id INTEGER PRIMARY KEY, name TEXT, amount TEXT, stage TEXT, account_id INTEGER REFERENCES accounts(id), org_id INTEGER REFERENCES organization(id))",
    *rows("deals", (1, "Big", "10.00", "NEW", 1, 1)),
    "CREATE TABLE deals_contacts (id INTEGER PRIMARY KEY, deal_id INTEGER REFERENCES deals(id), contact_id INTEGER REFERENCES contacts(id))",
    *rows("deals_contacts", (1, 1, 1)),
    "CREATE TABLE task (id INTEGER PRIMARY KEY, title TEXT, status TEXT, org_id INTEGER REFERENCES organization(id))",
    *rows("task", (1, "call", "new", 1)),
    "CREATE TABLE task_assigned_to (id INTEGER PRIMARY KEY, task_id INTEGER REFERENCES task(id), profile_id INTEGER REFERENCES profile(id))",
    *rows("task_assigned_to", (1, 1, 11)),
    "CREATE TABLE content_type (id INTEGER PRIMARY KEY, app TEXT, model TEXT)",
    *rows("content_type", (1, "a", "account"), (2, "t", "task"), (3, "x", "nothing")),
    (
        "CREATE TABLE comment (id INTEGER PRIMARY KEY, content_type_id INTEGER REFERENCES content_type(id), object_id INTEGER, comment TEXT, "
        "created_by_id INTEGER REFERENCES users(id), org_id INTEGER REFERENCES organization(id))"
    ),
    "CREATE TABLE activity (id INTEGER PRIMARY KEY, action TEXT, entity_type TEXT, entity_id INTEGER, entity_name TEXT, org_id INTEGER REFERENCES organization(id))",
    *rows("activity", (1, "CREATE", "Task", 1, "call", 1)),
    "CREATE TABLE document (id INTEGER PRIMARY KEY, title TEXT, document_file TEXT, org_id INTEGER REFERENCES organization(id))",
    *rows("document", (1, "Plan", "docs/2024/plan.pdf", 1)),
]


@pytest.mark.parametrize(
    "line",
    [
        "- kind: company",  # an account beside deals
        "company: {company: account_id}",  # and not the customer of the vendor
        "title: name",
        "space: {space: org_id}",
        'stages: "(SELECT list({id: s.code, label: s.label} ORDER BY s.\\"order\\"::int) FROM pipeline_stage s WHERE s.pipeline_id = pipeline.id)"',
        "contacts: {contact: (SELECT list(s.contact_id) FROM deals_contacts s WHERE s.deal_id = deals.id)}",
        "assignees: {user: (SELECT list(p.user_id) FROM task_assigned_to s JOIN profile p ON p.id = s.profile_id WHERE s.task_id = task.id)}",
        "target: {by: (SELECT s.model FROM content_type s WHERE s.id = comment.content_type_id), values: {account: {company: object_id}, task: {task: object_id}}}",
        "addresses: \"nullif(concat_ws(', ', nullif(city, ''), nullif(postcode, ''), nullif(country, '')), '')\"",
        "content: document_file",
        "name: \"split_part(document_file, '/', -1)\"",
        "profile: {within: {users: profile.user_id = users.id}}",
    ],
)
def test_a_customer_file(line: str, tmp_path: Path) -> None:
    assert line in live(suggested(tmp_path, *CUSTOMER_FILE))


def test_an_audit_trail_stays_rows(tmp_path: Path) -> None:
    assert "# activity: kept as rows" in suggested(tmp_path, *CUSTOMER_FILE)


def test_the_current_text_beside_all_versions_is_a_part_of_the_page(tmp_path: Path) -> None:
    versions = [
        "CREATE TABLE page_contents (id INTEGER PRIMARY KEY, page_id INTEGER, text TEXT, version INTEGER)",
        *rows("page_contents", *((n, n, "h1. Title\n\ntext", 2) for n in range(1, 6))),
        "CREATE TABLE page_content_versions (id INTEGER PRIMARY KEY, page_id INTEGER, text TEXT, version INTEGER)",
        *rows("page_content_versions", *((n, 1 + n % 5, "h1. Title\n\ntext", 1 + n // 6) for n in range(1, 11))),
        "CREATE TABLE comments (id INTEGER PRIMARY KEY, page_id INTEGER, body TEXT)",
        *rows("comments", (1, 1, "no sign of a markup"), (2, 1, "none here either")),
    ]
    lines = live(suggested(tmp_path, *USERS, *PAGES, *versions))
    assert "page_contents: {within: {pages: page_contents.page_id = pages.id}}" in lines
    assert lines.count("- kind: revision") == 1
    assert "body: {textile: body}" in lines  # as all other texts


def test_what_sorts_the_rows_becomes_labels(tmp_path: Path) -> None:
    issues = [
        "CREATE TABLE trackers (id INTEGER PRIMARY KEY, name TEXT)",
        *rows("trackers", (1, "Bug"), (2, "Feature")),
        "CREATE TABLE issues (id INTEGER PRIMARY KEY, subject TEXT, description TEXT, status TEXT, tracker_id INTEGER, user_id INTEGER)",
        *rows("issues", *((n, f"Issue {n}", "text", "new", 1 + n % 2, 1) for n in range(1, 5))),
    ]
    lines = live(suggested(tmp_path, *USERS, *issues))
    assert "id: \"'tracker-' || id\"" in lines
    assert {"target: {task: id}", "label: (SELECT s.name FROM trackers s WHERE s.id = issues.tracker_id)", "scheme: {is: tracker}"} <= set(lines)


def test_files_that_lie_in_their_table_are_contents(tmp_path: Path) -> None:
    files = [
        "CREATE TABLE files (id INTEGER PRIMARY KEY, page_id INTEGER REFERENCES pages(id), filename TEXT, content_type TEXT, data BLOB)",
        "INSERT INTO files VALUES (1, 1, 'a.png', 'image/png', x'89504e47'), (2, 1, 'b.png', 'image/png', x'89504e48')",
    ]
    assert "content: {bytes: data}" in live(suggested(tmp_path, *USERS, *PAGES, *files))
