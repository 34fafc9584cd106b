"""The laws of real numbers are true: of any graph, values that are told to be equal are equal."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph_tools.evaluate import node_values
from gradc_compiler.pipeline import compilation
from gradc_compiler.study.real_form import RealForms
from tests.support.graphs import sample_values
from tests.support.random_graphs import graphs

MOST = 1e6  # beyond, or where a number is none, a law may hold for real numbers and not for floats
EXAMPLES = int(os.environ.get("GRADC_EXAMPLES", "40"))
SUMS = """model f(x : [3], w : [3], m : [3, 4], n : [4, 3], y : class(3)) {
    p = softmax(m @ n)
    u = x - mean(x)
    a = p @ u - p @ x + sum(p, axis = 1) * mean(x)
    c = contract(i < 3, j < 3 : m[i, k] * n[k, j]) - transpose(transpose(n) @ transpose(m))
    d = (x @ m) @ n - x @ (m @ n)
    e = one_hot(y, 3) * x[y] - one_hot(y, 3) * x
    (a, sum(c), d, e, contract(i < 3 : x[i - 1]), hessian(sum(x^2 * w), x))
}"""


def check_classes(graph: Graph) -> int:
    """How many nodes are told to be equal to earlier ones, which are equal in numbers."""
    equal = defaultdict(list)
    for id, number in RealForms().numbers(graph).items():
        equal[number].append(id)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arrays = dict(node_values(graph, sample_values(graph, 3), 3, "float64"))
    tame = all(np.abs(a).max(initial=0) < MOST for a in arrays.values() if a.dtype.kind == "f")
    for same in equal.values() if tame else ():
        for id in same[1:]:
            one, other = np.broadcast_arrays(arrays[same[0]], arrays[id])
            np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-7)
    return sum(len(same) - 1 for same in equal.values())


@given(graphs())
@settings(max_examples=EXAMPLES, deadline=None)
def test_equal_values_of_random_graphs_are_equal(graph: Graph) -> None:
    check_classes(graph)


def test_equal_values_of_sums_are_equal() -> None:
    graph = compilation(Source("f.nn", SUMS), ".", None).module.forward("f")
    assert check_classes(graph) > 10


@pytest.mark.parametrize("place", range(4))
def test_what_is_zero_is_known_to_be(place: int) -> None:
    """Of the fourth there is no law: a one-hot vector picks the same element of x everywhere."""
    graph = compilation(Source("f.nn", SUMS), ".", None).module.forward("f")
    ids = [*graph.results.values()]
    found = RealForms()
    numbers = found.numbers(graph)
    zero = found.atoms.boxed({}, graph[ids[place]].type)
    assert (numbers[ids[place]] == zero) == (place != 3)
