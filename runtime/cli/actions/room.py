"""Whether there is memory for what a spec needs, before anything of it is allocated."""

from __future__ import annotations

import os
from collections.abc import Iterable

from gradc_compiler.graph.graph import Graph
from gradc_compiler.pipeline import Compilation
from gradc_runtime.cli.actions.output import counted
from gradc_runtime.cpu.partition.space_sizes import bytes_of
from gradc_runtime.session.train_settings import LIMITS, Settings
from gradc_runtime.system.files import free_memory, require_memory

WORD = 4  # bytes, in a float32 run
PLENTY = 8  # times the size of all values: a schedule has copies and columns, and reuses room


def require_room(made: Compilation) -> None:
    """Refuse what needs more memory than is free: a value, a model or a step of training."""
    graphs = made.module.forwards.values()
    for graph in graphs:
        _require_a_value(graph)
    batch = _batch(made)
    steps = [made.module.step(name) for name in made.module.steps]
    values = max(map(_elements, graphs), default=0) + batch * sum(map(_elements, steps))
    persistent = WORD * made.program.persistent_words
    if persistent + WORD * PLENTY * values < free_memory():
        return  # by far enough, so no schedule is needed to tell
    name = made.source.name
    for model in made.module.forwards:
        needed = _bytes(made, [f"forward/{model}"], 1)
        require_memory(persistent + needed, f"{name}: `{model}` with its parameters")
    if steps:
        needed = _bytes(made, [f"step/{step}" for step in made.module.steps], batch)
        what = f"{name}: training on {counted(batch, 'example')} at once"
        require_memory(persistent + needed, what)


def _batch(made: Compilation) -> int:
    """The examples of a step, declared or by default, that a run would accept."""
    train = made.module.train
    written = train.settings.get("batch", Settings().batch) if train is not None else 1
    return int(min(written, LIMITS["batch"][1]))


def _require_a_value(graph: Graph) -> None:
    """Refuse a model of which a single value, for one example, is more than memory has."""
    largest = max(graph.nodes, key=lambda node: node.type.size, default=None)
    if largest is not None:
        place = f"{largest.span}: " if largest.span else ""
        require_memory(WORD * largest.type.size, f"{place}this value {largest.type}")


def _elements(graph: Graph) -> int:
    """Of all values together, for one example."""
    return sum(node.type.size for node in graph.nodes)


def _bytes(made: Compilation, entries: Iterable[str], examples: int) -> int:
    """What the entries take together on all cores, beside what persists."""
    threads = len(os.sched_getaffinity(0))
    found = (made.program.entries[name] for name in entries)
    return sum(bytes_of(entry, WORD, threads, examples) for entry in found)
