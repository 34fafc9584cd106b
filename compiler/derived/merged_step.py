"""A step whose equal values were merged before it was differentiated, and not only after.

Where a spec says `u(t)` twice, the step has two copies of every value of u, and each copy has a
cotangent of its own: a share of the derivative, of which no name in a program with one u could
speak.  With the copies merged first there is one cotangent, and it is dloss/dx.
"""

from __future__ import annotations

from collections import Counter

from gradc_compiler.elaborate import StepInfo
from gradc_compiler.graph.graph import Graph, Value
from gradc_compiler.graph.outputs import OutputKey, Role, is_of, of_role, with_role
from gradc_compiler.graph.rebuild import builder_after
from gradc_compiler.ops.leaf import Constant, PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.rewrites.algebra.cse import eliminate_common_subexpressions
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from gradc_compiler.transform.differentiate import differentiate


def merged_step(graph: Graph, step: StepInfo) -> Graph:
    """A step's graph with gradients of what is left when equal values are merged; itself where
    there are none, or where the author gave directions.
    """
    keep = {key: id for key, id in graph.outputs.items() if not is_of(Role.GRADIENT, key)}
    forward = eliminate_dead_code(Graph(graph.nodes, keep))
    merged = eliminate_dead_code(eliminate_common_subexpressions(forward))
    if step.descends or _work(merged) == _work(forward):
        return graph
    builder, leaves = builder_after(merged), _parameters(merged)
    names = [*of_role(Role.GRADIENT, graph.results)]
    wrt = [builder.value(leaves[name]) for name in names]
    found = differentiate(builder, builder.value(merged.results["loss"]), wrt, mean=True)
    outputs: dict[OutputKey, Value] = {k: builder.value(i) for k, i in merged.results.items()}
    outputs |= with_role(Role.GRADIENT, dict(zip(names, map(_uniform, found), strict=True)))
    return builder.graph({key: value.id for key, value in outputs.items()})


def _work(graph: Graph) -> int:
    """How many values a graph computes."""
    kinds = Counter(isinstance(n.op, Constant | PersistentOp) for n in graph.nodes)
    return kinds[False]


def _parameters(graph: Graph) -> dict[str, int]:
    return {n.op.key: n.id for n in graph.nodes if isinstance(n.op, PersistentOp)}


def _uniform(value: Value) -> Value:
    """A value's mean over the batch; itself where all examples agree."""
    return value.builder.add(BatchMean(), value) if value.builder.is_varying(value) else value
