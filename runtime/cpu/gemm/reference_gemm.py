"""y[...] (+)= sum a[...] * b[...] with any strides at all: short, and slow.

It serves where no tile can: operands that are not contiguous along any loop.  Each number of y is
one compensated sum.  `compiler/program/kernel_abi.py` says where its geometry has which number.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.machine.addition_chains import IN_PIECE
from gradc_compiler.program.kernel_abi import (
    ANY_LOOPS,
    LOOP,
    MODE,
    MOST_ANY_LOOPS,
    OUTPUT_LOOPS,
    SUM_LOOPS,
)
from gradc_runtime.cpu.codegen import round_bits
from gradc_runtime.cpu.codegen.compensated import compensated
from gradc_runtime.cpu.codegen.intrinsics import WORDS, pointer_reader, stack_words
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type
from gradc_runtime.cpu.gemm.multi_index import advance, first_places, set_extents

TERMS = IN_PIECE  # that are added up one after another, before the total is compensated


def kernel(word: int) -> Any:
    """The kernel for words of this many bytes."""
    real = number_type(word)

    @subroutine(real(real))
    def as_it_is(x: Any) -> Any:
        return x

    return _any_strides(word, as_it_is)


def rounded_kernel(word: int) -> Any:
    """The kernel that rounds its operands to bfloat16."""
    return _any_strides(word, round_bits.functions(number_type(word))["to_bfloat"])


def _any_strides(word: int, read: Any) -> Any:
    """The kernel whose operands are `read(x)`."""
    real = number_type(word)
    reals, sum_at = pointer_reader(real), _make_sum(real, read)

    def contract_any(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        a, b, y = reals(pointers, 0), reals(pointers, 1), reals(pointers, 2)
        mode, outputs, sums = geometry[MODE], geometry[OUTPUT_LOOPS], geometry[SUM_LOOPS]
        inside = ANY_LOOPS + LOOP * outputs
        extents, counts = stack_words(MOST_ANY_LOOPS), stack_words(MOST_ANY_LOOPS)
        sum_extents = stack_words(MOST_ANY_LOOPS)
        turns = set_extents(geometry, ANY_LOOPS, outputs, extents, end - begin)
        terms = set_extents(geometry, inside, sums, sum_extents, end - begin)
        i, j, h = first_places(geometry, ANY_LOOPS, outputs + sums, begin)
        for _ in range(turns):
            value = sum_at(a, i, b, j, geometry, inside, sums, sum_extents, terms)
            if mode > 1:
                value = value / real(mode // 2)
            y[h] = value + y[h] if mode & 1 else value
            i, j, h = advance(geometry, ANY_LOOPS, outputs, extents, counts, i, j, h)

    return contract_any


def _make_sum(real: Any, read: Any) -> Any:
    """sum_at(a, i, b, j, geometry, start, loops, extents, terms): the sum of products from a[i] and
    b[j] on, over `loops` loops that begin at `start` of the geometry: `terms` in all.
    """
    pointer, number, zero = kernel_types.CPointer(real), kernel_types.int64, real(0)
    plus, lost = (compensated(real)[name] for name in ("plus", "lost"))

    @subroutine(real(*(pointer, number) * 2, WORDS, number, number, WORDS, number))
    def sum_at(
        a: Any, i: Any, b: Any, j: Any, geometry: Any,
        start: Any, loops: Any, extents: Any, terms: Any,
    ) -> Any:  # fmt: skip
        counts = stack_words(MOST_ANY_LOOPS)
        total, rest, h = zero, zero, 0
        for done in range(0, terms, TERMS):
            part = zero
            for _ in range(min(TERMS, terms - done)):
                part += read(a[i]) * read(b[j])
                i, j, h = advance(geometry, start, loops, extents, counts, i, j, h)
            part = plus(part, rest)
            rest = lost(total, part)
            total = plus(total, part)
        return total + rest

    return sum_at
