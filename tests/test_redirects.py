"""Old addresses, answered by the servers that people still ask."""

from __future__ import annotations

import contextlib
import csv
import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import unquote

import pytest

from reversa.ledger import Entry, Ledger
from reversa.package import Package
from reversa.records import ref
from reversa.redirecting import APACHE, APACHE_MAP, CSV, NGINX, write_redirects
from tests.servers import cannot

OLD = {
    "1": "https://old.example/wiki/Home",
    "2": "https://old.example/wiki/Été à Paris",
    "3": "https://old.example/index.php?title=Foo&action=view#top",
    "4": "https://old.example/wiki/Home/$1~\"'\\{}`;x",
    "5": "https://other.example/wiki/Home",
    "6": "https://old.example/wiki/" + "long" * 200,
    "7": "ftp://old.example/wiki/Home",
    "8": "https://old.example/wiki/Home#again",
    "9": "https://old.example/refused",
}


def new(id: str) -> str:
    return f"https://new.example/p/{id}?a=$b é"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    package = SimpleNamespace(addresses=lambda: (("page", id, url) for id, url in OLD.items()))
    with contextlib.closing(Ledger(tmp_path / "ledger.sqlite")) as ledger:
        ledger.settle([Entry(ref("page", id), "written", "0", "0", (id,), root=ref("page", id)) for id in OLD if id != "9"], [])
        write_redirects(cast("Package", package), ledger, lambda targets: new(targets[0]), tmp_path)
    return tmp_path


def test_people_get_every_address(folder: Path) -> None:
    with (folder / CSV).open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["old", "new"], *([url, new(id) if id != "9" else ""] for id, url in OLD.items())]


def test_servers_get_each_address_of_the_web_once(folder: Path) -> None:
    lines = (folder / APACHE_MAP).read_text(encoding="ascii").splitlines()
    assert len(lines) == 6
    assert lines[0] == "old.example/wiki/Home https://new.example/p/1?a=$b%20%C3%A9"
    assert all(len(line.split(" ")) == 2 for line in lines)


def test_no_server_is_told_of_places_without_an_address(tmp_path: Path) -> None:
    (tmp_path / NGINX).write_text("of an earlier target")
    package = SimpleNamespace(addresses=lambda: iter([("page", "1", "https://old.example/")]))
    with contextlib.closing(Ledger(tmp_path / "ledger.sqlite")) as ledger:
        ledger.settle([Entry(ref("page", "1"), "written", "0", "0", ("1",), root=ref("page", "1"))], [])
        write_redirects(cast("Package", package), ledger, lambda _: "pages/1.html", tmp_path)
    assert not (tmp_path / NGINX).exists()
    assert not (tmp_path / APACHE).exists()


@pytest.fixture(params=["nginx", "apache2"])
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[int]:
    """The port of a real server with the redirects that were written, and nothing else."""
    program = shutil.which(request.param, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        cannot(f"{request.param} is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "server.conf"
    settings.write_text((_NGINX if request.param == "nginx" else _APACHE).format(folder=folder, port=port))
    command = [program, "-p", folder, "-c", settings] if request.param == "nginx" else [program, "-d", folder, "-f", settings, "-DFOREGROUND"]
    with (folder / "err").open("wb") as errors, subprocess.Popen(command, stderr=errors, start_new_session=True) as process:  # apache ends its group
        try:
            for _ in range(100):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                    break
                assert process.poll() is None, (folder / "err").read_text()
                time.sleep(0.05)
            yield port
        finally:
            process.terminate()


_NGINX = """
daemon off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
    access_log off; large_client_header_buffers 4 16k;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    include {folder}/redirects.nginx.conf;
    server {{ listen 127.0.0.1:{port} default_server; if ($moved) {{ return 301 $moved; }} location / {{ return 404; }} }}
}}
"""
_APACHE = """
ServerName localhost
PidFile {folder}/pid
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule rewrite_module /usr/lib/apache2/modules/mod_rewrite.so
<VirtualHost *>
    Include {folder}/redirects.apache.conf
</VirtualHost>
"""


@pytest.mark.servers
def test_a_server_answers_at_the_old_addresses(server: int) -> None:
    asked = {
        ("old.example", "/wiki/Home"): new("1"),
        ("old.example", "/wiki/%C3%89t%C3%A9%20%C3%A0%20Paris"): new("2"),
        ("old.example", "/index.php?title=Foo&action=view"): new("3"),
        ("old.example", "/wiki/Home/$1~%22%27%5C%7B%7D%60;x"): new("4"),
        ("other.example", "/wiki/Home"): new("5"),
        ("old.example", "/wiki/" + "long" * 200): new("6"),
        ("old.example", "/wiki/Home/more"): None,
        ("old.example", "/index.php?title=Bar"): None,
        ("third.example", "/wiki/Home"): None,
    }
    for (host, path), wanted in asked.items():
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server)) as connection:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            found = unquote(answer.getheader("Location") or "") if answer.status == 301 else None
            assert found == wanted, (host, path, answer.status)
