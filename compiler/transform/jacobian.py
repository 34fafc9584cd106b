"""All derivatives of one tensor by another, in one: the Jacobian, symbolically.

The derivative along one direction is made for all unit directions at once: forward, where what
moves has the fewer numbers, else in reverse (Griewank & Walther, "Evaluating Derivatives", 2008,
ch. 7).  The work is that of one derivative for each number of the smaller side.
"""

from __future__ import annotations

from math import prod

from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.ops.leaf import Iota
from gradc_compiler.ops.shape import reshape, sum_axes, transpose
from gradc_compiler.transform.differentiate import differentiate
from gradc_compiler.transform.leading_axis import for_every
from gradc_compiler.transform.push_forward import as_moves, push_forward


def jacobian(builder: Builder, y: Value, x: Value) -> Value:
    """dy/dx, of shape [*y.shape, *x.shape]; a sequence of such where one of them is a sequence.

    Where both are, of each element of y by the same element of x, on which alone it depends.
    Raises `NotMapped` where an operator between them has no form for many directions at once.
    """
    if moves_forward(y, x):
        columns = for_every(
            builder,
            x.shape,
            lambda: _units(builder, x.shape),
            lambda dx: push_forward(builder, [y], [x], [as_moves(x, dx)])[0],
        )
        whole = reshape(columns, (*x.shape, *y.shape))
        axes = range(len(whole.shape))
        return transpose(whole, (*axes[len(x.shape) :], *axes[: len(x.shape)]))
    rows = for_every(
        builder, y.shape, lambda: _units(builder, y.shape), lambda g: _pull_back(builder, y, x, g)
    )
    return reshape(rows, (*y.shape, *x.shape))


def moves_forward(y: Value, x: Value) -> bool:
    """Whether directions are those of x: of a sequence nobody knows how many there are."""
    if y.type.time == x.type.time:
        return prod(x.shape) <= prod(y.shape)
    assert x.type.time is None or y.type.time is None, "of two sequences the pairs have no type"
    return x.type.time is None


def _pull_back(builder: Builder, y: Value, x: Value, g: Value) -> Value:
    """The cotangent of x for that of y."""
    along = sum_axes(y * g, range(len(y.shape)))
    return differentiate(builder, along, [x], mean=not builder.is_varying(y))[0]


def _units(builder: Builder, shape: tuple[int, ...]) -> Value:
    """Every unit direction of a shape, [count, *shape]."""
    count = prod(shape)
    place = builder.add(Iota(count))
    same = place.apply("eq", reshape(place, (count, 1)), place)
    return reshape(same, (count, *shape))
