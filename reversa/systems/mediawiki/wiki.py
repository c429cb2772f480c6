"""A wiki on this machine: asked through a script of ours that runs inside it, and through its own dumpBackup.php."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from reversa.errors import LocatorError, TargetError
from reversa.systems.mediawiki.values import Namespace, Site
from reversa.systems.tables.xmls import Refused

SCRIPT = Path(__file__).with_name("wiki.php")
SETTINGS = Path(__file__).with_name("settings.php")
PACKAGED = Path("/usr/share/mediawiki")
_ANSWER = "\x1e"
_PHP = ("php", "-d", "display_errors=stderr", "-d", "memory_limit=-1")


class Wiki:
    """One wiki, named by its LocalSettings.php. The process starts with the first question and lives until it is closed."""

    def __init__(self, settings: Path) -> None:
        self.settings = settings.resolve()
        self._code = _code_of(self.settings)
        self._process: subprocess.Popen[str] | None = None
        self._said: IO[str] | None = None

    @classmethod
    def at(cls, address: str) -> Wiki:
        """The wiki at a path: its LocalSettings.php, or the folder of it. Raises LocatorError."""
        path = Path(address)
        path = path / "LocalSettings.php" if path.is_dir() else path
        if path.suffix != ".php" or not path.is_file():
            raise LocatorError(f"{path} is no LocalSettings.php of a wiki.", "mediawiki:/path/of/LocalSettings.php")
        return cls(path)

    def ask(self, question: str, **details: Any) -> Any:
        """The answer of the script. Raises TargetError with what the wiki said."""
        process = self._started()
        assert process.stdin is not None  # noqa: S101 - asked for
        assert process.stdout is not None  # noqa: S101
        try:
            process.stdin.write(json.dumps({"ask": question, **details}) + "\n")
            process.stdin.flush()
        except BrokenPipeError:
            raise self._wrong("it has ended") from None
        for line in process.stdout:
            if line.startswith(_ANSWER):
                answer = json.loads(line[1:])
                if "error" in answer:
                    raise self._wrong(answer["error"])
                return answer["ok"]
        raise self._wrong("it has ended")

    def _wrong(self, reason: str) -> TargetError:
        said = ""
        if self._said is not None:
            self._said.seek(0)
            said = self._said.read()[-1000:].strip()
        return TargetError(
            f"The wiki of {self.settings} could not do it: {reason} {said}".strip(), "Mend the wiki, then type the same command again."
        )

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._said = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 - closed with the wiki
            try:
                self._process = subprocess.Popen(  # noqa: S603 - our own script, inside the wiki that was named
                    [*_PHP, str(SCRIPT)],
                    env=self._environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._said,
                    encoding="utf-8",
                )
            except FileNotFoundError:
                raise TargetError("There is no php on this machine.", "apt-get install php-cli, then type the same command again.") from None
        return self._process

    def _environment(self) -> dict[str, str]:
        return os.environ | {"MW_INSTALL_PATH": str(self._code), "MW_CONFIG_FILE": str(SETTINGS), "REVERSA_SETTINGS": str(self.settings)}

    def site(self) -> Site:
        said = self.ask("hello")
        spaces = {key: Namespace(space["name"], space["case"]) for key, space in said["namespaces"].items()}
        return Site(name=said["name"], dbname=said["dbname"], base=said["base"], generator=said["generator"], case=said["case"], namespaces=spaces)

    def dump(self, *options: str) -> BinaryIO:
        """What dumpBackup.php writes, as it comes."""
        process = subprocess.Popen(  # noqa: S603 - the wiki's own script
            [*_PHP, str(self._code / "maintenance" / "dumpBackup.php"), "--quiet", *options],
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        return cast("BinaryIO", _Dump(process))

    def close(self) -> None:
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.communicate(timeout=60)
            self._process = None
        if self._said is not None:
            self._said.close()
            self._said = None


class _Dump:
    """The output of a process, which must have ended well when it ends."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def read(self, size: int) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - asked for
        data = self._process.stdout.read(size)
        if not data and self._process.wait():
            raise Refused(f"dumpBackup.php ended with {self._process.returncode}")
        return data

    def close(self) -> None:
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process.terminate()
        self._process.wait()


def _code_of(settings: Path) -> Path:
    """Where MediaWiki lies that runs a wiki. Raises LocatorError."""
    named = os.environ.get("MW_INSTALL_PATH")
    for place in (settings.parent, *([Path(named)] if named else []), PACKAGED):
        if (place / "maintenance" / "Maintenance.php").is_file():
            return place
    raise LocatorError(f"There is no MediaWiki for {settings}.", "Name the folder that holds its maintenance/ in MW_INSTALL_PATH.")
