"""A loss as its derivative sees it, for differences: what that takes for constant is held.

`stop_gradient(x)` is held.  A value whose derivative its author has written, y of f(x), moves as
that says: y is held, and the rule for how far x has moved is added,

    y + rule(x held, x - x held)

which has the slope of the rule at the point where everything is held, and there is y.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.graph.outputs import Carry, OutputKey
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.ruled import DerivativeRule, Ruled, inlined, like
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code

HELD = "held/"  # what a derivative takes for constant


def held_by(graph: Graph) -> list[int]:
    """The nodes whose values are wanted: stops, and what a rule reads."""
    stops = [n.id for n in graph.nodes if n.op.name == "stop_gradient"]
    ruled = [i for n in graph.nodes if isinstance(n.op, Ruled) for i in (n.id, *n.inputs[1:])]
    return [i for i in dict.fromkeys([*stops, *ruled]) if graph[i].type.kind is Kind.REAL]


def replace_outputs(graph: Graph, outputs: Mapping[str, int]) -> Graph:
    """The graph with other results; recurrences stay closed."""
    wanted: dict[OutputKey, int] = {Carry(loop): id for loop, id in graph.carries.items()}
    wanted |= dict(outputs.items())
    return replace(graph, outputs=wanted)


def holding(graph: Graph, known: Collection[int]) -> Graph:
    """The graph with some values read from outside."""
    builder, now = Builder(), dict[int, Value]()
    held = {i: builder.add(_leaf(graph, i)) for i in known}
    for node in graph.nodes:
        if node.op.name == "stop_gradient":
            now[node.id] = held[node.id]
        elif isinstance(node.op, Ruled):
            now[node.id] = _moved(node, node.op, held, now)
        else:
            now[node.id] = builder.value(builder.copy(node, [now[i].id for i in node.inputs]))
    outputs = {name: now[id].id for name, id in graph.outputs.items()}
    return eliminate_dead_code(Graph(tuple(builder.nodes), outputs))


def _leaf(graph: Graph, id: int) -> Input | PersistentOp:
    key, type = f"{HELD}{id}", graph[id].type
    if id in graph.varying or type.time is not None:
        return Input(key, type.shape, None, type.time)
    return PersistentOp(key, type.shape)


def _moved(node: Node, op: Ruled, held: Mapping[int, Value], now: Mapping[int, Value]) -> Value:
    y, given = held[node.id], dict[str, Value]()
    assert isinstance(op.rule, DerivativeRule) and op.rule.push is not None, "a rule of a spec"
    for k, i in enumerate(node.inputs[1:]):
        x = given[f"x{k}"] = held.get(i, now[i])  # labels stay
        if x.type.kind is Kind.REAL:
            given[f"dx{k}"] = now[i] - x
    return y + like(y, inlined(y.builder, op.rule.push, given)["dy"])
