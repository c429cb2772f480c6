"""How good a suggested mapping is, by the finished one: ``python -m tests.mapping_score SUGGESTED FINISHED``.

Looked at line by line: the kind of a table, its id, what each field gets, where content lies, what becomes of the rows of
other tables. Aliases of tables, casts, and the wording of marks and reasons make no difference.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Key = tuple[str, ...]
_SURE = re.compile(r" {3}# (\d\.\d\d) ")


@dataclass(frozen=True)
class Score:
    """The lines of a finished mapping and of the suggested one."""

    finished: dict[Key, str]
    suggested: dict[Key, str]
    sure: dict[Key, float]

    @property
    def unchanged(self) -> set[Key]:
        return {key for key, value in self.suggested.items() if self.finished.get(key) == value}

    @property
    def share(self) -> float:
        """Of the lines of the finished mapping, those that were suggested as they are."""
        return len(self.unchanged) / len(self.finished) if self.finished else 0.0

    def calibration(self) -> list[tuple[float, int, int]]:
        """From this confidence on, a tenth more at most: lines that were suggested, and those that stayed."""
        steps = (0.5, 0.6, 0.7, 0.8, 0.9)
        found = []
        for number, low in enumerate(steps):
            high = steps[number + 1] if number + 1 < len(steps) else 2.0
            keys = {key for key, sure in self.sure.items() if low <= sure < high}
            found.append((low, len(keys), len(keys & self.unchanged)))
        return found


def score(suggested: str, finished: str) -> Score:
    """Compare two mappings, given as YAML."""
    theirs, ours = dict(_lines(finished)), dict(_lines(suggested))
    return Score(
        {key: value for key, (value, _) in theirs.items()}, {key: value for key, (value, _) in ours.items()}, {k: s for k, (_, s) in ours.items()}
    )


def _lines(text: str) -> list[tuple[Key, tuple[str, float]]]:
    written = text.splitlines()
    document = yaml.compose(text, yaml.SafeLoader)
    found: dict[Key, tuple[str, float]] = {}

    def take(key: Key, value: str, node: yaml.Node) -> None:
        sure = _SURE.search(written[node.start_mark.line])
        while key in found:
            key = (*key, "again")
        found[key] = value, float(sure[1]) if sure else 0.0

    top = _members(document)
    for entry in top["records"].value if "records" in top else ():
        members = _members(entry)
        of = (_table(members["from"].value), members["kind"].value)
        take((*of, "kind"), of[1], members["kind"])
        for name in ("id", "content"):
            if name in members:
                take((*of, name), _normal(members[name].value), members[name])
        for name, value in _members(members["fields"]).items() if "fields" in members else ():
            take((*of, name), str(_plain(value)), value)
    for table, rule in _members(top["rows"]).items() if "rows" in top else ():
        of_rule = _members(rule)
        value = "ignore" if "ignore" in of_rule else str(_plain(of_rule["within"]))
        take((table, "rows"), value, rule)
    return list(found.items())


def _members(node: Any) -> dict[str, Any]:
    return {key.value: value for key, value in node.value}


def _plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _normal(node.value)
    if isinstance(node, yaml.SequenceNode):
        items = [_plain(item) for item in node.value]
        return items[0] if len(items) == 1 else items
    return {_normal(key): _plain(value) for key, value in sorted(_members(node).items())}


def _table(sql: str) -> str:
    return sql.split(maxsplit=1)[0].replace('"', "")


def _normal(sql: str) -> str:
    """SQL without aliases, casts, quotes, and with one mark for all."""
    bare = " ".join(sql.replace('"', "").split())
    bare = re.sub(r"try_cast\((\S+) AS BIGINT\)|::(int|bigint)\b", r"\1", bare)
    bare = re.sub(r"'[^']*[/:-]' \|\| (?!')", "'mark' || ", bare)
    bare = re.sub(r"\b[A-Za-z_]\w*\.(?=[A-Za-z_])", "", bare)
    return re.sub(r"\b((?:FROM|JOIN) \w+) (?!(?:WHERE|JOIN|LEFT|CROSS|ON|ORDER|GROUP|LIMIT)\b)\w+", r"\1", bare)


def table_of(found: Score) -> str:
    """What is said of a suggestion, for people."""
    rows = [f"{len(found.unchanged)} of {len(found.finished)} lines of the finished mapping were suggested as they are: {found.share:.0%}"]
    rows += [
        f"from {low:.1f}: {kept} of {count} lines stayed" + (f" ({kept / count:.0%})" if count else "") for low, count, kept in found.calibration()
    ]
    return "\n".join(rows)


if __name__ == "__main__":
    texts = [Path(name).read_text(encoding="utf-8") for name in sys.argv[1:3]]
    made = score(*texts)
    sys.stdout.write(table_of(made) + "\n")
    if "-v" in sys.argv:
        for line in sorted(made.suggested.keys() | made.finished.keys()):
            if line not in made.unchanged:
                sys.stdout.write(
                    f"{'.'.join(line)}\n   suggested {made.sure.get(line, 0):.2f}: {made.suggested.get(line)}\n   finished: {made.finished.get(line)}\n"
                )
