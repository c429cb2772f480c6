"""VERIFIER.html: the page in every package on which a browser checks the package (docs/package-format.md).

It holds nothing of the package, so one version of reversa writes the same bytes everywhere, and ``reversa verifier``
gives a copy that nobody could change together with a package.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from markupsafe import Markup

from reversa import __version__
from reversa.wording import Texts, catalogue, templates

NAME = "VERIFIER.html"


def page() -> str:
    """The whole page, in both languages; its policy lets run only the script and the style that are in it."""
    style, script = _inlined("verifier.css"), _inlined("verifier-checks.js") + _inlined("verifier-page.js")
    spoken = {key: texts for key, texts in catalogue().items() if key.startswith(("verifier.", "kind-name.")) or key == "page.foot"}
    return (
        templates()
        .get_template("verifier.html.j2")
        .render(words=Texts("en"), texts=spoken, version=__version__, style=style, script=script, style_hash=_hash(style), script_hash=_hash(script))
    )


def _inlined(name: str) -> Markup:
    """A file of ours, put into the page as it is."""
    return Markup((resources.files("reversa.templates") / name).read_text(encoding="utf-8"))  # noqa: S704 - it holds no data


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
