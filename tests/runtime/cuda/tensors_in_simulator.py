"""Products by tensor cores give what their rounded operands give, as PTX lays out its fragments.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.printing.tile_kernel import print_tile
from gradc_compiler.printing.tile_plan import Precision
from gradc_compiler.select.choose_tile import TILES
from gradc_runtime.cuda.simulated_block import SimulatedFault
from gradc_runtime.cuda.simulated_warp import (
    BF16,
    TF32,
    TensorInstruction,
    WarpProducts,
    multiplied,
)
from tests.runtime.cuda.tiled_products import (
    Loops,
    Numbers,
    convolution,
    dense,
    expected,
    planned,
    reach,
    run,
)

KINDS = {Precision.TF32: TF32, Precision.BF16: BF16}
ROUNDED = pytest.mark.parametrize("precision", KINDS, ids=lambda p: p.value)


def cut(x: Numbers, precision: Precision) -> Numbers:
    """Numbers without the bits that a tensor core does not see."""
    kept = {Precision.TF32: 19, Precision.BF16: 16}[precision]
    bits = np.uint32(0xFFFFFFFF << 32 - kept & 0xFFFFFFFF)
    return (x.view(np.uint32) & bits).view(np.float32)


def check(loops: Loops, precision: Precision, tile: int, rows: int, **how: bool | int) -> None:
    """The kernel against products of cut operands, which float32 keeps and sums nearly."""
    rng = np.random.default_rng([tile, rows])
    plan = planned(loops, TILES[tile], precision=precision, **how)  # type: ignore[arg-type]
    operands = [rng.normal(size=n).astype(np.float32) for n in reach(loops, rows + 1)]
    if not plan.adds:
        operands[2][:] = 0
    found = run(plan, operands, rows, 1)
    wanted = expected(loops, rows, 1, [*(cut(x, precision) for x in operands[:2]), operands[2]])
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    off = np.abs(found - expected(loops, rows, 1, operands)).max()
    assert off > 1e-3, "the operands were not cut"


@ROUNDED
@pytest.mark.parametrize("tile", range(len(TILES)), ids=lambda k: f"tile{k}")
@pytest.mark.parametrize("case", dense(1, 1, 1))
def test_dense(case: str, tile: int, precision: Precision) -> None:
    m, n, k = np.random.default_rng([tile, len(case)]).integers(3, 40, 3).tolist()
    check(dense(m, n, k % 4 + 2)[case], precision, tile, 3 + 4 * tile)


@ROUNDED
@pytest.mark.parametrize("way", ["forward", "of the input", "of the weights"])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions(stride: int, way: str, precision: Precision) -> None:
    loops = convolution(8, 9, 4, 8, (3, 3), stride)[way]
    check(loops, precision, stride + len(way) % 3, 3, adds=way == "of the input")


@ROUNDED
@pytest.mark.parametrize("parts", [0, 3])
def test_long_sums_in_runs_and_parts(parts: int, precision: Precision) -> None:
    loops = dense(9, 12, 1)["of the weights"]
    check(loops, precision, 1, 70, parts=parts, run=32)


@ROUNDED
def test_one_instruction_is_a_product_of_matrices(precision: Precision) -> None:
    """By the formulas of the PTX ISA, written out: for a row and a term of a, of b, of the result,
    the lane and the register that have it.
    """
    kind, rng = KINDS[precision], np.random.default_rng(0)
    a, b, c = (
        cut(rng.normal(size=size).astype(np.float32), precision)
        for size in ((16, kind.terms), (kind.terms, 8), (16, 8))
    )
    given = [_thread(kind, lane, a, b, c) for lane in range(32)]
    found = np.empty((16, 8), np.float32)
    for lane, own in enumerate(multiplied(given)):
        for register in range(4):
            row = lane // 4 + (8 if register >= 2 else 0)
            found[row, lane % 4 * 2 + register % 2] = own[register]
    np.testing.assert_allclose(found, c.astype(float) + a.astype(float) @ b, rtol=1e-5, atol=1e-6)


def _thread(kind: TensorInstruction, lane: int, a: Numbers, b: Numbers, c: Numbers) -> WarpProducts:
    group, place = lane // 4, lane % 4
    if kind is TF32:  # a0: (g, l), a1: (g + 8, l), a2: (g, l + 4), a3: (g + 8, l + 4)
        own = [[a[r, k]] for k in (place, place + 4) for r in (group, group + 8)]
        across = [[b[k, group]] for k in (place, place + 4)]
    else:  # a0: (g, 2l), (g, 2l + 1); a1 of row g + 8; a2 and a3 of terms 8 further
        starts = 2 * place, 2 * place + 8
        own = [[a[r, k], a[r, k + 1]] for k in starts for r in (group, group + 8)]
        across = [[b[k, group], b[k + 1, group]] for k in starts]
    sums = [c[r, 2 * place + q] for r in (group, group + 8) for q in (0, 1)]
    return WarpProducts(kind, *(np.array(x, np.float32) for x in (sums, [[own]], [[across]])))


LAYER = dense(20, 12, 1)["forward"]
FAULTS: dict[str, tuple[str, str]] = {
    "the other half's rows": ("d2 = whole((t0 & 31) >> 2)", "d2 = whole((t0 & 31) >> 3)"),
    "a term off": ("d3 = whole(t0 & 3)", "d3 = whole(t0 & 1)"),
    "all warps in one place": ("b0 = t0 >> 5\n    d2", "b0 = t0 & 0\n    d2"),
    "threads that do not multiply": ("m0 = KIND_products", "if t0 != 7: m0 = KIND_products"),
    "no barrier before results are written": ("barrier()\n            for t3", "for t3"),
    "a step's copies are not awaited": ("copies_arrive()\n            barrier()", "barrier()"),
}


def found(text: str | None, precision: Precision, seed: int) -> bytes | str:
    """The bits of a layer's result in the orders of a seed, or what went wrong."""
    rng = np.random.default_rng(1)
    operands = [rng.normal(size=size).astype(np.float32) for size in reach(LAYER, 40)]
    try:
        plan = planned(LAYER, TILES[1], precision=precision)
        return run(plan, operands, 40, seed=seed, text=text).tobytes()
    except (SimulatedFault, IndexError, AssertionError) as fault:
        return str(fault)


@ROUNDED
def test_any_order_of_threads_gives_the_same_bits(precision: Precision) -> None:
    first, *others = [found(None, precision, seed) for seed in range(4)]
    assert isinstance(first, bytes) and not np.isnan(np.frombuffer(first, np.float32)).any()
    assert others == [first] * 3


@ROUNDED
@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_in_every_order(fault: str, precision: Precision) -> None:
    old, new = (x.replace("KIND", precision.value) for x in FAULTS[fault])
    text = print_tile(planned(LAYER, TILES[1], precision=precision)).source
    assert old in text, "the fault can be planted"
    right, planted = found(None, precision, 0), text.replace(old, new)
    assert all(found(planted, precision, seed) != right for seed in range(4))
