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
    from gradc_runtime.data.tables.encoding import Encoding

ROWS = "rows in memory"  # the order of examples in memory


class Epoch(Protocol):
    """The examples in the order of one epoch, asked for from front to back."""

    def take(self, start: int, stop: int) -> Batches:
        """The examples at the places `start` to before `stop` of the epoch, with their lengths."""

    def close(self) -> None:
        """Release what the epoch holds: no more examples are wanted."""


class Examples(Protocol):
    """Named fields of many examples."""

    @property
    def name(self) -> str:
        """Where the examples come from, for messages."""

    @property
    def types(self) -> Mapping[str, TensorType]:
        """The type of each field, by its name."""

    @property
    def held_out(self) -> Self | None:
        """A test part that the source itself sets apart."""

    @property
    def alphabet(self) -> Alphabet | None:
        """Which symbols the classes of its texts stand for."""

    @property
    def encoding(self) -> Encoding | None:
        """What the numbers of its fields stand for, where they were made of a table."""

    @property
    def examples(self) -> int:
        """How many examples there are."""

    @property
    def longest(self) -> int:
        """The most elements of any sequence, as far as is known; 1 where there are no sequences."""

    @property
    def lengths(self) -> Mapping[str, np.ndarray]:
        """`length/NAME` of each time, for the examples that have been read so far."""

    @property
    def order(self) -> str:
        """What decides the order of an epoch besides the seed; equal texts mean equal orders."""

    def bytes_each(self, names: Iterable[str]) -> float:
        """About how much memory an example's fields take."""

    def take(self, rows: slice, names: Iterable[str] | None = None) -> Batches:
        """Some of the fields (all fields, if None) of the given examples, and their lengths."""

    def in_turn(self, at_once: int) -> Iterator[Batches]:
        """All examples in the order in which they are stored, `at_once` at a time."""

    def epoch(self, seed: int, number: int, start: int, names: Iterable[str]) -> Epoch:
        """Some of the fields of the examples in the order of an epoch, from place `start` on."""

    def part(self, seed: int, start: int, stop: int) -> Self:
        """The examples at the places `start` to before `stop` of a random order of them all."""


def of_rows(batches: Mapping[str, Batch], rows: slice | np.ndarray) -> Batches:
    """The given rows of checked batches; a slice of a tensor is a view."""
    return Batches({name: take(batch, rows) for name, batch in batches.items()})


def end_to_end(parts: list[Batches]) -> Batches:
    """The examples of all parts, one after another."""
    if len(parts) == 1:
        return parts[0]
    return Batches({name: joined([part[name] for part in parts]) for name in parts[0]})


def longest_of(batches: Iterable[Batch]) -> int:
    """The most elements of any sequence; 1 where there are no sequences."""
    return max([1, *(int(b.lengths.max(initial=0)) for b in batches if isinstance(b, Ragged))])
