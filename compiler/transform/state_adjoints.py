"""The adjoint of every recurrence's state at every step: how a gradient vanishes or explodes on its
way back through time (Hochreiter, 1991; Bengio, Simard & Frasconi, 1994).

Takes the graph of a step's gradients; returns one with the sequence dL/dh for the state h of each
recurrence of the model, L being the loss of one example.  Runs beside the other graphs of a step,
before `passes`.
"""

from __future__ import annotations

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.loop_order import loop_of
from gradc_compiler.graph.outputs import Role, with_role
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.ops.leaf import PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.transform.differentiate import differentiate


def adjoints_of_states(gradients: Graph) -> Graph:
    """Outputs `adjoint/NAME`, named after the layer whose parameters the recurrence reads."""
    loss = gradients[gradients.outputs["loss"]]
    if isinstance(loss.op, BatchMean):
        loss = gradients[loss.inputs[0]]
    builder, numbers = rebuild(gradients, gradients.reachable([loss.id]))
    carries = {k: numbers[id] for k, id in gradients.carries.items() if id in numbers}
    builder.carries, builder.loops = dict(carries), max(carries, default=-1) + 1
    names = names_of_states(builder.graph({}))
    states = [builder.value(carries[loop]) for loop in names]
    found = differentiate(builder, builder.value(numbers[loss.id]), states, mean=False)
    adjoints = {n: g.id for n, g in zip(names.values(), found, strict=True)}
    return builder.graph(with_role(Role.ADJOINT, adjoints))


def names_of_states(graph: Graph) -> dict[int, str]:
    """A name for each loop: its layer, and what the layer calls the state if it has several."""
    members: dict[int, list[int]] = {}
    for id, first in loop_of(graph).items():
        members.setdefault(first, []).append(id)
    names: dict[int, str] = {}
    for _, nodes in sorted(members.items()):
        read = sorted({i for id in nodes for i in graph[id].inputs})
        keys = [op.key for i in read if isinstance(op := graph[i].op, PersistentOp)]
        layer = keys[0].rpartition(".")[0] if keys else "recurrence"
        for loop, id in sorted(graph.carries.items()):
            if id in nodes:
                own = graph[id].name
                names[loop] = unused(f"{layer}.{own}" if own else layer, set(names.values()))
    return names


def unused(name: str, taken: set[str]) -> str:
    """The name, with a number behind it if it is taken."""
    if name not in taken:
        return name
    return next(new for k in range(2, len(taken) + 3) if (new := f"{name}#{k}") not in taken)
