"""The verifier of nests: every kind of fault is found, and named with what was done last."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    Apply,
    LoopCounter,
    LoopNest,
    NestLoop,
    ScalarConstant,
    Statement,
    Store,
)
from gradc_compiler.loops.thread_groups import LoopKind, ThreadGroup
from gradc_compiler.loops.verify_nest import verify_nest
from gradc_compiler.program.kernel_abi import Extent
from tests.support.nests import REAL, WHOLE, at, loops, product

GOOD = product(
    loops(Extent.RANGE, 3, 4, summed=(2,)),
    (at("a", 12, 4, 1), at("b", 0, 0, 1), at("y", 3, 1, 0)),
    Store.SUM,
)
WORDS = {("a",): 12, ("b",): 4, ("y",): 3}
a, b = GOOD.loads
((value, y, store),) = GOOD.stores
(times,) = GOOD.statements


def with_loop(level: int, loop: NestLoop) -> LoopNest:
    return replace(GOOD, loops=(*GOOD.loops[:level], loop, *GOOD.loops[level + 1 :]))


def with_value(value: Apply) -> LoopNest:
    return replace(GOOD, statements=(replace(times, value=value),))


THREAD, SEARCHED, SOLVED = LoopKind.THREAD, LoopKind.SEARCHED, LoopKind.SOLVED
ROW, COLUMN = ThreadGroup((0,), 2, 1), ThreadGroup((1,), 3, 1)
TOGETHER = ThreadGroup((0, 1), 2, 3)
ONCE = product(
    loops(2, 3, 4, summed=(2,)),
    (at("c", 12, 4, 1), at("d", 0, 0, 1), at("z", 3, 1, 0)),
    Store.SUM,
)


def divided(groups: list[ThreadGroup], *kinds: LoopKind) -> LoopNest:
    """The product for two rows, whose loops threads divide: rightly with groups ROW, COLUMN."""
    given = (*[LoopKind.SERIAL] * (2 - len(kinds)), *kinds, LoopKind.SERIAL)
    if len(kinds) == 1:
        given = (given[1], given[0], given[2]) if groups else given
    loops = (replace(loop, kind=kind) for loop, kind in zip(ONCE.loops, given, strict=True))
    return replace(ONCE, loops=tuple(loops), groups=tuple(groups))


def over_one_another() -> LoopNest:
    """A row is two words on, where a row has three."""
    nest = divided([ROW, COLUMN], THREAD, THREAD)
    return replace(nest, stores=((value, at("z", 2, 1, 0), store),))


BAD = {
    "loop i1 runs -5 times": with_loop(1, NestLoop(extent=-5)),
    "loop i1 is scaled, but not over rows": with_loop(1, NestLoop(extent=3, scale=2)),
    "loop i1 is masked, but not": with_loop(1, NestLoop(extent=3, masked=True)),
    "loop i2 is in blocks, but": with_loop(2, NestLoop(extent=4, reduces=True, block=8)),
    "loop i0 has 0 iterations of a row": with_loop(0, NestLoop(extent=Extent.RANGE, scale=0)),
    "two loops go over rows": with_loop(1, NestLoop(extent=Extent.RANGE)),
    "a loop through rows has no clocks": with_loop(1, NestLoop(extent=Extent.WALK)),
    "has 2 moves in 3 loops": replace(GOOD, loads=((REAL[5], at("a", 12, 4)), b)),
    "words 0 to 12 of ('a',), which has 12": with_loop(2, NestLoop(extent=5, reduces=True)),
    "words -1 to 2 of ('b',)": replace(GOOD, loads=(a, (b[0], replace(b[1], offset=-1)))),
    "v5 has two values": replace(GOOD, loads=(a, a, b)),
    "v9 has two values": replace(GOOD, statements=(times, times)),
    "v3 is read before it has a value": replace(GOOD, loads=(a,)),
    "v9 is read before it has a value": replace(GOOD, statements=()),
    "n7 is read as a row": replace(GOOD, loads=((a[0], replace(a[1], row=WHOLE[7])), b)),
    "i3 counts no loop": with_value(Apply("times", (Apply("real", (LoopCounter(3),)), REAL[3]))),
    "v9 is given a value of the other kind": with_value(Apply("index", (REAL[5],))),
    "nothing is stored": replace(GOOD, stores=()),
    "moved by a loop that it is summed over": with_loop(1, NestLoop(extent=3, reduces=True)),
    "loops [1] are divided over threads, and [] in groups": divided([], THREAD),
    "loops (1,) are of other kinds than their group": divided([ROW, COLUMN], THREAD, SOLVED),
    "i1 moves what a thread writes": divided([ROW], THREAD),
    "divided over (0, 1) write the same word": divided([TOGETHER], SEARCHED, SOLVED),
    "no thread has the last": divided([ThreadGroup((0, 1), 2, 1)], SEARCHED, SOLVED),
    "divided over (0,) write the same word": over_one_another(),
    "stored without its sum": replace(GOOD, stores=((value, y, Store.LOST),)),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_fault_is_found_and_named(fault: str) -> None:
    with pytest.raises(AssertionError, match=r"^after collapse: ") as caught:
        verify_nest(BAD[fault], "collapse", WORDS)
    assert fault in str(caught.value)


def test_a_nest_without_fault_is_given_back() -> None:
    verify_nest(divided([ROW, COLUMN], THREAD, THREAD), "map-to-threads")
    assert verify_nest(GOOD, "build", WORDS) is GOOD
    assert verify_nest(GOOD, "build") is GOOD
    choice = Apply("select", (Apply("<", (REAL[5], REAL[3])), REAL[5], REAL[3]))
    verify_nest(with_value(choice), "build")
    zero = Statement(REAL[0], ScalarConstant(0.0, Kind.REAL))
    verify_nest(replace(GOOD, loads=(), statements=(zero,), stores=((REAL[0], y, store),)), "build")


def test_what_has_no_elements_reaches_and_stores_nothing() -> None:
    """A sum over nothing does: it is 0, which has to be stored."""
    words = {("a",): 0, ("b",): 4, ("y",): 0}
    empty = with_loop(1, NestLoop(extent=0))
    verify_nest(empty, "build", words)
    verify_nest(replace(empty, stores=()), "unroll", words)
    with pytest.raises(AssertionError, match="nothing is stored"):
        verify_nest(replace(with_loop(2, NestLoop(extent=0, reduces=True)), stores=()), "unroll")
