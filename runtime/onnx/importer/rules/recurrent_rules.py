"""`LSTM`, `GRU` and `RNN`: the prelude's cells along a time, with their gates in its order.

Where weights are computed, or a cell is not the prelude's, the steps are written out one by one
(`step_cells.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradc_runtime.onnx.importer.atoms import Atom, Axes, Axis, Free, fixed, is_free, size_of
from gradc_runtime.onnx.importer.expression import Expr, Weights, call
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.rule import RuleContext, rule
from gradc_runtime.onnx.importer.rules.elementwise_rules import CELL_FUNCTIONS
from gradc_runtime.onnx.importer.rules.step_cells import unrolled
from gradc_runtime.system.errors import DataError

CELLS = {"LSTM": ("lstm", 4), "GRU": ("gru", 3), "RNN": ("elman", 1)}
GATE, CONTENT = CELL_FUNCTIONS
USUAL = {"LSTM": [GATE, CONTENT, CONTENT], "GRU": [GATE, CONTENT], "RNN": [CONTENT]}


@rule("LSTM GRU RNN", "scan(lstm), scan(gru), scan(elman); else steps written out")
def recurrence(n: RuleContext) -> list[GraphValue]:
    """A cell along a sequence, in one direction or both.

    Raises `DataError` for the second layout, in which examples come first.
    """
    if n.attr("layout", 0):
        return batch_first(n)
    return runs_of(n)


def runs_of(n: RuleContext) -> list[GraphValue]:
    """The outputs, times first.

    Raises `DataError` where the input is no sequence of vectors.
    """
    x = n.value(0)
    if x.rank != 3:
        raise DataError(f"a sequence has 3 axes, not {x.rank}")
    if is_prelude(n, x):
        return list(scanned(n, x))
    return list(unrolled(n, x, CELLS[n.op][1], USUAL[n.op]))


def batch_first(n: RuleContext) -> list[GraphValue]:
    """The same with axes in the other order."""

    def turned(value: GraphValue | None, order: tuple[int, ...]) -> GraphValue | None:
        if value is None:
            return None
        array = None if value.array is None else value.array.transpose(order)
        return replace(value, axes=tuple(value.axes[k] for k in order), array=array)

    inputs = list(n.inputs)
    inputs[0] = turned(inputs[0], (1, 0, 2))
    for k in range(5, min(len(inputs), 7)):
        inputs[k] = turned(inputs[k], (1, 0, 2))
    attributes = {**n.attributes, "layout": 0}
    inner = RuleContext(n.op, inputs, attributes, n.opset, n.stored, n.outputs, n.free)
    given = runs_of(inner)
    y, last = given[0], given[1:]
    found = [turned(y, (2, 0, 1, 3)), *(turned(v, (1, 0, 2)) for v in last)]
    return [v for v in found if v is not None]


def is_prelude(n: RuleContext, x: GraphValue) -> bool:
    """Whether the prelude's cell is this one, of one example, with weights of its own."""
    learnt = all(n.value(k).own_array(3) is not None for k in (1, 2))
    learnt &= not n.has(3) or n.value(3).own_array(2) is not None
    kinds = [a.lower() for a in n.attr("activations", [])]
    count = size_of(n.value(1).axes[0])
    usual = kinds in ([], USUAL[n.op] * count)
    one = not fixed((x.axes[1],)) and [a.free for a in x.axes[1]] in ([], [Free.BATCH])
    plain = not n.has(7) and n.attr("clip") is None and not n.attr("input_forget", 0)
    return learnt and usual and one and plain and whole_lengths(n, x)


def whole_lengths(n: RuleContext, x: GraphValue) -> bool:
    """Whether no sequence ends before the others do."""
    if not n.has(4):
        return True
    lengths = n.value(4).array
    return lengths is not None and bool((lengths == size_of(x.axes[0])).all())


def scanned(n: RuleContext, x: GraphValue) -> Sequence[GraphValue]:
    """The outputs by `scan`.

    Raises `DataError` where operands do not fit.
    """
    time, batch, width = x.axes
    direction = n.attr("direction", "forward")
    count = size_of(n.value(1).axes[0])
    if count != (2 if direction == "bidirectional" else 1):
        raise DataError(f"{count} sets of weights for `{direction}`")
    units = size_of(n.value(2).axes[2])
    runs = [
        one_way(n, x, d, units, backwards=direction == "reverse" or d == 1) for d in range(count)
    ]
    unit = Atom(units)
    both: Axis = () if count == 1 else (Atom(count),)
    states = joined([states for states, *_ in runs])
    lead = () if is_free(time) else (time,)
    y = n.made(states, (time, both, batch, (unit,)), (*lead, (*both, unit)))
    found = [y]
    for k in range(1, len(n.outputs)):
        end = joined([run[k] for run in runs])
        found.append(n.made(end, (both, batch, (unit,)), ((*both, unit),)))
    del width
    return found


def joined(parts: Sequence[Expr]) -> Expr:
    """Directions side by side, along the last axis."""
    return parts[0] if len(parts) == 1 else call("concat", *parts, axis="-1")


def one_way(
    n: RuleContext, x: GraphValue, d: int, units: int, *, backwards: bool
) -> tuple[Expr, Expr, Expr]:
    """The states along the time, the last state, and the last inner state of an LSTM."""
    time, _, width = x.axes
    name, weights = cell_of(n, d, units)
    settings = ", backwards = true" if backwards else ""
    wants_inner = n.op == "LSTM" and len(n.outputs) > 2 and bool(n.outputs[2])
    settings += ", all = true" if wants_inner else ""
    starts = starts_of(n, d, units)
    if starts:
        settings += ", start = {}" if len(starts) == 1 else ", start = ({}, {})"
    sequence = n.expr(x, (width,) if is_free(time) else (time, width))
    rows = "" if is_free(time) else " |> rows"
    cell = f"{{}}{rows} |> scan({name}({units}){settings})"
    states = Expr(cell, (sequence, *starts), 1, (1, *(0 for _ in starts)), weights)
    inner = states
    if wants_inner:
        states, inner = (Expr(f"{{}}.{part}", (states,), 9, (9,)) for part in ("h", "c"))
    end = "first" if backwards else "last"
    along = states if is_free(time) else call("from_rows", states)
    return along, call(end, states), call(end, inner)


def starts_of(n: RuleContext, d: int, units: int) -> list[Expr]:
    """What a direction begins with, of an LSTM both its states; nothing where that is zeros."""
    found = [start_of(n, k, d) for k in ((5, 6) if n.op == "LSTM" else (5,))]
    if all(start is None for start in found):
        return []
    return [Expr(f"zeros([{units}])") if start is None else start for start in found]


def start_of(n: RuleContext, k: int, d: int) -> Expr | None:
    """The state that a direction begins with; None for zeros."""
    if not n.has(k):
        return None
    value = n.value(k)
    if value.array is not None and not value.array.any():
        return None
    axes: Axes = value.axes
    expr = n.expr(value, (axes[0], axes[2]))
    return Expr(f"{{}}[{d}]", (expr,), 9, (9,))


def cell_of(n: RuleContext, d: int, units: int) -> tuple[str, Weights]:
    """The prelude's cell with the weights of a direction, gates in its order."""
    name, gates = CELLS[n.op]
    W, R = n.array(1)[d], n.array(2)[d]
    B = n.array(3)[d] if n.has(3) else np.zeros(2 * gates * units, W.dtype)
    key = (n.value(1).name, d)
    inner, outer = B[: gates * units], B[gates * units :]
    if n.op == "GRU":
        return gru_of(n, (W, R, inner, outer), units, key)
    order = [0, 2, 3, 1] if n.op == "LSTM" else [0]
    arrays = {
        "U": ordered(W, order, units), "W": ordered(R, order, units),
        "b": ordered(inner + outer, order, units),
    }  # fmt: skip
    return name, Weights(name, arrays, key)


def gru_of(
    n: RuleContext, given: tuple[np.ndarray, ...], units: int, key: tuple[object, ...]
) -> tuple[str, Weights]:
    """A gated recurrent unit: z, r, h of ONNX become r, z, h; the reset is before or after."""
    W, R, inner, outer = (ordered(array, [1, 0, 2], units) for array in given)
    both = inner + outer
    if n.attr("linear_before_reset", 0):
        both[2 * units :] = inner[2 * units :]
        arrays = {"W": R, "U": W, "b": both, "c": outer[2 * units :]}
        return "gru_reset_after", Weights("gru_reset_after", arrays, key)
    arrays = {"W": R[: 2 * units], "V": R[2 * units :], "U": W, "b": both}
    return "gru", Weights("gru", arrays, key)


def ordered(array: np.ndarray, order: Sequence[int], units: int) -> np.ndarray:
    """Blocks of `units` rows in another order."""
    return np.concatenate([array[g * units : (g + 1) * units] for g in order])
