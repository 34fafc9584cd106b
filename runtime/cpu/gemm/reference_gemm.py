"""y[...] (+)= sum a[...] * b[...] with any strides at all: short, and slow.

Where the numbers of its geometry are is said in `compiler/program/kernel_abi.py`.
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
from gradc_runtime.cpu.codegen.intrinsics import pointer_reader, stack_words
from gradc_runtime.cpu.codegen.language.subroutines import subroutine
from gradc_runtime.cpu.codegen.number_types import number_type
from gradc_runtime.cpu.gemm.multi_index import advance, first_places, set_extents

TERMS = IN_PIECE  # that are added up one after another


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
    reals, zero, exact = pointer_reader(real), real(0), compensated(real)
    plus, lost = exact["plus"], exact["lost"]

    def contract_any(pointers: Any, geometry: Any, begin: Any, end: Any, first: Any) -> None:
        a, b, y = reals(pointers, 0), reals(pointers, 1), reals(pointers, 2)
        mode, outputs, sums = geometry[MODE], geometry[OUTPUT_LOOPS], geometry[SUM_LOOPS]
        inside = ANY_LOOPS + LOOP * outputs
        extents, counts = stack_words(MOST_ANY_LOOPS), stack_words(MOST_ANY_LOOPS)
        sum_extents, sum_counts = stack_words(MOST_ANY_LOOPS), stack_words(MOST_ANY_LOOPS)
        turns = set_extents(geometry, ANY_LOOPS, outputs, extents, end - begin)
        terms = set_extents(geometry, inside, sums, sum_extents, end - begin)
        i, j, h = first_places(geometry, ANY_LOOPS, outputs + sums, begin)
        for _ in range(turns):
            value, rest = zero, zero
            for start in range(0, terms, TERMS):
                part = zero
                for _ in range(min(TERMS, terms - start)):
                    part += read(a[i]) * read(b[j])
                    i, j, h = advance(geometry, inside, sums, sum_extents, sum_counts, i, j, h)
                part = plus(part, rest)
                rest = lost(value, part)
                value = plus(value, part)
            value += rest
            if mode > 1:
                value = value / real(mode // 2)
            y[h] = value + y[h] if mode & 1 else value
            i, j, h = advance(geometry, ANY_LOOPS, outputs, extents, counts, i, j, h)

    return contract_any
