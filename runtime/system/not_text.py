"""The message for a file that is not UTF-8: where its first odd byte is, and what to do."""

from __future__ import annotations

from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path

from gradc_runtime.system.errors import DataError


def not_utf8(file: str, data: bytes, *, offset: int = 0, line: int = 1) -> DataError:
    """The error for bytes that are no UTF-8, which stand at an offset and a line of a file."""
    start = first_odd(data)
    line += data.count(b"\n", 0, start)
    is_wide = offset == 0 and data.startswith((BOM_UTF16_BE, BOM_UTF16_LE))
    what = "it is UTF-16" if is_wide else f"not UTF-8 text (byte {offset + start})"
    return DataError(f"{file}:{line}: {what}; save it as UTF-8")


def not_utf8_file(path: Path, file: str) -> DataError:
    """The error for a file that has just been found to be no UTF-8."""
    return not_utf8(file, path.read_bytes())


def first_odd(data: bytes) -> int:
    """The place of the first byte that no UTF-8 text has there."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as fault:
        return fault.start
    return len(data)
