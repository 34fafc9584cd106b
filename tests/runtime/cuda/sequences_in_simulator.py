"""Networks over sequences in the CUDA simulator equal the reference; their draws do to the bit.

Not collected by itself: `test_simulator.py` runs it in a process that has the simulator.
"""

from __future__ import annotations

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.ragged import Ragged
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.graph_tools.graph_text import print_graph
from gradc_compiler.ops.random import Random
from gradc_compiler.rewrites.table import optimise
from gradc_runtime.cuda.execution.cuda_executable import CudaExecutable
from tests.compiler.test_random_graphs import BOUND, COMMON, is_steady
from tests.runtime import recurrent
from tests.support.random_sequences import sample, sequence_graphs
from tests.support.recurrences import KINDS, NETS, Net, every_state, given, parameters
from tests.support.sequence_runs import check, executable, outputs_of, plain, wanted


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NETS)
def test_net(name: str, kind: str) -> None:
    check(CudaExecutable, name, kind, batch=5, longest=4)


def drawn(normal: bool) -> Graph:
    """Draws for every element of a sequence."""
    net = Net()
    counters = (net.parameter("seed"), net.parameter("step"))
    y = net.b.add(Random(3, (7,), normal=normal, time="t"), *counters)
    return net.b.graph({"y": (y + net.x * 0.0).id})


@pytest.mark.parametrize(
    ("normal", "dtype"), [(False, np.float32), (False, np.float64), (True, np.float64)]
)
def test_draws_are_those_of_the_reference_to_the_bit(normal: bool, dtype: type) -> None:
    rng, graph = np.random.default_rng(2), drawn(normal)
    values, fixed = given(rng, "unequal", 5, 9), parameters(rng)
    expected = evaluate(graph, {**values, **fixed}, 5)["y"].values
    _, outputs = executable(CudaExecutable, optimise(graph), fixed, dtype).run(
        wanted(graph, values, dtype)
    )
    np.testing.assert_array_equal(outputs["y"].values, expected.astype(dtype))


def test_batches_in_one_call_or_one_by_one() -> None:
    """Lengths grow from batch to batch: there must be room for them."""
    rng, graph = np.random.default_rng(3), optimise(every_state())
    values, fixed = given(rng, "unequal", 9, 6), parameters(rng)
    order = np.argsort(values["length/t"])
    values = {k: v.take(order) if isinstance(v, Ragged) else v[order] for k, v in values.items()}
    whole, outputs = executable(CudaExecutable, graph, fixed, np.float32).run(
        wanted(graph, values, np.float32), 3
    )
    runner = executable(CudaExecutable, graph, fixed, np.float32)
    for k in range(3):
        part = slice(3 * k, 3 * k + 3)
        inputs = {
            key: value.take(part) if isinstance(value, Ragged) else value[part]
            for key, value in wanted(graph, values, np.float32).items()
        }
        alone, rows = runner.run(inputs)
        for key, value in whole.items():
            np.testing.assert_array_equal(alone[key][0], value[k])
        np.testing.assert_array_equal(rows["x"].values, outputs["x"].take(part).values)


def test_a_session_trains() -> None:
    """Steps of one call, and single ones, as the reference takes them; and sequences that vary."""
    cuda, reference = (recurrent.session("float64", t) for t in ("cuda", "reference"))
    data = recurrent.examples(12, longest=4, dtype="float64").take(slice(None))
    for session in (cuda, reference):
        session.advance(data, steps=3)
        session.step(**recurrent.arrays([3, 0, 1]))
    np.testing.assert_allclose(cuda.memory.words, reference.memory.words, rtol=1e-10)
    given = {name: data[name] for name in ("x", "k")}
    said, wanted = (session.run("says", **given)["said"] for session in (cuda, reference))
    np.testing.assert_allclose(np.concatenate(said), np.concatenate(wanted), rtol=1e-10)


@hypothesis.given(graph=sequence_graphs(), longest=st.sampled_from([0, 1, 4]))
@hypothesis.settings(COMMON, max_examples=15)
def test_random_graphs(graph: Graph, longest: int) -> None:
    assert_agrees(graph, longest)


@pytest.mark.wide
@hypothesis.given(graph=sequence_graphs(), longest=st.sampled_from([0, 1, 4]))
@hypothesis.settings(COMMON, max_examples=500, derandomize=False)
def test_many_random_graphs(graph: Graph, longest: int) -> None:
    assert_agrees(graph, longest)


def assert_agrees(graph: Graph, longest: int) -> None:
    hypothesis.note(print_graph(graph))
    inputs, persistents = sample(graph, 3, longest)
    values = {**inputs, **persistents}
    hypothesis.assume(is_steady(graph, values, 3))
    expected = plain(evaluate(graph, values, 3))
    found = outputs_of(CudaExecutable, optimise(graph), inputs, persistents)
    for name, array in expected.items():
        shown = np.broadcast_to(found[name], array.shape)
        np.testing.assert_allclose(shown, array, rtol=BOUND, atol=BOUND, err_msg=name)
