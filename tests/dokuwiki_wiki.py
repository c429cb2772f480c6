"""A small wiki on disk with what is hard in it, made file by file."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

RULES = "# <?php exit()?>\n*\t@ALL\t1\n*\t@user\t8\nclosed:*\t@ALL\t0\nclosed:*\tann\t16\nusers:%USER%:*\t%USER%\t16\nteam:plan\t@two%20words\t2\n"
PEOPLE = "# users\nann:$2y$10$HASHOFANN:Ann \\: O'Neil:ann@example.org:admin,user\nben:$2y$10$HASHOFBEN:Ben %231:ben@example.org:user\n"


def put(folder: Path, name: str, content: str | bytes) -> None:
    """A file, packed when its name says so."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)


def page(folder: Path, path: str, *texts: str | None, first: int = 1_500_000_000, user: str = "ann") -> None:
    """A page with one revision per text, a minute apart; None deletes it."""
    lines, before = [], ""
    for number, text in enumerate(texts):
        at = first + 60 * number
        type = "D" if text is None else "E" if number else "C"
        lines.append(f"{at}\t10.0.0.{number}\t{type}\t{path.replace('/', ':')}\t{user}\tedit {number}\t\t{len(text or '') - len(before)}\n")
        put(folder, f"data/attic/{path}.{at}.txt.gz", before if text is None else text)
        before = before if text is None else text
    put(folder, f"data/meta/{path}.changes", "".join(lines))
    if texts[-1] is not None:
        put(folder, f"data/pages/{path}.txt", texts[-1])
        os.utime(folder / f"data/pages/{path}.txt", (at, at))


def write_wiki(folder: Path) -> Path:
    """Pages with a past, deleted, closed, stock, made outside; media with versions; rights, people, plugins' files."""
    page(folder, "start", "====== Home ======\n[[team:plan]]\n", "====== Home ======\n[[team:plan]] {{team:logo.png}}\n")
    page(folder, "team/plan", "no heading\n", "====== Plan ======\nv2\n", "====== Plan ======\nv3 é\n", user="ben")
    page(folder, "team/gone", "====== Gone ======\n", None)
    page(folder, "team/back", "one\n", None, "====== Back ======\n", user="")
    page(folder, "closed/secret", "====== Secret ======\n", user="carl")
    page(folder, "%C3%A9quipe/%C3%A9t%C3%A9", "====== Été ======\n")
    put(folder, "data/pages/wiki/welcome.txt", "====== Welcome ======\n")
    put(folder, "data/meta/start.meta", 'a:2:{s:7:"current";a:0:{}s:10:"persistent";a:3:{s:4:"date";a:1:{s:7:"created";i:1400000000;}s:7:"creator";s:3:"Ann";s:4:"user";s:3:"ann";}}')  # fmt: skip
    put(folder, "data/meta/team/plan.mlist", "ann every 1500000000\n")
    put(folder, "data/meta/team/.mlist", "ben digest 1500000000\n")
    put(folder, "data/meta/.mlist", "ann list 1500000000\n")
    put(folder, "data/meta/team/plan.comments", "a:0:{}")
    put(folder, "data/meta/team/plan.indexed", "8")
    put(folder, "data/meta/_dokuwiki.changes", "1500000000\t10.0.0.0\tC\tstart\tann\tedit 0\t\t5\n")
    put(folder, "data/meta/_htcookiesalt2", "a secret")
    put(folder, "data/media/team/logo.png", b"second")
    put(folder, "data/media_attic/team/logo.1500000000.png", b"first")
    put(folder, "data/media_meta/team/logo.png.changes", "1500000000\t10.0.0.1\tC\tteam:logo.png\tann\tcreated\t\t5\n1500000060\t10.0.0.1\tE\tteam:logo.png\tben\t\t\t1\n")  # fmt: skip
    put(folder, "data/media_meta/team/old.pdf.changes", "1500000000\t10.0.0.1\tC\tteam:old.pdf\tann\tcreated\t\t5\n1500000060\t10.0.0.1\tD\tteam:old.pdf\tben\tdeleted\t\t-5\n")  # fmt: skip
    put(folder, "data/media_attic/team/old.1500000000.pdf", b"%PDF-")
    put(folder, "data/media/wiki/dokuwiki.svg", b"<svg/>")
    put(folder, "data/index/page.idx", "start\n")
    put(folder, "conf/users.auth.php", PEOPLE)
    put(folder, "conf/acl.auth.php", RULES)
    put(folder, "conf/local.php", "<?php\n$conf['title'] = 'Team wiki';\n$conf['useacl'] = 1;\n$conf['superuser'] = '@admin';\n")
    return folder
