"""The graph of one value as its author wrote it, with a name for everything on the way.

Equal parts become one (a model that is applied twice to the same input), a layer is what its
expression says (no reshape between its own lines), and what the value does not depend on is left
out.  No law of algebra is used: the formulas stay the author's.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.rebuild import rebuild
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.cse import eliminate_common_subexpressions
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from gradc_compiler.rewrites.algebra.drop_unit_dims import drop_unit_dims
from gradc_compiler.study.value_labels import Place, value_labels


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLoss:
    """The value, what it is computed from, and what that is called."""

    graph: Graph
    target: int
    names: Mapping[int, str]  # of all but constants

    def named(self, name: str) -> int | None:
        """The node of a name: as it is shown, or as a path."""
        return next((id for id, known in self.names.items() if known == name), None)


def loss_as_written(
    graph: Graph, target: int, label: str, results: Mapping[Place, str]
) -> WrittenLoss:
    """The value `target` of a graph, which is to be called `label`."""
    reached = alone(graph, target, label)
    shown = [n for n in reached.nodes if not isinstance(n.op, Constant)]
    names = value_labels(reached, shown, (reached.outputs[label], label), results)
    by_tag = {reached[id].tag: name for id, name in names.items()}
    less = drop_unit_dims(eliminate_common_subexpressions(reached), within=True)
    less = eliminate_dead_code(less)
    kept = {n.id: by_tag[n.tag] for n in less.nodes if n.tag in by_tag}
    return WrittenLoss(graph=less, target=less.outputs[label], names={
        **kept, less.outputs[label]: label
    })  # fmt: skip


def alone(graph: Graph, target: int, label: str) -> Graph:
    """What a value is computed from, and nothing else; it is the output of that name."""
    builder, numbers = rebuild(graph, graph.reachable([target]))
    builder.carries = {k: numbers[id] for k, id in graph.carries.items() if id in numbers}
    return builder.graph({label: numbers[target]})
