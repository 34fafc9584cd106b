"""What is known of every value without running: above 0, at least 0, at most 0, finite.

`differentiate` asks, to know which rules cannot give infinity.  A value of which nothing is known
may be anything.  Parameters and inputs are taken to be finite, and so are the values that a
recurrence carries.  A product or a sum of finite numbers is taken to be finite, although it may
overflow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import field, replace
from math import inf, prod

from gradc_compiler.graph.graph import Builder, Node, Value
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.elementwise import Elementwise
from gradc_compiler.ops.index import Scatter
from gradc_compiler.ops.leaf import Constant, Iota, Literal
from gradc_compiler.ops.orthonormalize import Orthonormalize
from gradc_compiler.ops.reduce import ArgMax, Max
from gradc_compiler.ops.sequence import AtLast, Last, Length, Previous, TimePosition, TimeSum
from gradc_compiler.ops.shape import Reshape
from gradc_compiler.ops.structured import Structured
from gradc_compiler.records.fast_dataclass import dataclass

COMPARISONS = ("gt", "ge", "lt", "le", "eq", "ne")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of all numbers of a value: low <= number <= high, but for rounding."""

    low: float = -inf
    high: float = inf
    positive: bool = False  # never 0 or less, even rounded
    finite: bool = True
    defined: bool = True  # finite, or an exponential that overflows


Facts = Sequence[Known]
ANY = Known()
TRUTH = Known(low=0, high=1)
SMALLEST, GREATEST = 2.0**-126, 2.0**128 * (1 - 2.0**-24)  # of float32: 0 below, infinite above
ROUNDING = 2.0**-21  # of a few operations in float32


def _number(c: float) -> Known:
    """What is known of a number that is written, in float32 and in float64."""
    c, finite = 0.0 if abs(c) < SMALLEST else c, abs(c) <= GREATEST
    return Known(c, c, c > 0, finite, finite)


def _either(xs: Facts) -> Known:
    """What is known of a value whose numbers each come from one of several."""
    return Known(
        min(x.low for x in xs), max(x.high for x in xs), all(x.positive for x in xs),
        all(x.finite for x in xs), all(x.defined for x in xs),
    )  # fmt: skip


def _add(a: Known, b: Known) -> Known:
    low, high = a.low + b.low, a.high + b.high
    positive = min(a.low, b.low) >= 0 and (a.positive or b.positive)
    apart = low > max(SMALLEST, ROUNDING * (abs(a.low) + abs(b.low)))  # `1 - x` for x up to 0.999
    return replace(_either([a, b]), low=low, high=high, positive=positive or apart)


def _neg(x: Known) -> Known:
    return replace(x, low=-x.high, high=-x.low, positive=False)


def _mul(a: Known, b: Known) -> Known:
    known, ends = _either([a, b]), _products(a, b)
    positive = a.positive and b.positive and a.low * b.low > SMALLEST
    return replace(known, low=min(ends), high=max(ends), positive=positive)


def _products(a: Known, b: Known) -> list[float]:
    """The products of the ends of two ranges; 0 times anything is 0."""
    return [x * y if x and y else 0.0 for x in (a.low, a.high) for y in (b.low, b.high)]


def _div(a: Known, b: Known) -> Known:
    if b.low == b.high != 0 and b.finite:
        return _mul(a, replace(b, low=1 / b.low, high=1 / b.high, positive=b.low > 0))
    signs = replace(b, low=0 if b.low >= 0 else -inf, high=0 if b.high <= 0 else inf)
    known = _mul(a, signs)
    return replace(
        known, positive=False, finite=known.finite and b.positive,
        defined=known.defined and b.positive,
    )  # fmt: skip


def _square(x: Known) -> Known:
    least = max(x.low, -x.high, 0)
    most = max(x.high, -x.low)
    return replace(x, low=least * least, high=most * most, positive=least * least > SMALLEST)


def _where(c: Known, a: Known, b: Known) -> Known:
    return _either([a, b])


def _maximum(a: Known, b: Known) -> Known:
    positive = a.positive or b.positive
    return replace(_either([a, b]), low=max(a.low, b.low), positive=positive)


def _minimum(a: Known, b: Known) -> Known:
    return replace(_either([a, b]), high=min(a.high, b.high))


def _exp(x: Known) -> Known:
    return Known(low=0, finite=x.finite and x.high <= 0, defined=x.defined)


def _sqrt(x: Known) -> Known:
    fine = x.low >= 0
    return Known(0, inf, x.positive, x.finite and fine, x.defined and fine)


def _log(x: Known) -> Known:
    return Known(finite=x.finite and x.positive, defined=x.defined and x.positive)


def _log1p(x: Known) -> Known:
    fine = x.low >= 0
    return Known(0 if fine else -inf, inf, False, x.finite and fine, x.defined and fine)


def _pow(a: Known, b: Known) -> Known:
    both = _either([a, b])
    return Known(
        0 if a.low >= 0 else -inf, inf, False, both.finite and a.positive,
        both.defined and a.positive,
    )  # fmt: skip


def _anything(*xs: Known) -> Known:
    return replace(_either(xs), low=-inf, high=inf, positive=False)


def _between(low: float, high: float) -> Callable[[Known], Known]:
    finite = -inf < low < high < inf  # whatever overflows
    return lambda x: Known(low, high, False, x.defined if finite else x.finite, x.defined)


ELEMENTWISE: dict[str, Callable[..., Known]] = {
    "add": _add, "sub": lambda a, b: _add(a, _neg(b)), "mul": _mul, "div": _div, "neg": _neg,
    "where": _where, "maximum": _maximum, "minimum": _minimum, "exp": _exp, "sqrt": _sqrt,
    "log": _log, "log1p": _log1p, "pow": _pow, "abs": _between(0, inf), "copy": lambda x: x,
    "stop_gradient": lambda x: x, **dict.fromkeys(COMPARISONS, lambda a, b: TRUTH),
}  # fmt: skip


@dataclass
class Bounds:
    """What is known of a builder's nodes, found in order, each once."""

    builder: Builder
    known: list[Known] = field(default_factory=list)

    def of(self, x: Value) -> Known:
        """What is known of a value."""
        for node in self.builder.nodes[len(self.known) : x.id + 1]:
            self.known.append(self._of(node, [self.known[i] for i in node.inputs]))
        return self.known[x.id]

    def _of(self, node: Node, xs: Facts) -> Known:
        match node.op:
            case Constant(value=c):
                return _number(c)
            case Literal(values=values) if values:
                return _either([_number(c) for c in values])
            case Iota() | Length() | TimePosition():
                return replace(ANY, low=0)
            case Elementwise(name="mul") if node.inputs[0] == node.inputs[1]:
                return _square(xs[0])
            case Elementwise(name="where") if xs[2].positive and self._is_above_0(*node.inputs[:2]):
                return replace(_either(xs[1:]), low=0, positive=True)
            case Elementwise(name="sub") if self._is_greatest(*node.inputs):
                return replace(_either(xs), low=-inf, high=0, positive=False)
            case Elementwise(bounds=(low, high)):
                return _between(low, high)(xs[0])
            case Elementwise(name=name):
                return ELEMENTWISE.get(name, _anything)(*xs)
            case Contract() as op:
                return self._of_sum(node, op, xs)
            case Previous():
                return ANY
            case TimeSum() | Last() | AtLast() | Scatter():  # 0 where there is nothing
                low, high = -inf if xs[0].low < 0 else 0, inf if xs[0].high > 0 else 0
                return replace(_either(xs), low=low, high=high, positive=False)
            case ArgMax() | Orthonormalize() | Structured():
                return ANY
        return _either(xs) if xs else ANY

    def _of_sum(self, node: Node, op: Contract, xs: Facts) -> Known:
        """What is known of a sum of products: it is positive if every sum has a term, and all terms
        are positive.

        A sum of exponentials is taken to be positive, because in a softmax one of them is never
        small.
        """
        known = xs[0]
        for x in xs[1:]:
            known = _mul(known, x)
        source = self.builder.nodes[node.inputs[0]]
        powers = source.op.name == "exp" and prod(op.extents) > prod(op.shape)
        whole = len(xs) == 1 and _writes_all(op) and not op.reads_outside(0, source.type.shape)
        positive = whole and (known.positive or powers)
        low, high = 0 if known.low >= 0 else -inf, 0 if known.high <= 0 else inf
        return replace(known, low=low, high=high, positive=positive)

    def _is_above_0(self, condition: int, x: int) -> bool:
        """Whether a condition says that x is above 0: `where(x > 0, x, 1)` is, everywhere."""
        node = self.builder.nodes[condition]
        return node.op.name == "gt" and node.inputs[0] == x and self.known[node.inputs[1]].low >= 0

    def _is_greatest(self, x: int, m: int) -> bool:
        """Whether m is the greatest number of x along an axis, broadcast to x's shape."""
        nodes = self.builder.nodes
        while isinstance(nodes[m].op, Reshape) or nodes[m].op.name in ("stop_gradient", "copy") or (
            isinstance(nodes[m].op, Contract) and len(nodes[m].inputs) == 1
        ):  # fmt: skip
            m = nodes[m].inputs[0]
        return isinstance(nodes[m].op, Max) and nodes[m].inputs[0] == x


def _writes_all(op: Contract) -> bool:
    """Whether every number of a result is a sum of at least one term."""
    moved = [(p.plain, n) for p, n in zip(op.result, op.shape, strict=True) if n != 1 or p.terms]
    whole = all(j is not None and op.extents[j] == n for j, n in moved)
    return whole and len({j for j, _ in moved}) == len(moved) and 0 not in op.extents
