"""Recurrences written out step by step: any cell of ONNX, with weights of any origin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradc_runtime.onnx.importer.atoms import Atom, Axis, is_free, size_of
from gradc_runtime.onnx.importer.expression import Expr, call, number, part, pipe
from gradc_runtime.onnx.importer.graph_value import GraphValue
from gradc_runtime.onnx.importer.rule import RuleContext
from gradc_runtime.onnx.importer.rules.elementwise_rules import CELL_FUNCTIONS
from gradc_runtime.system.errors import DataError

LONGEST = 256  # steps
Pair = tuple[Expr, Expr]


def unrolled(
    n: RuleContext, x: GraphValue, gates: int, usual: Sequence[str]
) -> Sequence[GraphValue]:
    """The outputs of a recurrent node, every step a few statements.

    Raises `DataError` for a sequence of unknown length, or a long one.
    """
    n.require_own(x, 0)
    steps = size_of(x.axes[0])
    if steps > LONGEST:
        raise DataError(f"{steps} steps of a cell that the prelude does not have")
    count, units = size_of(n.value(1).axes[0]), size_of(n.value(2).axes[2])
    direction = n.attr("direction", "forward")
    kinds = [a.lower() for a in n.attr("activations", [*usual] * count)]
    runs = []
    for d in range(count):
        own = kinds[d * len(usual) : (d + 1) * len(usual)]
        cell = StepCell(n, x, d, gates, own)
        runs.append(cell.run(steps, backwards=direction == "reverse" or d == 1))
    return gathered_runs(n, x, runs, units)


def gathered_runs(
    n: RuleContext, x: GraphValue, runs: Sequence[tuple[list[Expr], Pair]], units: int
) -> Sequence[GraphValue]:
    """The outputs of all directions."""
    count = len(runs)
    both: Axis = () if count == 1 else (Atom(count),)
    unit = (Atom(units),)
    batch = () if is_free(x.axes[1]) else (x.axes[1],)
    axes = (x.axes[0], both, x.axes[1], unit)
    y = call("stack", *(call("stack", *states) for states, _ in runs))
    lead = (both, x.axes[0])
    found = [n.made(y, axes, (*lead, *batch, unit))]
    for k in range(2):
        end = call("stack", *(ends[k] for _, ends in runs))
        found.append(n.made(end, (both, x.axes[1], unit), (both, *batch, unit)))
    return found


class StepCell:
    """One direction of a recurrent node."""

    def __init__(
        self, n: RuleContext, x: GraphValue, d: int, gates: int, kinds: Sequence[str]
    ) -> None:
        self.n, self.x, self.d, self.kinds, self.gates = n, x, d, kinds, gates
        self.units = size_of(n.value(2).axes[2])
        self.batched = not is_free(x.axes[1])
        self.W, self.R = (self.weights(k) for k in (1, 2))
        self.bias = self.of(3) if n.has(3) else None

    def of(self, k: int) -> Expr:
        """Operand k for this direction."""
        value = self.n.value(k)
        expr = self.n.expr(value, value.axes)
        return part(expr, str(self.d))

    def weights(self, k: int) -> list[Expr]:
        """The matrix of each gate, turned."""
        whole = self.of(k)
        return [
            call("transpose", part(whole, f"{g * self.units}:{(g + 1) * self.units}"))
            for g in range(self.gates)
        ]

    def biased(self, g: int, *, outer: bool) -> Expr | None:
        """The bias of a gate, on the input or on the state."""
        if self.bias is None:
            return None
        begin = (g + (self.gates if outer else 0)) * self.units
        return part(self.bias, f"{begin}:{begin + self.units}")

    def start(self, k: int) -> Expr:
        """The state before the first step."""
        n = self.n
        rows = f"{size_of(self.x.axes[1])}, " if self.batched else ""
        if not n.has(k):
            return call("zeros", Expr(f"[{rows}{self.units}]"))
        value = n.value(k)
        slots = (value.axes[0], *([value.axes[1]] if self.batched else []), value.axes[2])
        return part(n.expr(value, slots), str(self.d))

    def run(self, steps: int, *, backwards: bool) -> tuple[list[Expr], Pair]:
        """The states of all steps, and the last two."""
        n, x = self.n, self.x
        slots = (x.axes[0], *([x.axes[1]] if self.batched else []), x.axes[2])
        sequence = n.expr(x, slots)
        h, c = self.start(5), self.start(6)
        lengths = n.array(4).reshape(-1) if n.has(4) else None
        found: dict[int, Expr] = {}
        for t in range(steps)[:: -1 if backwards else 1]:
            new = self.step(part(sequence, str(t)), h, c)
            live = None if lengths is None or (t < lengths).all() else (t < lengths)
            if live is None:
                h, c = new
                found[t] = h
                continue
            mask = mask_of(live)
            h, c = call("where", mask, new[0], h), call("where", mask, new[1], c)
            found[t] = call("where", mask, h, 0)
        return [found[t] for t in range(steps)], (h, c)

    def step(self, x: Expr, h: Expr, c: Expr) -> Pair:
        """One step."""
        match self.n.op:
            case "LSTM":
                return self.lstm(x, h, c)
            case "GRU":
                return self.gru(x, h), c
            case _:
                return self.act(0, self.gate(0, x, h)), c

    def gate(self, g: int, x: Expr, h: Expr) -> Expr:
        """What a gate sees."""
        seen = x @ self.W[g] + h @ self.R[g]
        for outer in (False, True):
            bias = self.biased(g, outer=outer)
            seen = seen if bias is None else seen + bias
        return seen

    def act(self, k: int, x: Expr, *, clipped: bool = True) -> Expr:
        """An activation, of what is within `clip`; that of the inner state is not clipped, as in
        onnxruntime.

        Raises `DataError` for one that is unknown.
        """
        bound = self.n.attr("clip") if clipped else None
        if bound is not None:
            limit = number(np.float32(bound))
            x = call("minimum", call("maximum", x, -limit), limit)
        name = self.kinds[k]
        if name in CELL_FUNCTIONS:
            return call(name, x)
        if name in ("relu", "softplus", "softsign"):
            return pipe(x, name)
        raise DataError(f"a cell with the activation {name}")

    def lstm(self, x: Expr, h: Expr, c: Expr) -> Pair:
        """Gates i, o, f, c, with peepholes where there are any."""
        hole = self.of(7) if self.n.has(7) else None

        def seen(g: int, inner: Expr) -> Expr:
            if hole is None:
                return self.gate(g, x, h)
            return (
                self.gate(g, x, h) + part(hole, f"{g * self.units}:{(g + 1) * self.units}") * inner
            )

        i = self.act(0, seen(0, c))
        f = 1 - i if self.n.attr("input_forget", 0) else self.act(0, seen(2, c))
        new = f * c + i * self.act(1, self.gate(3, x, h))
        return self.act(0, seen(1, new)) * self.act(2, new, clipped=False), new

    def gru(self, x: Expr, h: Expr) -> Expr:
        """Gates z, r, h."""
        z, r = self.act(0, self.gate(0, x, h)), self.act(0, self.gate(1, x, h))
        inner, outer = self.biased(2, outer=False), self.biased(2, outer=True)
        seen = x @ self.W[2] if inner is None else x @ self.W[2] + inner
        if self.n.attr("linear_before_reset", 0):
            held = h @ self.R[2] if outer is None else h @ self.R[2] + outer
            seen = seen + r * held
        else:
            seen = seen + (r * h) @ self.R[2]
            seen = seen if outer is None else seen + outer
        return (1 - z) * self.act(1, seen) + z * h


def mask_of(live: np.ndarray) -> Expr:
    """Which rows go on, as a column."""
    written = ", ".join(str(int(x)) for x in live)
    return Expr(f"tensor({written}, shape = [{len(live)}, 1])")
