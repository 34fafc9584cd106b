"""Files of lines, cut into blocks at ends of lines; examples are counted before a run begins.

Only the place, the size and the number of examples of each block are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.blocks.watched_file import WatchedFile
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.not_text import not_utf8

LONGEST = 1 << 26  # bytes of a line
MARK = b"\xef\xbb\xbf"  # the mark with which a UTF-8 file may begin


@dataclass(frozen=True)
class Piece:
    """Whole lines of a file."""

    file: WatchedFile
    offset: int
    size: int
    line: int  # the number of the first
    count: int = 0  # of examples

    @property
    def name(self) -> str:
        """Which lines of which file, for messages."""
        return self.file.name if self.line == 1 else f"{self.file.name}, from line {self.line:,} on"

    def text(self) -> str:
        """What the lines say.

        Raises `DataError` where they are not UTF-8.
        """
        return decoded(self.file.read(self.offset, self.size).tobytes(), self)


class LineBlocks:
    """Pieces of files, and what makes examples of them."""

    held_out = None
    variation = None
    names = None

    def __init__(
        self, origin: str, pieces: Sequence[Piece], block: int, parse: Callable[[Piece], Any],
        encoding: Encoding | None = None,
    ) -> None:  # fmt: skip
        self.origin, self.block, self.parse, self.encoding = origin, block, parse, encoding
        self.pieces = [piece for piece in pieces if piece.count]
        self.counts = np.array([piece.count for piece in self.pieces], np.int64)
        if not self.pieces:
            raise DataError(f"{origin}: there are no examples")

    def read(self, block: int) -> Columns:
        """The examples of a piece."""
        piece = self.pieces[block]
        return Columns(origin=piece.name, arrays=self.parse(piece), by_name=True)


def pieces_of(
    file: WatchedFile, block: int, count: Callable[[bytes, Piece], int], *, quotes: bool = False
) -> Iterator[Piece]:
    """A file cut into pieces of about so many bytes; line ends within quotes do not end a line."""
    at, line = len(MARK) if file.read(0, min(3, file.size)).tobytes() == MARK else 0, 1
    while at < file.size:
        data = whole_lines(file, at, block, quotes)
        piece = Piece(file, at, len(data), line)
        yield Piece(file, at, len(data), line, count(data, piece))
        line += data.count(b"\n")
        at += len(data)


def whole_lines(file: WatchedFile, at: int, block: int, quotes: bool) -> bytes:
    """The lines from an offset on that have about so many bytes, one at least.

    Raises `DataError` for a line that is too long.
    """
    size = block
    while True:
        rest = file.size - at
        data = file.read(at, min(size, rest)).tobytes()
        end = len(data) if size >= rest else last_end(data, quotes)
        if end:
            return data[:end]
        if size > LONGEST:
            raise DataError(f"{file.name}: a line at byte {at:,} has more than {size:,} bytes")
        size *= 2


def last_end(data: bytes, quotes: bool) -> int:
    """The number of bytes up to the end of the last whole line; 0 if there is no whole line."""
    end = data.rfind(b"\n") + 1
    while end and quotes and data.count(b'"', 0, end) % 2:
        end = data.rfind(b"\n", 0, end - 1) + 1
    return end


def decoded(data: bytes, piece: Piece) -> str:
    """The text of a piece.

    Raises `DataError` where it is not UTF-8.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise not_utf8(piece.file.name, data, offset=piece.offset, line=piece.line) from None
