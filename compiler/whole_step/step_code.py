"""The code of a whole step: typed statements, and the heads of loops, each with its depth.

Places are words by their pointer here, since every address is known.  What the kernel itself
counts has names: t0 steps, i0 examples, n0 the same over all steps, m0 which lanes have an example.
`compiler/whole_step/step_text.py` makes text of it.
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
    """What is deeper is done if a condition holds."""

    condition: Scalar


@dataclass(frozen=True, slots=True)
class Effect:
    """A function that changes memory: `scatter`, `totals`."""

    call: Apply


@dataclass(frozen=True, slots=True)
class Remark:
    """For people: what comes next, and where that was written."""

    text: str


CodeItem: TypeAlias = AssignLine | LoopHead | When | Effect | Remark


@dataclass(frozen=True, slots=True)
class CodeLine:
    """An item, and in how many loops it stands."""

    depth: int
    item: CodeItem


@dataclass(frozen=True, slots=True)
class StepCode:
    """A kernel: its pointers in order, what comes before the loop over steps, and what is in it."""

    pointers: tuple[tuple[tuple[int, int, bool], str], ...]  # space, offset, whether whole; name
    head: tuple[CodeLine, ...]
    lines: tuple[CodeLine, ...]


EXAMPLE_OF_ALL = AssignLine(NUMBER, Apply("+", (Apply("*", (STEP, COUNT)), EXAMPLE)))
EXAMPLE_OF_STEP = AssignLine(NUMBER, STEP)  # where every step has one


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
    """A word by its pointer, as counters move it."""
    return PointerWord(pointer, None, Address(tuple(moves), offset))
