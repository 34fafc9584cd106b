"""A recurrence as one kernel of a GPU: which block has which part of the state, and who waits.

Everything that a step computes is cut along its *units*, the elements of the state: a block has a
few of them, and of every value with a multiple of so many words those words that are its units',
at every step.  Elementwise kernels then need nothing of another block.  A product reads all units
of its operand; its block makes the columns of its own units, and keeps these columns of the matrix
in shared memory over all steps.  So at most a few times a step all blocks have to *meet*.

`compiler/select/one_recurrence.py` plans, `compiler/printing/recurrence_kernel.py` writes the text.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from gradc_compiler.loops.ir import LoopNest, MemAccess
from gradc_compiler.records.fast_dataclass import dataclass


class Wait(Enum):
    """For whom a part of a step waits before it begins."""

    NOBODY = "nobody"
    BLOCK = "block"  # for the threads of its own block
    ALL = "all"  # for all blocks

    __hash__ = object.__hash__  # by identity, which is faster than by name


@dataclass(frozen=True, slots=True)
class OwnedNest:
    """An elementwise nest over rows and columns: two loops, whose stores are all by columns."""

    nest: LoopNest
    columns: int


@dataclass(frozen=True, slots=True)
class OwnedProduct:
    """y[row, n] (+)= sum over k of a[row, k] * b[k, n]; of a, b and y the words of a row, a step
    along k and a column.
    """

    a: MemAccess
    b: MemAccess
    y: MemAccess
    columns: int
    terms: int
    a_moves: tuple[int, int]  # of a row, along k
    b_moves: tuple[int, int]  # along k, of a column
    y_row: int
    adds: bool
    fours: bool  # whether rows of a begin at multiples of four words, and lie word by word


OwnedPart: TypeAlias = OwnedNest | OwnedProduct


@dataclass(frozen=True, slots=True)
class RecurrencePlan:
    """The parts of a step in order, each with what it waits for; `own` of the `units` are a
    block's.
    """

    units: int
    own: int
    parts: tuple[tuple[Wait, OwnedPart], ...]

    @property
    def blocks(self) -> int:
        """All of them have to run at once."""
        return self.units // self.own

    def columns_of(self, part: OwnedPart) -> int:
        """How many columns of a part are a block's."""
        return part.columns // self.units * self.own

    def products(self) -> list[OwnedProduct]:
        """The products of a step."""
        return [part for _, part in self.parts if isinstance(part, OwnedProduct)]

    @property
    def words(self) -> int:
        """Words of matrices that a block keeps."""
        return sum(part.terms * self.columns_of(part) for part in self.products())
