"""Random graphs agree by reference, natively, and with any pass left out.

Also their text form is read back, and their derivatives agree with central differences of the loss.
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, note, settings
from hypothesis import strategies as st

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.pipeline import OPTIONAL
from gradc_compiler.rewrites.table import optimise
from tests.support.graphs import (
    Array,
    Values,
    assert_close,
    evaluate_outputs,
    for_every_example,
    run_compiled,
    sample_values,
)
from tests.support.random_graphs import graphs
from tests.support.sequence_runs import plain

SWITCHES = [name for name in OPTIONAL if name != "whole-step"]  # which is off as well
WIDE = int(os.environ.get("GRADC_EXAMPLES", "500"))
BOUND = 1e-8
COMMON = settings(
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each try compiles: no shrinking
)


def is_steady(graph: Graph, values: Values, batch: int) -> bool:
    """Whether rounding could not change the outputs by much."""
    here = plain(evaluate_outputs(graph, values, batch))
    arrays = {k: v for k, v in values.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"}
    real = values | {k: v * (1 + 1e-12) for k, v in arrays.items()}
    moved = plain(evaluate_outputs(graph, real, batch))
    return all(
        np.all(np.isfinite(here[k]))
        and np.all(np.abs(here[k]) < 1e6)
        and np.allclose(here[k], moved[k], rtol=1e-9, atol=1e-9)
        for k in here
    )


def assert_ways_agree(graph: Graph, batch: int, without: str, threads: int) -> None:
    verify(graph)
    note(print_graph(graph))
    assert print_graph(parse_graph(print_graph(graph))) == print_graph(graph)
    values = sample_values(graph, batch)
    assume(is_steady(graph, values, batch))
    wanted = evaluate_outputs(graph, values, batch)
    optimised = for_every_example(evaluate_outputs(optimise(graph), values, batch), graph, batch)
    assert_close(optimised, wanted, BOUND)
    for switches in ((), ("whole-step",)):
        native = run_compiled(graph, values, batch, without=switches)
        assert_close(native, wanted, BOUND)
        shared = run_compiled(graph, values, batch, threads=threads, without=switches)
        for name in wanted:
            np.testing.assert_array_equal(shared[name], native[name])
    assert_close(run_compiled(graph, values, batch, without=(without, "whole-step")), wanted, BOUND)
    if is_smooth_to(graph):
        assert_derivatives_are_slopes(graph, batch)


def is_smooth_to(graph: Graph) -> bool:
    """Whether a difference sees what a derivative sees; one that is stopped on purpose does not."""
    return all(node.op.name != "stop_gradient" for node in graph.nodes)


def assert_derivatives_are_slopes(graph: Graph, batch: int) -> None:
    """Along a random direction, unless a kink or a jump lies between the ends of a difference."""
    values, draws = sample_values(graph, batch), np.random.default_rng(7)
    only_loss = replace(graph, outputs={"loss": graph.outputs["loss"]})
    derivatives = evaluate_outputs(graph, values, batch)

    def loss(key: str, moved: Array) -> float:
        return float(np.mean(evaluate_outputs(only_loss, values | {key: moved}, batch)["loss"]))

    for key in (name.removeprefix("d") for name in graph.outputs if name[:2] in ("dx", "dp", "dw")):
        here, direction = values[key], draws.normal(size=values[key].shape)
        slopes = [
            (loss(key, here + h * direction) - loss(key, here - h * direction)) / (2 * h)
            for h in (1e-5, 3e-6)
        ]
        told = float(np.sum(derivatives[f"d{key}"] * direction))
        told /= batch if key == "x0" else 1  # see the Note [Examples and the mean]
        scale = 1 + abs(told) + abs(loss(key, here))
        if abs(slopes[0] - slopes[1]) < 1e-6 * scale:
            assert abs(told - slopes[1]) < 1e-5 * scale, f"d{key} is {told}, the slope {slopes}"


ARGUMENTS = {
    "graph": graphs(),
    "batch": st.sampled_from([1, 5, 33, 150]),
    "without": st.sampled_from(SWITCHES),
    "threads": st.sampled_from([2, 3]),
}


@given(**ARGUMENTS)
@settings(COMMON, max_examples=15)
def test_random_graphs(graph: Graph, batch: int, without: str, threads: int) -> None:
    assert_ways_agree(graph, batch, without, threads)


@pytest.mark.wide
@given(**ARGUMENTS)
@settings(COMMON, max_examples=WIDE, derandomize=False)
def test_many_random_graphs(graph: Graph, batch: int, without: str, threads: int) -> None:
    assert_ways_agree(graph, batch, without, threads)
