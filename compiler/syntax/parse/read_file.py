"""From a file on disk, or standard input, to text: its size, its encoding, its line ends."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Label, Source, Span, refused

STANDARD_INPUT = Path("-")
MAX_BYTES = 4_000_000
ENCODINGS = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x89P": "a PNG image",
    b"\x1f\x8b": "a gzip archive",
    b"PK": "a zip archive",
}


def read_source(path: str | Path) -> Source:
    """The text of a file, of standard input for `-`; E0101 or E0106 for what is wrong with it."""
    path = Path(path)
    name = "stdin" if path == STANDARD_INPUT else str(path)
    try:
        data, size = _bytes_of(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"cannot read this file: {reason}"
        raise refused(name, "E0101", message, "check the path and its permissions") from None
    if size > MAX_BYTES:
        message = f"the file is {size / 1e6:.1f} MB, the limit is 4 MB"
        raise refused(name, "E0106", message, "split it, and put the parts together with `import`")
    return Source(name, _decode(name, data))


def _bytes_of(path: Path) -> tuple[bytes, int]:
    """The bytes of a file, no more than the limit and one, and how many it has."""
    if path == STANDARD_INPUT:
        return _standard_input(), len(_standard_input())
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
        return data, len(data) if len(data) <= MAX_BYTES else max(path.stat().st_size, len(data))


@cache
def _standard_input() -> bytes:
    """What comes in there, kept because it comes only once."""
    return sys.stdin.buffer.read(MAX_BYTES + 1)


def _decode(name: str, data: bytes) -> str:
    """Strict UTF-8; a byte order mark is dropped and CR LF becomes a newline."""
    try:
        return _newlines(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        # What comes before the bad byte is shown; the byte itself as a replacement character.
        shown = Source(name, _newlines(before) + "\ufffd")
        span = Span(source=shown, start=len(shown.text) - 1, end=len(shown.text))
        problem = Diagnostic(
            code="E0101",
            message=f"byte {error.start} is 0x{data[error.start]:02x}, which is not UTF-8",
            primary=Label(span, "not UTF-8"),
            hint=_guess_encoding(data),
        )
        raise CompileError([problem]) from None


def _newlines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")


def _guess_encoding(data: bytes) -> str:
    for start, kind in ENCODINGS.items():
        if data.startswith(start):
            return f"this looks like {kind}; a program is UTF-8 text"
    if b"\0" in data:
        return "this looks like binary data; a program is UTF-8 text"
    return "this looks like Latin-1 or Windows-1252; save the file as UTF-8"
