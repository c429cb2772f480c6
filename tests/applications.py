"""Databases of real applications, filled by the applications' own programs: sources that nobody here wrote.

Each application lives in a temporary folder with a database of a server of :mod:`tests.servers`; nothing is read or
written outside. What is filled is the same each time, as far as the application lets one choose its clock and salts.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import make_url

from tests import mediawikis
from tests.mediawikis import FILLERS, environment, wiki
from tests.servers import Database, Server, cannot
from tests.serving import environment_of, served


@dataclass(frozen=True)
class Application:
    """A filled one, which may be looked at in its own pages."""

    url: str
    """Of the database, for SQLAlchemy."""
    made: Mapping[str, int]
    """Rows by table, as the program that filled it counted."""
    files: Path | None
    """Folder of its attachments."""
    serve: Callable[[], contextlib.AbstractContextManager[str]]
    """Starts the application's own pages on a port of this machine and gives their address."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What a request for a page needs."""


@contextlib.contextmanager
def redmine(server: Server) -> Iterator[Application]:
    """Redmine 5.0 of Debian 12 on PostgreSQL, which must be the server."""
    code = _installed("redmine", Path("/usr/share/redmine"))
    with server() as database, _folder() as folder:
        socket_, name = _place(database)
        for part in ("config", "files", "log", "tmp", "public/plugin_assets"):
            (folder / part).mkdir(parents=True)
        account = {"adapter": "postgresql", "database": name, "host": socket_, "username": "owner", "encoding": "utf8"}
        (folder / "config/database.yml").write_text(json.dumps({"production": account}))
        (folder / "config/secret_key.txt").write_text(secrets.token_hex(32))
        # Debian's own names only the adapters of the instances below /etc.
        (folder / "Gemfile").write_text(f"eval_gemfile '{code}/Gemfile'\ngem 'pg'\ngem 'webrick'\n")
        environment = {
            "REDMINE_INSTANCE": os.path.relpath(folder, code / "instances"),  # Debian's way to one installation for many
            "BUNDLE_GEMFILE": str(folder / "Gemfile"),
            "BUNDLER_VERSION": "2.3.15",  # the one that Debian patched to find Debian's gems; Ruby brings a newer one
            "RAILS_ENV": "production",
            "SCHEMA": os.devnull,
        }
        _run(["rake", "db:migrate"], code, folder, environment)
        made = _run(["ruby", "bin/rails", "runner", FILLERS / "redmine_fill.rb"], code, folder, environment)
        yield Application(
            url=database.url,
            made=_last_line(made),
            files=folder / "files",
            serve=lambda: served(  # not `rails server`, which makes folders beside the program
                lambda port: ["rackup", "-s", "webrick", "-E", "production", "-o", "127.0.0.1", "-p", str(port), code / "config.ru"],
                code,
                folder,
                environment,
            ),
        )


@contextlib.contextmanager
def wordpress(server: Server) -> Iterator[Application]:
    """WordPress 6.1 of Debian 12 on MariaDB, which must be the server."""
    code = _installed("wordpress", Path("/usr/share/wordpress"))
    _installed("wordpress-theme-twentytwentyone", code / "wp-content/themes/twentytwentyone")
    with server() as database, _folder() as folder:
        socket_, name = _place(database)
        site = folder / "site"
        shutil.copytree(code, site, symlinks=True)  # Debian's own configuration would look into /etc
        (site / "wp-config.php").write_text(WORDPRESS.replace("@name@", name).replace("@socket@", socket_))
        made = _run(["php", FILLERS / "wordpress_fill.php", site], site, folder, {})
        yield Application(
            url=database.url,
            made=_last_line(made),
            files=site / "wp-content/uploads",
            serve=lambda: served(lambda port: ["php", "-S", f"127.0.0.1:{port}", "-t", site], site, folder, {}),
        )


WORDPRESS = """<?php
define('DB_NAME', '@name@');
define('DB_HOST', 'localhost:@socket@');
define('DB_USER', 'root');
define('DB_PASSWORD', '');
define('DB_CHARSET', 'utf8mb4');
define('DB_COLLATE', '');
define('WP_DEFAULT_THEME', 'twentytwentyone');
define('WP_HTTP_BLOCK_EXTERNAL', true);
define('AUTOMATIC_UPDATER_DISABLED', true);
define('DISABLE_WP_CRON', true);
$site = 'http://' . (isset($_SERVER['SERVER_PORT']) ? '127.0.0.1:' . $_SERVER['SERVER_PORT'] : 'wordpress.example');  // any port
define('WP_HOME', $site);
define('WP_SITEURL', $site);
$table_prefix = 'wp_';
if (!defined('ABSPATH')) {
    define('ABSPATH', __DIR__ . '/');
}
require_once ABSPATH . 'wp-settings.php';
"""


@contextlib.contextmanager
def mediawiki() -> Iterator[Application]:
    """MediaWiki 1.39 of Debian 12 on SQLite."""
    with _folder() as folder:
        settings = wiki(folder, MEDIAWIKI)
        made = _run(["php", FILLERS / "mediawiki_fill.php"], settings.parent, settings.parent, environment(settings))
        yield Application(
            url=f"sqlite:///{settings.parent}/wiki.sqlite",
            made=_last_line(made),
            files=settings.parent / "uploads",
            serve=lambda: mediawikis.served(settings),
        )


MEDIAWIKI = """
$wgFileExtensions[] = 'txt';
$wgRateLimits = [];
$wgPasswordPolicy['policies'] = ['default' => ['MinimalPasswordLength' => 1]];
$wgGroupPermissions['sysop']['deleterevision'] = true;
"""


@contextlib.contextmanager
def bottlecrm(server: Server) -> Iterator[Application]:
    """BottleCRM 1.35 on PostgreSQL, which must be the server.

    The application has a role of its own, to which row-level security shows nothing without an organisation; the URL
    is that of the server's owner, who sees all. It needs Python 3.12 and many packages, so an environment of its own:
    BOTTLECRM names its folder.
    """
    programs = Path(os.environ.get("BOTTLECRM", "/opt/bottlecrm")) / "bin"
    if not (programs / "gunicorn").exists():
        cannot(f"there is no {programs}: python3.12 -m venv, pip install django-crm==1.35.0, and name the folder in BOTTLECRM")
    with server() as database, _folder() as folder:
        socket_, name = _place(database)
        role = f"of_{name}"
        database.run(f"CREATE ROLE {role} LOGIN")
        database.run(f"ALTER DATABASE {name} OWNER TO {role}")
        database.run(f"ALTER SCHEMA public OWNER TO {role}")
        environment = {
            "DJANGO_SETTINGS_MODULE": "crm.settings",
            "SECRET_KEY": secrets.token_hex(32),
            "ENV_TYPE": "dev",
            "DEBUG": "True",
            "ALLOWED_HOSTS": "127.0.0.1",
            "DBNAME": name,
            "DBUSER": role,
            "DBPASSWORD": "",
            "DBHOST": socket_,
            "DEFAULT_FROM_EMAIL": "crm@example.com",
            "ADMIN_EMAIL": "admin@example.com",
            "CELERY_BROKER_URL": "memory://",
            "CELERY_RESULT_BACKEND": "cache+memory://",
            "FRONTEND_URL": "http://127.0.0.1",
            "DOMAIN_NAME": "127.0.0.1",
            "MEDIA_ROOT": str(folder / "media"),
        }
        filled = _last_line(_run([programs / "python", FILLERS / "bottlecrm_fill.py"], folder, folder, environment))
        yield Application(
            url=database.url,
            made={  # as its seed_data says
                "contacts": 15, "accounts": 10, "lead": 20, "opportunity": 10, "case": 5, "task": 10, "tags": 5, "teams": 2,
                "product": 20, "invoice": 50, "invoice_line_item": 171, "payment": 29, "estimate": 15, "estimate_line_item": 44,
                "recurring_invoice": 5, "sales_goal": 8, "invoice_template": 3, "organization": 1, "users": 4, "profile": 4,
            },
            files=None,
            serve=lambda: served(lambda port: [programs / "gunicorn", "crm.wsgi", f"--bind=127.0.0.1:{port}"], folder, folder, environment),
            headers={"Authorization": f"Bearer {filled['token']}"},
        )  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- helpers


def _installed(program: str, folder: Path) -> Path:
    if not folder.is_dir():
        cannot(f"{program} is not installed")
    return folder


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="reversa-") as folder:
        yield Path(folder)


def _place(database: Database) -> tuple[str, str]:
    """The socket, or for PostgreSQL its folder, and the name."""
    url = make_url(database.url)
    found = url.query["host" if database.system == "postgresql" else "unix_socket"]
    assert isinstance(found, str)
    assert url.database
    return found, url.database


def _run(command: Sequence[str | Path], where: Path, home: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(command, cwd=where, env=environment_of(home, environment), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed: {done.stdout[-1000:]}{done.stderr[:2000]}")
    return done.stdout


def _last_line(output: str) -> Any:
    try:
        return json.loads(output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise RuntimeError(f"no answer in the last line: {output[-3000:]}") from None  # PHP may end well where it failed
