"""The rewrites for a machine in one table: after the passes, before anything is scheduled.

Each rewrites a graph node by node and gives one that computes the same, in a form for which the
machine is faster.  All can be switched off by name (`--without winograd`).  Most only change the
order of a sum, which is the one thing that may be changed.  Some are *inexact*, one named group
that `--exact` switches off and that float64 never uses:

    winograd                   has another rounding error, and lets a pixel into its neighbours'
    fold-width                 multiplies pixels outside a window by 0, which makes NaN of infinity
    backward-filter, scatter-to-gather   multiply zeros outside a tensor by numbers, likewise
    unroll-constant-matmul     leaves out products with the zeros of a constant matrix

`LATER` are the optimisations that other stages make; they too ask by name (`Switches`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import prod

from gradc_compiler.graph.graph import Builder, Graph, Node, Value
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.leaf import Literal
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.conv.backward_data import scatter_to_gather
from gradc_compiler.rewrites.conv.backward_filter import backward_bias, backward_filter
from gradc_compiler.rewrites.conv.fold_width import broadcast_bias, fold_width_into_channels
from gradc_compiler.rewrites.conv.max_pool import unroll_max_pool
from gradc_compiler.rewrites.conv.small_matrix import WRITTEN_OUT, has_small_matrix
from gradc_compiler.rewrites.conv.winograd import apply_winograd
from gradc_compiler.rewrites.pack_weights import prepack

Rule = Callable[[Node, list[Value]], Value | None]  # what to use in a node's place, or None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A row: the rule that it has for a graph's nodes, the law, and whether that is exact."""

    rule: Callable[[Graph], Rule]
    law: str
    exact: bool = True


# fmt: off
REWRITES: dict[str, Rewrite] = {  # in order: the first takes the convolutions that gain most by it
    "winograd":          Rewrite(apply_winograd, "y = A' [(G w) * (B' x)]", exact=False),
    "scatter-to-gather": Rewrite(scatter_to_gather, "y[p] = sum of g[p - n] W[n]", exact=False),
    "fold-width":        Rewrite(
        fold_width_into_channels, "y[2J + e] = sum of x[2J + N] V[N, e]", exact=False
    ),
    "backward-filter":   Rewrite(backward_filter, "dW[n] = sum over e of S[n + e, e]", exact=False),
    "backward-bias":     Rewrite(backward_bias, "a sum down few columns by way of more columns"),
    "broadcast-bias":    Rewrite(broadcast_bias, "x + b = x + (b, b, b, ...), read as one loop"),
    "unroll-max-pool":   Rewrite(unroll_max_pool, "max over a window = maximum(maximum(...), ...)"),
    "prepack":           Rewrite(prepack, "P[s, k, c] = W[32 s + c, k]"),
}
LATER: dict[str, str] = {
    "remat":                  "what is marked by `checkpoint` is computed again for the derivative",
    "delay-reduction":        "a mean of outer products is one product, when all examples are done",
    "sink":                   "what only one loop reads is computed in it, step by step",
    WRITTEN_OUT:              "a product with a small constant matrix is a sum written out",
    "fusion":                 "elementwise operators share a kernel",
    "whole-step":             "a small step is one kernel",
}
# fmt: on
INEXACT = (*(n for n, rewrite in REWRITES.items() if not rewrite.exact), WRITTEN_OUT)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A graph, and the products that a contraction needs, by its tag, where it has more or fewer
    than its loops say.
    """

    graph: Graph
    needed: Mapping[int, int]


def apply_rewrites(graph: Graph, switches: Switches) -> Rewritten:
    """Every rewrite that is on, in order, verifying after each that changed something."""
    needed: dict[int, int] = {}
    for name, rewrite in REWRITES.items():
        if switches.allow(name):
            changed, times = _rewrite(graph, rewrite.rule(graph), needed)
            switches.count(name, times)
            graph = verify(changed, after=name, known=graph) if times else graph
    return Rewritten(graph, needed)


def _rewrite(graph: Graph, rule: Rule, needed: dict[int, int]) -> tuple[Graph, int]:
    """One sweep over a graph, and how many nodes gave way."""
    builder, mapping, times = Builder(), dict[int, int](), 0
    for node in graph.nodes:
        builder.inherit_provenance(node)
        xs, before = [builder.value(mapping[i]) for i in node.inputs], len(builder.nodes)
        new = rule(node, xs)
        mapping[node.id] = builder.copy(node, [x.id for x in xs]) if new is None else new.id
        if new is not None:
            times += 1
            _tell_needed(node, builder.nodes[before:], needed)
    return builder.graph({name: mapping[id] for name, id in graph.outputs.items()}), times


def _tell_needed(node: Node, made: Collection[Node], needed: dict[int, int]) -> None:
    """Let new products count as those of the node they stand for; transforms count as none."""
    if not isinstance(node.op, Contract) or len(node.inputs) != 2:
        return
    own, ids = needed.get(node.tag, prod(node.op.extents)), {n.id: n for n in made}
    for new in (n for n in made if len(n.inputs) == 2):
        matrix = ids.get(new.inputs[1])
        needed[new.tag] = 0 if matrix is not None and isinstance(matrix.op, Literal) else own


def is_exact(graph: Graph, without: Collection[str]) -> bool:
    """Whether none of the inexact rewrites that are on would change a graph."""
    inexact = [name for name in INEXACT if name not in without]
    switches = Switches([*(name for name in REWRITES if name not in inexact)])
    graph = apply_rewrites(graph, switches).graph
    constant = WRITTEN_OUT in inexact
    return not switches.applied and not (
        constant and any(has_small_matrix(graph, node) for node in graph.nodes)
    )
