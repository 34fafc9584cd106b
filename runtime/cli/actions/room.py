"""Whether there is memory for what a spec needs, before anything of it is allocated."""

from __future__ import annotations

import os
from collections.abc import Iterable

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import TensorType
from gradc_compiler.pipeline import Compilation
from gradc_compiler.program.program import DataSource
from gradc_runtime.cli.actions.output import counted
from gradc_runtime.cpu.partition.space_sizes import bytes_of, least_length
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
        what = f"{name}: training on {counted(batch, 'example')} at once{_left_out(made)}"
        require_memory(persistent + needed, what)


def _left_out(made: Compilation) -> str:
    """What a step's memory is counted without."""
    types = [type for source in made.module.data for _, type in source.fields]
    short = ", sequences of one element each" if any(_is_open(type) for type in types) else ""
    return f"{short}, without its data,"


def _is_open(type: TensorType) -> bool:
    """Whether a field is a sequence of any length."""
    return isinstance(type.time, str)


def data_bytes(source: DataSource) -> tuple[int, dict[str, int]]:
    """Bytes of data in a float32 run: of an example, and of each element of an open sequence."""
    sizes = [(name, type, WORD * type.size) for name, type in source.fields]
    fixed = sum(size * least_length(t.time) for _, t, size in sizes if not _is_open(t))
    return fixed, {name: size for name, type, size in sizes if _is_open(type)}


def memory_line(made: Compilation, source: DataSource) -> str:
    """What persists and what data take; what is not counted, and by what it grows."""
    fixed, elements = data_bytes(source)
    each = [f"{fixed:,} bytes an example"] if fixed or not elements else []
    each += [f"{size:,} bytes an element of {name}" for name, size in elements.items()]
    kept = f"{WORD * made.program.persistent_words:,} bytes persist"
    grows = "the batch and the lengths of sequences" if elements else "the batch"
    return (
        f"memory in float32: {kept}, data take {' and '.join(each)};"
        f" what a step computes comes on top and grows with {grows}"
    )


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
