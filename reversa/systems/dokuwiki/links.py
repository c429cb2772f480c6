"""Links as DokuWiki itself finds them in its pages: asked of its own code, where that and php are on this machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from reversa.adapter import Link
from reversa.errors import TargetError
from reversa.records import Ref

SCRIPT = Path(__file__).with_name("links.php")


def links(code: Path, pages: Mapping[str, Ref]) -> Iterator[Link]:
    """Every link on these pages, given by their ids; none where nobody can be asked. Raises TargetError."""
    php = shutil.which("php")
    if php is None or not (code / "inc" / "init.php").is_file():
        return
    asked = "".join(json.dumps(id) + "\n" for id in pages)
    with tempfile.TemporaryDirectory(prefix="reversa-") as scratch:
        done = subprocess.run(  # noqa: S603 - our own script, with the code of the wiki that was named
            [php, "-d", "display_errors=stderr", str(SCRIPT), str(code), scratch], input=asked, capture_output=True, check=False, encoding="utf-8"
        )
    if done.returncode:
        reason = done.stderr[-300:].strip()
        raise TargetError(f"The wiki in {code} could not follow its links: {reason}", "Mend the wiki, then type the same command again.")
    for line in done.stdout.splitlines():
        page, kind, name, alive = json.loads(line)
        yield Link(pages[page], kind, name, alive=alive)
