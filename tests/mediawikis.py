"""Wikis to throw away: MediaWiki as Debian packages it, on SQLite, each in a folder of its own."""

from __future__ import annotations

import atexit
import contextlib
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests import serving
from tests.servers import cannot

CODE = Path("/usr/share/mediawiki")
FILLERS = Path(__file__).parent / "applications"
SETTINGS = """
$wgEnableUploads = true;
$wgUploadDirectory = '@folder@/uploads';
$wgUploadPath = '/uploads';
$wgTmpDirectory = '@folder@/tmp';
$wgServer = 'http://' . ($_SERVER['HTTP_HOST'] ?? 'mediawiki.example');  // any port
$wgJobRunRate = 0;
$wgMainCacheType = CACHE_NONE;
"""


@functools.cache
def _installed() -> Path:
    """One that was installed, to be copied."""
    if not CODE.is_dir() or shutil.which("php") is None:
        cannot("mediawiki is not installed")
    folder = Path(tempfile.mkdtemp(prefix="reversa-wiki-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for part in ("uploads", "tmp"):
        (folder / part).mkdir()
    places = ["--dbtype=sqlite", f"--dbpath={folder}", "--dbname=wiki", f"--confpath={folder}", "--scriptpath=", "--server=http://mediawiki.example"]
    made = ["php", str(CODE / "maintenance/install.php"), *places, "--lang=en", "--pass=secret of Admin", "Harbour wiki", "Admin"]
    subprocess.run(made, check=True, capture_output=True)
    with (folder / "LocalSettings.php").open("a") as settings:
        settings.write(SETTINGS.replace("@folder@", str(folder)))
    return folder


def wiki(folder: Path, more: str = "") -> Path:
    """The LocalSettings.php of a wiki that holds what the installer made, with ``more`` settings."""
    made = _installed()
    place = folder / "wiki"
    shutil.copytree(made, place)
    settings = place / "LocalSettings.php"
    settings.write_text(settings.read_text().replace(str(made), str(place)) + more)
    return settings


def environment(settings: Path) -> dict[str, str]:
    """What its programs need to know."""
    return {"MW_INSTALL_PATH": str(CODE), "MW_CONFIG_FILE": str(settings), "UPLOADS": str(settings.parent / "uploads")}


def served(settings: Path) -> contextlib.AbstractContextManager[str]:
    """A wiki that answers: its address."""
    return serving.served(
        lambda port: ["php", "-S", f"127.0.0.1:{port}", "-t", CODE, FILLERS / "mediawiki_router.php"],
        settings.parent, settings.parent, environment(settings),
    )  # fmt: skip
