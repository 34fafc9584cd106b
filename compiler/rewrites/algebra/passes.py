"""The passes, one a file: each takes a graph and returns one that computes the same outputs.

`PASSES` is the pipeline, in order; any of them can be left out, and results then agree within the
bound that the pass states.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.rewrites.algebra.cse import eliminate_common_subexpressions
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from gradc_compiler.rewrites.algebra.drop_unit_dims import drop_unit_dims
from gradc_compiler.rewrites.algebra.fold import fold_constants
from gradc_compiler.rewrites.algebra.fold_transpose import fold_transpose
from gradc_compiler.rewrites.algebra.fuse_batch_reduction import fuse_batch_reduction
from gradc_compiler.rewrites.algebra.pads_to_concat import pads_to_concat
from gradc_compiler.rewrites.algebra.pair_products import multiply_in_pairs
from gradc_compiler.rewrites.algebra.powers_of_two import multiply_by_reciprocals
from gradc_compiler.rewrites.algebra.simplify import simplify
from gradc_compiler.rewrites.algebra.sink_concats import sink_concats
from gradc_compiler.rewrites.algebra.sink_slices import sink_slices
from gradc_compiler.rewrites.algebra.slice_of_reshape import slice_of_reshape
from gradc_compiler.rewrites.algebra.switches import Switches

PASSES: dict[str, Callable[[Graph], Graph]] = {
    "simplify": simplify,  # first: derivatives leave many zeros, ones and broadcasts
    "rows": slice_of_reshape,
    "slices": sink_slices,
    "pieces": pads_to_concat,
    "concats": sink_concats,
    "fold": fold_constants,
    "powers": multiply_by_reciprocals,  # after fold, which finds the constants
    "cse": eliminate_common_subexpressions,
    "batch": fuse_batch_reduction,  # after cse, so that a shared contraction is seen to be shared
    "pairs": multiply_in_pairs,  # after batch, which takes a product as one
    "axes": drop_unit_dims,
    "turns": fold_transpose,
    "dce": eliminate_dead_code,
}


def optimise(
    graph: Graph, without: Collection[str] = (), switches: Switches | None = None
) -> Graph:
    """Run the pipeline until it changes nothing; `switches` are told what did, and how often."""
    for name, changed in changes(graph, without):
        graph = changed
        if switches is not None:
            switches.count(name)
    return graph


def changes(graph: Graph, without: Collection[str] = ()) -> Iterator[tuple[str, Graph]]:
    """Each pass that changes something, and the graph after it, which is verified."""
    chosen = {name: transform for name, transform in PASSES.items() if name not in without}
    known: Graph | None = None  # the last that was verified
    idle = 0  # passes in a row that changed nothing
    for _ in range(8):
        before = graph
        for name, transform in chosen.items():
            if idle == len(chosen):
                return
            changed = transform(graph)
            idle = idle + 1 if changed == graph else 0
            if idle == 0 or known is None:
                graph = known = verify(changed, after=name, known=known)
            if idle == 0:
                yield name, graph
        if graph == before:
            break
