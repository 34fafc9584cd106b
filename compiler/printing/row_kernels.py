"""Kernels along one axis, from one text for both targets: what is done to one row.

A *row* is the numbers along the axis at one place of all other axes.  The text of a row speaks of
its operands and then its result, number k: `x{k}[a{k} + i * g1]` is its element i, `m{k}` says how
many it has.  Around it stand two loops, over examples and over rows, which a GPU's threads share.

geometry = [rows, words from an element to the next, a number that the text calls g2, and then, of
each operand and of the result: the elements of a row, the words from one example's to the next].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from math import prod
from textwrap import indent

from gradc_compiler.loops.chain_lengths import Chain
from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.memory.layout import BufferView
from gradc_compiler.printing.cuda_printer import HEAD
from gradc_compiler.printing.row_meaning import RowMeaning, Rows
from gradc_compiler.records.fast_dataclass import dataclass

CPU_HEAD = "def k0(pointers, geometry, begin, end, first):\n"
SHARED = ("g0", "g1", "g2")  # numbers of the geometry before those of each operand


@dataclass(frozen=True, kw_only=True)
class RowKernel:
    """What is done to a row; the kinds of its operands and of its result, `w` a whole number.

    `chain`: the additions that a term goes through, by the lengths of the rows.
    """

    law: str
    text: str
    kinds: str
    meaning: RowMeaning
    chain: Callable[[Sequence[int]], Chain] = lambda lengths: Chain()

    @cached_property
    def cpu(self) -> str:
        """The source for a CPU."""
        kinds = enumerate(self.kinds)
        pointers = [
            f"x{k} = {'indices' if kind == 'w' else 'reals'}(pointers, {k})" for k, kind in kinds
        ]
        numbers = [f"{name} = geometry[{k}]" for k, name in enumerate(self._numbers())]
        loops = ["for i0 in range(begin, end):", "    for i1 in range(g0):"]
        head = [f"# {self.law}", *pointers, *numbers, *loops]
        row = [f"a{k} = {self._first(k)}" for k in range(len(self.kinds))]
        return f"{CPU_HEAD}{_lines(head, 1)}{_lines([*row, self.text], 3)}"

    @cached_property
    def cuda(self) -> str:
        """The source for CUDA: a thread for each row."""
        names = [*(f"x{k}" for k in range(len(self.kinds))), *self._numbers()]
        numbers = [f"{name} = table[at + {k}]" for k, name in enumerate(names)]
        loop = ["for t0 in range(thread(), total, threads()):"]
        row = ["i1 = t0 % g0", "i0 = t0 // g0 + begin"]
        row += [f"a{k} = x{k} + {self._first(k)}" for k in range(len(self.kinds))]
        text = self.text
        for k, kind in enumerate(self.kinds):
            text = text.replace(f"x{k}[", "numbers[" if kind == "w" else "words[")
        head = [f"# {self.law}", *numbers, *loop]
        return f"{HEAD}\n{_lines(head, 1)}{_lines([*row, text], 2)}"

    def nest(
        self,
        places: Sequence[BufferView],
        shapes: Sequence[tuple[int, ...]],
        axis: int,
        examples: bool,
    ) -> LoopNest:
        """The kernel's meaning as a loop nest: loops over rows and along a row."""
        rows = Rows(places, shapes, axis, examples, self.meaning)
        return rows.nest()

    def _numbers(self) -> list[str]:
        """The names that the text has for the numbers of the geometry."""
        each = [name for k in range(len(self.kinds)) for name in (f"m{k}", f"e{k}")]
        return [*SHARED, *each]

    def _first(self, k: int) -> str:
        """The first word of row i1 of example i0."""
        return f"i0 * e{k} + i1 // g1 * (m{k} * g1) + i1 % g1"

    def geometry(
        self, shapes: Sequence[tuple[int, ...]], axis: int, examples: Sequence[int]
    ) -> tuple[int, ...]:
        """The numbers for rows along an axis, given what there is of one example of each."""
        lengths = [shape[axis] for shape in shapes]
        step = prod(shapes[0][axis + 1 :])
        rows = prod(shapes[0][:axis]) * step
        levels = max(lengths[0], 1).bit_length() - 1
        each = [n for pair in zip(lengths, examples, strict=True) for n in pair]
        return rows, step, levels, *each


def lengths_of(geometry: Sequence[int]) -> Sequence[int]:
    """The elements of a row, of each operand and of the result."""
    return geometry[len(SHARED) :: 2]


def _lines(lines: Sequence[str], depth: int) -> str:
    return indent("\n".join(line.rstrip("\n") for line in lines) + "\n", "    " * depth)
