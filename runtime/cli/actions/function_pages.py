"""What pages say of functions of the language that are no operators of their own.

Each has what it gives and what its operands get of the cotangent g, in the words of the language
where there are some, and is defined by an equal expression of simpler ones or by loops;
`tests/runtime/cli/test_name_pages.py` tries both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gradc_compiler.ops.recurrence_definitions import scan, unfold, zip_

KNOWN = "none: it is known while the spec is compiled"
DRAWN = "none: it makes numbers and reads none"
AGAIN = "it is an expression like any other, so it may be differentiated again"
THROUGH = (
    "back through time: a recurrence from the last step to the first, as `gradc derive` tells it"
)
FUNCTIONS = {
    # name: (what it gives, what its operands get)
    "broadcast": ("x repeated to a shape by NumPy's rule.",
                  "x gets the sum of g over the axes along which it was repeated"),
    "ceil": ("y = -floor(-x)", "x gets nothing"),
    "checkpoint": ("The layer as it is; what its derivative reads is computed again, not kept.",
                   "that of the layer"),
    "classes": ("How many classes a label has.", KNOWN),
    "each": ("y[i] = layer(x[i]) along the first axis, or along a sequence.",
             "x[i] gets what the layer's input gets of g[i], a parameter the sum of all"),
    "full": ("A tensor filled with one number.", "value gets sum(g)"),
    "grad": ("The derivative of a scalar by x, in the shape of x; a tuple for a tuple.", AGAIN),
    "hessian": ("All second derivatives of a scalar by x, with the axes of x twice.", AGAIN),
    "hvp": ("The second derivative of a scalar by x along v, in the shape of x.", AGAIN),
    "identity": ("y = x", "x gets g"),
    "jacobian": ("All derivatives of a tensor by x: the axes of both, [*e, *x].", AGAIN),
    "jvp": ("The derivative of a value by x along v, in the value's shape: (de/dx) v.", AGAIN),
    "min": ("The least element over `axes`, which are dropped.",
            "`where(x > y, 0, g / n)`, for n equal least elements"),
    "mean": ("y = sum(x) / size(x), or the same along some axes.", "x gets g / size(x)"),
    "normal": ("Draws from the normal distribution, for `~`.", DRAWN),
    "one_hot": ("1 at the label, 0 elsewhere.", "none: a label has no derivative"),
    "ones": ("A tensor of ones.", DRAWN),
    "pad": ("Zeros before and after along each axis.", "x gets g without what was put around it"),
    "place": ("The positions of a sequence's elements as labels.",
              "none: a label has no derivative"),
    "rank": ("How many axes.", KNOWN),
    "refuse": ("An error at the author's call, in the branch of a conditional.", KNOWN),
    "repeat": ("The layer n times, each with parameters of its own.",
               "the chain rule through all n, from the last to the first"),
    "rows": ("The rows of a tensor, along its first axis, as a sequence.",
             "x gets from_rows(g)"),
    "scan": ("s_t = cell(s_(t-1), x_t) along a sequence.", THROUGH),
    "shape": ("The sizes of a tensor.", KNOWN),
    "size": ("How many elements, or the size of an axis.", KNOWN),
    "stack": ("Tensors of one shape along a new leading axis.", "each operand gets its row of g"),
    "sum": ("The sum over all axes, or over `axis = 0` or `axis = (0, 1)`.",
            "x gets g at every place that was added"),
    "tensor": ("`tensor(1, 2, 3, 4, shape = [2, 2])`: numbers in row-major order.", DRAWN),
    "transpose": ("The axes reversed, or in the order that is given: `transpose(x, (1, 0, 2))`.",
                  "x gets g with its axes put back"),
    "unfold": ("s_t = cell(s_(t-1), x) for a number of steps, with one input.", THROUGH),
    "uniform": ("Draws from the uniform distribution, for `~`.", DRAWN),
    "zeros": ("A tensor of zeros.", DRAWN),
    "zip": ("Sequences of one length as a tuple that `scan` takes step by step.",
            "each sequence gets its part of g"),
}  # fmt: skip
EQUAL = {
    # name: (the type of x, a call, the same by simpler ones, the type of both)
    "broadcast": ("[3]", "broadcast(x, [2, 3])", "contract(i < 2, j : x[j])", "[2, 3]"),
    "ceil": ("[3]", "ceil(x)", "-floor(-x)", "[3]"),
    "checkpoint": ("[3]", "x |> checkpoint(exp)", "x |> exp", "[3]"),
    "classes": ("class(3)", "one_hot(x, classes(x))", "one_hot(x, 3)", "[3]"),
    "each": ("[2, 3]", "x |> each(softmax)", "stack(softmax(x[0]), softmax(x[1]))", "[2, 3]"),
    "full": ("[3]", "full([3], 2)", "0 * x + 2", "[3]"),
    "grad": ("[2]", "grad(sum(x^3), x)",
             "stack(jvp(sum(x^3), x, tensor(1, 0)), jvp(sum(x^3), x, tensor(0, 1)))", "[2]"),
    "hessian": ("[3]", "hessian(sum(x^3), x)", "jacobian(grad(sum(x^3), x), x)", "[3, 3]"),
    "hvp": ("[3]", "hvp(sum(x^3), x, 2 * x)", "hessian(sum(x^3), x) @ (2 * x)", "[3]"),
    "identity": ("[3]", "identity(x)", "x", "[3]"),
    "jacobian": ("[2]", "jacobian(exp(x), x)",
                 "stack(grad(exp(x)[0], x), grad(exp(x)[1], x))", "[2, 2]"),
    "jvp": ("[3]", "jvp(exp(x), x, 2 * x)", "jacobian(exp(x), x) @ (2 * x)", "[3]"),
    "mean": ("[2, 3]", "mean(x)", "sum(x) / size(x)", "scalar"),
    "min": ("[2, 3]", "min(x, axis = 0)", "-max(-x, axis = 0)", "[3]"),
    "one_hot": ("class(3)", "one_hot(x, 3)",
                "take(tensor(1, 0, 0, 0, 1, 0, 0, 0, 1, shape = [3, 3]), x)", "[3]"),
    "ones": ("[3]", "ones([3])", "0 * x + 1", "[3]"),
    "pad": ("[3]", "pad(x, 1, 2)", "contract(i < 6 : x[i - 1])", "[6]"),
    "rank": ("[2, 3]", "rank(x) * x", "2 * x", "[2, 3]"),
    "refuse": ("[3]", 'sum(x) if rank(x) == 1 else refuse("one axis, not", rank(x))', "sum(x)",
               "scalar"),
    "repeat": ("[3]", "x |> repeat(2, exp)", "x |> exp |> exp", "[3]"),
    "rows": ("[2, 3]", "x |> rows |> time_sum", "x[0] + x[1]", "[3]"),
    "shape": ("[2, 3]", "ones(shape(x))", "ones([2, 3])", "[2, 3]"),
    "size": ("[2, 3]", "size(x) * x", "6 * x", "[2, 3]"),
    "stack": ("[3]", "stack(x, 2 * x)", "reshape(concat(x, 2 * x, axis = 0), [2, 3])", "[2, 3]"),
    "sum": ("[2, 3]", "sum(x, axis = 0)", "contract(j : x[i, j])", "[3]"),
    "tensor": ("[3]", "tensor(4, 5)", "concat(full([1], 4), full([1], 5), axis = 0)", "[2]"),
    "transpose": ("[2, 3]", "transpose(x)", "contract(j, i : x[i, j])", "[3, 2]"),
    "zeros": ("[3]", "zeros([3])", "0 * x", "[3]"),
}  # fmt: skip
DRAWS = {"normal": "random", "uniform": "random", "place": "position"}  # the operator that it is
LOOPS: Mapping[str, Callable[..., Any]] = {"scan": scan, "unfold": unfold, "zip": zip_}
UNTOUCHED = {  # kinds of definitions through which no derivative goes
    "initializer": "none: first values are drawn before anything is differentiated",
    "optimizer": "none: an update is not differentiated",
    "schedule": "none: it sees the count of updates alone",
}
