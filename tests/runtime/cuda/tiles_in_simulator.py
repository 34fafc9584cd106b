"""Products in tiles give what their loops say, whatever the order of a block's threads.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.printing.tile_kernel import print_tile
from gradc_compiler.printing.tile_writer import reciprocal
from gradc_compiler.select.choose_tile import TILES
from gradc_runtime.cuda.simulated_block import SimulatedFault
from tests.runtime.cuda.tiled_products import ROWS, Loops, expected, planned, reach, run

BOUND = {"float64": 1e-10, "float32": 1e-5}


def dense(m: int, n: int, k: int) -> dict[str, Loops]:
    """A layer on m features of rows, to n, and its gradients; also of k rows side by side."""
    return {
        "forward": [(ROWS, m, 0, n), (n, 0, 1, 1), (m, 1, n, 0)],
        "of the input": [(ROWS, n, 0, m), (m, 0, n, 1), (n, 1, 1, 0)],
        "of the weights": [(ROWS, m, n, 0), (m, 1, 0, n), (n, 0, 1, 1)],
        "batched": [(ROWS, k * m, n * m, k * n), (k, m, 0, n), (n, 0, m, 1), (m, 1, 1, 0)],
        "transposed result": [(ROWS, m, 0, 1), (n, 0, 1, 64), (m, 1, n, 0)],
    }


def check(loops: Loops, dtype: str, **how: int) -> None:
    """The kernel, on odd numbers of rows, against the definition."""
    rng = np.random.default_rng(0)
    rows, begin, tile = how.pop("rows", 5), how.pop("begin", 0), TILES[how.pop("tile", 0)]
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


@pytest.mark.parametrize("dtype", BOUND)
@pytest.mark.parametrize("adds", [False, True])
@pytest.mark.parametrize("parts", [0, 1, 3])
def test_long_sums(parts: int, adds: bool, dtype: str) -> None:
    """Of 70 terms, added to memory after 32: the last run is short, and a part may be empty."""
    loops: Loops = [(ROWS, 9, 12, 0), (9, 1, 0, 12), (12, 0, 1, 1)]
    for rows in (0, 1, 16, 70):
        check(loops, dtype, rows=rows, parts=parts, adds=adds, run=32, tile=1)


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
    "terms not masked": (", k1)", ", k1 + 8)", None),
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
    for divisor in (2, 3, 5, 7, 28, 784, 1009, 1 << 20, (1 << 31) - 1):
        multiplier, shift = reciprocal(divisor)
        assert multiplier < 1 << 32
        most = (1 << 31) - 1
        for n in {0, 1, divisor - 1, divisor, most // divisor * divisor - 1, most - 1, most}:
            assert n * multiplier >> 32 + shift == n // divisor
