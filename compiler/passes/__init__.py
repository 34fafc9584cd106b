"""The passes, one a file: each takes a graph and returns one that computes the same outputs.

`PASSES` is the pipeline, in order; any of them can be left out, and results then agree within the
bound that the pass states.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from compiler.graph.graph import Graph
from compiler.graph.verify import verify
from compiler.passes.batch import sum_over_examples
from compiler.passes.concats import move_concats
from compiler.passes.cse import eliminate_common_subexpressions
from compiler.passes.dce import eliminate_dead_code
from compiler.passes.fold import fold_constants
from compiler.passes.pairs import multiply_in_pairs
from compiler.passes.pieces import join_pieces
from compiler.passes.rows import slice_vectors
from compiler.passes.simplify import simplify
from compiler.passes.slices import move_slices
from compiler.passes.switches import Switches
from compiler.passes.turns import turn_gradients
from compiler.passes.unit_axes import drop_unit_axes

PASSES: dict[str, Callable[[Graph], Graph]] = {
    "simplify": simplify,  # first: derivatives leave many zeros, ones and broadcasts
    "rows": slice_vectors,
    "slices": move_slices,
    "pieces": join_pieces,
    "concats": move_concats,
    "fold": fold_constants,
    "cse": eliminate_common_subexpressions,
    "batch": sum_over_examples,  # after cse, so that a shared contraction is seen to be shared
    "pairs": multiply_in_pairs,  # after batch, which takes a product as one
    "axes": drop_unit_axes,
    "turns": turn_gradients,
    "dce": eliminate_dead_code,
}


def optimise(
    graph: Graph, without: Collection[str] = (), switches: Switches | None = None
) -> Graph:
    """Run the pipeline until it changes nothing, verifying after every pass that did.

    `switches` are told which, and how often.
    """
    chosen = {name: transform for name, transform in PASSES.items() if name not in without}
    known: Graph | None = None  # the last that was verified
    idle = 0  # passes in a row that changed nothing
    for _ in range(8):
        before = graph
        for name, transform in chosen.items():
            if idle == len(chosen):
                return graph
            changed = transform(graph)
            idle = idle + 1 if changed == graph else 0
            if idle == 0 and switches is not None:
                switches.count(name)
            if idle == 0 or known is None:
                graph = known = verify(changed, after=name, known=known)
        if graph == before:
            break
    return graph
