"""Functions that a file defines, made of ONNX nodes, where ONNX has no such operator.

Each is worked out in float64, whatever the numbers around it are, and rounded once.  An elementwise
operator that is neither here nor in `elementwise_rows.py` is made of its scalar text: so one that
is added to the language needs nothing more to be exported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.loops.ir import Apply, Scalar, ScalarConstant
from gradc_compiler.loops.scalar_form import OPERANDS, scalar_form
from gradc_compiler.onnx.export.elementwise_rows import NAMESAKES
from gradc_compiler.onnx.export.number_nodes import (
    MATHEMATICS,
    NumberNode,
    function_writer,
    select,
)
from gradc_compiler.onnx.export.random_draws import DRAWS
from gradc_compiler.onnx.records import DOMAIN, OnnxFunction, OnnxNode
from gradc_compiler.ops.elementwise import Elementwise

WHOLE = 2.0**51  # as in `compiler/ops/division.py`
BELOW_ONE = 1.0 - 2.0**-24  # times a float32: the next one towards 0


def _log1p(x: NumberNode) -> NumberNode:
    """log(1 + x) as x log(u) / (u - 1) for u = 1 + x, rounded: Goldberg, 1991, theorem 4."""
    u = 1.0 + x
    return select(u == 1.0, x, x * (u.then("Log") / (u - 1.0)))


def _expm1(x: NumberNode) -> NumberNode:
    """exp(x) - 1 by a device like that of `_log1p`: Kahan."""
    u = x.then("Exp")
    near = (u - 1.0) * (x / u.then("Log"))
    far = (x < -30.0).then("Or", x > 30.0)
    return select(u == 1.0, x, select(far, u - 1.0, near))


def _on_the_other_side(left: NumberNode, b: NumberNode) -> NumberNode:
    """Whether the remainder of a division is not 0 and has another sign than b."""
    return ((left < 0.0).then("Xor", b < 0.0)).then("And", left != 0.0)


def _quotient(a: NumberNode, b: NumberNode) -> NumberNode:
    """The floor of a / b."""
    left, ratio = a.then("Mod", b, fmod=1), a / b
    count = (a - left) / b
    count = select(count.then("Abs") < WHOLE, count.then("Round"), count)
    count = select(_on_the_other_side(left, b), count - 1.0, count)
    bad = count.then("IsNaN").then("Or", count.then("IsInf"))
    return select(bad, ratio.then("Floor"), count)


def _rest(a: NumberNode, b: NumberNode) -> NumberNode:
    """a - b floor(a / b), which never reaches b."""
    left = a.then("Mod", b, fmod=1)
    moved = select(_on_the_other_side(left, b), left + b, left)
    inside = moved.then("Abs") > b.then("Abs") * BELOW_ONE
    return select(inside, b * BELOW_ONE, moved)


BODIES: dict[str, Callable[..., NumberNode]] = {
    "log1p": _log1p,
    "expm1": _expm1,
    "quotient": _quotient,
    "rest": _rest,
}
CALLED: dict[str, str] = {  # ONNX's names of the functions that scalar texts call
    **{"+": "Add", "-": "Sub", "*": "Mul", "/": "Div", "<": "Less", "<=": "LessOrEqual"},
    **{">": "Greater", ">=": "GreaterOrEqual", "==": "Equal", "select": "Where"},
    **{"abs_": "Abs", "maximum": "Max", "minimum": "Min", "pow_": "Pow"},
    **{name.lower(): name for name in NAMESAKES},
}


def _of_text(value: Scalar, operands: Sequence[NumberNode]) -> NumberNode:
    """A scalar text, from a row of the table of operators, as nodes on the given operands."""
    if isinstance(value, ScalarConstant):
        return operands[0].of(float(value.value))
    if not isinstance(value, Apply):
        return operands[OPERANDS.index(value)]
    first, *others = (_of_text(arg, operands) for arg in value.args)
    match value.op:
        case "-" if not others:
            return -first
        case "!=":
            return first != others[0]
        case "step":
            return select(first, 1.0, 0.0)
        case "real" | "wide":
            return first
        case name if name in BODIES:
            return BODIES[name](first, *others)
    return first.then(CALLED[value.op], *others)


@cache
def elementwise_function(name: str) -> OnnxFunction:
    """An elementwise operator as a function."""
    op = OPS[name]
    assert issubclass(op, Elementwise)
    inputs = op.parameters
    writer = function_writer(name, *inputs)
    numbers = [writer.number(x) for x in inputs]
    if name in BODIES:
        return writer.function(name, inputs, BODIES[name](*numbers))
    if op.formula is not None:
        return writer.function(name, inputs, op.formula(MATHEMATICS, *numbers))
    return writer.function(name, inputs, _of_text(scalar_form(op.text), numbers))


def functions_of(nodes: Iterable[OnnxNode]) -> tuple[OnnxFunction, ...]:
    """The functions that nodes call, and those that these call, each once."""
    found: dict[str, OnnxFunction] = {}
    pending = [name for node in nodes for name in node.calls(DOMAIN)]
    while pending:
        name = pending.pop()
        if name not in found:
            found[name] = DRAWS[name]() if name in DRAWS else elementwise_function(name)
            pending += [called for node in found[name].nodes for called in node.calls(DOMAIN)]
    return tuple(found[name] for name in sorted(found))
