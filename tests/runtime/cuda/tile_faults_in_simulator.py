"""Planted faults in what tiles have beside the plain product turn the simulator's check red.

Windows of a gathered gradient, copies of four words, epilogues, and sums in parts: a kernel's text
is changed in one place, and in every order of threads it must fail, or give other bits than the
right one.  Not collected by itself: `test_simulator.py` runs it in a process that has the
simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from gradc_compiler.printing.tile_kernel import print_tile
from gradc_compiler.printing.tile_plan import TilePlan
from gradc_compiler.select.choose_tile import TILES
from gradc_compiler.select.epilogues import with_epilogue
from gradc_runtime.cuda.simulated_block import SimulatedFault
from tests.runtime.cuda.tiled_products import Loops, convolution, dense, planned, reach, run
from tests.runtime.cuda.tiles_in_simulator import ENDS

ORDERS = range(4)
GATHERED = convolution(10, 11, 4, 8, (3, 3), 2)["of the input"]
LAYER = dense(36, 12, 1)["forward"]
WEIGHTS = dense(20, 12, 1)["of the weights"]


@dataclass(frozen=True)
class Case:
    """A product, how it is made, and on how many rows."""

    loops: Loops
    plan: TilePlan
    rows: int
    others: tuple[int, ...] = ()  # words of what an epilogue reads and writes besides


def ended(name: str, run: int = 0) -> Case:
    """A product with an epilogue."""
    loops, after, size = ENDS[name]
    plan = planned(loops, TILES[1], run=run)
    joined = with_epilogue(replace(plan, parts=0), after, stays=False)
    assert joined is not None, "what follows can be joined"
    return Case(loops, joined, 5, (size, reach(loops, 6)[2]))


CASES: dict[str, Callable[[], Case]] = {
    "windows": lambda: Case(GATHERED, planned(GATHERED, TILES[1], adds=True), 4),
    "copies": lambda: Case(LAYER, planned(LAYER, TILES[1]), 70),
    "epilogue": lambda: ended("a bias of channels"),
    "epilogue of runs": lambda: ended("a bias", run=16),
    "epilogue of residues": lambda: ended("of a gradient of stride 2"),
    "parts": lambda: Case(WEIGHTS, planned(WEIGHTS, TILES[1], parts=3, run=16), 100),
}
FAULTS: dict[str, dict[str, tuple[str, str]]] = {
    "windows": {
        "a window begins one early": ("near((16384 + whole(", "near((16385 + whole("),
        "a window ends one late": ("p7[unsigned(t0)] = near(", "p7[unsigned(t0)] = near(1 + "),
        "one window of two": (", 1073758208)", ", 16384)"),
        "no window": ("inside(am0, gl0, gh0, gk0, 1073758208)", "am0"),
        "another row's window": ("gl1 = p6[unsigned(af0 + 32)]", "gl1 = p6[unsigned(af0)]"),
        "a step's window in the other half": ("p8[unsigned(q0 * 16", "p8[unsigned(q1 * 16"),
        "one residue for all": ("z1 = z0 + index(t4) *", "z1 = z0 + index(0) *"),
        "tables that are not waited for": ("barrier()\n        af0", "af0"),
        "tables written before all have read": ("barrier()\n        if t0 < 64", "if t0 < 64"),
    },
    "copies": {
        "four words from the next on": ("near(ao0 + ak0)", "near(ao0 + ak0 + 1)"),
        "four words to the next place": ("ap0 = whole(af0 *", "ap0 = whole(1 + af0 *"),
        "one word of four": ("copy4(s0, aq0, 0,", "copy(s0, aq0, 0,"),
        "rows without room between them": ("ap0 = whole(af0 * 20", "ap0 = whole(af0 * 16"),
        "two copies in one place": ("copy4(s0, aq0, 640,", "copy4(s0, aq0, 0,"),
        "terms beyond the last": ("ae0 = whole(k1 -", "ae0 = whole(k1 + 16 -"),
        "the other buffer": ("aq0 = whole(q1 *", "aq0 = whole(q0 *"),
        "late copies": ("copies_arrive()\n                barrier()", "barrier()"),
        "late first copies": ("copies_arrive()\n            barrier()", "barrier()"),
    },
    "epilogue": {
        "another row's place": ("words[ex1 + p1[unsigned(j2)]", "words[ex1 + p1[unsigned(j2 ^ 1)]"),
        "another column's bias": (
            "words[ex0 + p3[unsigned(j3)]",
            "words[ex0 + p3[unsigned(j3 ^ 1)]",
        ),
        "one bias for all": ("words[ex0 + p3[unsigned(j3)]", "words[ex0"),
        "no activation": ("maximum(v10 + v11, real(0.0))", "v10 + v11"),
        "results that are not waited for": ("barrier()\n            for t3", "for t3"),
        "a buffer written before all have read": ("barrier()\n            keep", "keep"),
    },
    "epilogue of runs": {
        "after every run": ("if k1 < k3:", "if k1 > k3:"),
        "a run forgotten": ("real(0.0), words[o0])", "real(0.0), real(0.0))"),
    },
    "epilogue of residues": {
        "another residue's place": ("words[ex1 +", "words[ex1 + 1 +"),
        "one residue for all": ("z1 = z0 + index(t4) *", "z1 = z0 + index(0) *"),
    },
    "parts": {
        "one room for all parts": ("table[z0 + 3] + u0 * c2", "table[z0 + 3] + 0 * c2"),
        "a part left out": ("for n0 in range(g3)", "for n0 in range(g3 - 1)"),
        "a part begins late": ("k2 = whole(min(u0 * u1,", "k2 = whole(min(1 + u0 * u1,"),
        "a part ends late": ("k3 = whole(min(k2 + u1,", "k3 = whole(min(16 + k2 + u1,"),
        "a run forgotten": ("v1 = select(n0 == 0, real(0.0), words[o0])", "v1 = real(0.0)"),
        "what a run's rounding lost": ("words[o1] = v2 + lost(v1, v0)", "words[o1] = v2"),
        "what the parts' rounding lost": ("q1 = q1 + lost(q0, v0)", "q1 = q1 + real(0.0)"),
        "a sum of another word": ("o0 = x3 + n0 * c2 + t0", "o0 = x3 + n0 * c2 + (t0 ^ 1)"),
    },
}


@cache
def made(name: str) -> tuple[Case, str]:
    """A case and its right text."""
    case = CASES[name]()
    return case, print_tile(case.plan).source


def found(name: str, text: str, seed: int) -> bytes | str:
    """The bits of what a kernel writes, in the orders of a seed, or what went wrong."""
    case, _ = made(name)
    rng = np.random.default_rng(1)
    operands = [rng.normal(size=n).astype(np.float32) for n in reach(case.loops, case.rows + 1)]
    others = [rng.normal(size=n).astype(np.float32) for n in case.others]
    try:
        return run(
            case.plan, operands, case.rows, seed=seed, text=text, others=others, begin=1
        ).tobytes()
    except (SimulatedFault, IndexError, AssertionError) as fault:
        return str(fault)


@cache
def right(name: str) -> bytes | str:
    """What the right kernel gives."""
    return found(name, made(name)[1], 0)


@pytest.mark.parametrize("case", CASES)
def test_any_order_of_threads_gives_the_same_bits(case: str) -> None:
    first = right(case)
    assert isinstance(first, bytes) and not np.isnan(np.frombuffer(first, np.float32)).any()
    assert all(found(case, made(case)[1], seed) == first for seed in ORDERS)


@pytest.mark.parametrize(("case", "fault"), [(c, f) for c, own in FAULTS.items() for f in own])
def test_a_planted_fault_is_found_in_every_order(case: str, fault: str) -> None:
    old, new = FAULTS[case][fault]
    text = made(case)[1]
    assert old in text, "the fault can be planted"
    planted = text.replace(old, new)
    assert all(found(case, planted, seed) != right(case) for seed in ORDERS)
