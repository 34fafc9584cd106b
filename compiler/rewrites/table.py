"""All rewrites of graphs in one table of two stages, and what can be switched off.

**Algebra** (`ALGEBRA`): laws that hold for numbers, whatever runs them, until none changes
anything.  **Target** (`TARGET`): forms for which a machine is faster, and then those without which
kernels could not run, or would run wrongly; each once, in order.  A row of this stage says for
which targets it is made and is off for others, so each target has a second stage of its own.  One
driver runs both (`driver.py`): it asks the switch, verifies, counts, and keeps provenance.

A row is switched off by name (`--without winograd`), in both stages if it stands in both; the rows
of the second stage, which ones are inexact, and which have no switch are in `target_rewrites.py`
(Note [What a GPU does without]).

`LATER` are the optimisations that other stages make; they too ask by name (`Switches`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from gradc_compiler.graph.graph import Graph
from gradc_compiler.machine.targets import CPU, CUDA
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.ruled import without_rules
from gradc_compiler.records.fast_dataclass import dataclass
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
from gradc_compiler.rewrites.conv.small_matrix import WRITTEN_OUT, has_small_matrix
from gradc_compiler.rewrites.driver import (
    KEEP,
    SINGLE_TILES,
    Notes,
    Optimisation,
    Rewrite,
    each_once,
    run_once,
    run_until_stable,
    whole,
)
from gradc_compiler.rewrites.remat import read_by_derivatives
from gradc_compiler.rewrites.target_rewrites import TARGET
from gradc_compiler.rewrites.verify_legal import verify_legal

row, later = Rewrite, Optimisation

# fmt: off
ALGEBRA: dict[str, Rewrite] = {
    # first: derivatives leave many zeros, ones and broadcasts
    "simplify": row(run=whole(simplify), law="x - 0 = x, x * 1 = x, views of views are one, ..."),
    "rows":     row(run=whole(slice_of_reshape), law="reshape(x)[2] = x[2n : 3n], for a vector x"),
    "slices":   row(run=whole(sink_slices),
                    law="f(x)[a : b] = f(x[a : b]), where nothing else is read"),
    "pieces":   row(run=whole(pads_to_concat),
                    law="pad(a) + pad(b) = concat(a, b): cotangents of pieces"),
    "concats":  row(run=whole(sink_concats), law="f(concat(a, b)) = concat(f(a), f(b))"),
    "fold":     row(run=whole(fold_constants), law="an operator on constants is a constant"),
    # after fold, which finds the constants
    "powers":   row(run=whole(multiply_by_reciprocals),
                    law="x / 2^k = x * 2^-k: a quotient as a product"),
    "cse":      row(run=whole(eliminate_common_subexpressions),
                    law="equal nodes are computed once"),
    # after cse, so that a shared contraction is seen to be shared
    "batch":    row(run=whole(fuse_batch_reduction), law="mean(sum of a b) = (sum of a b) / n"),
    # after batch, which takes a product as one
    "pairs":    row(run=whole(multiply_in_pairs), law="sum of a b c = sum of (sum of a b) c"),
    "axes":     row(run=whole(drop_unit_dims), law="an axis of one element is none"),
    "turns":    row(run=whole(fold_transpose), law="transpose(mean of a b) = mean of b a"),
    "dce":      row(run=whole(eliminate_dead_code), law="what no output depends on is left out"),
}
LATER: dict[str, Optimisation] = {
    "delay-reduction": later(law="a mean of outer products is one product, of all examples"),
    KEEP:              later(law="values are kept for the derivative; else made again"),
    "sink":            later(law="what only one loop reads is computed in it, step by step"),
    WRITTEN_OUT:       later(law="a product with a small constant matrix is a sum written out",
                             exact=False),
    "wide-stages":     later(law="stages of many weights have the whole batch in a block",
                             targets=(CPU,)),
    SINGLE_TILES:      later(law="tiles as large as float32 allows; what meets in y is one sum",
                             exact=False, targets=(CUDA,)),
    "fusion":          later(law="elementwise operators share a kernel"),
    "whole-step":      later(law="a small step is one kernel", targets=(CPU,)),
}
# fmt: on
FORMS = tuple(name for name, r in TARGET.items() if not r.always and name not in ALGEBRA)
SWITCHED: Mapping[str, Optimisation] = {  # what can be switched off
    **ALGEBRA, **{name: TARGET[name] for name in FORMS}, **LATER,
}  # fmt: skip
OPTIONAL = (*SWITCHED,)
INEXACT = tuple(name for name, r in SWITCHED.items() if not r.exact)


@dataclass(frozen=True, slots=True)
class TargetForm:
    """A graph ready to be scheduled, and what its rewrites reported."""

    graph: Graph
    notes: Notes


def switches_for(target: str, without: Collection[str] = ()) -> Switches:
    """The switches of a target: off are the named ones, and those of optimisations made for other
    targets.
    """
    others = {name for name, r in SWITCHED.items() if target not in r.targets}
    return Switches({*without, *others})


def optimise(
    graph: Graph, without: Collection[str] = (), switches: Switches | None = None
) -> Graph:
    """The graph after the stage of algebra; `switches` count which rows changed something, and how
    often.
    """
    graph = without_rules(graph)
    for name, changed in changes(graph, without):
        graph = changed
        if switches is not None:
            switches.count(name)
    return graph


def changes(graph: Graph, without: Collection[str] = ()) -> Iterator[tuple[str, Graph]]:
    """Each rewrite of algebra that changes something, and the graph after it."""
    return run_until_stable(ALGEBRA, without_rules(graph), without)


def target_changes(graph: Graph, switches: Switches) -> Iterator[tuple[str, Graph]]:
    """Each rewrite of the target that changes something, and the graph after it."""
    return each_once(TARGET, graph, switches, Notes(keep=switches.allow(KEEP)))


def rewrite_for_target(graph: Graph, switches: Switches | None = None) -> TargetForm:
    """The graph after the stage of the target.

    Raises `AssertionError` where kernels would not compute the result as it is meant.
    """
    switches = switches or Switches()
    if switches.allow(KEEP):
        switches.count(KEEP, sum(1 for _ in read_by_derivatives(graph)))
    ready, notes = run_once(TARGET, graph, switches)
    return TargetForm(verify_legal(ready), notes)


def is_exact(graph: Graph, without: Collection[str], target: str = CPU) -> bool:
    """Whether none of the inexact rewrites that are on for a target would change a graph."""
    inexact = [name for name in INEXACT if switches_for(target, without).allow(name)]
    switches = Switches()
    rows = {name: TARGET[name] for name in inexact if name in TARGET}
    graph, _ = run_once(rows, graph, switches)
    constant, tiles = WRITTEN_OUT in inexact, SINGLE_TILES in inexact
    return not switches.applied and not any(
        (constant and has_small_matrix(graph, node))
        or (tiles and isinstance(node.op, Contract) and len(node.inputs) == 2)
        for node in graph.nodes
    )
