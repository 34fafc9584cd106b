"""Loop reversal: a loop that moves the result backwards runs from its end to its beginning instead.

Then the loop reaches the words of the result in rising order, and threads can share it.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.loops.ir import LoopNest, MemAccess


def run_forwards(nest: LoopNest) -> LoopNest:
    """The same nest, where no loop moves the first result backwards."""
    for level, move in enumerate(nest.stores[0][1].moves):
        if move < 0:
            nest = reverse(nest, level)
    return nest


def reverse(nest: LoopNest, level: int) -> LoopNest:
    """The same nest with one loop from its end to its beginning."""
    loop = nest.loops[level]
    assert not loop.over_rows and not nest.positional, "examples and positions run forwards"

    def turned(access: MemAccess) -> MemAccess:
        moves = list(access.moves)
        start = access.offset + (loop.extent - 1) * moves[level]
        moves[level] = -moves[level]
        return replace(access, offset=start, moves=tuple(moves))

    return replace(
        nest,
        loads=tuple((v, turned(a)) for v, a in nest.loads),
        stores=tuple((v, turned(a), s) for v, a, s in nest.stores),
    )
