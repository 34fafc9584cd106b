"""The rows of the second stage: forms for which a machine is faster, and those that kernels need.

The first kind has switches.  Most only change the order of a sum, which is the one thing that may
be changed.  Some are *inexact*, a group that `--exact` switches off and that float64 never uses:

    winograd                   has another rounding error, and lets a pixel into its neighbours'
    fold-width                 multiplies pixels outside a window by 0, which makes NaN of infinity
    backward-filter, scatter-to-gather   multiply zeros outside a tensor by numbers, likewise
    unroll-constant-matmul     leaves out products with the zeros of a constant matrix

The second kind is always made, as kernels could not run without, or would run wrongly; each row
says why (`always`).

Note [One second stage for both targets].  A program has one graph for each entry, from which both
targets' kernels are printed, so a row of the second stage is on for both.  `fits` says what it is
made for.  Those made for a CPU's vectors do more on a GPU than it needs, and nothing wrong: what is
shown on one target (`gradc verify`, certificates, digests of kernels) then holds on the other.
To have CUDA do without them takes a second graph and table of each entry, and a GPU to say which of
them pay there; until someone has measured that, none is off.
"""

from __future__ import annotations

from functools import partial

from gradc_compiler.graph.graph import Graph
from gradc_compiler.rewrites.algebra.cse import eliminate_common_subexpressions
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from gradc_compiler.rewrites.conv.backward_data import scatter_to_gather
from gradc_compiler.rewrites.conv.backward_filter import backward_bias, backward_filter
from gradc_compiler.rewrites.conv.fold_width import broadcast_bias, fold_width_into_channels
from gradc_compiler.rewrites.conv.max_pool import unroll_max_pool
from gradc_compiler.rewrites.conv.winograd import apply_winograd
from gradc_compiler.rewrites.driver import Notes, Rewrite, nodes, whole
from gradc_compiler.rewrites.legalize import copy_outputs, legalize
from gradc_compiler.rewrites.pack_weights import prepack
from gradc_compiler.rewrites.remat import rematerialize
from gradc_compiler.rewrites.split_long_sums import cut_long_sums
from gradc_compiler.rewrites.split_overlaps import cut_overlaps


def _remat(graph: Graph, notes: Notes) -> tuple[Graph, int]:
    """It counts the copies, and tells what is kept."""
    changed, notes.recomputed = rematerialize(graph)
    return changed, len(changed.nodes) - len(graph.nodes)


VECTORS = "a CPU's vectors: columns that fill them; on a GPU more threads, some of them idle"
CACHE = "a CPU's cache lines; on a GPU one more copy a step, and reads that follow one another"
ANY = "any machine: fewer operations, or fewer words written twice"
row, inexact = Rewrite, partial(Rewrite, exact=False)

# fmt: off
TARGET: dict[str, Rewrite] = {  # the first takes the convolutions that gain most by it
    "winograd":          inexact(run=nodes(apply_winograd), fits=ANY,
                                 law="y = A' [(G w) * (B' x)]"),
    "scatter-to-gather": inexact(run=nodes(scatter_to_gather), fits=ANY,
                                 law="y[p] = sum of g[p - n] W[n]"),
    "fold-width":        inexact(run=nodes(fold_width_into_channels), fits=VECTORS,
                                 law="y[2J + e] = sum of x[2J + N] V[N, e]"),
    "backward-filter":   inexact(run=nodes(backward_filter), fits=VECTORS,
                                 law="dW[n] = sum over e of S[n + e, e]"),
    "backward-bias":     row(run=nodes(backward_bias), fits=VECTORS,
                             law="a sum down few columns by way of more columns"),
    "broadcast-bias":    row(run=nodes(broadcast_bias), fits=VECTORS,
                             law="x + b = x + (b, b, b, ...), read as one loop"),
    "unroll-max-pool":   row(run=nodes(unroll_max_pool), fits=VECTORS,
                             law="max over a window = maximum(maximum(...), ...)"),
    "prepack":           row(run=nodes(prepack), fits=CACHE,
                             law="P[s, k, c] = W[32 s + c, k]"),
    # after all that makes sums, or makes sums without overlaps of those with
    "split_long_sums":   row(run=whole(cut_long_sums), law="sum = sum of sums of 256 terms",
                             always="sums would be off by more than their bound"),
    "split_overlaps":    row(run=whole(cut_overlaps), law="windows that meet too often, in blocks",
                             always="sums would be off by more than their bound"),
    "legalize":          row(run=whole(legalize), law="copies: halos, packed operands, repetitions",
                             always="kernels read operands in these forms only"),
    "cse":               row(run=whole(eliminate_common_subexpressions),
                             law="equal copies are one"),
    "dce":               row(run=whole(eliminate_dead_code), law="what is not read is not computed",
                             always="every node that is left gets a stage by its readers"),
    "remat":             row(run=_remat, fits=ANY,
                             law="what `checkpoint` marks is computed again for the derivative"),
    "outputs":           row(run=whole(copy_outputs), law="an output is a copy of its own",
                             always="two outputs, or one and an update, would share memory"),
}
# fmt: on
