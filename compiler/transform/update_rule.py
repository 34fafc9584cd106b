"""How a step turns its gradients into updates, whatever they are: clipping and the optimizer alone.

Takes the graph of a step's update and the graph of its gradients, which begin with the same nodes;
returns the end of the first, in which every gradient is read instead of computed.  With it one can
ask how far an update moves if a gradient is off by a rounding error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gradc_compiler.graph.graph import Builder, Graph
from gradc_compiler.graph.outputs import Role, is_of
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.ops.leaf import Input, PersistentOp


def update_rule(step: Graph, gradients: Graph) -> Graph:
    """Outputs `update/NAME` of all that depends on a gradient; reads `gradient/NAME`.

    A direction that is a parameter itself has no rounding, and what reads the data too is no rule.
    """
    heads = {
        id: str(name)
        for name, id in gradients.outputs.items()
        if is_of(Role.GRADIENT, name) and gradients[id].inputs
    }
    builder, wanted_ids = _with_directions(step, gradients, heads)
    outputs = {
        name: id
        for name, id in step.results.items()
        if id in wanted_ids and is_of(Role.UPDATE, name)
    }
    wanted = builder.graph(outputs).reachable(outputs.values())
    kept, numbers = rebuild(builder.graph({}), wanted)
    return kept.graph({name: numbers[id] for name, id in outputs.items()})


def _with_directions(
    step: Graph, gradients: Graph, heads: Mapping[int, str]
) -> tuple[Builder, set[int]]:
    """The step with a persistent in place of each gradient, and the nodes that those move and no
    data does.
    """
    builder, moved, data = Builder(), set(heads), set[int]()
    for node in step.nodes:
        if node.id in heads:
            same = gradients[node.id]
            assert (node.op, node.inputs) == (same.op, same.inputs), "both begin alike"
            builder.copy(replace(node, op=PersistentOp(heads[node.id], node.type.shape)), ())
            continue
        builder.copy(node, node.inputs)
        if moved.intersection(node.inputs):
            moved.add(node.id)
        if isinstance(node.op, Input) or data.intersection(node.inputs):
            data.add(node.id)
    return builder, moved - set(heads) - data
