"""The passes from nest to nest in one table, which `pass_driver.py` goes through.

A pass takes a nest and gives one that computes the same.  There is a list of passes for each use:
`BUILT` for every nest when it is built; `MEANING` for the nest that says what a library kernel
does; `STRAIGHT` and `LANES` for the nests of a step that becomes a single kernel, in its two forms;
`DEVICE` for a nest that becomes a kernel of a GPU.  The passes of a list are repeated until none
changes the nest.

A nest is verified when it is built, and after each pass that changed it.  Nests of one shape go
through the passes once (see `nest_shape.py`).  Users switch passes off by name (`--without
collapse`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from gradc_compiler.loops.collapse import collapse_loops
from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.loops.map_to_threads import map_to_threads
from gradc_compiler.loops.nest_shape import NestShape, shape_of, skeleton, with_shape
from gradc_compiler.loops.pass_driver import Pass, apply_passes, count, switched_on
from gradc_compiler.loops.placement import hoist_loads, mask_remainder, sum_in_blocks
from gradc_compiler.loops.reductions import reduce_innermost, sum_in_memory
from gradc_compiler.loops.reverse import run_forwards
from gradc_compiler.loops.unroll import unroll
from gradc_compiler.loops.vectorize_batch import vectorize_batch
from gradc_compiler.loops.verify_nest import verify_bounds, verify_nest
from gradc_compiler.machine.targets import CUDA, TARGETS
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.switches import Switches


@dataclass(frozen=True, slots=True)
class LoopPass(Pass[LoopNest]):
    """A row of the table, from nest to nest.  One that is `of_shape` reads and changes only the
    shape of a nest.
    """

    of_shape: bool = True


# fmt: off
LOOP_PASSES: dict[str, LoopPass] = {
    "collapse":         LoopPass(
        collapse_loops, "loops that move all places as one are one loop", targets=TARGETS
    ),
    "sum-in-memory":    LoopPass(
        sum_in_memory, "y += v, where the innermost loop fills vectors", targets=TARGETS
    ),
    "reduce-innermost": LoopPass(
        reduce_innermost, "loops that are summed over go inside", required=True
    ),
    "sum-in-blocks":    LoopPass(
        sum_in_blocks, "a sum over rows in a register is made in blocks", required=True
    ),
    "hoist-loads":      LoopPass(hoist_loads, "a load goes before the loops that do not move it"),
    "mask-remainder":   LoopPass(mask_remainder, "the last vector of a short loop has a mask"),
    "run-forwards":     LoopPass(
        run_forwards, "what moves the result backwards runs the other way", required=True,
        targets=(CUDA,), of_shape=False,
    ),
    "map-to-threads":   LoopPass(
        map_to_threads, "loops that move the result are divided over threads", required=True,
        targets=(CUDA,), of_shape=False,
    ),
    "vectorize-batch":  LoopPass(
        vectorize_batch, "examples of a small step lie side by side", of_shape=False
    ),
    "unroll":           LoopPass(
        unroll, "iterations one after another, in a small step", of_shape=False
    ),
}
# fmt: on
BUILT = (
    *("collapse", "sum-in-memory", "reduce-innermost"),
    *("sum-in-blocks", "hoist-loads", "mask-remainder"),
)
MEANING = ("collapse",)
STRAIGHT = ("unroll",)
LANES = ("vectorize-batch", "unroll")
DEVICE = ("run-forwards", "map-to-threads")
OPTIONAL_LOOP_PASSES = tuple(name for name, row in LOOP_PASSES.items() if not row.required)


def run_loop_passes(
    nest: LoopNest,
    names: Sequence[str],
    switches: Switches,
    words: Mapping[StorageKey, int] | None = None,
) -> LoopNest:
    """The passes of these names, in order and again, until none of them changes a nest."""
    verify_nest(nest, "build", words)
    chosen = switched_on(LOOP_PASSES, names, switches)
    if nest.body or not all(row.of_shape for _, row in chosen):
        nest, made = apply_passes(nest, chosen, verify_nest)
    else:
        shape, made = _shape_after(shape_of(nest), chosen)
        nest = with_shape(nest, shape) if made else nest
    if made:
        verify_bounds(nest, made[-1], words)
    count(LOOP_PASSES, made, switches)
    return nest


@lru_cache(maxsize=10_000)
def _shape_after(
    shape: NestShape, rows: tuple[tuple[str, LoopPass], ...]
) -> tuple[NestShape, tuple[str, ...]]:
    """The shape that passes make of a shape, and the names of the passes that changed it."""
    nest, made = apply_passes(skeleton(shape), rows, verify_nest)
    return shape_of(nest), made
