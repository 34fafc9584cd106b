"""The rows of the second stage: forms for which a machine is faster, and those that kernels need.

The first kind has switches.  Most only change the order of a sum, which is the one thing that may
be changed.  Some are *inexact*, a group that `--exact` switches off and that float64 never uses:

    winograd                   has another rounding error, and lets a pixel into its neighbours'
    fold-width                 multiplies pixels outside a window by 0, which makes NaN of infinity
    backward-filter, scatter-to-gather   multiply zeros outside a tensor by numbers, likewise
    unroll-constant-matmul     leaves out products with the zeros of a constant matrix

The second kind is always made, as kernels could not run without, or would run wrongly; each row
says why (`always`).

Note [Which order rows need].  Rows of the first kind may stand in any order: each looks for nodes
of a certain form, and a node that one of them has rewritten no longer has the form that another
looks for.  Their order decides only what is gained.  Long sums are cut after the last row that
makes such sums.  `legalize` comes after all rows that make products, views or means: of one that it
has not seen, a kernel would read words that are not there, or one example's number for a mean.
After it dead code is dropped, since rewrites leave nodes behind that nothing reads any more.  Equal
nodes are merged before some are computed twice on purpose, and before outputs become copies of
their own.

Note [What a GPU does without].  A thread of a GPU computes one number of a result, and its
neighbours the numbers beside it, whatever the last axis is.  So nothing is gained there by columns
that fill a vector, nor by panels that a cache line keeps.  Nor is a scatter slow: `cuda_printer.py`
gives every word that products are added to a thread of its own, which finds them by division and
multiplies nothing that lies outside.  All those rows are for a CPU alone; fewer multiplications and
less memory are for both.  No GPU was at hand to measure it: a row that pays there gets its target.
"""

from __future__ import annotations

from functools import partial

from gradc_compiler.graph.graph import Graph
from gradc_compiler.machine.targets import CPU, CUDA
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.index import Take
from gradc_compiler.ops.reduce import BatchMean, Max
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.rewrites.algebra.cse import eliminate_common_subexpressions
from gradc_compiler.rewrites.algebra.dce import eliminate_dead_code
from gradc_compiler.rewrites.attend import attend
from gradc_compiler.rewrites.conv.backward_data import scatter_to_gather
from gradc_compiler.rewrites.conv.backward_filter import backward_bias, backward_filter
from gradc_compiler.rewrites.conv.fold_width import broadcast_bias, fold_width_into_channels
from gradc_compiler.rewrites.conv.max_pool import unroll_max_pool
from gradc_compiler.rewrites.conv.winograd import apply_winograd
from gradc_compiler.rewrites.copied_rows import copy_rows
from gradc_compiler.rewrites.driver import Notes, Rewrite, nodes, whole
from gradc_compiler.rewrites.legalize import copy_outputs, legalize
from gradc_compiler.rewrites.pack_weights import prepack
from gradc_compiler.rewrites.query_blocks import attend_in_blocks
from gradc_compiler.rewrites.remat import rematerialize
from gradc_compiler.rewrites.round_in_products import round_in_products
from gradc_compiler.rewrites.scatter_mean import average_scattered
from gradc_compiler.rewrites.split_long_sums import cut_long_sums
from gradc_compiler.rewrites.split_overlaps import cut_overlaps


def _remat(graph: Graph, notes: Notes) -> tuple[Graph, int]:
    """The rewrite `rematerialize`, which counts the copies and reports what is kept."""
    changed, notes.recomputed = rematerialize(graph, notes.keep)
    return changed, len(changed.nodes) - len(graph.nodes)


VECTORS = "columns that fill a vector"
CACHE = "words of one tile that follow one another"
ONCE = "words of a result that are written once, and rows that threads can share"
COPIES = "operands that are copied into panels, and rounded there"
ONE = "rows that one thread adds in their order, without a tensor for each example"
SCORES = "scores of a block of keys that stay in what its threads share"
ANY = "fewer multiplications, or less memory"
row, inexact = Rewrite, partial(Rewrite, exact=False)
cpu, inexact_cpu = partial(row, targets=(CPU,)), partial(inexact, targets=(CPU,))

# fmt: off
FASTER: dict[str, Rewrite] = {  # see Note [Which order rows need]
    "winograd":          inexact(run=nodes(apply_winograd, Contract), fits=ANY,
                                 law="y = A' [(G w) * (B' x)]"),
    "scatter-to-gather": inexact_cpu(run=nodes(scatter_to_gather, Contract), fits=ONCE,
                                     law="y[p] = sum of g[p - n] W[n]"),
    "fold-width":        inexact_cpu(run=nodes(fold_width_into_channels, Contract), fits=VECTORS,
                                     law="y[2J + e] = sum of x[2J + N] V[N, e]"),
    "backward-filter":   inexact_cpu(run=nodes(backward_filter, Contract), fits=VECTORS,
                                     law="dW[n] = sum over e of S[n + e, e]"),
    "backward-bias":     cpu(run=nodes(backward_bias, Contract), fits=VECTORS,
                             law="a sum down few columns by way of more columns"),
    "broadcast-bias":    cpu(run=nodes(broadcast_bias, Elementwise), fits=VECTORS,
                             law="x + b = x + (b, b, b, ...), read as one loop"),
    "unroll-max-pool":   cpu(run=nodes(unroll_max_pool, Max), fits=VECTORS,
                             law="max over a window = maximum(maximum(...), ...)"),
    "copy-rows":         row(run=nodes(copy_rows, (TimeSum, Take)), fits=ANY,
                             law="sum over t of scatter(x[t], t) = the rows x"),
    "scatter-mean":      cpu(run=nodes(average_scattered, BatchMean), fits=ONE,
                             law="mean of scatter(x, at) = one tensor, to which all rows add"),
    "prepack":           cpu(run=nodes(prepack, Contract), fits=CACHE,
                             law="P[s, k, c] = W[32 s + c, k]"),
    "attend":            row(run=whole(attend), fits=SCORES, targets=(CUDA,),
                             law="softmax(f(q k')) v as one kernel, which stores no score"),
    "query-blocks":      row(run=whole(attend_in_blocks), fits=ANY,
                             law="softmax(q k') v, some rows of q at a time, and again backward"),
}
CUTS = ("split_long_sums", "split_overlaps")
NEEDED: dict[str, Rewrite] = {
    "split_long_sums":   row(run=whole(cut_long_sums), law="sum = sum of sums of 256 terms",
                             always="sums would be off by more than their bound",
                             after=("backward-bias",)),
    "split_overlaps":    row(run=whole(cut_overlaps), law="windows that meet too often, in blocks",
                             always="sums would be off by more than their bound"),
    "legalize":          row(run=whole(legalize), law="copies: halos, packed operands, repetitions",
                             always="kernels read operands in these forms only",
                             after=(*FASTER, *CUTS)),
    "round-in-products": cpu(run=nodes(round_in_products, Contract), fits=COPIES,
                             after=("legalize",),
                             law="sum of bfloat16(a) bfloat16(b), rounded in the product"),
    "cse":               row(run=whole(eliminate_common_subexpressions),
                             law="equal copies are one"),
    "dce":               row(run=whole(eliminate_dead_code), law="what is not read is not computed",
                             always="every node that is left gets a stage by its readers",
                             after=(*FASTER, *CUTS, "legalize", "round-in-products")),
    "remat":             row(run=_remat, fits=ANY, after=("cse",),
                             law="what `checkpoint` marks is computed again for the derivative"),
    "outputs":           row(run=whole(copy_outputs), law="an output is a copy of its own",
                             always="two outputs, or one and an update, would share memory",
                             after=("cse",)),
}
# fmt: on
TARGET: dict[str, Rewrite] = {**FASTER, **NEEDED}
