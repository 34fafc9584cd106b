"""The loop of a nest in a stage that is run once, along which threads may divide it."""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.loops.writes_apart import writes_apart
from gradc_compiler.program.kernel_abi import Extent


def cut_outer(nest: LoopNest) -> tuple[int, LoopNest]:
    """A nest whose outermost loop is over a range that threads divide, and how long that loop is.

    A nest whose iterations must stay together is as it was, with a length of 1.
    """
    outer = nest.loops[0] if nest.loops else None
    if outer is None or outer.reduces or nest.positional or not writes_apart(nest):
        return 1, nest
    loops = (replace(outer, extent=Extent.RANGE), *nest.loops[1:])
    return outer.extent, replace(nest, loops=loops)
