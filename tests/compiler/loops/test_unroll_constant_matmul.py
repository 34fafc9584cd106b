"""Contractions with a small constant matrix: their sums are statements of one kernel."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.ops.contract import Affine, Contract, Map, index
from gradc_compiler.ops.leaf import Input, Literal, PersistentOp
from gradc_compiler.rewrites.conv.small_matrix import has_small_matrix
from gradc_compiler.rewrites.table import rewrite_for_target

I, J, K, L = (index(loop) for loop in range(4))


def product(seen: Map, result: Map, shape: tuple[int, ...], *, uniform: bool = False) -> Graph:
    """y[result] = sum over j of matrix[i, j] * x[seen], x: [5, 37], for loops (rows, 37, i, j)."""
    builder, rng = Builder(), np.random.default_rng(0)
    numbers = rng.choice([0.0, 1.0, -1.0, 0.75, -0.75, 3.0], size=(4, 3))
    numbers[:, 0] = [1.0, -2.0, 0.5, 1.0]  # no row is nothing but zeros
    x = builder.add(PersistentOp("x", (5, 37)) if uniform else Input("x", (5, 37)))
    matrix = builder.add(Literal(tuple(map(float, numbers.ravel())), (4, 3)))
    rows = 5 if Affine(((0, 1),), 0) in result else 3
    y = builder.add(Contract((rows, 37, 4, 3), (seen, (K, L)), result, shape), x * 2.0, matrix)
    return builder.graph({"y": y.id})


WINDOW = (Affine(((0, 1), (3, 1)), -1), J)

CASES = {
    "every point apart": ((Affine(((0, 2), (3, 1)), -1), J), (K, I, J), (4, 5, 37)),
    "side by side": (WINDOW, (Affine(((0, 4), (2, 1))), J), (12, 37)),
    "in the middle": (WINDOW, (I, K, J), (5, 4, 37)),
}


@pytest.mark.parametrize("uniform", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_sums_are_written_out(name: str, uniform: bool, check_compiled) -> None:
    graph = product(*CASES[name], uniform=uniform)
    ready = rewrite_for_target(graph).graph
    assert sum(has_small_matrix(ready, node) for node in ready.nodes) == 1
    check_compiled(graph, 7)


def test_sums_that_meet_are_not() -> None:
    graph = product(WINDOW, (Affine(((0, 1), (2, 1))), J), (8, 37))
    assert not any(has_small_matrix(graph, node) for node in graph.nodes)
