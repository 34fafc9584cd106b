"""The order of rows of the second stage: free, but for what a row says itself (`after`).

Orders are drawn and their programs compared with the reference; and each wrong order is refused,
and would do harm if it were not.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from graphlib import TopologicalSorter

import pytest

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph_tools.graph_text import parse_graph
from gradc_compiler.pipeline import compile_source
from gradc_compiler.rewrites import table
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.driver import Rewrite, run_once
from gradc_compiler.rewrites.split_long_sums import cut_long_sums
from gradc_compiler.rewrites.target_rewrites import FASTER, TARGET
from gradc_compiler.rewrites.verify_legal import verify_legal
from tests.compiler import test_switches
from tests.compiler.loops import test_chain_lengths
from tests.compiler.rewrites.golden_text import FOLDER, Golden
from tests.support.graphs import assert_close, evaluate_outputs, run_compiled, sample_values

GOLDEN = [
    name for name in (*FASTER, "split_long_sums", "split_overlaps")
    if name not in ("attend", "copy-rows", "prepack", "query-blocks")  # no graph's text shows them
]  # fmt: skip


def orders(seed: int) -> list[str]:
    """An order of all rows that they allow, at random."""
    rng, found = random.Random(seed), list[str]()
    sorter = TopologicalSorter({name: row.after for name, row in TARGET.items()})
    sorter.prepare()
    ready = list[str]()
    while sorter.is_active():
        ready += sorter.get_ready()
        found.append(ready.pop(rng.randrange(len(ready))))
        sorter.done(found[-1])
    return found


def put(monkeypatch: pytest.MonkeyPatch, names: Sequence[str]) -> None:
    """Let programs be made by the rows in another order."""
    monkeypatch.setattr(table, "TARGET", {name: TARGET[name] for name in names})


@pytest.mark.parametrize("seed", range(3))
def test_orders_are_unlike_one_another(seed: int) -> None:
    assert {*orders(seed)} == {*TARGET} and orders(seed) != orders(seed + 1) != [*TARGET]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spec", test_switches.TEXTS)
def test_any_order_gives_the_same_gradients(
    spec: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    test_switches.wanted_of(spec)
    test_switches.made.cache_clear()  # of rows as they stand
    put(monkeypatch, orders(seed))
    test_switches.assert_same(spec, ())
    test_switches.made.cache_clear()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", GOLDEN)
def test_any_order_gives_the_same_numbers(
    name: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = Golden.read(FOLDER / f"{name}.txt").graph
    values = sample_values(graph, 3)
    put(monkeypatch, orders(seed))
    assert_close(run_compiled(graph, values, 3), evaluate_outputs(graph, values, 3), 1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", test_chain_lengths.CASES)
def test_no_order_makes_a_sum_too_long(
    name: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(monkeypatch, orders(seed))
    graph = test_chain_lengths.graph_of(name)
    assert test_chain_lengths.longest(graph, 1, 50_000) <= test_chain_lengths.LONG


def swapped(first: str, other: str) -> list[str]:
    """The rows as they stand, but for the first, which comes right before the other."""
    names = [name for name in TARGET if name != first]
    at = names.index(other)
    return [*names[:at], first, *names[at:]]


EDGES = [(name, other) for name, row in TARGET.items() for other in row.after]


@pytest.mark.parametrize(("name", "other"), EDGES, ids=lambda name: name)
def test_a_wrong_order_is_refused(name: str, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = parse_graph("%0 = input{key='x', shape=(4,)}; return y=%0")
    put(monkeypatch, swapped(name, other))
    with pytest.raises(AssertionError, match=f"{name} comes before "):
        table.rewrite_for_target(graph)


def test_rows_name_rows() -> None:
    assert {other for _, other in EDGES} <= {*TARGET}


TWICE = """
model f(x : [3]) -> scalar { x |> dense(1) |> as(scalar) }
data d(x : [3]) = npz("none.npz")
train on d { minimize f(x)^2 using sgd(lr = 1e-2) report one = f(x) + 1, two = f(x) + 1 }
"""


@cache
def graphs() -> tuple[Graph, ...]:
    """Programs that between them need every row."""
    return (*_graphs(),)


def _graphs() -> Iterator[Graph]:
    for text in (*test_switches.TEXTS.values(), TWICE):
        entries = compile_source(text).entries
        yield entries["gradients/train"].graph
        yield entries["step/train"].graph
    yield Golden.read(FOLDER / "fold-width.txt").graph


def unchecked(names: Sequence[str]) -> Mapping[str, Rewrite]:
    """Rows in an order that nobody asks about."""
    return {name: replace(TARGET[name], after=()) for name in names}


def faults_of(graph: Graph, names: Sequence[str]) -> set[str]:
    """What an order does wrong."""
    try:
        changed, _ = run_once(unchecked(names), graph, Switches())
        verify_legal(changed)
    except AssertionError as fault:
        return {"two outputs" if "outputs are" in str(fault) else "illegal"}
    found = {"long"} if cut_long_sums(changed) is not changed else set()
    live = changed.reachable(changed.results.values())
    found |= {"dead"} if len(live) < len(changed.nodes) else set()
    right, _ = run_once(TARGET, graph, Switches())
    return found | ({"not again"} if again(changed) < again(right) else set())


def again(graph: Graph) -> int:
    """How many values are computed a second time."""
    return sum(node.origin is not None and "again" in node.origin.rule for node in graph.nodes)


HARM = {  # where it is seen on the programs above
    ("split_long_sums", "backward-bias"): "long",
    ("legalize", "winograd"): "illegal",
    ("legalize", "unroll-max-pool"): "illegal",
    ("legalize", "copy-rows"): "illegal",
    ("legalize", "split_long_sums"): "illegal",
    ("dce", "legalize"): "dead",
    ("remat", "cse"): "not again",
    ("outputs", "cse"): "two outputs",
}


@pytest.mark.parametrize(("name", "other"), HARM, ids=lambda name: name)
def test_a_wrong_order_does_harm(name: str, other: str) -> None:
    wrong = swapped(name, other)
    found = [faults_of(graph, wrong) for graph in graphs()]
    assert any(HARM[name, other] in faults for faults in found)


def test_the_order_as_it_stands_does_none() -> None:
    assert not any(faults_of(graph, [*TARGET]) for graph in graphs())
