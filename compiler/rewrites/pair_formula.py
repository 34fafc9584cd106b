"""What is computed of pairs, number by number, and the products and sums around it.

A graph that has a value for each pair of a row and a column is gone through from such a value back,
to products, and to what has fewer numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from math import prod

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import Kind
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract, Map
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.pair_sums import PairProduct, PairStep
from gradc_compiler.ops.random import Random
from gradc_compiler.records.fast_dataclass import dataclass

MOST_STEPS, MOST_OTHERS = 32, 12  # of a formula


FORM = "it is of another form than softmax(f(q k')) v, with one product for each pair"


class UnfitError(Exception):
    """Raised where something is no attention, or none that a kernel can compute; it says why."""


def need(condition: bool, why: str = FORM) -> None:
    """Raises `UnfitError` where something is not as it has to be."""
    if not condition:
        raise UnfitError(why)


@dataclass
class PairFormula:
    """Numbers of pairs of a shape, of which an axis is summed over: the nodes of products, of steps
    in order, and of what is read besides.
    """

    graph: Graph
    shape: tuple[int, ...]
    axes: tuple[int, ...]  # that a mask has
    products: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    others: list[int] = field(default_factory=list)

    def add(self, id: int) -> None:
        """A number, and all that it is computed of.  Raises `UnfitError`."""
        if id in (*self.products, *self.steps, *self.others):
            return
        node = self.graph[id]
        need(node.type.time is None and node.type.kind is Kind.REAL)
        if is_product(node, self.shape):
            self.products.append(id)
        elif isinstance(node.op, Elementwise) and self.is_large(node):
            for i in node.inputs:
                self.add(i)
            self.steps.append(id)
        else:
            need(not isinstance(node.op, Random), "random numbers are drawn for its pairs")
            need(len(node.type.shape) <= len(self.shape))
            self.others.append(id)
        few = len(self.steps) <= MOST_STEPS and len(self.others) <= MOST_OTHERS
        need(few, f"its scores take over {MOST_STEPS} steps or {MOST_OTHERS} other values")

    def is_large(self, node: Node) -> bool:
        """Whether a value has a number for each pair of rows and columns, by NumPy's rule."""
        own = node.type.shape
        whole = (1,) * (len(self.shape) - len(own)) + own
        return len(own) <= len(self.shape) and all(whole[axis] > 1 for axis in self.axes)

    def number(self, id: int) -> int:
        """The number of a node, as `PairStep` has it."""
        known = [*self.products, *self.steps]
        return known.index(id) if id in known else -1 - self.others.index(id)

    def written(self) -> tuple[PairStep, ...]:
        """The steps."""
        found = []
        for id in self.steps:
            node = self.graph[id]
            assert isinstance(node.op, Elementwise), "a step is of numbers"
            found.append(PairStep(node.op, tuple(map(self.number, node.inputs))))
        return tuple(found)


def is_product(node: Node, shape: tuple[int, ...]) -> bool:
    """Whether a node is a product of two operands for each pair."""
    return type(node.op) is Contract and len(node.inputs) == 2 and node.type.shape == shape


def loops_of(m: Map, op: Contract, shape: Sequence[int]) -> list[int]:
    """The loop that alone goes along each axis, from end to end.  Raises `UnfitError`."""
    found = [p.plain for p in m if p.plain is not None]
    need(len(found) == len(m) and len({*found}) == len(m))
    need([op.extents[loop] for loop in found] == list(shape))
    return found


def product_of(
    graph: Graph, id: int, columns: int, numbers: tuple[int, int]
) -> tuple[PairProduct, tuple[int, int]]:
    """A product with the operand that has rows first, and its operands' nodes; `numbers` are those
    that the operands will have.  Raises `UnfitError`.
    """
    node = graph[id]
    op, (first, second) = node.op, node.inputs
    assert isinstance(op, Contract), "it was asked"
    shown = loops_of(op.result, op, op.shape)
    read = [
        loops_of(m, op, graph[i].type.shape) for m, i in zip(op.operands, node.inputs, strict=True)
    ]
    if shown[columns] in read[0]:
        op, first, second, read = _turned(op), second, first, read[::-1]
    terms = {*range(len(op.extents))} - {*shown}
    need(not op.mean and shown[columns] in read[1] and shown[columns] not in read[0])
    need(len(terms) == 1 and terms <= {*read[0]} and terms <= {*read[1]})
    need(any(loop in read[0] and loop not in read[1] for loop in shown))
    return PairProduct(op, *numbers), (first, second)


def sum_of(graph: Graph, node: Node, value: int, columns: int, rows: int) -> tuple[Contract, int]:
    """A sum over columns, with its operand that has numbers of pairs first; and the node of the
    other.  Raises `UnfitError`.
    """
    op, factor = node.op, node.inputs[1]
    need(type(op) is Contract and node.inputs.count(value) == 1)
    assert isinstance(op, Contract), "it was asked"
    if node.inputs[1] == value:
        op, factor = _turned(op), node.inputs[0]
    pairs = loops_of(op.operands[0], op, graph[value].type.shape)
    values = loops_of(op.operands[1], op, graph[factor].type.shape)
    shown = loops_of(op.result, op, op.shape)
    wide = {*shown} - {*pairs}
    need(not op.mean and graph[factor].type.time is None and pairs[columns] in values)
    need({*pairs, *wide} == {*range(len(op.extents))} and pairs[rows] not in values)
    need({*pairs} - {pairs[columns]} <= {*shown} and pairs[columns] not in shown)
    need(len(wide) == 1 and wide <= {*values})
    numbers, room = prod(op.extents[loop] for loop in wide), MACHINE.gpu_attended
    need(numbers <= room, f"its rows of v have {numbers} numbers, and a block has room for {room}")
    return op, factor


def _turned(op: Contract) -> Contract:
    """The same with its operands exchanged."""
    return replace(op, operands=op.operands[::-1])
