"""The code of a whole step: typed statements, and the heads of loops, each with its depth.

Since every address is known, a place is a word behind a pointer.  The kernel's own counters have
names: t0 counts steps, i0 the examples of a step, n0 the examples of all steps; m0 says which lanes
hold an example.  `compiler/whole_step/step_text.py` makes text of this code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    Address,
    Apply,
    KernelArgument,
    Leaf,
    PointerWord,
    Scalar,
    ScalarConstant,
)
from gradc_compiler.loops.scalar_form import functions, whole_number
from gradc_compiler.records.fast_dataclass import dataclass

NAMES = [KernelArgument(name) for name in ("g0", "t0", "i0", "n0", "m0")]
COUNT, STEP, EXAMPLE, NUMBER, MASK = NAMES
ZERO = ScalarConstant(0.0, Kind.REAL)


@dataclass(frozen=True, slots=True)
class AssignLine:
    """target = value; the target is a variable or a word of memory."""

    target: Leaf
    value: Scalar


@dataclass(frozen=True, slots=True)
class LoopHead:
    """A loop over counter in range(bounds); `masked`: its last vector may be filled in part."""

    counter: Leaf
    bounds: tuple[Scalar, ...]
    masked: bool = False


@dataclass(frozen=True, slots=True)
class When:
    """A condition for the deeper lines after it."""

    condition: Scalar


@dataclass(frozen=True, slots=True)
class Effect:
    """A function that changes memory: `scatter`, `totals`."""

    call: Apply


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment for people: what the next lines compute, and where that was written."""

    text: str


CodeItem: TypeAlias = AssignLine | LoopHead | When | Effect | Remark


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A statement or the head of a loop, with the number of loops that it stands in."""

    depth: int
    item: CodeItem


@dataclass(frozen=True, slots=True)
class StepCode:
    """A kernel: its pointers in order, the lines before the loop over steps, and the lines in
    it.
    """

    pointers: tuple[tuple[tuple[int, int, bool], str], ...]  # space, offset, whether whole; name
    head: tuple[CodeLine, ...]
    lines: tuple[CodeLine, ...]


EXAMPLE_OF_ALL = AssignLine(NUMBER, Apply("+", (Apply("*", (STEP, COUNT)), EXAMPLE)))
EXAMPLE_OF_STEP = AssignLine(NUMBER, STEP)  # for steps of a single example


def deeper(lines: Iterable[CodeLine], levels: int) -> list[CodeLine]:
    """The same inside more loops."""
    return [replace(line, depth=line.depth + levels) for line in lines]


def called_in(lines: Iterable[CodeLine]) -> set[str]:
    """The functions that code calls."""
    values = (line.item.value for line in lines if isinstance(line.item, AssignLine))
    return {name for value in values for name in functions(value)}


def counted(
    counter: str, extent: int, *statements: AssignLine | Effect, depth: int = 0
) -> list[CodeLine]:
    """A loop of so many iterations with statements."""
    head = LoopHead(KernelArgument(counter), (whole_number(extent),))
    return [CodeLine(depth, head), *(CodeLine(depth + 1, item) for item in statements)]


def word_at(pointer: str, moves: Sequence[tuple[str, int]], offset: int = 0) -> PointerWord:
    """A word behind a pointer, at a place that counters move."""
    return PointerWord(pointer, None, Address(tuple(moves), offset))
