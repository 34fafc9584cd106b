"""Sequences of differing lengths as arrays: one row for each element.

`Ragged` is what goes in and comes out: the rows of example 0, then those of example 1, and so on.
Nothing is padded, so padding cannot change a result.  A `SequenceIndex` knows the rows of one time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass

Array = NDArray[Any]
LARGEST_SUM = 1 << 62


@dataclass(frozen=True, eq=False)
class Ragged:
    """Sequences: `values` [rows, *shape], `lengths` [N] with rows = sum(lengths)."""

    values: Array
    lengths: NDArray[np.int64]

    @staticmethod
    def of(sequences: Sequence[Any], shape: tuple[int, ...] = (), dtype: Any = None) -> Ragged:
        """Sequences `[T_i, *shape]`; raises `ValueError` where one has another shape."""
        arrays = [np.asarray(s, dtype).reshape(len(s), *shape) for s in sequences]
        lengths = np.array([len(a) for a in arrays], np.int64)
        empty = np.zeros((0, *shape), dtype or float)
        return Ragged(np.concatenate(arrays) if arrays else empty, lengths)

    @staticmethod
    def of_padded(padded: Array, lengths: Any) -> Ragged:
        """The first `lengths[i]` rows of each `padded[i]`, `padded` being [N, T, *shape]."""
        lengths = np.asarray(lengths, np.int64)
        inside = np.arange(padded.shape[1])[None] < lengths[:, None]
        return Ragged(padded[inside], lengths)

    def padded(self, fill: float = 0) -> Array:
        """[N, T, *shape] with T the longest; `fill` behind the shorter ones."""
        longest = int(self.lengths.max(initial=0))
        shape = (len(self.lengths), longest, *self.values.shape[1:])
        result = np.full(shape, fill, self.values.dtype)
        result[np.arange(longest)[None] < self.lengths[:, None]] = self.values
        return result

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """The first row of each sequence."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def nbytes(self) -> int:
        """How much memory the rows and lengths take."""
        return self.values.nbytes + self.lengths.nbytes

    def take(self, examples: Any) -> Ragged:
        """Some of the sequences, by number, mask or slice."""
        chosen = np.arange(len(self.lengths))[examples]
        lengths = self.lengths[chosen]
        moved = self.starts[chosen] - (np.cumsum(lengths) - lengths)
        rows = np.arange(lengths.sum()) + repeated(moved, lengths)
        return Ragged(self.values[rows], lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, example: int) -> Array:
        start = int(self.starts[example])
        return self.values[start : start + int(self.lengths[example])]

    def __iter__(self) -> Iterator[Array]:
        return iter(np.split(self.values, np.cumsum(self.lengths)[:-1]) if len(self) else [])


def repeated(values: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each value as often as its count says.

    `np.repeat` adds the counts up modulo 2^64 and, where the sum wraps, writes beyond its result:
    so counts whose sum might are refused here, whoever made them.

    Raises `ValueError`.
    """
    least, most = int(counts.min(initial=0)), int(counts.max(initial=0))
    if least < 0 or most * counts.size >= LARGEST_SUM:
        raise ValueError(f"lengths from {least} to {most} are those of no sequences")
    return np.repeat(values, counts)


Batch = Array | Ragged  # one value of several examples: [N, *shape], or N sequences


def take(batch: Batch, examples: Any) -> Batch:
    """Some of the examples, by number, mask or slice."""
    return batch.take(examples) if isinstance(batch, Ragged) else batch[examples]


def joined(parts: Sequence[Batch]) -> Batch:
    """The examples of several batches, one after another."""
    ragged = [part for part in parts if isinstance(part, Ragged)]
    if not ragged:
        return np.concatenate([np.asarray(part) for part in parts])
    return Ragged(
        np.concatenate([part.values for part in ragged]),
        np.concatenate([part.lengths for part in ragged]),
    )


class SequenceIndex:
    """The rows of one time: example by example, and in each in the order of time."""

    def __init__(self, lengths: NDArray[np.int64]) -> None:
        self.lengths = lengths
        self.starts: NDArray[np.int64] = np.cumsum(lengths) - lengths
        self.owner: NDArray[np.int64] = repeated(np.arange(len(lengths)), lengths)

    @cached_property
    def position(self) -> NDArray[np.int64]:
        """Each row's place within its sequence."""
        return np.arange(len(self.owner)) - self.starts[self.owner]

    @cached_property
    def mirror(self) -> NDArray[np.int64]:
        """The row at the same distance from the other end."""
        return self.starts[self.owner] + self.lengths[self.owner] - 1 - self.position

    def ends(self, first: bool) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The first or the last row of each example, and which examples have none."""
        rows = self.starts if first else self.starts + self.lengths - 1
        return rows, self.lengths == 0

    def step(self, number: int) -> NDArray[np.int64]:
        """The rows of one step, of the examples that are long enough."""
        return self.starts[self.lengths > number] + number

    @property
    def longest(self) -> int:
        """How many steps there are."""
        return int(self.lengths.max(initial=0))


def length_key(time: str) -> str:
    """Under which name the lengths of a time are given, beside its sequences."""
    return f"length/{time}"


def lengths_by_time(
    times: Sequence[str | int], given: Mapping[str, Any], batch: int
) -> dict[str | int, NDArray[np.int64]]:
    """The lengths of each time: a whole number's own, or what is given as `length/NAME`."""
    return {
        t: np.full(batch, t) if isinstance(t, int) else np.asarray(given[length_key(t)], np.int64)
        for t in times
    }
