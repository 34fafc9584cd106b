"""Random graphs over sequences agree by reference, natively, and with any pass left out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.rewrites.table import optimise
from gradc_runtime.cpu.executable import Executable
from tests.compiler.test_random_graphs import BOUND, COMMON, SWITCHES, WIDE, is_steady
from tests.support.random_sequences import sample, sequence_graphs
from tests.support.sequence_runs import outputs_of, plain

ARGUMENTS = {
    "graph": sequence_graphs(),
    "batch": st.sampled_from([1, 5, 33]),
    "longest": st.sampled_from([0, 1, 4, 9]),
    "without": st.sampled_from(SWITCHES),
}


def assert_ways_agree(graph: Graph, batch: int, longest: int, without: str) -> None:
    """Reference, passes, native code on one thread and on two."""
    verify(graph)
    note(print_graph(graph))
    assert print_graph(parse_graph(print_graph(graph))) == print_graph(graph)
    inputs, persistents = sample(graph, batch, longest)
    values = {**inputs, **persistents}
    assume(is_steady(graph, values, batch))
    wanted = plain(evaluate(graph, values, batch))
    optimised = plain(evaluate(optimise(graph), values, batch))
    native = outputs_of(Executable, optimise(graph), inputs, persistents)
    left_out = optimise(graph, {without})
    other = outputs_of(Executable, left_out, inputs, persistents, without=(without,))
    shared = outputs_of(Executable, optimise(graph), inputs, persistents, threads=2)
    for name, array in wanted.items():
        for found in (optimised, native, other):
            close = {"rtol": BOUND, "atol": BOUND}
            shown = np.broadcast_to(found[name], array.shape)  # a pass may find it uniform
            np.testing.assert_allclose(shown, array, **close, err_msg=name)
        np.testing.assert_array_equal(shared[name], native[name])


@given(**ARGUMENTS)
@settings(COMMON, max_examples=25)
def test_random_sequences(graph: Graph, batch: int, longest: int, without: str) -> None:
    assert_ways_agree(graph, batch, longest, without)


@pytest.mark.wide
@given(**ARGUMENTS)
@settings(COMMON, max_examples=WIDE, derandomize=False)
def test_many_random_sequences(graph: Graph, batch: int, longest: int, without: str) -> None:
    assert_ways_agree(graph, batch, longest, without)
