"""What is noted while a unit is shaped, and the values that a wiki keeps in its own way."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from reversa.adapter import Noted
from reversa.records import EPOCH, Record, Ref, ref_to

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


class Marks:
    """What is noted while a unit is shaped."""

    def __init__(self, noted: list[Noted]) -> None:
        self.noted = noted

    def add(self, code: str, record: Ref, detail: str = "") -> None:
        self.noted.append(Noted(code, record, detail=detail))

    def without(self, record: Record, code: str) -> None:
        """Leave a record out. What was noted of its fields does not matter any more."""
        own = ref_to(record)
        self.noted[:] = [noted for noted in self.noted if noted.record != own]
        self.noted.append(Noted(code, own))

    def changed(self, record: Any, values: Mapping[str, Any], codes: Mapping[str, str]) -> Any:
        """A record with these values; each that is another one is noted under the code of its field."""
        own = ref_to(record)
        for field, value in values.items():
            before = getattr(record, field)
            if before != value:
                self.add(codes[field], own, f"{before} -> {value}" if isinstance(value, str) and isinstance(before, str) and len(value) < 300 else "")
        return msgspec.structs.replace(record, **values)

    @staticmethod
    def clean(text: str | None) -> str | None:
        return cleaned(text) or None if text else None


def cleaned(text: str) -> str:
    """A text as MediaWiki keeps it: NFC, lines that end in LF, no control characters."""
    text = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("\ufffd", text)


def second(at: datetime | None) -> datetime:
    return (at or EPOCH).astimezone(UTC).replace(microsecond=0)
