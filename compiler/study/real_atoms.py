"""Atoms: what polynomials of several graphs are made of, with one numbering, and their laws.

Equal keys are equal atoms: a function of equal operands, a sum of equal products over equal loops.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from math import prod

from gradc_compiler.graph.types import TensorType
from gradc_compiler.study.polynomials import (
    MOST_TERMS,
    Factor,
    Monomial,
    Polynomial,
    Position,
    at,
    axes_of,
    common_factor,
    constant,
    frozen,
    in_one_order,
    plus,
    product_of,
    read_at,
    single,
    times,
)


class AtomTable:
    """Atoms by what they are."""

    def __init__(self) -> None:
        self.known: dict[Hashable, int] = {}
        self.one_hot: dict[int, int] = {}  # atoms, and their numbers of classes
        self.sums: dict[int, tuple[Monomial, tuple[int, ...]]] = {}  # of what, over how many

    def atom(self, key: Hashable) -> int:
        """The number of an atom."""
        return self.known.setdefault(key, len(self.known))

    def boxed(self, x: Polynomial, type: TensorType) -> int:
        """A whole tensor as an atom."""
        return self.atom(("tensor", frozen(x), type))

    def named(self, what: Hashable, xs: Sequence[Polynomial]) -> Factor:
        """A function of values at one place, as an atom, and where it is read."""
        parts, order = in_one_order(xs, axes_of(xs))
        return self.atom((what, parts)), tuple(map(at, order))

    def product(self, xs: Sequence[Polynomial]) -> Polynomial:
        """Multiplied out, where that is no great many terms."""
        if prod(map(len, xs)) > MOST_TERMS:
            xs = [x if len(x) < 2 else single(self.named("sum", [x])) for x in xs]
        total = constant(1)
        for x in xs:
            total = times(total, x)
        return total

    def inverse(self, x: Polynomial) -> Polynomial:
        """1 / x; of a sum the power of an atom, from which common factors have been taken."""
        common = common_factor(x)
        rest = times(x, {tuple((f, -e) for f, e in common): Fraction(1)})
        first = rest[min(rest)]
        powers = [(f, -e) for f, e in common]
        if len(x) > 1:
            powers.append((self.named("sum", [{m: c / first for m, c in rest.items()}]), -1))
        return {tuple(sorted(powers)): 1 / first}

    def hot(self, label: Polynomial, size: int, place: Position) -> Polynomial | None:
        """1 where a label is the `place`, else 0."""
        ((factors, one),) = label.items() if len(label) == 1 else (((), Fraction(0)),)
        if one != 1 or len(factors) != 1 or factors[0][1] != 1:
            return None
        (atom, where), _ = factors[0]
        number = self.atom(("one-hot", atom, size))
        self.one_hot[number] = size
        return single((number, (*where, place)))

    def summed(self, x: Polynomial, extents: Mapping[int, int]) -> Polynomial:
        """The sum over axes of each monomial by itself."""
        total: Polynomial = {}
        for monomial, coefficient in x.items():
            outside, parts, idle = _connected(monomial, extents)
            found = constant(coefficient * prod(extents[axis] for axis in idle))
            for part in parts:
                found = times(found, self.sum_of(part, extents))
            total = plus(total, times(found, {outside: Fraction(1)}))
        return total

    def sum_of(self, part: Monomial, extents: Mapping[int, int]) -> Polynomial:
        """The sum of a product whose factors hang together; sums in it are one sum with it."""
        part, extents = self._flat(part, dict(extents))
        used = axes_of([{part: Fraction(1)}])
        summed = [axis for axis in used if axis in extents]
        if self._is_one(part, summed, extents):
            return constant(1)
        free = [axis for axis in used if axis not in extents]
        (((key, _),),), order = in_one_order([{part: Fraction(1)}], free, summed)
        sizes = tuple(extents[axis] for axis in order[len(free) :])
        atom = self.atom(("sum over", key, sizes))
        self.sums[atom] = key, sizes
        return single((atom, tuple(map(at, order[: len(free)]))))

    def _is_one(self, part: Monomial, summed: Sequence[int], extents: Mapping[int, int]) -> bool:
        """Whether it is the sum of a one-hot vector."""
        (atom, where), exponent = part[0]
        if len(part) != 1 or exponent != 1 or atom not in self.one_hot or len(summed) != 1:
            return False
        elsewhere = axes_of([single((atom, where[:-1]))])
        whole = extents[summed[0]] == self.one_hot[atom] and where[-1] == at(summed[0])
        return whole and summed[0] not in elsewhere

    def _flat(self, part: Monomial, extents: dict[int, int]) -> tuple[Monomial, dict[int, int]]:
        """A product with what its factors sum in their places, over new axes."""
        powers: list[Monomial] = []
        for (atom, where), exponent in part:
            if atom not in self.sums or exponent != 1:
                powers.append((((atom, where), exponent),))
                continue
            inner, sizes = self.sums[atom]
            first = 1 + max((*extents, *axes_of([{part: Fraction(1)}])))
            new = {first + k: size for k, size in enumerate(sizes)}
            extents |= new
            (moved,) = read_at({inner: Fraction(1)}, [*where, *map(at, new)])
            powers.append(moved)
        return product_of(powers), extents


def _connected(
    monomial: Monomial, extents: Mapping[int, int]
) -> tuple[Monomial, list[Monomial], list[int]]:
    """Factors that no sum concerns; the others, by the sums that they share; sums of nothing."""
    groups: list[tuple[set[int], list[tuple[Factor, int]]]] = []
    outside = []
    for power in monomial:
        axes = {*axes_of([{(power,): Fraction(1)}])} & extents.keys()
        if not axes:
            outside.append(power)
            continue
        own: tuple[set[int], list[tuple[Factor, int]]] = (axes, [power])
        for group in [g for g in groups if g[0] & axes]:
            groups.remove(group)
            own = (own[0] | group[0], [*own[1], *group[1]])
        groups.append(own)
    idle = [axis for axis in extents if all(axis not in g[0] for g in groups)]
    return tuple(outside), [product_of([tuple(g[1])]) for g in groups], idle
