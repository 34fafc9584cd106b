"""Axes as products of atoms: how an ONNX tensor lies in a tensor of the language.

ONNX writes the batch as an axis, merges axes with `Reshape`, moves them with `Transpose`, and keeps
axes of size 1; a spec describes ONE example, and images are `[h, w, c]` in it.  So each axis of an
ONNX tensor is written as a product of *atoms*, the last running fastest:

    [N, 3, 8, 8]  is  (n)(c)(h)(w)        the same after Reshape to [N, 3, 64]:  (n)(c)(h w)
    [N * 4, 9]    is  (n a)(k)            an axis of size 1:  ()

The language's tensor has *slots*, products of the same atoms without the free ones (the batch and
the time, over which the compiler lifts a spec).  `Reshape` and `Transpose` then change only how an
ONNX tensor is read; numbers move where an operator wants other slots.  (einops writes
rearrangements in the same way: Rogozhnikov, 2022.)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import pairwise
from math import prod


class Free(Enum):
    """The kinds of atom without a size: axes that a spec does not mention."""

    BATCH = "the batch"
    TIME = "the time"


class Atom:
    """A factor of an axis; two are the same only if they are one object."""

    __slots__ = ("free", "size")

    def __init__(self, size: int, free: Free | None = None) -> None:
        self.size, self.free = size, free

    def __repr__(self) -> str:
        return self.free.name.lower() if self.free else str(self.size)


Axis = tuple[Atom, ...]  # a product; empty for a size of 1
Axes = tuple[Axis, ...]


def axis_of(size: int) -> Axis:
    """A new axis."""
    return () if size == 1 else (Atom(size),)


def axes_of(shape: Iterable[int]) -> Axes:
    """New axes of these sizes."""
    return tuple(axis_of(size) for size in shape)


def size_of(axis: Axis) -> int:
    """The size of an axis, free atoms counted as 1."""
    return prod(atom.size for atom in axis if atom.free is None)


def is_free(axis: Axis) -> bool:
    """Whether an axis has a batch or a time in it."""
    return any(atom.free for atom in axis)


def fixed(axes: Iterable[Axis]) -> list[Atom]:
    """The atoms in order, without the free ones."""
    return [atom for axis in axes for atom in axis if atom.free is None]


def sizes(slots: Iterable[Axis]) -> list[int]:
    """The sizes of slots, which have no free atoms."""
    return [size_of(slot) for slot in slots]


def slots_of(axes: Axes) -> Axes:
    """The slots of a tensor that lies as ONNX has it: a slot for each axis, free atoms left out.

    An axis of free atoms alone has no slot; one with factors before and after the batch has a slot
    for each factor.
    """
    found: list[Axis] = []
    for axis in axes:
        if is_free(axis):
            found += [(atom,) for atom in axis if atom.free is None]
        else:
            found.append(axis)
    return tuple(found)


def replaced(axes: Axes, new: dict[Atom, Axis]) -> Axes:
    """Axes with some atoms replaced by products."""
    return tuple(tuple(b for a in axis for b in new.get(a, (a,))) for axis in axes)


def split(atoms: Sequence[Atom], shape: Sequence[int]) -> dict[Atom, Axis] | None:
    """Each atom as factors, so that consecutive factors make up `shape`; None where none do.

    The row-major places of an axis's ends must be in both: 12 as (3)(4) is also (3)(2)(2), never
    (2)(6).
    """
    if 0 in shape or any(atom.size == 0 for atom in atoms):
        return {} if [atom.size for atom in atoms] == list(shape) else None
    ends, wanted = {1}, {1}
    for atom in atoms:
        ends.add(max(ends) * atom.size)
    for size in shape:
        wanted.add(max(wanted) * size)
    every = sorted(ends | wanted)
    if max(ends) != max(wanted) or any(b % a for a, b in pairwise(every)):
        return None
    found: dict[Atom, Axis] = {}
    begin = 1
    for atom in atoms:
        within = [e for e in every if begin <= e <= begin * atom.size]
        factors = [b // a for a, b in pairwise(within)]
        if len(factors) > 1:
            found[atom] = tuple(Atom(size) for size in factors)
        begin *= atom.size
    return found
