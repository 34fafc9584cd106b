"""A product gets the kernel for very long sums wherever it may need it, and nowhere else."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from gradc_compiler.graph.graph import Builder
from gradc_compiler.machine.addition_chains import IN_PIECE, MOST_PIECES
from gradc_compiler.ops.contract import Contract, index
from gradc_compiler.ops.leaf import Input
from gradc_compiler.program.kernel_abi import (
    COMPENSATED,
    K1,
    LOOP,
    LOOP_COUNT,
    LOOPS,
    ROWS,
    Y_LOOP,
    pieces_of_product,
)
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.schedule import schedule
from gradc_runtime.cpu.gemm.small_batch import FEW
from gradc_runtime.cpu.partition.sum_lengths import may_be_long, with_compensated_sums

MOST = 40  # rows


def geometry_of(rng: random.Random) -> list[int]:
    """A product with two outer loops; the range is its rows, terms or an outer loop."""
    pick = [1, 2, 3, 5, 16, 33, 128, 256, 400]
    sizes = [rng.choice(pick) for _ in range(4)]
    loops = [rng.choice(pick), 0, 0, rng.choice([0, 7]), rng.choice(pick), 0, 0, rng.choice([0, 9])]
    columns, rows, k1, k2 = sizes
    geometry = [0, columns, rows, 1, 1, k1, 1, 1, k2, 1, 1, 2, *loops]
    geometry[rng.choice([ROWS, K1, LOOPS])] = -1
    return geometry


def pieces_as_run(geometry: Sequence[int], rows: int) -> int:
    """How often a number is added to, once a few examples have changed places with a longer loop
    (`swap_batch_loop`).
    """
    own, longest = list(geometry), rows
    at = range(LOOPS, LOOPS + LOOP * geometry[LOOP_COUNT], LOOP)
    sums = [k for k in at if geometry[k + Y_LOOP] == 0 and geometry[k] > rows]
    if geometry[K1] == -1 and rows < FEW and sums:
        chosen = max(sums, key=lambda k: geometry[k])
        longest, own[chosen] = geometry[chosen], -1
        own[K1] = longest
    return pieces_of_product(own, rows, IN_PIECE)


def test_no_plain_kernel_meets_a_long_sum() -> None:
    rng, long = random.Random(1), 0
    for geometry in (geometry_of(rng) for _ in range(3000)):
        most = max(pieces_as_run(geometry, rows) for rows in range(1, MOST + 1))
        assert may_be_long(geometry, MOST) or most <= MOST_PIECES, geometry
        long += most > MOST_PIECES
    assert 300 < long < 2000


@pytest.mark.parametrize(("examples", "long"), [(1000, False), (100_000, True)])
def test_the_batch_decides(examples: int, long: bool) -> None:
    builder, i, j = Builder(), index(0), index(1)
    op = Contract((64, 64), ((i,), (j,)), (i, j), (64, 64), mean=True)
    x, y = (builder.add(Input(key, (64,))) for key in "xy")
    entry = schedule("test", optimise(builder.graph({"y": builder.add(op, x, y).id})), {})
    laid_out = with_compensated_sums(entry, examples, examples, [])
    names = {kernel.name for kernel in laid_out.kernels}
    assert ("contract_rows" + COMPENSATED in names) == long
    assert ("contract_rows" in names) != long
