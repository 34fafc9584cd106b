"""Which nests a team of threads can run one after another for a row."""

from __future__ import annotations

import pytest

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import Apply, LoopNest, MemAccess, NestLoop, Statement, Store, Variable
from gradc_compiler.program.entry import Operand, Space
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.select.launch import LaunchDraft, mapped
from gradc_compiler.select.row_levels import levels_of
from gradc_compiler.select.row_space import RowSpace

WIDTH = 40
ROWS = RowSpace(WIDTH, WIDTH, ranged=True, time=None)
WHOLE = {"x": WIDTH, "y": WIDTH}  # words for an example; of others one


def draft(reads: str, written: str, store: Store = Store.SET, *, shift: int = 0) -> LaunchDraft:
    """A nest that adds up what it reads: over the columns, or for the whole row."""
    names = [*reads, written]
    columns = any(name in WHOLE for name in names)
    loops = [NestLoop(extent=Extent.RANGE)]
    loops += [NestLoop(extent=WIDTH, reduces=store is Store.SUM)] if columns else []

    def access(name: str, offset: int = 0) -> MemAccess:
        moves = (WHOLE.get(name, 1), int(name in WHOLE))[: len(loops)]
        return MemAccess(storage=("node", ord(name)), offset=offset, moves=moves)

    loads = [Variable(Kind.REAL, k) for k in range(len(reads))]
    total = Variable(Kind.REAL, len(reads))
    value = loads[0] if len(loads) == 1 else Apply("+", (loads[0], loads[1]))
    nest = LoopNest(
        loops=tuple(loops),
        loads=tuple((v, access(name, shift)) for v, name in zip(loads, reads, strict=True)),
        statements=(Statement(total, value),),
        stores=((total, access(written), store),),
    )
    places = {
        ("node", ord(name)): Operand(Space.BLOCK, 100 * ord(name), words=WHOLE.get(name, 1))
        for name in names
    }
    return LaunchDraft(mapped(nest), None, places, None)


SUM = draft("x", "a", Store.SUM)


def test_a_level_stands_behind_the_sum_that_it_reads() -> None:
    parts = ROWS.parts([SUM, draft("ab", "c"), draft("xc", "y"), draft("y", "d", Store.SUM)])
    assert parts is not None and levels_of(parts) == [0, 1, 1, 1]
    assert [part.once for part in parts] == [False, True, False, False]


@pytest.mark.parametrize(
    ("others", "why"),
    [
        ([draft("ab", "c"), draft("c", "b")], "a thread writes b while others still read it"),
        ([draft("xa", "y"), draft("y", "d", Store.SUM, shift=1)], "a neighbour's column is read"),
        ([draft("b", "c")], "it has nothing to do with the sum"),
    ],
)
def test_what_is_refused(others: list[LaunchDraft], why: str) -> None:
    assert ROWS.parts([SUM]) is not None
    assert ROWS.parts([SUM, *others]) is None, why


def test_a_number_that_is_written_before_it_is_read_may_be_written_again() -> None:
    assert ROWS.parts([SUM, draft("a", "b"), draft("ab", "c"), draft("c", "b")]) is not None
