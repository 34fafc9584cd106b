"""Every rewrite has a golden text: the graph before, the graph after, and equal numbers.

To learn what a rewrite does, read `tests/compiler/rewrites/golden/NAME.txt`.  UPDATE_GOLDEN=1
writes the graphs anew (the sentences at the head of a file stay).
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.pipeline import compile_source
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.legalize import copy_outputs
from gradc_compiler.rewrites.remat import rematerialize
from gradc_compiler.rewrites.split_long_sums import cut_long_sums
from gradc_compiler.rewrites.split_overlaps import cut_overlaps
from gradc_compiler.rewrites.table import ALGEBRA, FORMS, TARGET, rewrite_for_target
from tests.compiler.rewrites.golden_text import FOLDER, Golden, explain
from tests.support.graphs import (
    assert_close,
    evaluate_outputs,
    for_every_example,
    rewritten,
    run_compiled,
    sample_values,
)

UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
OTHERS: dict[str, Callable[[Graph], Graph]] = {
    "remat": lambda graph: rematerialize(graph)[0],
    "split_long_sums": cut_long_sums,
    "split_overlaps": cut_overlaps,
    "legalize": lambda graph: rewrite_for_target(graph, Switches([*FORMS, "remat"])).graph,
    "outputs": copy_outputs,
}
SPECS = {  # rewrites of what a graph's text does not say, or of sequences: these begin with a spec
    "remat": """
        model f(x : [3]) -> [4] { x |> checkpoint(dense(4) |> tanh |> exp |> sin) }
        data d(x : [3]) = npz("none.npz")
        train on d { minimize sum(f(x)) using sgd(lr = 1e-3), batch 8 }
    """,
    "attend": """
        model f(x : [64, 2]) -> [64, 2] {
            weights = softmax(contract(i, j : x[i, a] * x[j, a]) / 3)
            contract(i, a : weights[i, j] * x[j, a])
        }
    """,
    "query-blocks": """
        model f(x : [384, 2]) -> [384, 2] {
            weights = softmax(contract(i, j : x[i, a] * x[j, a]))
            contract(i, a : weights[i, j] * x[j, a])
        }
    """,
    "copy-rows": "model f(xs : seq(3) [2]) -> [3, 2] { from_rows(xs |> tanh) }",
    "prepack": "model f(xs : seq [2]) -> [64] { xs |> scan(elman(64)) |> last }",
}
NAMES = [name for name in (*ALGEBRA, *FORMS, *OTHERS) if name not in SPECS]


def apply(name: str, graph: Graph) -> Graph:
    """A graph after one rewrite, without what nothing reads any more."""
    if name in ALGEBRA:
        return eliminate_dead_code(ALGEBRA[name](graph))
    if name in FORMS:
        return eliminate_dead_code(rewritten(graph, name)[0])
    return eliminate_dead_code(OTHERS[name](graph))


def check(name: str, before: Graph, after: Graph) -> None:
    """A file says of both graphs what they are now."""
    path = FOLDER / f"{name}.txt"
    golden = Golden.read(path)
    now = Golden(golden.head, explain(before), explain(after))
    if UPDATE:
        now.write(path)
        golden = now
    assert now == golden, f"{path} differs; UPDATE_GOLDEN=1 writes it anew"
    assert all(line.startswith("# ") for line in golden.head.splitlines()), "sentences are missing"
    assert golden.before != golden.after, "the example does not show the rewrite"


@pytest.mark.parametrize("name", NAMES)
def test_before_and_after(name: str) -> None:
    before = verify(Golden.read(FOLDER / f"{name}.txt").graph)
    after = verify(apply(name, before), after=name)
    check(name, before, after)
    for batch in (1, 4):
        values = sample_values(before, batch)
        found = for_every_example(evaluate_outputs(after, values, batch), before, batch)
        assert_close(found, evaluate_outputs(before, values, batch), 1e-12)


@pytest.mark.parametrize("name", [name for name in NAMES if name in FORMS or name in OTHERS])
def test_what_is_rewritten_runs_natively(name: str) -> None:
    graph = Golden.read(FOLDER / f"{name}.txt").graph
    values = sample_values(graph, 3)
    without = [other for other in (*ALGEBRA, *FORMS) if other != name]
    found = run_compiled(graph, values, 3, without=without)
    assert_close(found, evaluate_outputs(graph, values, 3), 1e-12)


@pytest.mark.parametrize("name", SPECS)
def test_before_and_after_in_a_spec(name: str) -> None:
    entries = compile_source(SPECS[name]).entries
    entry = entries["gradients/train"] if name == "remat" else entries["forward/f"]
    before = eliminate_dead_code(entry.graph)
    check(name, before, verify(apply(name, before), after=name))


def test_every_file_is_of_a_rewrite() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {*NAMES, *SPECS}


@pytest.mark.parametrize("name", {**ALGEBRA, **TARGET})
def test_every_row_of_the_table_has_a_golden_text(name: str) -> None:
    """So that whoever adds a row shows what it does."""
    assert name in NAMES or name in SPECS, f"{name} is not among the rewrites that are shown"
    assert (FOLDER / f"{name}.txt").exists(), f"write {name}.txt: a graph that {name} changes"
