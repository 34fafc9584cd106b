"""Sums and maxima by a team of threads give what their loops say, whatever the order of threads.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from gradc_compiler.graph.types import Kind
from gradc_compiler.loops.ir import LoopNest, MemAccess, NestLoop, Store, Variable
from gradc_compiler.printing.cuda_printer import CudaKernelText
from gradc_compiler.printing.cuda_tree import print_tree
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.select.launch import mapped
from gradc_runtime.cuda import simulated_block
from gradc_runtime.cuda.simulated_block import SimulatedFault
from gradc_runtime.cuda.verify_cuda_source import functions_of
from tests.runtime.cuda.tiled_products import Guarded, Numbers

ROWS = int(Extent.RANGE)
Case = list[tuple[int, int, int]]  # loops: extent, words that they move x and y
CASES: dict[str, Case] = {
    "rows": [(ROWS, 75, 1), (75, 1, 0)],
    "columns": [(ROWS, 77, 7), (7, 1, 1), (11, 7, 0)],
    "of all rows": [(ROWS, 3, 0), (3, 1, 1)],
    "one number": [(ROWS, 75, 0), (25, 3, 0), (3, 1, 0)],
}


def place(number: int, moves: Sequence[int]) -> MemAccess:
    """Where an operand lies."""
    return MemAccess(storage=("node", number), offset=0, moves=tuple(moves))


def nest_of(case: Case, store: Store) -> LoopNest:
    """y = sum or maximum of x."""
    x = Variable(Kind.REAL, 0)
    return mapped(
        LoopNest(
            loops=tuple(NestLoop(extent=n, reduces=not y) for n, _, y in case),
            loads=((x, place(0, [x for _, x, _ in case])),),
            statements=(),
            stores=((x, place(1, [y for _, _, y in case]), store),),
        )
    )


def found(
    printed: CudaKernelText, text: str, x: Numbers, y: Numbers, rows: int, team: int, seed: int
) -> Numbers:
    """What the kernel leaves in y; around the operands lie words that nobody may touch."""
    guard = np.full(1 << 10, np.nan, x.dtype)
    pieces = [guard, x, guard, y, guard]
    words = np.concatenate(pieces)
    starts = np.cumsum([0, *map(len, pieces)])
    first = {("node", 0): int(starts[1]), ("node", 1): int(starts[3])}
    table = [*(first[access.storage] for access in printed.pointers), *printed.geometry]
    given = Guarded(words, starts), None, table, 0, 0, rows
    with simulated_block.orders(seed):
        (function,) = functions_of(text, x.itemsize)
        simulated_block.run_blocks(function, (*given, len(y) * team), 2, 128)
    return words[starts[3] : starts[4]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("store", [Store.SUM, Store.SUM_ADD, Store.MAX], ids=lambda s: s.name)
@pytest.mark.parametrize("team", [32, 128])
@pytest.mark.parametrize("case", CASES)
def test_trees(case: str, team: int, store: Store, dtype: str) -> None:
    rows, loops = 5, [(5 if n == ROWS else n, x, y) for n, x, y in CASES[case]]
    rng = np.random.default_rng(0)
    size, made = (1 + sum((n - 1) * loop[k] for n, *loop in loops) for k in (0, 1))
    x, y = rng.normal(size=size).astype(dtype), rng.normal(size=made).astype(dtype)
    at = np.indices([n for n, *_ in loops]).reshape(len(loops), -1)
    read, written = (np.array([loop[k] for loop in loops]) @ at for k in (1, 2))
    wanted = {Store.SUM: np.zeros(made), Store.SUM_ADD: y.astype(float)}.get(
        store, np.full(made, -np.inf)
    )
    (np.maximum if store is Store.MAX else np.add).at(wanted, written, x[read].astype(float))
    printed = print_tree(nest_of(CASES[case], store), team)
    results = [found(printed, printed.source, x, y, rows, team, k) for k in range(4)]
    close = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(results[0], wanted, rtol=close, atol=close)
    assert all((result == results[0]).all() for result in results)


FAULTS = {  # what stands in a kernel, in its place, and which of several
    "no barrier before the tree": ("    barrier()\n", "    n9 = 0\n", 1),
    "no barrier within it": ("    barrier()\n", "    n9 = 0\n", 3),
    "a neighbour off": ("l0 + 16", "l0 + 17", 0),
    "a term too many": (" * g1", " * g1 + 1", 0),
    "a barrier that some reach": ("    barrier()\n", "    if l1 < 9:\n            barrier()\n", 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_in_every_order(fault: str) -> None:
    printed = print_tree(nest_of(CASES["rows"], Store.SUM), 32)
    old, new, number = FAULTS[fault]
    parts = printed.source.split(old)
    assert len(parts) > number + 1, f"{old!r} is not there so often in\n{printed.source}"
    text = old.join(parts[: number + 1]) + new + old.join(parts[number + 1 :])
    x = np.random.default_rng(2).normal(size=5 * 75).astype(np.float32)

    def bits(text: str, seed: int) -> bytes | str:
        try:
            y = np.zeros(5, np.float32)
            return found(printed, text, x, y, 5, 32, seed).tobytes()
        except (SimulatedFault, IndexError) as problem:
            return str(problem)

    right = bits(printed.source, 0)
    assert all(bits(text, seed) != right for seed in range(4))
