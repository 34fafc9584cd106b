"""Updates: in place where that is safe, exchanged, counted, after everything that reads the old."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged
from gradc_compiler.graph_tools.graph_text import parse_graph
from tests.support.graphs import sample_values

PQ = "%0 = persistent{key='p', shape=(3, 4)}; %1 = persistent{key='q', shape=(3, 4)};"
I, J, K = "(((0, 1),), 0)", "(((1, 1),), 0)", "(((2, 1),), 0)"
UPDATES = {
    "exchanged": PQ + "return update/p=%1 update/q=%0",
    "one into the other": PQ + "%2 = exp %0; return update/p=%2 update/q=%0",
    "both from both": PQ + "%2 = add %0 %1; %3 = sub %0 %1; return update/p=%2 update/q=%3",
    "the same for both": PQ + "%2 = add %0 %1; return update/p=%2 update/q=%2 sum=%2",
    "itself": PQ + "return update/p=%0 old=%0",
    "the old one is an output": PQ + "%2 = neg %0; return update/p=%2 old=%0",
    "read again afterwards": (
        PQ + "%2 = exp %0; %3 = max{axes=(0, 1)} %0; %4 = sub %2 %3; return update/p=%4 old=%3"
    ),
    "turned over": (
        "%0 = persistent{key='p', shape=(3, 3)};"
        f"%1 = contract{{extents=(3, 3), operands=(({J}, {I}),), result=({I}, {J}),"
        " shape=(3, 3)} %0; %2 = mul %1 %1; return update/p=%2"
    ),
    "reversed": (
        "%0 = persistent{key='p', shape=(5,)};"
        "%1 = contract{extents=(5,), operands=(((((0, -1),), 4),),), result=((((0, 1),), 0),),"
        " shape=(5,)} %0; %2 = neg %1; return update/p=%2"
    ),
    "reversed by itself": (
        "%0 = persistent{key='p', shape=(5,)};"
        "%1 = contract{extents=(5,), operands=(((((0, -1),), 4),),), result=((((0, 1),), 0),),"
        " shape=(5,)} %0; return update/p=%1"
    ),
    "times a matrix": (
        "%0 = persistent{key='p', shape=(3, 3)}; %1 = persistent{key='q', shape=(3, 3)};"
        f"%2 = contract{{extents=(3, 3, 3), operands=(({I}, {K}), ({K}, {J})), result=({I}, {J}),"
        " shape=(3, 3)} %0 %1; return update/p=%2"
    ),
    "from sums of its columns": (
        "%0 = persistent{key='p', shape=(3, 3)};"
        f"%1 = contract{{extents=(3, 3, 3), operands=(({K}, {J}),), result=({I}, {J}),"
        " shape=(3, 3)} %0; return update/p=%1"
    ),
    "from its first row": (
        "%0 = persistent{key='p', shape=(3, 4)};"
        "%1 = contract{extents=(4,), operands=((((), 0), (((0, 1),), 0)),),"
        " result=((((0, 1),), 0),), shape=(4,)} %0; %2 = add %0 %1; return update/p=%2"
    ),
    "from a mean over the examples": (
        PQ + "%2 = input{key='x', shape=(3, 4)}; %3 = mul %2 %0; %4 = batch_mean %3;"
        "%5 = mul %3 %4; %6 = batch_mean %5; %7 = sub %0 %6; return update/p=%7 update/q=%4 v=%5"
    ),
    "a counter": (
        "%0 = persistent{key='step', index=True}; %1 = constant{value=1.0}; %2 = increment %0;"
        "%3 = mul %0 %1; %4 = mul %2 %1; return update/step=%2 before=%3 after=%4"
    ),
}


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("without", [(), ("fusion",), ("cse", "simplify")], ids=str)
def test_updates(name: str, without: tuple[str, ...], check_compiled) -> None:
    check_compiled(parse_graph(UPDATES[name]), without=without)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_counter_stays_whole(dtype: str, check_compiled) -> None:
    graph = parse_graph(UPDATES["a counter"])
    values = sample_values(graph, 1) | {"step": np.array(2**24 + 1)}
    found = check_compiled(graph, 1, values=values, dtype=dtype)
    assert found[Tagged(Role.UPDATE, "step")] == 2**24 + 2
