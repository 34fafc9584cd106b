"""Whether two graphs are the same expressions: equal nodes get equal numbers, in both.

This is value numbering (Cocke, 1970) over two graphs at once, after the names of one have been put
in place of those of the other.  What is told apart by expressions may still be the same by the laws
of real numbers, which are asked for by name; what both tell apart may still be the same, and then
only numbers can tell.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from typing import Any

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.outputs import Carry, OutputKey, Tagged
from gradc_compiler.graph.types import Time
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.random import Random
from gradc_compiler.study.contraction_forms import ContractionForm, contraction_form
from gradc_compiler.study.real_form import RealForms

COMMUTATIVE = ("add", "mul")


def with_names(graph: Graph, names: Mapping[str, str], times: Mapping[str, str]) -> Graph:
    """The graph with other names for inputs, parameters and lengths; draws are numbered in order,
    so that noise is the same numbers whatever it is called.
    """
    draws: dict[int, int] = {}
    nodes = tuple(_renamed(node, names, times, draws) for node in graph.nodes)
    outputs = {_key(key, names): id for key, id in graph.outputs.items()}
    return Graph(nodes, outputs)


def _renamed(
    node: Node, names: Mapping[str, str], times: Mapping[str, str], draws: dict[int, int]
) -> Node:
    op: Any = node.op
    match op:
        case Input(key=key) | PersistentOp(key=key):
            op = replace(op, key=names.get(key, key))
        case Random(node=number):
            op = replace(op, node=draws.setdefault(number, len(draws)))
    if isinstance(time := getattr(op, "time", None), str):
        op = replace(op, time=times.get(time, time))
    return replace(node, op=op, type=node.type.over(_time(node.type.time, times)))


def _time(time: Time | None, times: Mapping[str, str]) -> Time | None:
    return times.get(time, time) if isinstance(time, str) else time


def _key(key: OutputKey, names: Mapping[str, str]) -> OutputKey:
    return key._replace(about=names.get(key.about, key.about)) if isinstance(key, Tagged) else key


def equal_outputs(a: Graph, b: Graph, *, real: bool = False) -> set[OutputKey]:
    """The outputs that are the same expressions in both; none where recurrences differ.

    With `real` those that are the same by the laws of real numbers (`real_form.py`).
    """
    known: dict[Hashable, int] = {}
    atoms = RealForms()
    one, other = (atoms.numbers(g) if real else _numbers(g, known) for g in (a, b))
    common = a.outputs.keys() & b.outputs.keys()
    equal = {key for key in common if one[a.outputs[key]] == other[b.outputs[key]]}
    carries = {key for key in a.outputs.keys() | b.outputs.keys() if isinstance(key, Carry)}
    return equal - carries if carries <= equal else set()


def _numbers(graph: Graph, known: dict[Hashable, int]) -> dict[int, int]:
    """A number for every node; equal nodes have equal ones."""
    found: dict[int, int] = {}
    forms: dict[int, ContractionForm] = {}
    for node in graph.nodes:
        if isinstance(node.op, Contract):
            forms[node.id] = contraction_form(node, graph, found, forms)
            key: Hashable = forms[node.id]
        else:
            operands = [found[i] for i in node.inputs]
            if node.op.name in COMMUTATIVE:
                operands.sort()
            key = (_what(node.op), *operands)
        found[node.id] = known.setdefault(key, len(known))
    return found


def _what(op: Op) -> Hashable:
    return type(op), op
