"""The redirect map: where what lay at an old address is now, for people, nginx and Apache."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from reversa.files import whole, write_whole
from reversa.ledger import Ledger
from reversa.package import Package
from reversa.records import Ref

CSV = "redirects.csv"
NGINX = "redirects.nginx.conf"
APACHE = "redirects.apache.conf"
APACHE_MAP = "redirects.apache.map"
REDIRECTS = (CSV, NGINX, APACHE, APACHE_MAP)

_AS_SENT = "%/:?#[]@!$&'()*+,;=-._~"
"""Characters of an address that browsers send as they are (RFC 3986)."""
_NGINX = """\
# In `http {{ ... }}`: include this file. In the `server {{ ... }}` of the old address: if ($moved) {{ return 301 $moved; }}
map_hash_bucket_size {bucket};
map_hash_max_size {size};
map $host$request_uri $moved {{
    default "";
"""
_APACHE = """\
# Needs mod_rewrite and mod_alias; Apache reads no pair of addresses that is longer than 1,000 characters.
# In the <VirtualHost> of the old address: Include this file, with {map} beside the configuration of the server.
RewriteEngine On
RewriteMap moved "txt:{map}"
RewriteCond %{{THE_REQUEST}} "^[A-Z]+ ([^ #]+)"
RewriteRule ^ - [E=MOVED:${{moved:%{{SERVER_NAME}}%1}}]
<If "-n reqenv('MOVED')">
    Redirect 301 "%{{reqenv:MOVED}}"
</If>
"""


def write_redirects(package: Package, ledger: Ledger, address: Callable[[Sequence[str]], str], folder: Path) -> None:
    """Old address → new address, for every record that had one: as CSV, and for the servers that answer at the old address.

    A server gets those whose new address is one of the web. Raises OSError.
    """
    served: dict[str, str] = {}
    with whole(folder / CSV) as file:
        writer = csv.writer(codecs.getwriter("utf-8")(file))
        writer.writerow(["old", "new"])
        for kind, id, url in package.addresses():
            entry = ledger.entry(Ref(f"{kind}:{id}"))
            new = address(entry.targets) if entry is not None and entry.targets else ""
            writer.writerow([url, new])
            key = _key(url)
            if key and new.startswith(("http://", "https://")):
                served.setdefault(key, _sent(new))
    for name, made in ((NGINX, _nginx), (APACHE, _apache), (APACHE_MAP, _apache_map)):
        if served:
            write_whole(folder / name, made(served).encode())
        else:
            (folder / name).unlink(missing_ok=True)


def _key(url: str) -> str:
    """The host and what a browser asks of it, for an address of the web; empty for anything else."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host or host != quote(host, safe="-._[]:"):
        return ""
    return _sent(host + (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _sent(address: str) -> str:
    """An address as browsers send it; neither a blank nor a quote is left, nor anything that a server's settings take for more."""
    return quote(address, safe=_AS_SENT).replace("'", "%27")


def _nginx(served: Mapping[str, str]) -> str:
    head = _NGINX.format(bucket=max(128, 1 << (max(map(len, served)) + 64).bit_length()), size=max(2048, 2 * len(served)))
    lines = (f'    "{old}" "{new.replace("$", "%24")}";\n' for old, new in served.items())  # `$` would begin a variable
    return head + "".join(lines) + "}\n"


def _apache(_: Mapping[str, str]) -> str:
    return _APACHE.format(map=APACHE_MAP)


def _apache_map(served: Mapping[str, str]) -> str:
    return "".join(f"{old} {new}\n" for old, new in served.items())
