"""The graph of a derivative that is asked for from outside: `session.jvp` and its kin.

Takes the graph of a model, or of a step in training, and says what is to be given and by what; see
`compiler/program/derivative.py`.  What is computed is what `jvp`, `hvp`, `jacobian`, `hessian` and
`grad` of the language are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.graph.outputs import OutputKey, Role, with_role
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.program.derivative import AskedDerivative, Mode
from gradc_compiler.transform.differentiate import differentiate
from gradc_compiler.transform.jacobian import jacobian
from gradc_compiler.transform.push_forward import push_forward

Leaf = Input | PersistentOp


def derivative_graph(graph: Graph, asked: AskedDerivative, leaves: Mapping[str, Leaf]) -> Graph:
    """The derivative's graph; `leaves` are what the names in `asked.by` stand for.

    Raises `CompileError` where an operator has no rule, `NotMapped` where it has no form for many
    directions at once.
    """
    named = {k: i for k, i in graph.results.items() if asked.model is not None or k == "loss"}
    builder, numbers = rebuild(graph, graph.reachable(named.values()))
    carries = {k: numbers[id] for k, id in graph.carries.items() if id in numbers}
    builder.carries, builder.loops = carries, max(graph.carries, default=-1) + 1
    builder.span = next((n.span for n in reversed(graph.nodes) if n.span), None)
    ys = {str(key): builder.value(numbers[id]) for key, id in named.items()}
    xs = {name: _leaf(builder, leaf) for name, leaf in leaves.items()}
    found = _RULES[asked.mode](builder, ys, xs)
    return builder.graph({key: value.id for key, value in found.items()})


Values = Mapping[str, Value]
Found = Mapping[OutputKey, Value]


def _leaf(builder: Builder, leaf: Leaf) -> Value:
    """The node that reads something, new where nothing does yet."""
    key = type(leaf), leaf.key
    known = (
        n.id for n in builder.nodes if isinstance(n.op, Leaf) and (type(n.op), n.op.key) == key
    )
    id = next(known, None)
    return builder.add(leaf, name=leaf.key) if id is None else builder.value(id)


def _directions(builder: Builder, xs: Values) -> list[Value]:
    """A leaf for the direction of each of xs."""
    ops = [x.node.op for x in xs.values()]
    named = [replace(op, key=f"tangent/{op.key}") for op in ops if isinstance(op, Leaf)]
    return [builder.add(op) for op in named]


def _along(builder: Builder, ys: Values, xs: Values) -> Found:
    moved = push_forward(builder, [*ys.values()], [*xs.values()], _directions(builder, xs))
    found: dict[OutputKey, Value] = dict(ys.items())
    found |= with_role(Role.TANGENT, dict(zip(ys, moved, strict=True)))
    return found


def _slopes(builder: Builder, ys: Values, xs: Values) -> list[Value]:
    """The gradient of the one scalar: of a step's loss, that of its mean over the batch."""
    (name, y), *_ = ys.items()
    shared = all(isinstance(x.node.op, PersistentOp) for x in xs.values())
    if shared and name == "loss" and builder.is_varying(y):
        y = builder.add(BatchMean(), y)
    return differentiate(builder, y, [*xs.values()], mean=not builder.is_varying(y))


def _second_along(builder: Builder, ys: Values, xs: Values) -> Found:
    slopes = _slopes(builder, ys, xs)
    moved = push_forward(builder, slopes, [*xs.values()], _directions(builder, xs))
    return dict(zip(xs, moved, strict=True))


def _all(builder: Builder, ys: Values, xs: Values) -> Found:
    return {
        f"{of} by {by}": jacobian(builder, y, x) for of, y in ys.items() for by, x in xs.items()
    }


def _all_second(builder: Builder, ys: Values, xs: Values) -> Found:
    return _all(builder, dict(zip(xs, _slopes(builder, ys, xs), strict=True)), xs)


def _each(builder: Builder, ys: Values, xs: Values) -> Found:
    found = differentiate(builder, next(iter(ys.values())), [*xs.values()], mean=False)
    return dict([*ys.items(), *zip(xs, found, strict=True)])


_RULES = {
    Mode.ALONG: _along,
    Mode.SECOND_ALONG: _second_along,
    Mode.ALL: _all,
    Mode.ALL_SECOND: _all_second,
    Mode.EACH: _each,
}
