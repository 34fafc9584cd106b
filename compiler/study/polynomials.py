"""Polynomials over tensors: what a value is by the laws of real numbers, at one place of it.

A value is a sum of monomials with rational coefficients; a monomial is a product of factors with
whole exponents; a factor is an *atom* (an input, a function of other values, a sum), read at a
position that is affine in the axes of the value.  So transposes, broadcasts and views are positions
and nothing else, and equal polynomials are equal values wherever both are defined.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import permutations

Position = tuple[tuple[tuple[int, int], ...], int]  # ((axis, coefficient), ...) and an offset
Factor = tuple[int, tuple[Position, ...]]  # the number of an atom, and where it is read
Monomial = tuple[tuple[Factor, int], ...]  # factors with their exponents, in order
Polynomial = Mapping[Monomial, Fraction]

FIRST: Position = ((), 0)
MOST_TERMS = 64  # of a product that is multiplied out
MOST_ORDERS = 120  # of axes that are tried


def at(axis: int) -> Position:
    """The position that is an axis itself."""
    return ((axis, 1),), 0


def constant(value: Fraction | int) -> Polynomial:
    """A number."""
    return {(): Fraction(value)} if value else {}


def single(factor: Factor, exponent: int = 1) -> Polynomial:
    """A power of one factor."""
    return {((factor, exponent),): Fraction(1)}


def plus(a: Polynomial, b: Polynomial, sign: int = 1) -> Polynomial:
    """a + sign * b."""
    total = dict(a)
    for monomial, coefficient in b.items():
        total[monomial] = total.get(monomial, Fraction(0)) + sign * coefficient
    return {monomial: c for monomial, c in total.items() if c}


def product_of(monomials: Iterable[Monomial]) -> Monomial:
    """The product of monomials: exponents of equal factors are added."""
    exponents: dict[Factor, int] = {}
    for monomial in monomials:
        for factor, exponent in monomial:
            exponents[factor] = exponents.get(factor, 0) + exponent
    return tuple(sorted((factor, e) for factor, e in exponents.items() if e))


def times(a: Polynomial, b: Polynomial) -> Polynomial:
    """a * b, multiplied out."""
    total: dict[Monomial, Fraction] = {}
    for one, c in a.items():
        for other, d in b.items():
            monomial = product_of((one, other))
            total[monomial] = total.get(monomial, Fraction(0)) + c * d
    return {monomial: c for monomial, c in total.items() if c}


def common_factor(a: Polynomial) -> Monomial:
    """The product of powers that every monomial can be divided by."""
    exponents = [dict(monomial) for monomial in a]
    factors = {factor for one in exponents for factor in one}
    least = {factor: min(one.get(factor, 0) for one in exponents) for factor in factors}
    return tuple(sorted((factor, e) for factor, e in least.items() if e))


def read_at(a: Polynomial, positions: Sequence[Position]) -> Polynomial:
    """a, with a position in place of each of its axes."""
    total: Polynomial = {}
    for monomial, coefficient in a.items():
        moved = [(((atom, tuple(_moved(p, positions) for p in where)), e),)
                 for (atom, where), e in monomial]  # fmt: skip
        total = plus(total, {product_of(moved): coefficient})
    return total


def _moved(position: Position, positions: Sequence[Position]) -> Position:
    terms, offset = position
    found: dict[int, int] = {}
    for axis, scale in terms:
        inner, start = positions[axis]
        offset += scale * start
        for other, c in inner:
            found[other] = found.get(other, 0) + scale * c
    return tuple(sorted((axis, c) for axis, c in found.items() if c)), offset


def axes_of(polynomials: Iterable[Polynomial]) -> list[int]:
    """The axes that are read, in order."""
    return sorted({
        axis
        for polynomial in polynomials
        for monomial in polynomial
        for (_, where), _ in monomial
        for terms, _ in where
        for axis, _ in terms
    })  # fmt: skip


Frozen = tuple[tuple[Monomial, Fraction], ...]


def frozen(a: Polynomial) -> Frozen:
    """The same as a key."""
    return tuple(sorted(a.items()))


def in_one_order(
    polynomials: Sequence[Polynomial], free: Sequence[int], summed: Sequence[int] = ()
) -> tuple[tuple[Frozen, ...], tuple[int, ...]]:
    """The polynomials with their axes numbered in the order that comes first, and that order;
    those that are `summed` over come after the `free` ones.
    """
    orders = [
        (*one, *other)
        for one, _ in zip(permutations(free), range(MOST_ORDERS), strict=False)
        for other, _ in zip(permutations(summed), range(MOST_ORDERS), strict=False)
    ]
    return min((_renumbered(polynomials, order), order) for order in orders[:MOST_ORDERS])


def _renumbered(polynomials: Sequence[Polynomial], order: Sequence[int]) -> tuple[Frozen, ...]:
    new = [FIRST] * (max(order, default=-1) + 1)
    for number, axis in enumerate(order):
        new[axis] = at(number)
    return tuple(frozen(read_at(a, new)) for a in polynomials)
