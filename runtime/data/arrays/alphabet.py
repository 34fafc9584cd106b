"""Which symbol a class stands for, so that texts become sequences of classes and back.

A class may stand for the end of a text (written as nothing), or for every symbol that has no class
of its own (`REST`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import DataError

END, REST = "", "\ufffd"


@dataclass(frozen=True)
class Alphabet:
    """The symbol of each class."""

    symbols: tuple[str, ...]

    @staticmethod
    def of(text: str, size: int) -> Alphabet:
        """The characters of a text, the most frequent first; the last class is for the rest if
        there are more than `size`.
        """
        counts = Counter(text)
        ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
        return Alphabet(tuple(ranked if len(ranked) <= size else [*ranked[: size - 1], REST]))

    @cached_property
    def classes(self) -> dict[str, int]:
        """The class of each symbol, by symbol."""
        return {symbol: k for k, symbol in enumerate(self.symbols)}

    @property
    def end(self) -> int | None:
        """The class that ends a text, if there is one."""
        return self.classes.get(END)

    def read(self, text: str, name: str) -> NDArray[np.int64]:
        """The classes of a text's characters; `DataError` for one that has none."""
        rest = self.classes.get(REST)
        found = [self.classes.get(symbol, rest) for symbol in text]
        if None in found:
            known = "".join(self.symbols)
            raise DataError(f"{name}: {text[found.index(None)]!r} is none of {known!r}")
        return np.array(found, np.int64)

    def write(self, classes: Iterable[int]) -> str:
        """The text of some classes, up to the one that ends it."""
        written = []
        for k in classes:
            if k == self.end:
                break
            written.append(self.symbols[k] if k < len(self.symbols) else REST)
        return "".join(written)
