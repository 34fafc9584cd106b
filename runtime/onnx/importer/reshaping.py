"""`Reshape` to any shape: where the batch goes, and which axes are cut.

Both shapes are row-major, so the atoms before the batch stay before it.  A target size counts the
batch where it says so (`N * 4`), where it is -1 and the batch is nowhere else, or where everything
before it is used up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from gradc_runtime.onnx.importer.arrange import rearrange, with_atoms
from gradc_runtime.onnx.importer.atoms import Atom, Axes, Axis, axes_of, fixed, size_of, split
from gradc_runtime.onnx.importer.expression import Expr, shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.sizes_known_later import FreeSize
from gradc_runtime.system.errors import DataError

Cut = list[tuple[int, int]]  # factors of one target axis: (segment, size); (-1 - k, 0) is free k
Segments = list[list[Atom]]  # atoms between free ones


def target_axes(value: GraphValue, target: Sequence[Any]) -> tuple[GraphValue, Axes]:
    """A value whose atoms fit, and its axes in the target's shape.

    Raises `DataError` where the numbers do not fit.
    """
    atoms = [atom for axis in value.axes for atom in axis]
    free = [atom for atom in atoms if atom.free]
    cuts = plan(atoms, list(target))
    segments = segments_of(atoms)
    factors = [[f for cut in cuts for s, f in cut if s == k] for k in range(len(segments))]
    new: dict[Atom, Axis] = {}
    for own, wanted in zip(segments, factors, strict=True):
        found = split(own, wanted)
        if found is None and 0 in wanted:
            return empty(value, cuts)
        if found is None:
            value, segments = merged_segments(value)
            return target_axes(value, target)
        new |= found
    value = with_atoms(value, new)
    queues = [[b for a in own for b in new.get(a, (a,))] for own in segments]
    return value, tuple(axis_from(cut, queues, free) for cut in cuts)


def empty(value: GraphValue, cuts: Sequence[Cut]) -> tuple[GraphValue, Axes]:
    """A value without any numbers, in other axes.

    Raises `DataError` where there is a batch.
    """
    if any(segment < 0 for cut in cuts for segment, _ in cut):
        raise DataError("an empty tensor for each example")
    axes = axes_of([prod(size for _, size in cut) for cut in cuts])
    expr = Expr(f"zeros({shape_text([size_of(axis) for axis in axes])})")
    return replace(value, axes=axes, slots=axes, expr=expr), axes


def segments_of(atoms: Sequence[Atom]) -> Segments:
    """The fixed atoms before, between and after the free ones."""
    found: Segments = [[]]
    for atom in atoms:
        if atom.free:
            found.append([])
        else:
            found[-1].append(atom)
    return found


def plan(atoms: Sequence[Atom], target: list[Any]) -> list[Cut]:
    """Which factors of which segment each target size takes.

    Raises `DataError` where the sizes do not fit the atoms.
    """
    taker = Taker(atoms)
    if any(is_open(t) for t in target):
        k = next(k for k, t in enumerate(target) if is_open(t))
        if any(is_open(t) for t in target[k + 1 :]):
            raise DataError("two sizes are -1")
        before = [taker.front(t) for t in target[:k]]
        after = [taker.back(t) for t in reversed(target[k + 1 :])]
        return [*before, taker.rest(), *reversed(after)]
    found = [taker.front(t) for t in target]
    left = taker.rest()
    if any(f != 1 for s, f in left if s >= 0):
        raise DataError(f"the numbers do not fit into {target}")
    if any(s < 0 for s, _ in left):
        found[-1:] = [[*found[-1], *left]] if found else []
    return found


def is_open(size: Any) -> bool:
    """Whether a size is what is left."""
    return not isinstance(size, FreeSize) and size == -1


class Taker:
    """The factors of a tensor, taken from both ends."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        self.left = [prod(a.size for a in own) for own in segments_of(atoms)]
        self.free = [atom for atom in atoms if atom.free]
        self.low, self.high = 0, len(self.left) - 1

    def front(self, size: Any) -> Cut:
        """The factors of a size that comes next.

        Raises `DataError` where there are none.
        """
        if isinstance(size, FreeSize):
            return self._through(size, len(size.free))
        if self.low < self.high and self.left[self.low] == 1 == self.known_free() // max(size, 1):
            return self._through(FreeSize(size, ()), 1)
        if self.left[self.low] % size == 0 if size else self.left[self.low] == 0:
            self.left[self.low] //= max(size, 1)
            return [(self.low, size)]
        if self.low < self.high and self.known_free():
            return self._through(FreeSize(size, ()), 1)
        raise DataError(f"a size of {size} does not fit")

    def known_free(self) -> int:
        """The size of the next free atom where a graph was written for one; 0 for any."""
        return self.free[self.low].size

    def _through(self, size: FreeSize, count: int) -> Cut:
        """The rest of this segment, free atoms, and what the size wants of the next."""
        found: Cut = []
        wanted = size.factor
        for _ in range(count):
            if self.low >= self.high:
                raise DataError(f"{size} is not there")
            found += [(self.low, self.left[self.low]), (-1 - self.low, 0)]
            counted = self.left[self.low] * (self.free[self.low].size if not size.free else 1)
            if wanted % max(counted, 1):
                raise DataError(f"a size of {wanted} does not fit around the batch")
            wanted //= max(counted, 1)
            self.left[self.low] = 1
            self.low += 1
        if self.left[self.low] % max(wanted, 1):
            raise DataError(f"a factor of {wanted} does not fit behind the batch")
        self.left[self.low] //= max(wanted, 1)
        return [*found, (self.low, wanted)]

    def back(self, size: Any) -> Cut:
        """The factors of a size that comes last.

        Raises `DataError` where operands do not fit.
        """
        if not isinstance(size, FreeSize):
            if self.left[self.high] % max(size, 1) == 0:
                self.left[self.high] //= max(size, 1)
                return [(self.high, size)]
            raise DataError(f"a size of {size} does not fit")
        found: Cut = []
        wanted = size.factor
        for _ in size.free:
            if self.low >= self.high or wanted % max(self.left[self.high], 1):
                raise DataError(f"{size} is not there")
            found = [(-self.high, 0), (self.high, self.left[self.high]), *found]
            wanted //= max(self.left[self.high], 1)
            self.left[self.high] = 1
            self.high -= 1
        if self.left[self.high] % max(wanted, 1):
            raise DataError(f"{size} does not fit")
        self.left[self.high] //= max(wanted, 1)
        return [(self.high, wanted), *found]

    def rest(self) -> Cut:
        """The factors of everything that is left."""
        found: Cut = []
        for k in range(self.low, self.high + 1):
            found.append((k, self.left[k]))
            if k < self.high:
                found.append((-1 - k, 0))
            self.left[k] = 1
        self.low = self.high
        return found


def axis_from(cut: Cut, queues: Segments, free: Sequence[Atom]) -> Axis:
    """The atoms of a target axis, taken from the front of their segments."""
    found: list[Atom] = []
    for segment, size in cut:
        if segment < 0:
            found.append(free[-1 - segment])
            continue
        taken = 1
        while taken != size or (size == 0 and queues[segment]):
            if not queues[segment]:
                break
            atom = queues[segment].pop(0)
            found.append(atom)
            taken *= atom.size
    return tuple(found)


def merged_segments(value: GraphValue) -> tuple[GraphValue, Segments]:
    """A value that lies as ONNX has it, each segment one atom."""
    atoms = [atom for axis in value.axes for atom in axis]
    segments = segments_of(atoms)
    want = tuple(tuple(own) for own in segments if own)
    assert value.expr is not None
    expr = rearrange(value.expr, value.slots, want)
    wholes = [Atom(prod(a.size for a in own)) for own in segments if own]
    queue = iter(wholes)
    axis: list[Atom] = []
    fresh = True
    for atom in atoms:
        if atom.free:
            axis.append(atom)
            fresh = True
        elif fresh:
            axis.append(next(queue))
            fresh = False
    slots = tuple((whole,) for whole in wholes)
    value = replace(value, expr=expr, slots=slots, axes=(tuple(axis),))
    return value, segments_of(axis)


__all__ = ["fixed", "target_axes"]
