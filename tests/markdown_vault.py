"""A small folder of Markdown with what is hard in it."""

from __future__ import annotations

from pathlib import Path

FILES: dict[str, str | bytes] = {
    "Home.md": "---\ntitle: Home page\ntags: [one, two]\naliases: Start\ndate: 2024-02-29T10:00:00+01:00\nauthor: Ann\n---\n# Home\n[[Plan|the plan]] ![[logo.png]]\n",
    "Plan.md": "# The plan\n\n- [ ] a task\n<script>alert(1)</script>\n",
    "folder/Plan.md": "no heading, no front matter\n",
    "folder/deep/Naïve 😀.md": "---\ndate: 2024-02-29\ntags: a, b\n---\n",
    "folder/broken.md": "---\ntitle: [unclosed\n---\ntext\n",
    "folder/object.md": "---\ntitle: !!python/object/apply:os.system [ls]\n---\ntext\n",
    "folder/latin.md": b"caf\xe9\n",
    "folder/rule.md": "---\nnot front matter\n",
    "logo.png": b"\x89PNG",
    ".obsidian/app.json": "{}",
}


def write_vault(folder: Path) -> Path:
    """The files of it."""
    for name, content in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
