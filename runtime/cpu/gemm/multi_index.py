"""Any number of nested loops as one: counters that advance like an odometer.

How many loops go around a product is known only when its kernel is called, so they cannot be
written as nested loops.  The last counter moves fastest; one that has come round moves the one
before it.  A geometry says for each loop its extent and the words by which it moves a, b and y.  An
extent below 0 stands for the length of the range begin..end that a kernel is called for.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.program.kernel_abi import A_LOOP, B_LOOP, LOOP, Y_LOOP
from gradc_runtime.cpu.codegen.intrinsics import WORDS
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.subroutines import subroutine

NUMBER = kernel_types.int64
PLACES = kernel_types.UniTuple(NUMBER, 3)  # in a, b and y


@subroutine(kernel_types.void(WORDS, WORDS, NUMBER))
def copy_words(source: Any, target: Any, count: Any) -> None:
    """Copy so many numbers of a geometry, for a kernel that wants some of them otherwise."""
    for k in range(count):
        target[k] = source[k]


@subroutine(NUMBER(WORDS, NUMBER, NUMBER))
def extent_at(geometry: Any, at: Any, range_length: Any) -> Any:
    """The iterations of the loop whose extent stands at a place of the geometry."""
    return range_length if geometry[at] < 0 else geometry[at]


@subroutine(PLACES(WORDS, NUMBER, NUMBER, NUMBER))
def first_places(geometry: Any, start: Any, loops: Any, begin: Any) -> Any:
    """Where a, b and y begin: a loop over the range starts with its iteration `begin`, not 0."""
    i, j, h = 0, 0, 0
    for k in range(loops):
        at = start + LOOP * k
        if geometry[at] < 0:
            i += begin * geometry[at + A_LOOP]
            j += begin * geometry[at + B_LOOP]
            h += begin * geometry[at + Y_LOOP]
    return i, j, h


@subroutine(NUMBER(WORDS, NUMBER, NUMBER, WORDS, NUMBER))
def set_extents(geometry: Any, start: Any, loops: Any, extents: Any, range_length: Any) -> Any:
    """Write down the extents of loops; the result is the number of iterations of all together."""
    turns = 1
    for k in range(loops):
        extents[k] = extent_at(geometry, start + LOOP * k, range_length)
        turns *= extents[k]
    return turns


@subroutine(PLACES(WORDS, NUMBER, NUMBER, WORDS, WORDS, NUMBER, NUMBER, NUMBER))
def advance(
    geometry: Any, start: Any, loops: Any, extents: Any, counts: Any, i: Any, j: Any, h: Any
) -> Any:
    """Where a, b and y begin in the next iteration; after the last one, where they first began."""
    for k in range(loops - 1, -1, -1):
        at = start + LOOP * k
        counts[k] += 1
        i += geometry[at + A_LOOP]
        j += geometry[at + B_LOOP]
        h += geometry[at + Y_LOOP]
        if counts[k] < extents[k]:
            break
        counts[k] = 0
        i -= extents[k] * geometry[at + A_LOOP]
        j -= extents[k] * geometry[at + B_LOOP]
        h -= extents[k] * geometry[at + Y_LOOP]
    return i, j, h
