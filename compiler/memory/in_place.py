"""In-place updates of parameters and other state.

A new value is written over the old one by the kernel that computes it, if nothing reads the old
value afterwards.  Otherwise the kernel writes the new value elsewhere, and a copy at the very end
puts it in its place.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradc_compiler.fusion.groups import FusionGroup, is_leaf, is_pointwise
from gradc_compiler.graph.outputs import Role, of_role
from gradc_compiler.memory.allocate import MemoryPlan, Sketch
from gradc_compiler.memory.layout import StorageKey
from gradc_compiler.program.entry import Operand, Space


def update_in_place(
    sketch: Sketch, offsets: Mapping[str, int], memory: MemoryPlan
) -> list[tuple[int, str]]:
    """Let each update be written over the state that it replaces, where that is safe.

    Returns the updates that are not safe, as (node, name of the state): they are copied last.
    """
    for node in sketch.graph.nodes:
        if node.op.name == "persistent":
            key = sketch.key(node.id)
            memory.operands[key] = Operand(Space.PERSISTENT, offsets[str(key[1])])
    late = []
    for name, id in of_role(Role.UPDATE, sketch.graph.outputs).items():
        if _is_safe(sketch, id, ("persistent", name)):
            memory.operands[sketch.key(id)] = Operand(Space.PERSISTENT, offsets[name])
        else:
            late.append((id, name))
    return late


def _is_safe(sketch: Sketch, updated: int, target: StorageKey) -> bool:
    """Whether the group that computes an update may write it over the old value, `target`."""
    own = sketch.life.made[updated]
    group = sketch.groups[own]
    if sketch.key(updated) in sketch.layouts.bordered or is_leaf(sketch.graph[updated]):
        return False
    if group.phase.examples or sketch.life.last.get(target, own) > own:
        return False
    return _reads_in_place(sketch, group, updated, target)


def _reads_in_place(sketch: Sketch, group: FusionGroup, updated: int, target: StorageKey) -> bool:
    """Whether a group reads the old value only at the element that it is about to write."""
    graph, places = sketch.graph, sketch.layouts.places
    shape, strides = graph[updated].type.shape, places[updated].strides
    for reader, operand in ((graph[id], x) for id in group.nodes for x in graph[id].inputs):
        place = places[operand]
        if place.storage != target:
            continue
        same = graph[operand].type.shape == shape and place.strides == strides
        if not is_pointwise(reader) or not same or place.offset != 0:
            return False
    return True
