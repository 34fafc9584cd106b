"""Products in tiles give what their loops say, whatever the order of a block's threads.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import (
    Apply,
    LoopNest,
    MemAccess,
    NestLoop,
    ScalarConstant,
    Statement,
    Store,
    Variable,
)
from gradc_compiler.printing.tile_kernel import print_tile
from gradc_compiler.printing.tile_writer import reciprocal
from gradc_compiler.select.choose_tile import TILES, TILES_OF_DOUBLE
from gradc_compiler.select.epilogues import with_epilogue
from gradc_compiler.select.launch import mapped
from gradc_runtime.cuda.simulated_block import SimulatedFault
from tests.runtime.cuda.tiled_products import (
    ROWS,
    Loops,
    convolution,
    dense,
    expected,
    planned,
    reach,
    run,
)

BOUND = {"float64": 1e-10, "float32": 1e-5}


def check(loops: Loops, dtype: str, **how: int) -> None:
    """The kernel, on odd numbers of rows, against the definition."""
    rng = np.random.default_rng(0)
    tiles = TILES if dtype == "float32" else TILES_OF_DOUBLE
    rows, begin, tile = how.pop("rows", 5), how.pop("begin", 0), tiles[how.pop("tile", 0)]
    plan = planned(loops, tile, **how)
    operands = [rng.normal(size=size).astype(dtype) for size in reach(loops, rows + begin)]
    if not plan.adds:
        operands[2][:] = 0
    found = run(plan, operands, rows, begin)
    wanted = expected(loops, rows, begin, operands)
    np.testing.assert_allclose(found, wanted, rtol=BOUND[dtype], atol=10 * BOUND[dtype])


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("tile", range(len(TILES)), ids=lambda k: f"tile{k}")
@pytest.mark.parametrize("case", dense(1, 1, 1))
def test_dense(case: str, tile: int, dtype: str) -> None:
    m, n, k = np.random.default_rng([tile, len(case)]).integers(3, 40, 3).tolist()
    check(dense(m, n, k % 4 + 2)[case], dtype, tile=tile, rows=3 + 4 * tile, begin=1)


IMAGES: dict[str, tuple[object, ...]] = {  # high, wide, channels to channels, taps, stride, step
    "of few channels": (7, 6, 3, 5, (3, 3)),
    "in fours": (6, 7, 4, 8, (3, 3)),
    "to one channel, stride 2": (8, 7, 3, 1, (3, 3), 2),
    "of one channel to one": (6, 5, 1, 1, (3, 2)),
    "stride 2": (9, 8, 4, 4, (3, 3), 2),
    "stride 2, even taps": (8, 8, 4, 8, (4, 2), 2),
    "stride 3": (10, 11, 2, 4, (5, 4), 3),
    "stride above the taps": (9, 9, 4, 4, (2, 1), 3),
    "step 2": (9, 8, 4, 4, (3, 2), 1, 2),
    "stride 2, step 3": (12, 11, 4, 4, (3, 3), 2, 3),
    "stride 4, step 2": (13, 12, 3, 4, (3, 3), 4, 2),
}


@pytest.mark.parametrize("way", ["forward", "of the input", "of the weights"])
@pytest.mark.parametrize("image", IMAGES)
def test_every_map_of_a_convolution(image: str, way: str) -> None:
    loops = convolution(*IMAGES[image])[way]  # type: ignore[arg-type]
    check(loops, "float32", rows=3, begin=1, tile=len(image) % 4, adds=way == "of the input")


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("parts", [0, 1, 3])
def test_long_sums(parts: int, adds: bool, dtype: str) -> None:
    """Of 70 terms, added to memory after 32: the last run is short, and a part may be empty."""
    loops: Loops = [(ROWS, 9, 12, 0), (9, 1, 0, 12), (12, 0, 1, 1)]
    for rows in (0, 1, 16, 70):
        check(loops, dtype, rows=rows, parts=parts, adds=adds, run=32, tile=1)


def activation(loops: Sequence[int | tuple[int, int]], *moves: Sequence[int]) -> LoopNest:
    """z = max(y + c, 0): loops with an extent, or (over rows) with iterations of each; the words by
    which they move y, c and z.
    """
    v0, v1, v2 = (Variable(Kind.REAL, k) for k in range(3))
    y, c, z = (
        MemAccess(storage=("node", number), offset=0, moves=tuple(own))
        for number, own in zip((2, 3, 4), moves, strict=True)
    )
    value = Apply("maximum", (Apply("+", (v0, v1)), ScalarConstant(0.0, Kind.REAL)))
    headers = (
        NestLoop(extent=n) if isinstance(n, int) else NestLoop(extent=n[0], scale=n[1])
        for n in loops
    )
    nest = LoopNest(loops=tuple(headers), loads=((v0, y), (v1, c)),
                    statements=(Statement(v2, value),), stores=((v2, z, Store.SET),))  # fmt: skip
    return mapped(nest)


ENDS: dict[str, tuple[Loops, LoopNest, int]] = {  # a product, what follows it, words of c
    "a bias": (dense(20, 12, 1)["forward"], activation([ROWS, 12], (12, 1), (0, 1), (12, 1)), 12),
    "another in one loop": (
        dense(20, 12, 1)["forward"],
        activation([(ROWS, 12)], [1], [1], [1]),
        72,
    ),
    "a bias of channels": (
        convolution(8, 7, 4, 8, (3, 3))["forward"],
        activation([ROWS, 30, 8], (240, 8, 1), (0, 0, 1), (240, 8, 1)),
        8,
    ),
    "of a gradient of stride 2": (
        convolution(5, 7, 4, 8, (3, 3), 2)["of the input"],
        activation([(ROWS, 140)], [1], [1], [1]),
        840,
    ),
    "turned about": (
        convolution(4, 5, 3, 4, (2, 2))["forward"],
        activation([ROWS, 12, 4], (48, 4, 1), (48, 4, 1), (48, 1, 12)),
        288,
    ),
}


@pytest.mark.parametrize("how", ["once", "in runs", "in parts"])
@pytest.mark.parametrize("case", ENDS)
def test_what_follows_a_product(case: str, how: str) -> None:
    loops, after, size = ENDS[case]
    gathers = "gradient" in case
    plan = planned(
        loops, TILES[1], run=16 if how == "in runs" else 0, parts=2 * (how == "in parts")
    )
    joined = with_epilogue(replace(plan, parts=0) if gathers else plan, after, stays=False)
    assert joined is not None and joined.epilogue is not None
    rng, rows = np.random.default_rng(0), 5
    operands = [rng.normal(size=n).astype(np.float32) for n in reach(loops, rows + 1)]
    c, z = (rng.normal(size=n).astype(np.float32) for n in (size, len(operands[2])))
    found = run(joined, operands, rows, begin=1, others=[c, z])
    operands[2][:] = 0
    y = expected(loops, rows, 1, operands)
    at = np.indices([n.in_a_row if n.extent != ROWS else (rows + 1) * n.scale for n in after.loops])
    at = at.reshape(len(after.loops), -1)
    first = after.loops[0].scale
    at = at[:, at[0] >= first]
    places = [np.array(a.moves) @ at for a in after.accesses()]
    wanted = z.astype(float)
    wanted[places[2]] = np.maximum(y[places[0]] + c[places[1]], 0)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_what_cannot_end_a_product() -> None:
    loops, after, _ = ENDS["a bias"]
    plan = planned(loops, TILES[1])
    twice = activation([ROWS, 2, 12], (12, 0, 1), (0, 0, 1), (24, 12, 1))
    fewer = activation([ROWS, 11], (12, 1), (0, 1), (12, 1))
    other = activation([12], [1], [1], [1])
    for nest in (twice, fewer, other):
        assert with_epilogue(plan, nest, stays=False) is None
    joined = with_epilogue(plan, after, stays=True)
    assert joined is not None and with_epilogue(joined, after, stays=True) is None


LAYER: Loops = [(ROWS, 20, 0, 12), (12, 0, 1, 1), (20, 1, 12, 0)]
FAULTS: dict[
    str, tuple[str, str, int | None]
] = {  # (text, what stands in its place, of several which; None: all)
    "no barrier in the loop": ("barrier()", "n9 = 0", 4),
    "no barrier before it": ("barrier()", "n9 = 0", 3),
    "no barrier after tables": ("barrier()", "n9 = 0", 1),
    "no barrier while writing": ("barrier()", "n9 = 0", 5),
    "no wait in the loop": ("copies_arrive()", "n9 = 0", 1),
    "no wait before it": ("copies_arrive()", "n9 = 0", 0),
    "one buffer for two": ("q1 = whole(1 - q0)", "q1 = whole(q0)", 0),
    "an index off": ("s0[unsigned(t3)]", "s0[unsigned(t3 ^ 1)]", 1),
    "terms not masked": ("whole(k1 - ", "whole(k1 + 8 - ", None),
    "rows not clamped": ("min(h0 + t0, e0 - 1)", "min(h0 + t0, e0 + 40)", 0),
    "threads that leave early": ("barrier()", "if t0 < 60:\n            barrier()", 0),
}


def planted(text: str, fault: str) -> str:
    """A kernel with a fault."""
    old, new, number = FAULTS[fault]
    if number is None:
        return text.replace(old, new)
    parts = text.split(old)
    assert len(parts) > number + 1, f"{old} is not there so often"
    return old.join(parts[: number + 1]) + new + old.join(parts[number + 1 :])


def found(text: str | None, seed: int) -> bytes | str:
    """The bits of a layer's result in the orders of a seed, or what went wrong."""
    rng = np.random.default_rng(1)
    operands = [rng.normal(size=size).astype(np.float32) for size in reach(LAYER, 70)]
    plan = planned(LAYER, TILES[1])
    try:
        return run(plan, operands, 70, seed=seed, text=text).tobytes()
    except (SimulatedFault, IndexError, AssertionError) as fault:
        return str(fault)


def test_any_order_of_threads_gives_the_same_bits() -> None:
    first, *others = [found(None, seed) for seed in range(4)]
    assert isinstance(first, bytes) and not np.isnan(np.frombuffer(first, np.float32)).any()
    assert others == [first] * 3


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_in_every_order(fault: str) -> None:
    text = planted(print_tile(planned(LAYER, TILES[1])).source, fault)
    right = found(None, 0)
    assert all(found(text, seed) != right for seed in range(4))


def test_division_by_a_product() -> None:
    for divisor in (1, 2, 3, 5, 7, 28, 784, 1009, 1 << 20, (1 << 31) - 1):
        multiplier, shift = reciprocal(divisor)
        assert multiplier < 1 << 32
        most = (1 << 31) - 2
        for n in {0, 1, divisor - 1, divisor, most // divisor * divisor - 1, most - 1, most}:
            assert n < 0 or (n + 1) * multiplier >> 32 + shift == n // divisor
