"""Texts as sequences of classes: by characters, by words, or by byte pairs.

Which class stands for what is found on the texts that a network is trained on, the most frequent
first, and kept with its run.  Characters and words that have no class of their own share the last;
words are read in small letters.  Byte pairs (Sennrich et al., "Neural machine translation of rare
words with subword units", 2016) are those of the library tokenizers, and any text has some.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.extras import optional
from gradc_runtime.system.files import one_line

WAYS = ("characters", "words", "pairs")
REST = "\ufffd"
WORD = re.compile(r"\w+|[^\w\s]")
BYTES = 256  # byte pairs begin with a class for each byte


@dataclass(frozen=True)
class Vocabulary:
    """What each class stands for; the first stands for nothing where texts are filled up."""

    way: str
    filled: bool  # class 0 stands behind the end of a text
    longest: int = 0  # how many classes of a text are read; 0: all
    symbols: tuple[str, ...] = ()
    pairs: str = ""  # of byte pairs, as tokenizers writes them

    @staticmethod
    def of(
        texts: Iterable[str], way: str, size: int, *, filled: bool, longest: int = 0
    ) -> Vocabulary:
        """The vocabulary of some texts, with at most so many classes.

        Raises `DataError` where these are too few.
        """
        room = size - filled
        if way == "pairs":
            if room <= BYTES:
                raise DataError(f"byte pairs need more than {BYTES + filled} classes, not {size}")
            return Vocabulary(way, filled, longest, pairs=trained(texts, room))
        if room < 2:
            raise DataError(f"{way} need {2 + filled} classes at least, not {size}")
        counts = Counter(symbol for text in texts for symbol in parts(text, way))
        ranked = sorted(counts, key=lambda symbol: (-counts[symbol], symbol))
        return Vocabulary(way, filled, longest, (*ranked[: room - 1], REST))

    @property
    def size(self) -> int:
        """How many classes are used."""
        known = self.tokenizer.get_vocab_size() if self.way == "pairs" else len(self.symbols)
        return int(known) + self.filled

    @cached_property
    def classes(self) -> dict[str, int]:
        """The class of each character or word."""
        return {symbol: k for k, symbol in enumerate(self.symbols, self.filled)}

    @cached_property
    def tokenizer(self) -> Any:
        """What divides texts into byte pairs.

        Raises `DataError` where it is damaged.
        """
        with one_line("byte pairs", "a vocabulary"):
            return library().Tokenizer.from_str(self.pairs)

    def read(self, text: str, most: int | None = None) -> NDArray[np.int64]:
        """The classes of a text, cut off at the longest length, or at `most`; one at least."""
        most = most or self.longest or None
        if self.way == "pairs":
            found = [k + self.filled for k in self.tokenizer.encode(text).ids]
            return np.array(found[:most] or [self.filled], np.int64)
        rest = len(self.symbols) - 1 + self.filled
        symbols = parts(text, self.way)[:most]
        return np.array([self.classes.get(s, rest) for s in symbols] or [rest], np.int64)

    def knows(self, text: Any) -> bool:
        """Whether a text [T], as classes, has any character or word with a class of its own."""
        rest = len(self.symbols) - 1 + self.filled
        nothing = {rest, 0} if self.filled else {rest}
        return self.way == "pairs" or not nothing.issuperset(np.ravel(text).tolist())

    def as_data(self) -> dict[str, Any]:
        """The vocabulary as data for JSON."""
        return {
            "way": self.way, "filled": self.filled, "longest": self.longest,
            "symbols": list(self.symbols), "pairs": self.pairs,
        }  # fmt: skip

    @staticmethod
    def of_data(data: Any) -> Vocabulary:
        """The vocabulary that `as_data` wrote.

        Raises `ValueError` for anything else.
        """
        match data:
            case {
                "way": str(way), "filled": bool(filled), "longest": int(longest),
                "symbols": [*symbols], "pairs": str(p),
            }:  # fmt: skip
                if way in WAYS and longest >= 0 and all(isinstance(one, str) for one in symbols):
                    return Vocabulary(way, filled, longest, tuple(symbols), p)
        raise ValueError("its vocabulary is none")


def parts(text: str, way: str) -> Sequence[str]:
    """The characters or the words of a text."""
    return text if way == "characters" else WORD.findall(text.lower())


def trained(texts: Iterable[str], size: int) -> str:
    """Byte pairs of some texts, with so many classes at most."""
    made = library()
    tokenizer = made.Tokenizer(made.models.BPE())
    tokenizer.pre_tokenizer = made.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = made.trainers.BpeTrainer(
        vocab_size=size, show_progress=False,
        initial_alphabet=sorted(made.pre_tokenizers.ByteLevel.alphabet()),
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    return str(tokenizer.to_str())


def library() -> Any:
    """The library tokenizers, on one thread: kernels are built in copies of the process.

    Raises `DataError` where it is not installed.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    return optional("tokenizers", 'by = "pairs"', DataError)
