"""A real DokuWiki for tests: Debian's program over a data directory of its own, on a port of this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import urllib.error
import urllib.request
import xmlrpc.client
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.serving import served

CODE, CONF, STATE = Path("/usr/share/dokuwiki"), Path("/etc/dokuwiki"), Path("/var/lib/dokuwiki")
PASSWORD = "a password for tests"  # noqa: S105
_SETTINGS = """<?php
$conf['title'] = 'The successor';
$conf['savedir'] = '{data}';
$conf['useacl'] = 1;
$conf['authtype'] = 'authplain';
$conf['superuser'] = '@admin';
$conf['remote'] = 1;
$conf['remoteuser'] = '@user,@admin';
$conf['passcrypt'] = 'bcrypt';
$conf['disableactions'] = 'register';
{more}
"""


class DokuWiki:
    """A running wiki: its folder, its address, and ways in that know nothing of reversa."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder, self.url = folder, address

    def asked(self, user: str | None = "root") -> Any:
        """XML-RPC as one of its users, or as nobody."""
        who = f"{user}:{PASSWORD.replace(' ', '%20')}@" if user else ""
        return xmlrpc.client.ServerProxy(self.url.replace("//", f"//{who}") + "/lib/exe/xmlrpc.php")

    def shown(self, page: str) -> tuple[int, str]:
        """The status and the page that a reader without an account gets."""
        try:
            with urllib.request.urlopen(f"{self.url}/doku.php?id={page}") as answer:  # noqa: S310
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def php(self, script: str, *arguments: str) -> str:
        """What a line of PHP prints, with the wiki loaded."""
        loaded = f"define('DOKU_INC', '{self.folder}/'); define('NOSESSION', 1); require '{self.folder}/inc/init.php'; {script}"
        return subprocess.run(["php", "-r", loaded, "--", *arguments], capture_output=True, text=True, check=True).stdout


def install(folder: Path, more: str = "", rules: str = "*\t@ALL\t1\n*\t@user\t8\n") -> None:
    """A wiki with an administrator, ``root``, and nothing written; ``more`` settings and these rules."""
    if not (CODE / "doku.php").exists() or shutil.which("php") is None:
        reason = "dokuwiki or php is not installed"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    shutil.copytree(CODE, folder, symlinks=False, ignore=shutil.ignore_patterns("preload.php", "data", "conf"), ignore_dangling_symlinks=True)
    for name in ("conf", "data"):
        (folder / name).mkdir(exist_ok=True)
    for file in (*CONF.glob("*.conf"), *CONF.glob("*.php")):
        shutil.copy(file, folder / "conf")
    shutil.copytree(STATE / "lib", folder / "lib", dirs_exist_ok=True)
    for name in ("attic", "cache", "index", "locks", "log", "media", "media_attic", "media_meta", "meta", "pages", "tmp"):
        (folder / "data" / name).mkdir()
    (folder / "conf" / "local.php").write_text(_SETTINGS.format(data=folder / "data", more=more), encoding="utf-8")
    (folder / "conf" / "acl.auth.php").write_text(f"# acl.auth.php\n# <?php exit()?>\n{rules}", encoding="utf-8")
    hashed = subprocess.run(
        ["php", "-r", f"echo password_hash('{PASSWORD}', PASSWORD_BCRYPT, ['cost' => 4]);"], capture_output=True, text=True, check=True
    )
    (folder / "conf" / "users.auth.php").write_text(f"# users\nroot:{hashed.stdout}:Root:root@example.org:admin,user\n", encoding="utf-8")


@contextlib.contextmanager
def running(folder: Path) -> Iterator[DokuWiki]:
    """A wiki that answers."""
    with served(lambda port: ["php", "-d", "display_errors=0", "-S", f"127.0.0.1:{port}", "-t", folder], folder, folder.parent, {}) as address:
        yield DokuWiki(folder, address)
