"""Finds recurrences that are cells of ONNX: Elman's, the LSTM, the GRU in both versions.

A gate is a function of a sum: rows of a matrix times the state, rows of one times the input, and
numbers of a vector.  `Pattern.gate` finds that sum behind the reshapes and slices by which a cell
of the prelude has all its gates in one product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from gradc_compiler.graph.graph import Node
from gradc_compiler.onnx.export.onnx_tensors import ExportContext
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.leaf import Constant, PersistentOp
from gradc_compiler.ops.sequence import Previous
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class GateRows:
    """Numbers of a parameter, or rows of it times `vector`, from row `start` on."""

    weight: int  # nodes
    start: int
    vector: int | None = None


@dataclass(frozen=True, slots=True)
class GateSum:
    """The sum inside a gate: rows times the state, rows times the input, and at most two biases."""

    state: GateRows | None
    input: GateRows | None
    biases: tuple[GateRows, ...]


@dataclass(frozen=True, slots=True)
class CellPattern:
    """A cell of ONNX: its gates in the order that ONNX has them in, and its states."""

    operator: str
    gates: tuple[GateSum, ...]
    states: tuple[Node, ...]
    shown: int  # the node that is the next state
    after: GateRows | None = None  # a bias within the reset, which then comes after the product
    resets_after: bool = False


class Pattern:
    """A recurrence that is compared with the cells of ONNX."""

    def __init__(self, c: ExportContext, ids: Sequence[int]) -> None:
        self.c, self.graph = c, c.graph
        self.states = [c.graph[i] for i in ids if isinstance(c.graph[i].op, Previous)]
        self.next = {node.id: c.graph.carries[node.op.loop] for node in self.states
                     if isinstance(node.op, Previous)}  # fmt: skip

    def found(self) -> CellPattern | None:
        """The cell of ONNX that the recurrence is, or None."""
        if any(len(node.type.shape) != 1 for node in self.states):
            return None
        if len(self.states) == 2:
            both = (self.lstm(h, c) for h, c in permutations(self.states))
            return next((found for found in both if found is not None), None)
        if len(self.states) == 1:
            (state,) = self.states
            return self.elman(state) or self.gru(state)
        return None

    def elman(self, state: Node) -> CellPattern | None:
        """Elman's cell: h' = tanh(W h + U x + b)."""
        gate = self.gate(self.next[state.id], "Tanh", state)
        return None if gate is None else CellPattern("RNN", (gate,), (state,), self.next[state.id])

    def lstm(self, h: Node, c: Node) -> CellPattern | None:
        """The LSTM: h' = o tanh(c') with c' = f c + i g."""
        shown, kept = self.next[h.id], self.next[c.id]
        for out, inner in self.operands(shown, "mul"):
            if not self.applies(inner, "Tanh") or self.graph[inner].inputs != (kept,):
                continue
            for old, new in self.operands(kept, "add"):
                for f, before in self.operands(old, "mul"):
                    for i, g in self.operands(new, "mul"):
                        kinds = zip((i, out, f), ("Sigmoid",) * 3, strict=True)
                        gates = [self.gate(x, kind, h) for x, kind in [*kinds, (g, "Tanh")]]
                        whole = [gate for gate in gates if gate is not None]
                        if before == c.id and len(whole) == 4:
                            return CellPattern("LSTM", tuple(whole), (h, c), shown)
        return None

    def gru(self, h: Node) -> CellPattern | None:
        """The GRU: h' = z h + (1 - z) tanh(n)."""
        shown = self.next[h.id]
        for old, new in self.operands(shown, "add"):
            for z, before in self.operands(old, "mul"):
                for rest, made in self.operands(new, "mul"):
                    update = self.gate(z, "Sigmoid", h)
                    if before == h.id and update is not None and self.is_rest(rest, z):
                        found = self.candidate(made, h)
                        if found is not None:
                            reset, candidate, after, late = found
                            gates = (update, reset, candidate)
                            return CellPattern("GRU", gates, (h,), shown, after, late)
        return None

    def is_rest(self, id: int, z: int) -> bool:
        """Whether a node is 1 - z."""
        node = self.graph[id]
        if node.op.name != "sub" or node.inputs[1] != z:
            return False
        one = self.graph[node.inputs[0]].op
        return isinstance(one, Constant) and one.value == 1.0

    def candidate(self, id: int, h: Node) -> tuple[GateSum, GateSum, GateRows | None, bool] | None:
        """tanh(V (r h) + U x + b), or tanh(r (V h + c) + U x + b): the gates r and this."""
        if not self.applies(id, "Tanh"):
            return None
        terms = list(self.terms(self.graph[id].inputs[0], 0, h.type.shape[0]))
        for k, term in enumerate(terms):
            others = [t for j, t in enumerate(terms) if j != k]
            inner, late = (term.vector, False) if isinstance(term, GateRows) else (term, True)
            for r, held in self.operands(inner, "mul") if inner is not None else ():
                reset = self.gate(r, "Sigmoid", h)
                if reset is None:
                    continue
                if late and (gate := self.late(held, others, h)) is not None:
                    return reset, *gate, True
                if held == h.id and isinstance(term, GateRows):
                    whole = self.sum_of(others, h)
                    if whole is not None and whole.state is None:
                        return reset, GateSum(term, whole.input, whole.biases), None, False
        return None

    def late(
        self, held: int, others: Sequence[GateRows | int], h: Node
    ) -> tuple[GateSum, GateRows | None] | None:
        """The sum V h + c within the reset, and the terms added outside the reset."""
        within = self.sum_of([*self.terms(held, 0, h.type.shape[0])], h)
        beside = self.sum_of(others, h)
        if within is None or beside is None or within.state is None:
            return None
        if within.input or beside.state or max(len(within.biases), len(beside.biases)) > 1:
            return None
        both = (*beside.biases, *within.biases)
        return GateSum(within.state, beside.input, both), next(iter(within.biases), None)

    def applies(self, id: int, function: str) -> bool:
        """Whether a node applies the function that ONNX calls by this name."""
        return self.graph[id].op.name == function.lower()

    def operands(self, id: int, name: str) -> Iterator[tuple[int, int]]:
        """Both orders of the operands of a product or a sum."""
        node = self.graph[id]
        if node.op.name == name:
            a, b = node.inputs
            yield from ((a, b), (b, a))

    def gate(self, id: int, function: str, h: Node) -> GateSum | None:
        """The sum that a gate is a function of, through views of the function's result."""
        start = 0
        while (view := self.view(id)) is not None:
            id, start = view[0], start + view[1]
        node = self.graph[id]
        if not self.applies(id, function):
            return None
        return self.sum_of([*self.terms(node.inputs[0], start, h.type.shape[0])], h)

    def view(self, id: int) -> tuple[int, int] | None:
        """The node of which this one is a part, and the row-major place where the part begins."""
        node = self.graph[id]
        if isinstance(node.op, Reshape):
            return node.inputs[0], 0
        if not isinstance(node.op, Contract) or len(node.inputs) != 1:
            return None
        (seen,), shape = node.op.operands, self.graph[node.inputs[0]].type.shape
        loops = [p.terms[0][0] for p in seen if p.terms]
        ordered = loops == [p.plain for p in node.op.result] and loops == sorted({*loops})
        if (
            not ordered
            or node.op.reads_outside(0, shape)
            or any(p.terms and p.terms[0][1] != 1 for p in seen)
        ):
            return None
        behind = [loop for p, loop in zip(seen[1:], loops[-len(seen[1:]) :], strict=False)
                  if p.terms]  # fmt: skip
        whole = all(not p.offset and p.terms for p in seen[1:])
        width = node.op.extents[behind[0]] if len(shape) == 2 and behind else 1
        if len(shape) > 2 or not whole or (len(shape) == 2 and width != shape[1]):
            return None
        return node.inputs[0], seen[0].offset * width

    def terms(self, id: int, start: int, size: int) -> Iterator[GateRows | int]:
        """The terms whose sum is `size` numbers of a node, from number `start` on.

        A term that is not rows of a parameter is given as its node.
        """
        while (view := self.view(id)) is not None:
            id, start = view[0], start + view[1]
        node = self.graph[id]
        if node.op.name == "add" and len({self.graph[i].type.shape for i in node.inputs}) == 1:
            for operand in node.inputs:
                yield from self.terms(operand, start, size)
        elif isinstance(node.op, PersistentOp):
            yield GateRows(id, start)
        elif (product := self.product(node)) is not None:
            yield GateRows(product[0], start, product[1])
        else:
            yield id

    def product(self, node: Node) -> tuple[int, int] | None:
        """The matrix and the vector of a product W @ x."""
        op = node.op
        if not isinstance(op, Contract) or len(node.inputs) != 2 or len(op.result) != 1:
            return None
        row = op.result[0].plain
        for w, x in ((0, 1), (1, 0)):
            matrix, vector = ([p.plain for p in op.operands[k]] for k in (w, x))
            shape = self.graph[node.inputs[w]].type.shape
            fits = matrix == [row, *vector] and len(vector) == 1 and None not in matrix
            if fits and tuple(op.extents[i] for i in matrix if i is not None) == shape:
                return node.inputs[w], node.inputs[x]
        return None

    def sum_of(self, terms: Sequence[GateRows | int], h: Node) -> GateSum | None:
        """The terms as the sum of a gate, which has at most one term of each kind; else None."""
        state, given, bias = list[GateRows](), list[GateRows](), list[GateRows]()
        for term in terms:
            if not isinstance(term, GateRows):
                return None
            if term.vector is None:
                bias.append(term)
            elif term.vector == h.id:
                state.append(term)
            else:
                given.append(term)
        if max(len(state), len(given)) > 1 or len(bias) > 2:
            return None
        return GateSum(next(iter(state), None), next(iter(given), None), tuple(bias))
