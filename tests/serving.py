"""Programs that answer on a port of this machine while a test asks them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

START_SECONDS = 60


def environment_of(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Nothing of ours: what CI or a developer has set must not change what is filled."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC", **more}


@contextlib.contextmanager
def served(command: Callable[[int], Sequence[str | Path]], where: Path, home: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """The address of a program that is started ``where`` with a ``home``, where its log is."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (home / "served.log").open("wb") as log:
        process = subprocess.Popen(
            command(port), cwd=where, env=environment_of(home, environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        end = time.monotonic() + START_SECONDS
        while not _answers(address):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{command(port)[0]} does not answer: {(home / 'served.log').read_text(errors='replace')[-2000:]}")
            time.sleep(0.2)
        yield address
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # its workers too
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=START_SECONDS):  # noqa: S310 -- our own port
            return True
    except urllib.error.HTTPError:
        return True  # it answers, if only with a refusal
    except OSError:
        return False
