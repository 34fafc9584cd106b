"""What each mode of differentiation costs, counted on the graph that it makes of a step's loss.

Operations are those of `line_costs.py`.  Kept are the values of the forward pass that a derivative
reads when it is the turn of its rule: reverse mode needs all of them to the end, forward mode none,
as a tangent is made beside its value; where a graph is rematerialised, what is computed again is
not kept (`compiler/rewrites/remat.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.ops.leaf import PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.shape import sum_axes
from gradc_compiler.program.derivative import AskedDerivative, Mode
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.remat import AGAIN, rematerialize
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.study.line_costs import LEAVES, Amount, operations, size_of, unit_of
from gradc_compiler.transform.asked_derivative import derivative_graph
from gradc_compiler.transform.differentiate import differentiate


@dataclass(frozen=True, slots=True)
class ModeCost:
    """A derivative, in words, and what it takes."""

    what: str
    operations: Amount
    kept: Amount  # numbers


def mode_costs(loss: Graph, parameters: Mapping[str, PersistentOp]) -> Iterator[ModeCost]:
    """The value of a loss, and each of its derivatives by the parameters."""
    asked = {mode: _derivative(loss, mode, parameters) for mode in (Mode.ALONG, Mode.SECOND_ALONG)}
    gradient = optimise(_gradient(loss, parameters))
    yield ModeCost("the loss", _counted(optimise(_loss_alone(loss))), Amount())
    along = optimise(asked[Mode.ALONG])
    yield ModeCost("along one direction, forward", _counted(along), Amount())
    yield ModeCost("gradient, reverse", _counted(gradient), kept(gradient))
    again = rematerialize(gradient, keep=False)[0]
    yield ModeCost("gradient, little kept", _counted(again), kept(again))
    over = optimise(asked[Mode.SECOND_ALONG])
    yield ModeCost("Hessian along one, forward over reverse", _counted(over), kept(over))
    twice = optimise(_reverse_twice(loss, parameters))
    yield ModeCost("the same, reverse over reverse", _counted(twice), kept(twice))


def _counted(graph: Graph) -> Amount:
    found, varying = Amount(), graph.varying
    for node in graph.nodes:
        found.of(unit_of(node, graph, varying), operations(node, graph))
    return found


def kept(graph: Graph) -> Amount:
    """The numbers of the forward pass that reverse rules read, or what is computed again reads."""
    late = {n.id for n in graph.nodes if _is_late(n)}
    read = {i for id in late for i in graph[id].inputs} - late
    found, varying = Amount(), graph.varying
    for node in (graph[i] for i in read):
        if not isinstance(node.op, LEAVES):
            time = (node.type.time,) if isinstance(node.type.time, str) else ()
            unit = (*(("N",) if node.id in varying else ()), *time)
            found.of(unit, size_of(node.type))
    return found


def _is_late(node: Node) -> bool:
    """Whether a node is computed when the forward pass is over."""
    return node.origin is not None and (node.origin == AGAIN or node.origin.rule.startswith("vjp"))


def _derivative(loss: Graph, mode: Mode, parameters: Mapping[str, PersistentOp]) -> Graph:
    asked = AskedDerivative(mode=mode, model=None, step="", by=tuple(parameters))
    return derivative_graph(loss, asked, parameters)


def _loss_alone(loss: Graph) -> Graph:
    builder, numbers = rebuild(loss, loss.reachable([loss.outputs["loss"]]))
    builder.carries = {k: numbers[i] for k, i in loss.carries.items() if i in numbers}
    return builder.graph({"loss": numbers[loss.outputs["loss"]]})


def _gradient(loss: Graph, parameters: Mapping[str, PersistentOp]) -> Graph:
    """The loss and its gradient, of the mean over the batch."""
    builder, y, xs = _begun(loss, parameters)
    slopes = differentiate(builder, y, [*xs.values()], mean=True)
    outputs: dict[OutputKey, int] = {"loss": y.id}
    outputs |= {name: g.id for name, g in zip(xs, slopes, strict=True)}
    return builder.graph(outputs)


def _reverse_twice(loss: Graph, parameters: Mapping[str, PersistentOp]) -> Graph:
    """The gradient of <gradient, v>: the Hessian times v again."""
    builder, y, xs = _begun(loss, parameters)
    slopes = differentiate(builder, y, [*xs.values()], mean=True)
    along = builder.constant(0.0)
    for (name, x), g in zip(xs.items(), slopes, strict=True):
        v = builder.add(PersistentOp(f"tangent/{name}", x.shape))
        along = along + sum_axes(g * v, range(len(x.shape)))
    found = differentiate(builder, along, [*xs.values()], mean=True)
    return builder.graph({name: g.id for name, g in zip(xs, found, strict=True)})


def _begun(
    loss: Graph, parameters: Mapping[str, PersistentOp]
) -> tuple[Builder, Value, dict[str, Value]]:
    alone = _loss_alone(loss)
    builder, _ = rebuild(alone)
    builder.carries = dict(alone.carries)
    builder.loops = max(alone.carries, default=-1) + 1
    y = builder.value(alone.outputs["loss"])
    found = {n.op.key: builder.value(n.id) for n in alone.nodes if isinstance(n.op, PersistentOp)}
    xs = {name: found[name] for name in parameters if name in found}
    return builder, builder.add(BatchMean(), y) if builder.is_varying(y) else y, xs
