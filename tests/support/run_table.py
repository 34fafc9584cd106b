"""A whole table by the meaning of its instructions: every nest, interpreted (`run_nest.py`).

No kernel is run, and no buffer shared: each storage has words of its own.
"""

from __future__ import annotations

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.outputs import Role, is_of
from gradc_compiler.memory.layout import BufferView, StorageKey
from gradc_compiler.ops.leaf import Constant, Input, Iota, Literal, PersistentOp
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.table import optimise, rewrite_for_target
from gradc_compiler.schedule import make_table
from gradc_compiler.select.builder import ProgramBuilder
from tests.support.graphs import Array, Values, for_every_example, place
from tests.support.run_nest import run_nest

Arrays = dict[StorageKey, Array]


def run_by_meaning(graph: Graph, values: Values, batch: int) -> Values:
    """Every output but updates, by the nests of a graph's table."""
    tensors = {n.op.key: n.op for n in graph.nodes if isinstance(n.op, PersistentOp)}
    switches = Switches()
    ready = rewrite_for_target(optimise(graph), switches)
    table, _ = make_table(ready, place(tensors)[0], switches)
    memory = _memory(table, batch)
    for node in table.graph.nodes:
        if isinstance(node.op, Input | PersistentOp):
            seen(memory, table.layouts.places[node.id], node.type.shape, batch)[...] = values[
                node.op.key
            ]
    for node in table.graph.nodes:
        if isinstance(node.op, Constant | Iota | Literal):
            memory[table.layouts.places[node.id].storage][: node.type.size] = _numbers(node.op)
    for stage in sorted(table.nests):
        for nest in table.nests[stage]:
            run_nest(nest, memory, batch)
        if stage.examples:
            for key in table.memory.partial:
                if _written_in(table, stage, key):
                    memory[key] /= batch
    found = {}
    for name, id in table.graph.outputs.items():
        if not is_of(Role.UPDATE, name):
            shape, view = table.graph[id].type.shape, table.layouts.places[id]
            array = seen(memory, view, shape, batch)
            found[name] = np.array(array if id in table.graph.varying else array[0])
    return for_every_example(found, graph, batch)


def seen(memory: Arrays, view: BufferView, shape: tuple[int, ...], batch: int) -> Array:
    """A view as an array, with an axis over examples."""
    words = memory[view.storage]
    steps = tuple(s * words.itemsize for s in (view.example, *view.strides))
    start = words[view.offset :]
    return np.lib.stride_tricks.as_strided(start, (batch, *shape), steps)


def _memory(table: ProgramBuilder, batch: int) -> Arrays:
    """Zeros for every storage, and for every example where it varies."""
    varies = {view.storage for view in table.layouts.places.values() if view.example}
    late = {a.storage for nests in table.nests.values() for n in nests for a in n.accesses()}
    words = dict.fromkeys(late, 1) | dict(table.layouts.words)
    updates = {key: table.graph[int(str(key[1]).partition("/")[2])].type.size for key in late
               if str(key[1]).startswith("late/")}  # fmt: skip
    sizes = {**words, **updates}
    return {key: np.zeros(n * (batch if key in varies else 1) + 1) for key, n in sizes.items()}


def _numbers(op: Constant | Iota | Literal) -> Array:
    """The numbers of a constant."""
    match op:
        case Literal(values=values):
            return np.array(values, float)
        case Iota(size=size):
            return np.arange(size, dtype=float)
    return np.array(op.value)


def _written_in(table: ProgramBuilder, stage: object, key: StorageKey) -> bool:
    """Whether a mean is summed up in a stage."""
    nests = table.nests[stage]  # type: ignore[index]
    return any(a.storage == key for nest in nests for _, a, _ in nest.stores)
