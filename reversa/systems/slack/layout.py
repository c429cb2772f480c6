"""Where things lie in an export: every file of the archive is given exactly one fate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

DAY_FILE = re.compile(r"\d{4}-\d\d-\d\d\.json")
CANVAS_FOLDER = re.compile(r"(?:FC:)?(?P<file>F[A-Z0-9]{6,}):.*", re.DOTALL)
UPLOAD = re.compile(r"__uploads/(?P<file>F[A-Z0-9]+)/[^/]+", re.DOTALL)
ATTACHMENT = re.compile(r"(?:.+/)?attachments/(?P<file>F[A-Z0-9]+)-[^/]+", re.DOTALL)

USERS = ("users.json", "org_users.json")
CONVERSATIONS = {"channels.json": "channel", "groups.json": "channel", "mpims.json": "group-direct", "dms.json": "direct"}


@dataclass
class Layout:
    """The files of an export by fate. A Grid export repeats the whole set below each ``teams/<name>/``."""

    users: list[str] = field(default_factory=list)
    conversations: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)
    """Root files and other JSON whose items have no home: canvases, integration logs, lists, unknown ones."""
    days: dict[str, list[str]] = field(default_factory=dict)
    """Folder of a conversation, its prefix included → its day files in order."""
    canvas_days: dict[str, list[str]] = field(default_factory=dict)
    """Id of a canvas → day files of the comments on it."""
    bodies: dict[str, str] = field(default_factory=dict)
    """Id of a file → the entry that holds its content."""
    strangers: list[str] = field(default_factory=list)
    """Everything else, kept whole."""
    since: date | None = None
    """Day files before this day are left out."""


def sort_files(names: Iterator[str], since: date | None = None) -> Layout:
    """The layout of an archive with these file names, without the day files before a day."""
    layout, first = Layout(since=since), "" if since is None else f"{since}.json"
    for name in sorted(names):
        prefix, path = split_prefix(name)
        folder, _, file = path.rpartition("/")
        upload = UPLOAD.fullmatch(path) or ATTACHMENT.fullmatch(path)
        if upload and upload["file"] not in layout.bodies:
            layout.bodies[upload["file"]] = name
        elif not folder and file in USERS:
            layout.users.append(name)
        elif not folder and file in CONVERSATIONS:
            layout.conversations.append(name)
        elif folder and "/" not in folder and DAY_FILE.fullmatch(file):
            canvas = CANVAS_FOLDER.fullmatch(folder)
            where = layout.canvas_days.setdefault(canvas["file"], []) if canvas else layout.days.setdefault(prefix + folder, [])
            if file >= first:
                where.append(name)
        elif file in ("canvas_in_the_conversation.json", "file_conversations.json") or (not folder and file.endswith(".json")):
            layout.lists.append(name)
        else:
            layout.strangers.append(name)
    return layout


def split_prefix(name: str) -> tuple[str, str]:
    """The part of a name that says the workspace of a Grid export (empty elsewhere), and the rest."""
    parts = name.split("/", 2)
    if len(parts) == 3 and parts[0] == "teams":
        return f"teams/{parts[1]}/", parts[2]
    return "", name


def list_kind(name: str) -> str:
    """The native kind of the items of a list file: ``integration_logs.json`` → ``integration_logs``."""
    return name.rpartition("/")[2].removesuffix(".json")
