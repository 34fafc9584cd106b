"""Entries that an earlier run scheduled: found by all that a schedule follows from.

A schedule is a function of the graph before optimisation, of where persistents lie, of the target
and of what is switched off.  Those are the key (`fact_of`), to which a shelf adds the version of
the compiler; the graph itself is optimised only where somebody asks for it.  An entry whose whole
step is one kernel is small, quickly made, and not kept.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.program.deferred import Deferred
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.entry_text import print_entry_text, read_entry_text
from gradc_compiler.program.shelf import shelf


def kept_entry(fact: Callable[[], str], graph: Deferred[Graph], make: Callable[[], Entry]) -> Entry:
    """The entry that a fact stands for: from the shelf, or else made and put there."""
    place = shelf()
    if place is None:
        return make()
    known = fact()
    text = place.find(known)
    if text is not None:
        try:
            return read_entry_text(text, graph)
        except ValueError:
            place.refuse(known)
    entry = make()
    if is_worth_keeping(entry):
        with suppress(TypeError):  # what has no text is made anew each time
            place.keep(known, print_entry_text(entry), f"the schedule of {entry.name}")
    return entry


def is_worth_keeping(entry: Entry) -> bool:
    """Whether it takes longer to make an entry than to read it."""
    count = sum(len(phase.instructions) for phase in entry.phases)
    return count >= MACHINE.kept_instructions and entry.whole_step is None


def fact_of(
    name: str, graph: Graph, offsets: Mapping[str, int], without: Collection[str], target: str
) -> str:
    """All that the schedule of a graph follows from, as a text."""
    given = (name, target, sorted(without), sorted(offsets.items()), list(graph.outputs.items()))
    return "\n".join([repr(given), *_lines(graph)])


def _lines(graph: Graph) -> Iterator[str]:
    """The nodes; of the story of each, what rewrites look at and what a table tells people."""
    types: dict[int, str] = {}
    for node in graph.nodes:
        if (type := types.get(id(node.type))) is None:
            type = types[id(node.type)] = repr(node.type)
        yield (
            f"{node.op!r} {node.inputs} {type} {node.span} {_story(node)} {node.name} {node.remat}"
        )


def _story(node: Node) -> str:
    """Why a node is there, but for the tags of others, which count all nodes of a process."""
    origin = node.origin
    if origin is None:
        return ""
    return f"{origin.rule} {origin.node is None} {origin.cotangent is None}"
