"""Segments: the stages over examples whose tile is the whole batch, beside those of a few examples.

What a stage moves is of two kinds.  Activations are moved for every example: while a tile has few,
they stay in a cache.  Weights are moved for every tile: where they are too many for any cache, each
tile reads them from memory.  One size of tile for the whole network is wrong for one or the other,
as the last layers of an image network have a hundred times the weights of the first, and a tenth of
the activations.  So stages in which weights dominate are *wide*: they go through the batch in a few
large tiles, whose instructions threads share, and the others in many small ones.  Values that cross
from one stage to another are carried in memory for the whole batch, as between any two.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from gradc_compiler.fusion.stages import Stage
from gradc_compiler.machine.cost_model import weights_dominate
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.memory.allocate import Sketch
from gradc_compiler.rewrites.algebra.switches import Switches

WIDE = "wide-stages"


class StageTraffic(NamedTuple):
    """The words that a stage moves: for each tile, and for each example."""

    weights: int
    moved: int


def wide_stages(sketch: Sketch, switches: Switches) -> frozenset[Stage]:
    """The stages in which weights dominate a tile of a typical size.

    None of a graph with sequences, whose elements are rows enough; nor where all are alike, as one
    size of tile will do.
    """
    if any(node.type.time is not None for node in sketch.graph.nodes):
        return frozenset()
    if not switches.allow(WIDE):
        return frozenset()
    traffic = traffic_of(sketch)
    wide = {
        stage
        for stage, of in traffic.items()
        if weights_dominate(of.weights, of.moved, MACHINE.typical_block)
    }
    if len(wide) == len(traffic):
        return frozenset()
    switches.count(WIDE, len(wide))
    return frozenset(wide)


def traffic_of(sketch: Sketch) -> dict[Stage, StageTraffic]:
    """What each stage over examples moves: what its groups read of others, and what they store."""
    weights: dict[Stage, int] = defaultdict(int)
    moved: dict[Stage, int] = defaultdict(int)
    for u, group in enumerate(sketch.groups):
        if not group.phase.examples:
            continue
        inside = set(group.nodes)
        read = {i for id in group.nodes for i in sketch.graph[id].inputs} - inside
        for id in [*read, *sketch.life.stored[u]]:
            part = moved if id in sketch.varying else weights
            part[group.phase] += sketch.graph[id].type.size
    return {stage: StageTraffic(weights[stage], moved[stage]) for stage in {*weights, *moved}}
