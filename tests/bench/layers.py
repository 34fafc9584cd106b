"""The layers of which workloads are made, each with the shapes of its parameters in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from networks import taken_by


@dataclass(frozen=True)
class Line:
    """theta1 + theta2 x, of one number."""

    def shapes(self) -> Iterator[tuple[int, ...]]:
        """Of theta1 and theta2."""
        yield from ((), ())


@dataclass(frozen=True)
class Dense:
    """W x + b."""

    inputs: int
    units: int
    after: str = "relu"  # or "tanh", or nothing

    def shapes(self) -> Iterator[tuple[int, ...]]:
        """Of W and b."""
        yield from ((self.units, self.inputs), (self.units,))


@dataclass(frozen=True)
class Convolution:
    """Symmetric zero padding; kernel, stride and padding as (rows, columns)."""

    channels: int
    filters: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    after: str = "relu"

    def shapes(self) -> Iterator[tuple[int, ...]]:
        """Of W and b."""
        yield from ((self.filters, *self.kernel, self.channels), (self.filters,))


@dataclass(frozen=True)
class Pool:
    """The greatest number of each 2x2 window."""

    def shapes(self) -> Iterator[tuple[int, ...]]:
        """Of nothing."""
        yield from ()


@dataclass(frozen=True)
class Recurrence:
    """A recurrence over the steps of a sequence: its gates stand side by side.

    `kind` is "rnn", "lstm" (gates i, f, g, o) or "gru" (r, z, n, and two biases).
    """

    kind: str
    inputs: int
    units: int
    last: bool = True  # of its states only the last goes on

    @property
    def gates(self) -> int:
        """How many."""
        return {"rnn": 1, "lstm": 4, "gru": 3}[self.kind]

    def shapes(self) -> Iterator[tuple[int, ...]]:
        """Of the weights of the state, those of the input, and the biases."""
        width = self.gates * self.units
        yield from ((width, self.units), (width, self.inputs), (width,))
        if self.kind == "gru":
            yield (width,)


@dataclass(frozen=True)
class Transformer:
    """One causal block between an embedding and logits; tokens come one-hot [length, kinds]."""

    length: int = 64
    kinds: int = 64
    width: int = 128
    heads: int = 4

    def shapes(self) -> Iterator[tuple[int, ...]]:
        """In the order of use; a pair of vectors is a normalisation or belongs to the matrix."""
        d = self.width
        yield from ((self.kinds, d), (self.length, d), (d,), (d,), (3 * d, d), (3 * d,))
        yield from ((d, d), (d,), (d,), (d,), (4 * d, d), (4 * d,), (d, 4 * d), (d,))
        yield from ((d,), (d,), (self.kinds, d), (self.kinds,))


@dataclass(frozen=True)
class Network:
    """One of the real sizes, by its name in `networks.py`, which says what it computes."""

    name: str

    def shapes(self) -> Iterator[tuple[int, ...]]:
        """In the order of use."""
        for taken in taken_by(self.name):
            yield from (taken.shape,) * taken.parts

    def gains(self) -> Iterator[bool]:
        """Whether each of them is near 1."""
        for taken in taken_by(self.name):
            yield from (taken.gain,) * taken.parts


Layer = Line | Dense | Convolution | Pool | Recurrence | Transformer | Network
