"""The pytest plugin: installed with reversa, it prints at the end what the conformance kit did not hold an adapter to, and why."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Every exception and every check that did not apply, so that nobody takes a skip for a success."""
    skipped = terminalreporter.stats.get("skipped", [])
    lines = sorted({f"{report.nodeid.rpartition('/')[2]}: {reason}" for report in skipped if (reason := _kit_reason(report.longrepr))})
    if lines:
        terminalreporter.section("reversa conformance: excepted or not applicable")
        for line in lines:
            terminalreporter.write_line(line)


def _kit_reason(longrepr: Any) -> str:
    reason = str(longrepr[2] if isinstance(longrepr, tuple) else longrepr).removeprefix("Skipped: ")
    return reason if reason.startswith(("excepted: ", "not applicable: ")) else ""
