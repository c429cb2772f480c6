"""A real Chromium, driven by Playwright: every complaint of the console and every request beyond the page's own files fails the test."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_core_python.sync_playwright import Axe  # type: ignore[import-untyped] # it ships no types
from playwright.sync_api import Browser, Page, sync_playwright

PHONE, DESKTOP = (360, 800), (1280, 900)


class Window:
    """One page in the browser; what it complains about and what it asks for beyond ``file:`` and ``blob:`` is kept."""

    def __init__(self, browser: Browser, size: tuple[int, int], locale: str) -> None:
        self._context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale=locale, accept_downloads=False)
        self.page: Page = self._context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("dialog", lambda dialog: self.complaints.append(f"dialog: {dialog.message}"))

    def _asked(self, url: str) -> None:
        if not url.startswith(("file:", "blob:", "data:")):
            self.complaints.append(f"asked for {url}")

    def open(self, path: Path, fragment: str = "") -> Page:
        self.page.goto(path.resolve().as_uri() + fragment)
        return self.page

    def fits(self) -> bool:
        """No part of the page is wider than the window."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))

    def barriers(self) -> list[str]:
        """What axe-core finds against WCAG 2 A and AA."""
        found = Axe().run(self.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
        return [f"{v['id']}: {v['help']} ({v['nodes'][0]['html'][:200]})" for v in found["violations"]]

    def close(self) -> None:
        self._context.close()


class Chrome:
    """Opens windows."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._windows: list[Window] = []

    def window(self, size: tuple[int, int] = DESKTOP, locale: str = "en-GB") -> Window:
        self._windows.append(Window(self._browser, size, locale))
        return self._windows[-1]

    def end(self) -> None:
        complaints = [complaint for window in self._windows for complaint in window.complaints]
        for window in self._windows:
            window.close()
        assert complaints == [], "the browser complains"


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's own Chromium. Without one the test is skipped, in CI it fails."""
    binary = shutil.which("chromium")
    if binary is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("chromium is not on this machine: apt-get install chromium fonts-dejavu-core")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()
