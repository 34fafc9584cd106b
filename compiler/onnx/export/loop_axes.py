"""An operand of a contraction, read so that it has an axis for each loop; a result, written so.

A position is affine in the loops (`2*y + i - 1`).  Most are one loop's own index and need nothing;
a shifted or strided one is a `Slice`, a fixed one a `Gather` of one place, and one of several loops
a `Gather` of a table of places.  Positions outside the operand read 0, so it is padded with zeros
first.  A result's position that is not a loop of its own becomes a product with a matrix of 0 and 1
that says which loops' values are added up where.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradc_compiler.onnx.export.node_writer import GraphWriter
from gradc_compiler.ops.contract import Affine, Map
from gradc_compiler.records.fast_dataclass import dataclass

Extents = Sequence[int]


@dataclass(frozen=True, slots=True)
class Looped:
    """A tensor whose axes after `lead` are numbered loops; a loop may occur twice."""

    name: str
    lead: int
    loops: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class AxisRead:
    """How one axis of `size` is read: at a position, after padding with zeros."""

    position: Affine
    size: int
    before: int
    after: int

    @staticmethod
    def of(position: Affine, size: int, extents: Extents) -> AxisRead:
        """The reading of an axis, padded as far as the position reaches beyond it."""
        low, high = position.range(extents)
        return AxisRead(position, size, max(0, -low), max(0, high - size + 1))

    @property
    def is_slice(self) -> bool:
        """Whether the position is one loop's index times a positive step, plus a constant."""
        terms = self.position.terms
        return len(terms) == 1 and terms[0][1] > 0

    @property
    def is_dropped(self) -> bool:
        """Whether the axis has one element, which is always read."""
        return not self.position.terms and self.size == 1 and self.before + self.after == 0

    def slice(self, extents: Extents) -> tuple[int, int, int] | None:
        """Start, end and step of the slice; None where all is read, or it is no slice."""
        if not self.is_slice:
            return None
        ((loop, step),) = self.position.terms
        start = self.position.offset + self.before
        end = start + step * (extents[loop] - 1) + 1
        whole = step == 1 and end - start == self.size + self.before + self.after
        return None if whole else (start, end, step)

    def table(self, extents: Extents) -> np.ndarray:
        """The places that are read, for every index of the position's loops."""
        return places(self.position, self.before, extents)


def places(position: Affine, moved: int, extents: Extents) -> np.ndarray:
    """The values of a position, for every index of its loops."""
    at = np.array(position.offset + moved)
    for loop, coefficient in position.terms:
        at = at[..., None] + coefficient * np.arange(extents[loop])
    return at


def read(
    writer: GraphWriter,
    name: str,
    lead: int,
    sizes: Sequence[int],
    positions: Map,
    extents: Extents,
) -> Looped:
    """A tensor of `lead` axes and these sizes, with an axis for each loop of its positions."""
    axes = [AxisRead.of(p, n, extents) for p, n in zip(positions, sizes, strict=True)]
    name = writer.padded(name, lead, [a.before for a in axes], [a.after for a in axes])
    cuts = {lead + k: cut for k, a in enumerate(axes) if (cut := a.slice(extents)) is not None}
    name = writer.sliced(name, cuts)
    name = writer.squeezed(name, [lead + k for k, a in enumerate(axes) if a.is_dropped])
    loops: list[int] = []
    for a in axes:
        if not a.is_slice and not a.is_dropped:
            table = writer.whole(a.table(extents))
            name = writer.add("Gather", name, table, axis=lead + len(loops))
        loops += [loop for loop, _ in a.position.terms]
    return Looped(name, lead, tuple(loops))


def spread(position: Affine, size: int, extents: Extents) -> np.ndarray:
    """A table [size, loops...] with 1 where the loops' position is the result's index, else 0."""
    at = places(position, 0, extents)
    count = np.arange(size).reshape(-1, *[1] * at.ndim)
    return np.asarray(count == at, np.float32)
