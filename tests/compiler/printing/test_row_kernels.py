"""Kernels along an axis: one text for both targets, long rows, and how close long sums are."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.machine.addition_chains import COMPENSATED
from gradc_compiler.ops.cumsum import CumSum
from gradc_compiler.ops.leaf import Input
from gradc_compiler.ops.sorting import AddAlong, ArgSort
from gradc_compiler.ops.structured import Structured
from gradc_compiler.printing.row_kernel_table import ROW_KERNELS, SUMS
from gradc_compiler.schedule import schedule
from tests.support.chains import chains, table_of
from tests.support.graphs import run_compiled
from tests.support.long_sums import bound

CPU = """\
def k0(pointers, geometry, begin, end, first):
    # y[k] = x[0] + ... + x[k]
    x0 = reals(pointers, 0)
    x1 = reals(pointers, 1)
    g0 = geometry[0]
    g1 = geometry[1]
    g2 = geometry[2]
    m0 = geometry[3]
    e0 = geometry[4]
    m1 = geometry[5]
    e1 = geometry[6]
    for i0 in range(begin, end):
        for i1 in range(g0):
            a0 = i0 * e0 + i1 // g1 * (m0 * g1) + i1 % g1
            a1 = i0 * e1 + i1 // g1 * (m1 * g1) + i1 % g1
            v0 = x0[a0]
            x1[a1] = v0
            for i2 in range(1, m0):
                v0 = v0 + x0[a0 + i2 * g1]
                x1[a1 + i2 * g1] = v0
"""
CUDA = """\
    for t0 in range(thread(), total, threads()):
        i1 = t0 % g0
        i0 = t0 // g0 + begin
        a0 = x0 + i0 * e0 + i1 // g1 * (m0 * g1) + i1 % g1
        a1 = x1 + i0 * e1 + i1 // g1 * (m1 * g1) + i1 % g1
        v0 = words[a0]
        words[a1] = v0
        for i2 in range(1, m0):
            v0 = v0 + words[a0 + i2 * g1]
            words[a1 + i2 * g1] = v0
"""


def test_one_text_is_a_kernel_for_a_cpu_and_for_cuda() -> None:
    kernel = SUMS[False, False]
    assert kernel.cpu == CPU and kernel.cuda.endswith(CUDA)


def test_every_operator_along_an_axis_has_a_kernel() -> None:
    assert {op for op in OPS.values() if issubclass(op, Structured)} == set(ROW_KERNELS)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("size", [1024, 1025, 300_000])
def test_every_running_sum_keeps_the_bound_of_sums(size: int, backwards: bool) -> None:
    b = Builder()
    y = b.add(CumSum(0, backwards), b.add(Input("x", (size,))))
    x = np.random.default_rng(1).random((1, size), np.float32)
    exact = np.cumsum(x[:, ::-1] if backwards else x, 1, np.float64)
    for found in (
        evaluate(b.graph({"y": y.id}), {"x": x}, 1, "float32")["y"],
        run_compiled(b.graph({"y": y.id}), {"x": x}, 1, dtype="float32")["y"],
    ):
        found = found[:, ::-1] if backwards else found
        terms = np.arange(1, size + 1)
        assert np.all(np.abs(found - exact) <= np.minimum(bound(size), terms * 1.2e-7) * exact)


def test_many_numbers_at_one_place_keep_the_bound_of_sums() -> None:
    b, n = Builder(), 100_000
    y = b.add(AddAlong(2), b.add(Input("x", (n,))), b.add(Input("at", (n,), 2)))
    x = np.random.default_rng(1).random((1, n), np.float32)
    values = {"x": x, "at": np.zeros((1, n), np.int32)}
    graph = b.graph({"y": y.id})
    exact = x.sum(dtype=np.float64)
    for found in (
        evaluate(graph, values, 1, "float32")["y"],
        run_compiled(graph, values, 1, dtype="float32")["y"],
    ):
        assert abs(found[0, 0] - exact) <= bound(n) * exact / 100 and found[0, 1] == 0


CHAINS = {  # of a row of so many numbers: the longest chain of additions
    "short": (CumSum(0), 1024, 1024),
    "long": (CumSum(0, backwards=True), 1025, COMPENSATED),
    "few at places": (AddAlong(1024), 1024, 1024),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chains_of_additions_are_counted(name: str) -> None:
    op, size, longest = CHAINS[name]
    b = Builder()
    x, at = b.add(Input("x", (size,))), b.add(Input("at", (size,), size))
    y = b.add(op, x, at) if isinstance(op, AddAlong) else b.add(op, x)
    entry = schedule("test", b.graph({"y": y.id}), {})
    found = [length for _, length in chains(entry, table_of(entry, {}), 3)]
    assert max(found) == longest


def test_what_is_no_nest_leaves_the_step_a_table_of_kernels() -> None:
    b = Builder()
    x = b.add(Input("x", (3,)))
    order, doubled = b.add(ArgSort(), x), x + x
    assert schedule("test", b.graph({"y": doubled.id}), {}).whole_step is not None
    assert schedule("test", b.graph({"y": order.id}), {}).whole_step is None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_order_of_a_long_row(dtype: type) -> None:
    b, n = Builder(), 20_000
    y = b.add(ArgSort(), b.add(Input("x", (n,))))
    x = np.random.default_rng(2).integers(0, n // 3, (2, n)).astype(dtype)
    x[:, ::97] = np.nan
    found = run_compiled(b.graph({"y": y.id}), {"x": x}, 2, dtype=np.dtype(dtype).name)["y"]
    np.testing.assert_array_equal(found, np.argsort(x, axis=-1, kind="stable"))
