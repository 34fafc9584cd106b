"""Which loops a tile takes, where there are only a few examples.

The schedule lets the examples be a tile's rows, or its outer sum, as a block mostly has eight or
more.  A block of one example would leave the tile one row: then pixels are better, and the examples
go round outside.  What changes places depends on the number of examples alone, never on threads:
rows that threads share among them have another mark than -1.
"""

from __future__ import annotations

from typing import Any

from runtime.cpu.intrinsics import WORDS
from runtime.cpu.language import types
from runtime.cpu.language.declare import subroutine
from runtime.cpu.layout import LOOPS

FEW = 8  # examples


@subroutine(types.void(WORDS, WORDS, types.int64))
def exchange_roles(geometry: Any, own: Any, examples: Any) -> None:
    """Copy a geometry to `own`, where a longer outer loop changes places with the examples.

    As rows: one that moves y past all columns, and b not at all.  As the outer sum: one that leaves
    y where it is.
    """
    loops = geometry[11]
    for k in range(LOOPS + 4 * loops):
        own[k] = geometry[k]
    longest = examples
    chosen = -1
    for k in range(loops):
        at = LOOPS + 4 * k
        rows = geometry[2] == -1 and geometry[at + 2] == 0 and geometry[at + 3] >= geometry[1]
        terms = geometry[5] == -1 and geometry[at + 3] == 0
        if (rows or terms) and geometry[at] > longest:
            longest = geometry[at]
            chosen = at
    if chosen < 0:
        return
    own[chosen] = -1
    if geometry[2] == -1:
        own[2], own[3], own[4] = longest, geometry[chosen + 1], geometry[chosen + 3]
        own[chosen + 1], own[chosen + 3] = geometry[3], geometry[4]
    else:
        own[5], own[6], own[7] = longest, geometry[chosen + 1], geometry[chosen + 2]
        own[chosen + 1], own[chosen + 2] = geometry[6], geometry[7]
