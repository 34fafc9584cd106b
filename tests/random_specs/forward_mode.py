"""Rules for derivatives along directions, and for all of them at once."""

from __future__ import annotations

from tests.random_specs.body import (
    SCALAR,
    Body,
    Type,
    drawn,
    expression,
    replace_depth,
    rule,
    tensor,
)


@rule(lambda body, type: tensor(body, type) and body.kind == "model" and body.alone)
def tangent(body: Body, type: Type) -> str:
    """How something of this type moves, or the slope of something with it, along a direction."""
    by = body.bind(f"{expression(replace_depth(body, 1), type)} + {drawn(body, type)}", type)
    along = f"cos({expression(replace_depth(body, 1), type)}) + 0 * {by}"
    if body.choose(2):
        return f"hvp(sum({by} * sin({by})), {by}, {along})"
    of = expression(replace_depth(body, 2), SCALAR)
    return f"jvp({of} * sin({by}) + {by}^3 / 3, {by}, {along})"


@rule(lambda body, type: tensor(body, type) and body.kind == "model" and body.alone)
def all_slopes(body: Body, type: Type) -> str:
    """Weighed by all derivatives of two numbers by two."""
    small = Type((2,))
    by = body.bind(f"{expression(replace_depth(body, 1), small)} + {drawn(body, small)}", small)
    all = body.pick([f"jacobian(tanh({by}) * {by}[0], {by})", f"hessian(sum(sin({by})), {by})"])
    return f"({expression(body, type)} * mean({all}))"
