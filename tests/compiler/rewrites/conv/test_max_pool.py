"""The greatest of windows: equal numbers, without a loop over the window."""

from __future__ import annotations

import pytest

from gradc_compiler.graph.graph import Value
from gradc_compiler.ops.contract import Contract, index
from gradc_compiler.ops.reduce import Max
from gradc_compiler.rewrites.table import optimise, rewrite_for_target
from tests.support.contractions import at
from tests.support.graphs import Operand, derivative_graph, values_of


def pooled(x: Value, size: tuple[int, int], stride: int) -> Value:
    """The greatest of windows of x [rows, columns, channels]."""
    rows, columns = ((n - k) // stride + 1 for n, k in zip(x.shape, size, strict=False))
    extents = (rows, columns, *size, x.shape[2])
    seen = (at((0, stride), (2, 1)), at((1, stride), (3, 1)), index(4))
    view = Contract(extents, (seen,), tuple(map(index, range(5))), extents)
    return x.builder.add(Max((2, 3)), x.builder.add(view, x))


@pytest.mark.parametrize("channels", [1, 7, 37])
@pytest.mark.parametrize(("size", "stride"), [((2, 2), 2), ((3, 3), 2), ((1, 3), 1), ((4, 4), 1)])
def test_windows_of_any_size(size, stride: int, channels: int, check_compiled) -> None:
    operands = [Operand((7, 9, channels))]
    graph = derivative_graph(lambda x: pooled(x.apply("tanh", x), size, stride), operands)
    values = values_of(operands, 5)
    check_compiled(graph, values=values)
    left = [n for n in rewrite_for_target(optimise(graph)).graph.nodes if isinstance(n.op, Max)]
    assert bool(left) == (size == (4, 4)), "sixteen numbers are a loop"
