"""A step as a graph: few nodes, edges where words are shared, and none that is missing unseen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gradc_runtime.cuda.devices.simulated_device import any_order
from gradc_runtime.cuda.kernels import CLEAR
from gradc_runtime.cuda.launch.kernel_call import CudaCall, conflict
from gradc_runtime.cuda.launch.merge_calls import merged
from gradc_runtime.cuda.launch.step_graph import StepGraph, StepNode, graph_of
from gradc_runtime.cuda.launch.time_room import TimeRoom
from gradc_runtime.cuda.launch.verify_edges import GraphFault, reachable, verify_graph
from tests.runtime.cuda.launch.graphs import calls_of, entry_of

MOST_NODES = {  # of a step: what was agreed on, and below it what there is
    ("specs/mnist_cnn.nn", 128): 60,
    ("tests/bench/specs/transformer.nn", 16): 60,  # W13, agreed on 80
    ("specs/transformer.nn", 128): 140,
}


def call(reads: list[int], writes: list[int], note: str = "", source: str = CLEAR) -> CudaCall:
    """A call that touches single words."""
    return CudaCall(
        source=source, numbers=(0,), pieces=1, note=note,
        reads=tuple((k, k + 1) for k in reads), writes=tuple((k, k + 1) for k in writes),
    )  # fmt: skip


def random_calls(seed: int, count: int = 30) -> list[CudaCall]:
    rng = np.random.default_rng(seed)
    found = []
    for k in range(count):
        reads, writes = rng.integers(0, 12, 2).tolist(), rng.integers(0, 12, 1).tolist()
        plain = bool(rng.integers(0, 2))
        found.append(call(reads, writes, f"call {k}", CLEAR if plain else CLEAR + "    # lane()\n"))
    return found


@pytest.mark.parametrize("seed", range(20))
def test_edges_are_right_and_none_is_needless(seed: int) -> None:
    calls = random_calls(seed)
    single = graph_of([StepNode((one,)) for one in calls])
    for graph in (single, merged(calls)):
        verify_graph(graph)
        behind = reachable(graph)
        for first, second in graph.edges:  # without it another way must not be left
            others = [e for e in graph.edges if e != (first, second)]
            less = reachable(StepGraph(graph.nodes, tuple(others)))
            assert not less[second] >> first & 1 and behind[second] >> first & 1
    assert sum(len(node.calls) for node in merged(calls).nodes) == len(calls)


@pytest.mark.parametrize("seed", range(10))
def test_merged_calls_keep_the_order_of_those_that_share_words(seed: int) -> None:
    calls = random_calls(seed)
    graph = merged(calls)
    for orders in range(3):
        order = list(any_order(graph, np.random.default_rng(orders)))
        assert sorted(order) == list(range(len(graph.nodes)))
        place = {c: at for at, n in enumerate(order) for c in graph.nodes[n].calls}
        for k, one in enumerate(calls):
            for other in calls[k + 1 :]:
                if conflict(one, other):
                    assert place[one] < place[other]


@pytest.mark.parametrize(("spec", "examples"), MOST_NODES)
def test_a_step_has_few_nodes(spec: str, examples: int) -> None:
    graph = merged(calls_of(spec, examples))
    assert len(graph.nodes) <= MOST_NODES[spec, examples]
    verify_graph(graph)


@pytest.mark.parametrize(("spec", "examples"), MOST_NODES)
def test_the_optimiser_is_one_launch(spec: str, examples: int) -> None:
    """All parameters that Adam updates, however many: those of one text are a loop there."""
    graph = merged(calls_of(spec, examples))
    of_node = [
        [call for call in node.calls if "sqrt add div sub" in call.note] for node in graph.nodes
    ]
    updates = [calls for calls in of_node if calls]
    assert len(updates) == 1 and len(updates[0]) > 8


def test_a_missing_edge_is_found() -> None:
    graph = merged(calls_of("specs/circle.nn", 5))
    assert graph.edges
    for edge in graph.edges:
        less = StepGraph(graph.nodes, tuple(e for e in graph.edges if e != edge))
        with pytest.raises(GraphFault, match="no edge leads from"):
            verify_graph(less)


def test_calls_of_one_node_that_share_words_are_found() -> None:
    node = StepNode((call([1], [2], "one"), call([2], [3], "other")))
    with pytest.raises(GraphFault, match="one and other are one node"):
        verify_graph(StepGraph((node,), ()))
    with pytest.raises(GraphFault, match="leads back"):
        verify_graph(StepGraph((node, node), ((1, 0),)))


def test_sequences_have_room_for_steps() -> None:
    """A step of a recurrence that is not made is in the graph all the same."""
    few, many = (calls_of("specs/adding.nn", 3, TimeRoom((3 * n,), (n,)), 0) for n in (2, 5))
    assert len(many) > len(few)
    slots = {one.slot for one in many} - {0}
    assert len(slots) >= 5
    graph = merged([replace(one, note=f"{k}") for k, one in enumerate(few)])
    verify_graph(graph)


RECURRENT = {"adding": 30, "row_digits": 30, "tagging": 60, "characters": 60}


@pytest.mark.parametrize("spec", RECURRENT)
def test_a_recurrence_is_one_node_however_long(spec: str) -> None:
    """28 steps of 32 examples; as nodes of the graph they were 158 to 546."""
    times = len(entry_of(f"specs/{spec}.nn").times)
    rooms = [TimeRoom((32 * n,) * times, (n,) * times) for n in (2, 28)]
    short, long = (merged(calls_of(f"specs/{spec}.nn", 32, room)) for room in rooms)
    assert len(short.nodes) >= len(long.nodes) - 1 and len(long.nodes) <= RECURRENT[spec]
    verify_graph(long)
    met = [call for node in long.nodes for call in node.calls if call.meetings]
    assert len(met) >= 2 and all(call.meetings >= 28 for call in met)


def test_blocks_that_cannot_all_run_at_once_do_not_meet() -> None:
    room = TimeRoom((96,), (3,))
    met = [call for call in calls_of("specs/adding.nn", 32, room) if call.meetings]
    blocks = max(call.pieces for call in met) // 128
    assert blocks > 1 and met
    assert not [c for c in calls_of("specs/adding.nn", 32, room, blocks - 1) if c.meetings]


def test_a_large_batch_is_left_to_more_blocks() -> None:
    """What a block has to do grows with the rows, and tiles have more blocks for them."""
    few, many = (
        [c for c in calls_of("specs/adding.nn", n, TimeRoom((3 * n,), (3,))) if c.meetings]
        for n in (32, 1 << 14)
    )
    assert few and not many
