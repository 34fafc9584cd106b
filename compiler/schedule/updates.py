"""Updates of what persists: written straight into it where nobody reads the old value later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from compiler.entry import Operand, Space
from compiler.graph.graph import Graph
from compiler.schedule.buffers import Lifetimes, Memory
from compiler.schedule.layout import Layouts, Place, StorageKey
from compiler.schedule.units import Unit, is_leaf


def place_updates(
    graph: Graph,
    units: Sequence[Unit],
    layouts: Layouts,
    life: Lifetimes,
    offsets: Mapping[str, int],
    memory: Memory,
) -> list[tuple[int, str]]:
    """Put updates into their persistent where that is safe; the others are returned, to be copied
    last.
    """
    for node in graph.nodes:
        if node.op.name == "persistent":
            key = layouts.places[node.id].storage
            memory.operands[key] = Operand(Space.PERSISTENT, offsets[str(key[1])])
    late = []
    for name, id in graph.outputs.items():
        if not name.startswith("update/"):
            continue
        persistent = name.removeprefix("update/")
        key, target = layouts.places[id].storage, ("persistent", persistent)
        own = life.made[id]
        safe = life.last.get(target, own) <= own and _reads_in_place(
            graph, units[own], id, target, layouts
        )
        if (
            safe
            and key not in layouts.bordered
            and not is_leaf(graph[id])
            and not units[own].phase.examples
        ):
            memory.operands[key] = Operand(Space.PERSISTENT, offsets[persistent])
        else:
            late.append((id, persistent))
    return late


def _reads_in_place(
    graph: Graph, unit: Unit, updated: int, target: StorageKey, layouts: Layouts
) -> bool:
    """Whether a unit reads the old value only at the element it is about to write."""
    shape = graph[updated].type.shape
    wanted: Place = layouts.places[updated]
    for id in unit.nodes:
        for operand in graph[id].inputs:
            place = layouts.places[operand]
            if place.storage != target:
                continue
            same = graph[operand].type.shape == shape and place.strides == wanted.strides
            if not same or place.offset != 0:
                return False
    return True
