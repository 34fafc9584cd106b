"""Products of three and more factors as products of two, where that is less work.

    contract(: y[i] * T[i, j] * z[j]) = contract(: y[i] * t[i]),  t = contract(i : T[i, j] * z[j])

Two factors are multiplied first, and summed over the loops that nothing else has; a loop that one
factor has alone is summed before.  Each time the step is taken after which least is left to do, if
the whole is then less work than all factors at once, as an einsum's path is found (Smith and Gray,
"opt_einsum", 2018).  What lies between is never larger than the largest of factors and result.

A mean over the examples is taken as soon as all factors that differ from example to example are
multiplied.  What sums nothing and reads every place once is an elementwise product.

Not exact: products are rounded in another order, by at most (factors + 1) eps of the sum of their
absolute values more than the sums' own bound; one that lies between may overflow or vanish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations
from math import prod
from operator import mul

from gradc_compiler.graph.graph import Graph, Node, Value
from gradc_compiler.graph.provenance import Origin
from gradc_compiler.graph.rebuild import rewrite_nodes
from gradc_compiler.machine.cost_model import product_of_several
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Affine, Contract, Map, index
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.algebra.simplify import is_view

EXAMPLES = MACHINE.typical_batch  # in a batch, and elements in a sequence, for the choice
Chosen = tuple[int, ...]  # numbers of factors


def multiply_in_pairs(graph: Graph) -> Graph:
    """Rewrite every contraction of more than two factors for which a path is less work."""
    if not any(isinstance(node.op, Contract) and len(node.inputs) > 2 for node in graph.nodes):
        return graph
    return rewrite_nodes(graph, _rule)


def _rule(node: Node, xs: list[Value]) -> Value | None:
    if not isinstance(node.op, Contract) or len(xs) < 3:
        return None
    xs[0].builder.origin = node.origin or Origin("multiply_in_pairs", node.tag)
    return _in_pairs(node.op, xs)


def _in_pairs(op: Contract, values: Sequence[Value]) -> Value | None:
    """The contraction step by step; None if no step is worth taking."""
    product = FactorProduct(op, tuple(map(Factor.of, values, op.operands)))
    largest = max(prod(op.shape), *(x.type.size for x in values))
    while len(product.factors) > 2 and (step := product.cheapest(largest)) is not None:
        product = product.after(step)
    return product.value() if len(product.factors) < len(values) else None


@dataclass(frozen=True, slots=True)
class Factor:
    """A value, where it is read, the loops that move it, and how often it has other numbers."""

    value: Value
    map: Map
    loops: frozenset[int]
    turns: int

    @staticmethod
    def of(value: Value, map: Map) -> Factor:
        """A value read at a map."""
        varies, timed = value.builder.is_varying(value), value.type.time is not None
        return Factor(value, map, _loops(map), EXAMPLES ** (varies + timed))


@dataclass(frozen=True, slots=True)
class FactorProduct:
    """What is left of a contraction: its loops, result and mean, and what it multiplies."""

    op: Contract
    factors: tuple[Factor, ...]

    def cheapest(self, largest: int) -> Chosen | None:
        """The step after which least is left to do, if that is less than all at once."""
        numbers = range(len(self.factors))
        steps = [*((k,) for k in numbers), *combinations(numbers, 2)]
        able = [s for s in steps if self._is_step(s) and prod(self._kept(s)[1]) <= largest]
        best = min(able, key=self._work_by, default=None)
        at_once = self._work([(f.loops, f.turns) for f in self.factors])
        return best if best is not None and self._work_by(best) < at_once else None

    def after(self, chosen: Chosen) -> FactorProduct:
        """What is left when the chosen factors are one."""
        factors, rest = self._split(chosen)
        kept, shape = self._kept(chosen)
        mean = self.op.mean and all(f.turns == 1 for f in rest)
        step = replace(self.op, result=tuple(map(index, kept)), shape=shape, mean=mean)
        one = FactorProduct(step, factors).value(idle=False)
        gone = frozenset().union(*(f.loops for f in factors)) - set(kept)
        left = tuple(1 if j in gone else n for j, n in enumerate(self.op.extents))
        factor = Factor.of(one, step.result)
        return FactorProduct(
            replace(self.op, extents=left, mean=self.op.mean and not mean), (factor, *rest)
        )

    def value(self, idle: bool = True) -> Value:
        """All factors multiplied; `idle`: loops that move nothing repeat the sum."""
        maps = (*(f.map for f in self.factors), self.op.result)
        moving = frozenset().union(*map(_loops, maps))
        loops = [j for j, n in enumerate(self.op.extents) if j in moving or (idle and n > 1)]
        *operands, result = (_renumbered(m, loops) for m in maps)
        extents = tuple(self.op.extents[j] for j in loops)
        op = replace(self.op, extents=extents, operands=tuple(operands), result=result)
        views = [replace(op, operands=(m,)) for m in operands]
        values = [f.value for f in self.factors]
        if all(is_view(view, x.shape) for view, x in zip(views, values, strict=True)):
            first, *others = (x.builder.add(v, x) for v, x in zip(views, values, strict=True))
            return reduce(mul, others, first)
        return values[0].builder.add(op, *values)

    def _split(self, chosen: Chosen) -> tuple[tuple[Factor, ...], tuple[Factor, ...]]:
        """The chosen factors, and the others."""
        numbers = range(len(self.factors))
        rest = tuple(self.factors[k] for k in numbers if k not in chosen)
        return tuple(self.factors[k] for k in chosen), rest

    def _kept(self, chosen: Chosen) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The loops that a step does not sum over, and their extents."""
        factors, rest = self._split(chosen)
        wanted = _loops(self.op.result).union(*(f.loops for f in rest))
        kept = tuple(sorted(wanted.intersection(frozenset().union(*(f.loops for f in factors)))))
        return kept, tuple(self.op.extents[j] for j in kept)

    def _is_step(self, chosen: Chosen) -> bool:
        """Two factors; or one that is summed over a loop which nothing else has."""
        return len(chosen) > 1 or len(self._kept(chosen)[0]) < len(self.factors[chosen[0]].loops)

    def _work_by(self, chosen: Chosen) -> int:
        """The work of a step and of what is left after it, at once."""
        factors, rest = self._split(chosen)
        one = (frozenset(self._kept(chosen)[0]), max(f.turns for f in factors))
        own = self._work([(f.loops, f.turns) for f in factors])
        return own + self._work([one, *((f.loops, f.turns) for f in rest)])

    def _work(self, factors: Sequence[tuple[frozenset[int], int]]) -> int:
        """About what it costs to multiply factors that have these loops and turns."""
        loops = frozenset().union(*(own for own, _ in factors))
        each = prod(self.op.extents[j] for j in loops) * max(turns for _, turns in factors)
        return product_of_several(each, len(factors))


def _loops(positions: Map) -> frozenset[int]:
    """The loops that move a map."""
    return frozenset(loop for p in positions for loop, _ in p.terms)


def _renumbered(positions: Map, loops: Sequence[int]) -> Map:
    """A map in which the loops are numbered by their places in a list."""
    number = {loop: k for k, loop in enumerate(loops)}
    return tuple(Affine(tuple((number[j], c) for j, c in p.terms), p.offset) for p in positions)
