"""Whether two graphs are the same mathematics: equal by the laws of real numbers.

Sums and products in any order, distributive, sums over loops linear, factors that do not depend on
a loop in front of its sum, a / b = a * b^-1, the elements of a one-hot vector add up to 1.  None of
that is exact in floating point, and a quotient x / x is 1 only where x is not 0: no kernel is made
of such a form, it is for comparing only (`gradc diff`, derived gradients and closed forms).  What
is told apart here may still be equal.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from math import isfinite

from gradc_compiler.graph.graph import Graph, Node
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.ops.contract import Affine, Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.index import Scatter, Take
from gradc_compiler.ops.leaf import Constant, Iota
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.study.contraction_forms import in_order
from gradc_compiler.study.polynomials import (
    FIRST,
    Polynomial,
    Position,
    at,
    constant,
    frozen,
    plus,
    read_at,
    single,
)
from gradc_compiler.study.real_atoms import AtomTable

SAME = ("copy", "stop_gradient")  # as values
COMMUTATIVE = ("eq", "ne", "maximum", "minimum")


class RealForms:
    """The polynomials of graphs whose atoms have one numbering."""

    def __init__(self) -> None:
        self.atoms = AtomTable()

    def numbers(self, graph: Graph) -> dict[int, int]:
        """A number for every node; nodes that are the same mathematics have equal ones."""
        forms: dict[int, Polynomial] = {}
        for node in graph.nodes:
            inputs = [graph[i] for i in node.inputs]
            forms[node.id] = self.form(node, inputs, [forms[i] for i in node.inputs])
        return {node.id: self.atoms.boxed(forms[node.id], node.type) for node in graph.nodes}

    def form(self, node: Node, inputs: Sequence[Node], xs: Sequence[Polynomial]) -> Polynomial:
        """The polynomial of a node, of those of what it reads."""
        made = self._by_law(node, inputs, xs)
        if made is None:
            made = self.opaque(node, inputs, xs)
        return read_at(made, places(node.type.shape))

    def _by_law(
        self, node: Node, inputs: Sequence[Node], xs: Sequence[Polynomial]
    ) -> Polynomial | None:
        shapes = [x.type.shape for x in inputs]
        match node.op:
            case Constant(value=value) if isfinite(value):
                return constant(Fraction(value))
            case Contract():
                return self.contraction(node.op, shapes, xs)
            case Reshape() if _long(node.type.shape) == _long(shapes[0]):
                new = (k for k, n in enumerate(node.type.shape) if n != 1)
                return read_at(xs[0], [FIRST if n == 1 else at(next(new)) for n in shapes[0]])
            case Scatter(pair=False, mean=False) | Take():
                return self.row(node, inputs, xs)
            case Elementwise():
                wide = [_aligned(x, s, node.type.rank) for x, s in zip(xs, shapes, strict=True)]
                return self.elementwise(node, inputs, wide)
        return None

    def opaque(self, node: Node, inputs: Sequence[Node], xs: Sequence[Polynomial]) -> Polynomial:
        """What is known of an operator without a law: equal operands give equal results."""
        boxes = [self.atoms.boxed(x, i.type) for x, i in zip(xs, inputs, strict=True)]
        key: Hashable = (type(node.op), node.op, *boxes)
        if isinstance(node.op, Contract):
            key = in_order(node.op, boxes)
        return single((self.atoms.atom((key, node.type)), places(node.type.shape)))

    def elementwise(
        self, node: Node, inputs: Sequence[Node], xs: Sequence[Polynomial]
    ) -> Polynomial | None:
        """Arithmetic by its laws, any other function as an atom over the axes that it reads."""
        match node.op.name:
            case "add" | "sub":
                return plus(xs[0], xs[1], 1 if node.op.name == "add" else -1)
            case "neg":
                return plus({}, xs[0], -1)
            case "mul":
                return self.atoms.product(xs)
            case "div" if xs[1]:
                return self.atoms.product((xs[0], self.atoms.inverse(xs[1])))
            case name if name in SAME:
                return xs[0]
            case "eq" if (found := self.one_hot_of(node, inputs, xs)) is not None:
                return found
        parts = sorted(xs, key=frozen) if node.op.name in COMMUTATIVE else xs
        return single(self.atoms.named(node.op, parts))

    def one_hot_of(
        self, node: Node, inputs: Sequence[Node], xs: Sequence[Polynomial]
    ) -> Polynomial | None:
        """label == 0, 1, ..., n - 1: a one-hot vector for each label."""
        for k in (0, 1):
            label, size = inputs[k].type, inputs[1 - k].type.size
            if isinstance(inputs[1 - k].op, Iota) and in_range(label, size):
                return self.atoms.hot(xs[k], size, at(node.type.rank - 1))
        return None

    def row(
        self, node: Node, inputs: Sequence[Node], xs: Sequence[Polynomial]
    ) -> Polynomial | None:
        """take: the sum over k of table[k] * hot(label)[k]; scatter: that over the labels."""
        labels, (n, rank) = inputs[1].type, (node.type.rank, inputs[1].type.rank)
        takes = isinstance(node.op, Take)
        rows = inputs[0].type.shape[0] if takes else node.type.shape[0]
        if not in_range(labels, rows):
            return None
        kept = [at(k) for k in range(rank if takes else 1, n)]
        loops = [at(n + k) for k in range(1 if takes else rank)]
        own = [at(k) for k in range(rank)] if takes else loops
        hot = self.atoms.hot(read_at(xs[1], own), rows, loops[0] if takes else at(0))
        if hot is None:
            return None
        extents = {n + k: size for k, size in enumerate([rows] if takes else labels.shape)}
        product = self.atoms.product((read_at(xs[0], [*loops, *kept]), hot))
        return self.atoms.summed(product, extents)

    def contraction(
        self, op: Contract, shapes: Sequence[tuple[int, ...]], xs: Sequence[Polynomial]
    ) -> Polynomial | None:
        """A sum of products by its loops, if its result is read where it was written."""
        axes = {p.plain: axis for axis, p in enumerate(op.result) if p.plain is not None}
        whole = all(
            op.extents[p.plain] == n if p.plain is not None else n == 1 and p == Affine()
            for p, n in zip(op.result, op.shape, strict=True)
        )
        if op.mean or not whole or len(axes) < sum(p.plain is not None for p in op.result):
            return None
        loops = range(len(op.extents))
        place = {loop: axes.get(loop, len(op.shape) + loop) for loop in loops}
        factors = []
        for k, (x, shape) in enumerate(zip(xs, shapes, strict=True)):
            if op.reads_outside(k, shape):  # what is 0 there is the whole tensor
                every = tuple(map(at, range(len(shape))))
                x = single((self.atoms.boxed(x, TensorType(shape)), every))
            factors.append(read_at(x, _positions(op, k, place)))
        extents = {place[j]: op.extents[j] for j in loops if j not in axes}
        return self.atoms.summed(self.atoms.product(factors), extents)


def places(shape: Sequence[int]) -> tuple[Position, ...]:
    """Each axis at its own place; one of a single element has a first place only."""
    return tuple(FIRST if n == 1 else at(k) for k, n in enumerate(shape))


def in_range(label: TensorType, size: int) -> bool:
    """Whether labels are known to be below a size."""
    return label.kind is Kind.INDEX and label.classes is not None and label.classes <= size


def _long(shape: Sequence[int]) -> list[int]:
    return [n for n in shape if n != 1]


def _aligned(x: Polynomial, shape: Sequence[int], rank: int) -> Polynomial:
    """A broadcast operand, by the axes of the result."""
    return read_at(x, [FIRST if n == 1 else at(rank - len(shape) + k) for k, n in enumerate(shape)])


def _positions(op: Contract, k: int, place: Mapping[int, int]) -> list[Position]:
    """Where operand k is read, by the axes that loops have become."""
    return [
        (tuple((place[j], c) for j, c in p.terms if op.extents[j] > 1), p.offset)
        for p in op.operands[k]
    ]
