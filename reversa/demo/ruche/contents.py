"""What the files and the bodies of Ruche hold."""

from __future__ import annotations

import re
import struct
import unicodedata
import zlib
from html import escape

from reversa.demo.ruche.schema import HTML

MEDIA_TYPES = {"pdf": "application/pdf", "png": "image/png", "txt": "text/plain; charset=utf-8"}


def slugify(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def php(value: object) -> str:
    """A value as PHP's ``serialize`` writes it: texts are counted in bytes."""
    match value:
        case None:
            return "N;"
        case bool():
            return f"b:{value:d};"
        case int():
            return f"i:{value};"
        case dict():
            return f"a:{len(value)}:{{{''.join(php(key) + php(item) for key, item in value.items())}}}"
        case _:
            return f's:{len(str(value).encode())}:"{value}";'


def file_content(kind: str, title: str, line: str, colour: str) -> bytes:
    """A small file of a kind of MEDIA_TYPES."""
    if kind == "pdf":
        return pdf(line)
    return png(bytes.fromhex(colour[1:])) if kind == "png" else f"{title}\n\n{line}\n".encode()


def png(colour: bytes, side: int = 12) -> bytes:
    """A square of one colour. Stored, not deflated: versions of zlib compress differently."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    pixels = (b"\0" + colour * side) * side
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels, 0)) + chunk(b"IEND", b"")


def pdf(line: str) -> bytes:
    """One page with one line."""
    shown = line.encode("cp1252", "replace").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    stream = b"BT /F1 18 Tf 50 780 Td (" + shown + b") Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    )
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, table, size, len(out))


def mention(account: int, name: str) -> str:
    return f'<span data-mention="account:{account}">@{escape(name, quote=False)}</span>'


def body(editor: int, heading: str, paragraphs: list[str], links: list[tuple[str, str]], images: list[tuple[str, str]]) -> str:
    """A page in the markup of its editor; ``links`` are (title, address), ``images`` (file name, storage key)."""
    if editor == HTML:
        parts = [f"<h2>{escape(heading, quote=False)}</h2>", *(f"<p>{text}</p>" for text in paragraphs)]
        parts += [f'<p>Voir aussi : <a href="{address}">{escape(title, quote=False)}</a></p>' for title, address in links]
        parts += [f'<figure data-attachment="{key}"><figcaption>{escape(name, quote=False)}</figcaption></figure>' for name, key in images]
        return "\n".join(parts)
    parts = [f"## {heading}", *paragraphs, *(f"Voir aussi : [{title}]({address})" for title, address in links)]
    return "\n\n".join([*parts, *(f"![{name}](attachment:{key})" for name, key in images)])
