"""The table of rewrites and its driver: switches, verification, counting, provenance."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.graph.remat_mark import Remat
from gradc_compiler.graph_tools.graph_text import parse_graph, print_graph
from gradc_compiler.machine.targets import TARGETS
from gradc_compiler.ops.elementwise import exp, tanh
from gradc_compiler.ops.leaf import Input
from gradc_compiler.pipeline import compilation
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.driver import Rewrite, nodes, run_once, run_until_stable, whole
from gradc_compiler.rewrites.table import (
    ALGEBRA,
    FORMS,
    INEXACT,
    LATER,
    OPTIONAL,
    SWITCHED,
    TARGET,
    switches_for,
)
from tests.compiler.test_switches import ATTENTION, IMAGES, ROUNDED, SEQUENCES

TEXT = "%0 = input{key='x', shape=(4,)}; %1 = tanh %0; %2 = tanh %1; return y=%2"


def exp_for_tanh(graph: Graph):
    """A rule that is wrong, but gives a graph that may be."""

    def rule(node: Node, xs: list[Value]) -> Value | None:
        return xs[0].builder.add(exp(), xs[0]) if isinstance(node.op, tanh) else None

    return rule


def of_wrong_type(graph: Graph) -> Graph:
    broken = tuple(replace(n, type=replace(n.type, shape=(5,))) for n in graph.nodes[1:])
    return replace(graph, nodes=(graph.nodes[0], *broken))


ROW = Rewrite(run=nodes(exp_for_tanh), law="none")


def test_a_rule_is_switched_counted_and_keeps_the_story() -> None:
    b = Builder()
    x = b.add(Input("x", (4,)))
    b.remat = Remat.UNLESS_PRODUCT
    graph = b.graph({"y": b.add(tanh(), b.add(tanh(), x)).id})
    switches = Switches()
    changed, _ = run_once({"exp": ROW}, graph, switches)
    assert switches.applied == {"exp": 2} and "tanh" not in print_graph(changed)
    assert [node.remat.is_set for node in changed.nodes] == [False, True, True]
    off = Switches(["exp"])
    assert run_once({"exp": ROW}, graph, off)[0] is graph and not off.applied


def test_what_is_always_made_has_no_switch_and_is_not_counted() -> None:
    off = Switches(["exp"])
    changed, _ = run_once({"exp": replace(ROW, always="a reason")}, parse_graph(TEXT), off)
    assert "exp" in print_graph(changed) and not off.applied


@pytest.mark.parametrize("stage", ["once", "until stable"])
def test_a_rewrite_that_breaks_a_graph_is_named(stage: str) -> None:
    table = {"breaks": Rewrite(run=whole(of_wrong_type), law="none")}
    with pytest.raises(AssertionError, match="after breaks: "):
        if stage == "once":
            run_once(table, parse_graph(TEXT), Switches())
        else:
            list(run_until_stable(table, parse_graph(TEXT)))


def test_every_row_says_what_it_is_for() -> None:
    for name, row in TARGET.items():
        assert row.law and (row.fits or row.always or name in ALGEBRA), name
        assert not (row.fits and row.always), name
    for row in ALGEBRA.values():
        assert row.law and row.exact and not row.always and not row.fits
        assert row.targets == TARGETS


def test_what_has_no_reason_to_be_always_made_has_a_switch() -> None:
    assert {*OPTIONAL} == {*ALGEBRA, *LATER, *(n for n, row in TARGET.items() if not row.always)}
    assert len({*OPTIONAL}) == len(OPTIONAL) and {*INEXACT} <= {*OPTIONAL}
    assert not {n for n, row in TARGET.items() if row.always} & {*FORMS}


CPU_ALONE = {
    *("scatter-to-gather", "fold-width", "backward-filter", "backward-bias", "broadcast-bias"),
    *("unroll-max-pool", "prepack", "round-in-products", "wide-stages", "whole-step"),
    "scatter-mean",
}
CUDA_ALONE = {"single-tiles", "attend"}


def test_what_each_target_takes() -> None:
    taken = {t: {name for name in SWITCHED if switches_for(t).allow(name)} for t in TARGETS}
    assert taken["cpu"] == {*OPTIONAL} - CUDA_ALONE
    assert taken["cuda"] == {*OPTIONAL} - CPU_ALONE
    assert not switches_for("cuda", ["winograd"]).allow("winograd")
    for name, row in TARGET.items():
        assert not row.always or row.targets == TARGETS, f"{name} is made everywhere"


@pytest.mark.parametrize("exact", [False, True], ids=["as it is", "exact"])
def test_the_program_of_each_target_goes_through_its_own_stage(exact: bool) -> None:
    """What is made of images, sequences and attention for a CPU alone is not made for CUDA."""
    made = {"cpu": set[str](), "cuda": set[str]()}
    long = ATTENTION.replace("6, 8", "257, 8")
    wide = ATTENTION.replace("6, 8", "320, 144")
    for text in (IMAGES, SEQUENCES, ATTENTION, long, wide, ROUNDED):
        program = compilation(Source("net.nn", text), ".", {}, ()).program
        program = program.of_width("float64") if exact else program
        for target, names in made.items():
            entry = program.of_target(target).entries["gradients/train"]
            assert entry.target == target
            names.update(entry.applied)
            instructions = [i for phase in entry.phases for i in phase.instructions]
            assert all((i.launch is None) == (target == "cpu") for i in instructions)
            assert target == "cpu" or entry.whole_step is None
    wanted = {*FORMS} - ({*INEXACT} if exact else set())
    assert wanted - CUDA_ALONE <= made["cpu"]
    assert made["cuda"] & {*FORMS} == wanted - CPU_ALONE
