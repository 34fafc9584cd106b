"""Which nodes form one kernel: shapes of units that once went wrong, and limits."""

from __future__ import annotations

import pytest

from gradc_compiler.fusion.groups import fuse
from gradc_compiler.fusion.list_schedule import list_schedule
from gradc_compiler.fusion.stages import assign_stages
from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph_tools.graph_text import parse_graph
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.rewrites.table import optimise, rewrite_for_target


def units_of(graph: Graph) -> list[list[str]]:
    """The operators of each unit."""
    prepared = rewrite_for_target(optimise(graph)).graph
    units = list_schedule(prepared, fuse(prepared, assign_stages(prepared)))
    return [[prepared[i].op.name for i in unit.nodes] for unit in units]


def test_a_chain_is_one_kernel() -> None:
    graph = parse_graph(
        "%0 = input{key='x', shape=(4,)}; %1 = exp %0; %2 = tanh %1; %3 = neg %2; return a=%3"
    )
    assert units_of(graph) == [["exp", "tanh", "neg", "copy"]]


def test_a_reduction_takes_its_prologue_along() -> None:
    graph = parse_graph(
        "%0 = input{key='x', shape=(4,)}; %1 = exp %0; %2 = max{axes=(0,)} %1; return a=%2"
    )
    assert units_of(graph) == [["exp", "max"], ["copy"]]


def test_a_prologue_that_others_read_is_stored() -> None:
    graph = parse_graph(
        "%0 = input{key='x', shape=(4,)}; %1 = exp %0; %2 = max{axes=(0,)} %1; return a=%2 b=%1"
    )
    assert units_of(graph) == [["exp", "copy"], ["max"], ["copy"]]


def test_no_unit_reads_what_it_leads_to(check_compiled) -> None:
    """x - max(x) reads x before and after the maximum: two kernels, not one."""
    graph = parse_graph(
        "%0 = input{key='x', shape=(4,)}; %1 = exp %0; %2 = max{axes=(0,)} %1; %3 = sub %1 %2;"
        "return a=%3"
    )
    assert units_of(graph) == [["exp"], ["max"], ["sub", "copy"]]
    check_compiled(graph)


@pytest.mark.parametrize("count", [30, 70, 200])
def test_many_operands_of_one_kernel(count: int, check_compiled) -> None:
    """A scalar that scales many: a kernel has a limit on its pointers."""
    builder = Builder()
    scale = builder.add(PersistentOp("s"))
    scale = scale.apply("sigmoid", scale)
    outputs = {}
    for k in range(count):
        p = builder.add(PersistentOp(f"p{k}"))
        outputs[Tagged(Role.UPDATE, f"p{k}")] = (p * scale).id
    check_compiled(builder.graph(outputs))


def test_a_long_chain_is_cut(check_compiled) -> None:
    builder = Builder()
    x = builder.add(Input("x", (3,)))
    for k in range(150):
        x = x.apply("sin", x * (1.0 + 0.01 * k))
    graph = builder.graph({"y": x.id})
    assert all(len(unit) <= 40 for unit in units_of(graph))
    check_compiled(graph)


def test_a_draw_is_no_prologue(check_compiled) -> None:
    """Its element is known by the loops, and those of a reduction are others."""
    graph = parse_graph(
        "%0 = persistent{key='seed', index=True}; %1 = persistent{key='step', index=True};"
        "%2 = random{node=1, shape=(3, 4)} %0 %1; %3 = max{axes=(0,)} %2; return a=%3"
    )
    assert units_of(graph) == [["random"], ["max"], ["copy"]]
    check_compiled(graph)
