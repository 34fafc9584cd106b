"""Rules for what goes along an axis: running sums, orders, numbers at places."""

from __future__ import annotations

from tests.random_specs.body import Body, Type, expression, rule, tensor
from tests.random_specs.tensors import untied


@rule(lambda body, type: tensor(body, type) and len(type.shape) >= 1)
def along_an_axis(body: Body, type: Type) -> str:
    """Running sums, numbers in order, and numbers in the order of others."""
    match body.pick(["cumsum", "sort", "take_along", "add_along"]):
        case "cumsum":
            axis = body.choose(len(type.shape))
            ends = f"axis = {axis}, backwards = true" if body.choose(2) else f"axis = {axis}"
            return f"cumsum({expression(body, type)}, {ends})"
        case "sort":
            return f"sort({untied(body, type)})"
        case "take_along":
            order = f"argsort({untied(body, type)})"
            return f"take_along({expression(body, type)}, {order})"
        case _:
            size = type.shape[-1]
            inner = Type((*type.shape[:-1], 1 + body.choose(size)))
            order = f"argsort({untied(body, inner)})"
            return f"add_along({expression(body, inner)}, {order}, {size})"
