"""Wikis to throw away: MediaWiki as Debian packages it, on SQLite, each in a folder of its own."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.servers import _cannot

CODE = Path("/usr/share/mediawiki")
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
        _cannot("mediawiki is not installed")
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


def wiki(folder: Path) -> Path:
    """The LocalSettings.php of a wiki that holds what the installer made."""
    made = _installed()
    place = folder / "wiki"
    shutil.copytree(made, place)
    settings = place / "LocalSettings.php"
    settings.write_text(settings.read_text().replace(str(made), str(place)))
    return settings
