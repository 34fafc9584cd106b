"""The structure of long sums with blocks of a few terms: small enough for the CUDA simulator.

After 2^24 float32 has no room for ones: a running sum loses all that follow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.leaf import Input
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.shape import sum_axes
from gradc_runtime.cuda import shim
from tests.support.graphs import run_compiled

N, PLACES, FEW, MANY = 1100, 500, 4, 8
LARGE = float(1 << 24)


def product(b: Builder) -> Value:
    op = Contract((N, 3), ((index(0),), (index(0), index(1))), (index(1),), (3,))
    return b.add(op, b.add(Input("x", (N,))), b.add(Input("ones", (N, 3))))


def windows(b: Builder) -> Value:
    """The middle of the result gets a product of every place."""
    place = Affine(((0, 1), (1, 1)))
    op = Contract((PLACES, PLACES), ((index(0),), (index(1),)), (place,), (2 * PLACES - 1,))
    return b.add(op, b.add(Input("x", (PLACES,))), b.add(Input("ones", (PLACES,))))


CASES: dict[str, Callable[[Builder], Value]] = {
    "a vector": lambda b: sum_axes(b.add(Input("x", (N,))), [0]),
    "columns": lambda b: sum_axes(b.add(Input("x", (N, 20))), [0]),
    "a product": product,
    "windows": windows,
    "examples": lambda b: b.add(BatchMean(), b.add(Input("x", ()))),
    "rows of examples": lambda b: b.add(BatchMean(), b.add(Input("x", (20,)))),
}


def given(op: Input, batch: int) -> Any:
    """Ones behind a large number."""
    values = np.ones((batch, *op.shape), np.float32)
    if op.key == "x":
        (values if batch > 1 else values[0])[0] = LARGE
    return values


@pytest.mark.parametrize("name", CASES)
def test_short_blocks_keep_a_tighter_bound(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for place, number in (
        ("gradc_compiler.printing.cuda_printer.IN_A_ROW", FEW),
        ("gradc_compiler.printing.cuda_printer.LONG", MANY),
        ("gradc_compiler.rewrites.split_long_sums.IN_A_ROW", FEW),
        ("gradc_compiler.rewrites.split_long_sums.LONG", MANY),
        ("gradc_compiler.rewrites.split_long_sums.AGAIN", 2 * FEW),
        ("gradc_compiler.rewrites.split_overlaps.AGAIN", MANY),
    ):
        monkeypatch.setattr(place, number)
    b = Builder()
    graph = b.graph({"y": CASES[name](b).id})
    batch = N if "examples" in name else 1
    values = {n.op.key: given(n.op, batch) for n in graph.nodes if isinstance(n.op, Input)}
    found = run_compiled(graph, values, batch, dtype="float32")["y"]
    right = LARGE + (PLACES if name == "windows" else N) - 1
    lost = 64 if shim.SIMULATED else 300  # a CPU's kernels have blocks of their own
    assert abs(np.max(found) * batch - right) <= lost
