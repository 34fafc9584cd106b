"""What a training run asks of its data, whether that lies in memory or is read as it is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np

from gradc_compiler.graph.ragged import Batch, Ragged, joined, take
from gradc_compiler.graph.types import TensorType
from gradc_runtime.data.arrays.checked import Batches

if TYPE_CHECKING:
    from gradc_runtime.data.arrays.alphabet import Alphabet

ROWS = "rows in memory"  # the order of what lies there


class Epoch(Protocol):
    """The examples in the order of one epoch, asked for from front to back."""

    def take(self, start: int, stop: int) -> Batches:
        """Those at some places, with their lengths."""

    def close(self) -> None:
        """Nothing more is wanted."""


class Examples(Protocol):
    """Named fields of many examples."""

    @property
    def name(self) -> str:
        """Where they come from, for messages."""

    @property
    def types(self) -> Mapping[str, TensorType]:
        """The fields."""

    @property
    def held_out(self) -> Self | None:
        """A test part that the source itself sets apart."""

    @property
    def alphabet(self) -> Alphabet | None:
        """What the classes of its texts stand for."""

    @property
    def examples(self) -> int:
        """How many there are."""

    @property
    def longest(self) -> int:
        """The most elements that a sequence has, as far as it is known; 1 where there is none."""

    @property
    def lengths(self) -> Mapping[str, np.ndarray]:
        """`length/NAME` of each time, of the examples that have been looked at."""

    @property
    def order(self) -> str:
        """What decides the order of an epoch beside the seed; two runs of one order are equal."""

    def bytes_each(self, names: Iterable[str]) -> float:
        """About how much memory an example's fields take."""

    def take(self, rows: slice, names: Iterable[str] | None = None) -> Batches:
        """Some of the fields (all, if None) of some examples, and their lengths."""

    def in_turn(self, at_once: int) -> Iterator[Batches]:
        """All examples as they stand, so many at a time."""

    def epoch(self, seed: int, number: int, start: int, names: Iterable[str]) -> Epoch:
        """Some of the fields of the examples in the order of an epoch, from a place of it on."""

    def divided(self, count: int, seed: int) -> tuple[Self, Self]:
        """What is left, and `count` examples that are held out."""


def of_rows(batches: Mapping[str, Batch], rows: slice | np.ndarray) -> Batches:
    """Some of the examples of checked batches; of tensors a slice is a view."""
    return Batches({name: take(batch, rows) for name, batch in batches.items()})


def end_to_end(parts: list[Batches]) -> Batches:
    """The examples of all parts, one after another."""
    if len(parts) == 1:
        return parts[0]
    return Batches({name: joined([part[name] for part in parts]) for name in parts[0]})


def longest_of(batches: Iterable[Batch]) -> int:
    """The most elements of a sequence; 1 where there is none."""
    return max([1, *(int(b.lengths.max(initial=0)) for b in batches if isinstance(b, Ragged))])
