"""The CSV of a chat, written from a Slack export and read back: all that its columns can carry, and no more.

One file per conversation with the columns of DiscordChatExporter, and the member list that Slack itself exports.
Where those leave a choice, the CSV gets the better one: docs/csv-against-reversa.md lists them.
"""

from __future__ import annotations

import csv
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from benchmarks.slack_json import Export, author_of, bots_of, words_of

COLUMNS = ("AuthorID", "Author", "Date", "Content", "Attachments", "Reactions")
MEMBERS = ("username", "email", "status", "billing-active", "has-2fa", "has-sso", "userid", "fullname", "displayname", "expiration-timestamp")
STATUS = {
    "Primary Owner": {"is_primary_owner", "is_owner", "is_admin"},
    "Owner": {"is_owner", "is_admin"},
    "Admin": {"is_admin"},
    "Single-Channel Guest": {"is_ultra_restricted", "is_restricted"},
    "Multi-Channel Guest": {"is_restricted"},
    "Bot": {"is_bot"},
    "Member": set[str](),
}
FLAGS = set[str]().union(*STATUS.values())
DELETED = "This message was deleted."
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write(export: Export, folder: Path) -> None:
    """The CSV files of an export."""
    bots = bots_of(export)
    folder.mkdir()
    with (folder / "members.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(MEMBERS)
        for id, user in export.users.items():
            profile = user.get("profile") or {}
            names = (user.get("real_name") or profile.get("real_name"), profile.get("display_name"))
            table.writerow((user.get("name"), profile.get("email"), _status(user), "", "", "", id, *names, ""))
    for id, space in export.spaces.items():
        title = re.sub(r"[/\0]", "_", space.get("name") or "Direct Messages").encode()[:200].decode(errors="ignore")
        with (folder / f"{title} [{id}].csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file, quoting=csv.QUOTE_ALL)
            table.writerow(COLUMNS)
            for message in export.messages[id]:
                author = author_of(message, bots)
                user = export.users.get(author or "", {})
                name = message.get("username") or user.get("real_name") or user.get("name") or (message.get("user_profile") or {}).get("real_name")
                seconds, _, micros = message["ts"].partition(".")
                date = (EPOCH + timedelta(seconds=int(seconds), microseconds=int(micros or 0))).isoformat(timespec="microseconds")
                files = ",".join(
                    f"{file['url_private']}#{quote(file.get('name') or '')}" for file in message.get("files") or [] if file.get("url_private")
                )
                reactions = ",".join(f"{reaction['name']} ({reaction['count']})" for reaction in message.get("reactions") or [])
                table.writerow((author, name, date, words_of(message), files, reactions))


def _status(user: dict[str, Any]) -> str:
    if user.get("deleted"):
        return "Deactivated"
    return next(status for status, flags in STATUS.items() if all(user.get(flag) for flag in flags))


def read(folder: Path) -> Export:
    """What can be put together again from the CSV files, by a reader who knows Slack and means well."""
    csv.field_size_limit(2**24)
    export = Export()
    with (folder / "members.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            full, shown, status = row["fullname"], row["displayname"], row["status"]
            profile = {"email": row["email"], "real_name": full, "display_name": shown}
            flags = {} if status == "Deactivated" else {flag: flag in STATUS[status] for flag in FLAGS}
            export.users[row["userid"]] = {"id": row["userid"], "name": row["username"], "real_name": full, "profile": profile,
                                           "deleted": status == "Deactivated", **flags}  # fmt: skip
    by_name = {user["name"]: id for id, user in export.users.items()}
    for path in sorted(folder.glob("* [[]*[]].csv")):
        name, id = path.stem.removesuffix("]").rsplit(" [", 1)
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        export.messages[id] = [_message(row) for row in rows]
        export.spaces[id] = {"id": id, "name": name, "members": _members(id, name, rows, by_name)}
        if id[0] in "DG":  # C was the letter of public channels once, and is that of all channels now
            export.visibility[id] = "private"
    return export


def _members(id: str, name: str, rows: list[dict[str, str]], by_name: dict[str, str]) -> list[str]:
    """Known for direct messages only: whoever wrote there; several people are named in the name, ``mpdm-ann--bea--cy-1``."""
    if id.startswith("D"):
        return list(dict.fromkeys(row["AuthorID"] for row in rows))
    people = re.fullmatch(r"mpdm-(.+)-\d+", name)
    return [by_name[person] for person in people[1].split("--") if person in by_name] if people else []


def _message(row: dict[str, str]) -> dict[str, Any]:
    micros = (datetime.fromisoformat(row["Date"]) - EPOCH) // timedelta(microseconds=1)
    author, text = row["AuthorID"], row["Content"]
    files: list[dict[str, Any]] = []
    for address in re.split(r",(?=https?://)", row["Attachments"]) if row["Attachments"] else []:
        url, _, name = address.rpartition("#")
        files.append({"url_private": url, "name": unquote(name)})
    message = {
        "type": "message",
        "ts": f"{micros // 1_000_000}.{micros % 1_000_000:06d}",
        "text": text,
        "bot_id" if author.startswith("B") else "user": author or None,
        "username": row["Author"],
        "subtype": "tombstone" if text == DELETED else None,
        "files": files,
        "reactions": [{"name": name, "count": count} for name, count in re.findall(r"([^,]+?) \((\d+)\)", row["Reactions"])],
    }
    # "… uploaded a file: <address|name> and commented: words", "… commented on …'s file <address|name>: words"
    commented = re.fullmatch(r"<@.+<http[^>]+>(?: \w+ \w+)?: (.+)", text, re.DOTALL)
    return message | ({"comment": {"user": author, "comment": commented[1]}} if commented else {})
