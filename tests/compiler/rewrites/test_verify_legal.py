"""What no kernel would compute as it is meant is found before there are kernels."""

from __future__ import annotations

import pytest

from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.elementwise import copy as Copy
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.reduce import BatchMean, Max
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.rewrites.legalize import legalize
from gradc_compiler.rewrites.table import rewrite_for_target
from gradc_compiler.rewrites.verify_legal import verify_legal

I, J, K = index(0), index(1), index(2)


def mean(b: Builder) -> int:
    return b.add(BatchMean(), b.add(Input("x", (4,)))).id


def outside(b: Builder) -> int:
    """Three places around each number, of which the outermost lie outside."""
    maps = ((Affine(((0, 1), (1, 1)), -1),), (J,))
    op = Contract((4, 3), maps, (I,), (4,))
    return b.add(op, b.add(Input("x", (4,))), b.add(PersistentOp("W", (3,)))).id


def columns(b: Builder) -> int:
    """A product whose matrix has its columns one below another."""
    op = Contract((20, 3, 4), ((I, K), (J, K)), (I, J), (20, 3))
    return b.add(op, b.add(Input("x", (20, 4))), b.add(PersistentOp("W", (3, 4)))).id


def view(b: Builder) -> int:
    """The numbers of a transposed matrix, one after another."""
    turned = Contract((3, 4), ((J, I),), (I, J), (3, 4))
    return b.add(Reshape((12,)), b.add(turned, b.add(Input("x", (4, 3))))).id


PLANTED = {
    "is no sum over examples": mean,
    "reads outside of %0, which has no halo": outside,
    "reads columns that are not side by side": columns,
    "is a view of %1, which may lie otherwise": view,
}


def graph_of(fault: str) -> Graph:
    b = Builder()
    return b.graph({"y": PLANTED[fault](b)})


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_and_legal_in_the_end(fault: str) -> None:
    graph = graph_of(fault)
    with pytest.raises(AssertionError, match=f"^for kernels: .* {fault}"):
        verify_legal(graph)
    verify_legal(legalize(graph))
    rewrite_for_target(graph)


def test_two_outputs_that_are_one_are_found() -> None:
    b = Builder()
    y = b.add(Copy(), b.add(Max((0,)), b.add(Input("x", (4,))))).id
    graph = b.graph({"y": y, "z": y})
    with pytest.raises(AssertionError, match="2 outputs are %2"):
        verify_legal(graph)
    assert len({*rewrite_for_target(graph).graph.outputs.values()}) == 2


def test_columns_before_an_axis_of_one_number_lie_side_by_side() -> None:
    """Of a mean of [3, 1] over a batch, which was taken for a fault."""
    b = Builder()
    op = Contract((3, 1), ((I, J), ()), (I, J), (3, 1), mean=True)
    y = b.add(op, b.add(Input("x", (3, 1))), b.constant(1.0)).id
    verify_legal(b.graph({"y": y}))
