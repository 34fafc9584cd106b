"""A recurrence as ONNX's own `LSTM`, `GRU` or `RNN`, where it is that cell (`cell_patterns.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradc_compiler.onnx.export.cell_patterns import CellPattern, GateRows, GateSum, Pattern
from gradc_compiler.onnx.export.onnx_tensors import ExportContext, Tensor, repeated
from gradc_compiler.onnx.records import ElementType
from gradc_compiler.ops.leaf import Constant
from gradc_compiler.ops.sequence import Previous


def native_cell(c: ExportContext, ids: Sequence[int], read_outside: Sequence[int]) -> bool:
    """Write a loop as ONNX's own cell operator, where that is possible; returns whether it was.

    It is where the loop is such a cell and other nodes read only what the operator outputs.
    """
    cell = Pattern(c, ids).found()
    if cell is None or [*read_outside] != [cell.shown]:
        return False
    inputs = {gate.input.vector for gate in cell.gates if gate.input is not None}
    weights = [r for g in cell.gates for r in (g.state, g.input, *g.biases) if r is not None]
    uniform = all(c.tensors[r.weight].lead == 0 for r in weights)
    whole = all(gate.state is not None and gate.input is not None for gate in cell.gates)
    if len(inputs) != 1 or not uniform or not whole:
        return False
    (x,) = inputs
    if x is None or c.tensors[x].lead != 2 or x in ids:
        return False
    write_cell(c, cell, c.tensors[x])
    return True


def write_cell(c: ExportContext, cell: CellPattern, x: Tensor) -> None:
    """Write the cell's operator, whose output is the state at every step."""
    w, state = c.writer, cell.states[0]
    assert isinstance(state.op, Previous)
    size = state.type.shape[0]
    given = stacked(c, [gate.input for gate in cell.gates], size)
    held = stacked(c, [gate.state for gate in cell.gates], size)
    lengths = ""
    if isinstance(x.time, str):
        lengths = w.cast(c.times.length(x.time), ElementType.INT32)
    starts = [start_of(c, node.inputs[0]) for node in cell.states]
    data = w.transposed(x.name, (1, 0, 2))
    operands = [data, w.unsqueezed(given, [0]), w.unsqueezed(held, [0]), biases(c, cell, size)]
    operands += [lengths, *starts]
    while not operands[-1]:
        operands.pop()
    how: dict[str, Any] = {"hidden_size": size}
    how |= {"direction": "reverse"} if state.op.backwards else {}
    how |= {"linear_before_reset": 1} if cell.resets_after else {}
    steps, end = w.add_many(cell.operator, operands, ("", ""), **how)[:2]
    type = c.graph[cell.shown].type
    name = w.transposed(w.squeezed(steps, [1]), (1, 0, 2))
    c.tensors[cell.shown] = Tensor(name, 2, type)
    if not any(starts):  # then the end of an empty sequence is 0, as everywhere
        c.ends[cell.shown] = (w.squeezed(end, [0]), state.op.backwards)


def stacked(c: ExportContext, parts: Sequence[GateRows | None], size: int) -> str:
    """`size` rows of a weight for each gate, one after another; zeros for none."""
    w, names = c.writer, []
    known = {part.weight for part in parts if part is not None}
    if len(known) == 1 and None not in parts:
        (weight,) = (c.tensors[i] for i in known)
        starts = [part.start for part in parts if part is not None]
        order = np.concatenate([np.arange(start, start + size) for start in starts])
        if order.tolist() == list(range(weight.shape[0])):
            return weight.name
        return w.add("Gather", weight.name, w.whole(order), axis=0)
    for part in parts:
        if part is None:
            names.append(w.constant(np.zeros(size)))
        else:
            rows = w.whole(np.arange(part.start, part.start + size))
            names.append(w.add("Gather", c.tensors[part.weight].name, rows, axis=0))
    return w.add("Concat", *names, axis=0)


def biases(c: ExportContext, cell: CellPattern, size: int) -> str:
    """All biases, [1, 2 * gates * size]: those beside the input, then those beside the state."""
    first, second = zip(*(in_slots(gate, cell.after) for gate in cell.gates), strict=True)
    if not any((*first, *second)):
        return ""
    both = (stacked(c, parts, size) for parts in (first, second))
    return c.writer.unsqueezed(c.writer.add("Concat", *both, axis=0), [0])


def in_slots(gate: GateSum, after: GateRows | None) -> tuple[GateRows | None, GateRows | None]:
    """The bias of a gate beside the input, and the one beside the state.

    Where both are simply added, either place will do; a bias from the parameter of `after`, which
    lies within a reset, goes beside the state.
    """
    found: list[GateRows | None] = [b for b in gate.biases if b != after]
    if after in gate.biases:
        return (*found, None)[0], after
    if len(found) == 2 and after is not None and gate.biases[0].weight == after.weight:
        found.reverse()
    first, second = (*found, None, None)[:2]
    return first, second


def start_of(c: ExportContext, id: int) -> str:
    """The name of the first state, [1, batch, size]; empty where it is 0."""
    op = c.graph[id].op
    if isinstance(op, Constant) and op.value == 0.0:
        return ""
    return c.writer.unsqueezed(repeated(c, c.tensors[id]).name, [0])
