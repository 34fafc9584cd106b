"""Segments: the stages over examples whose tile is the whole batch, beside those of a few examples.

A stage moves two kinds of words.  Activations are moved once for every example; they stay in a
cache as long as a tile has few examples.  Weights are moved once for every tile; if no cache holds
them all, every tile reads them from memory.  One size of tile for a whole network is wrong for one
of the two kinds: the last layers of an image network have a hundred times the weights of the first,
and a tenth of the activations.  So stages in which weights dominate are *wide*: they go through
the batch in a few large tiles, whose instructions threads share; the other stages go through it in
many small tiles.  A value that one stage makes and another reads is carried in memory for the whole
batch, whether the stages are wide or not.
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

    A graph with sequences has no wide stage, since the elements of its sequences fill a tile; nor
    has a graph whose stages are all alike, since one size of tile suits them.
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
    """The traffic of each stage over examples: what its groups read from others, and store."""
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
