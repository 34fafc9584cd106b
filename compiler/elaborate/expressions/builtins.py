"""Functions of the language itself, one row each.

Their names are reserved.  A rule gets the scope, the call's span and its arguments in order (None
where one is left out).  What can be said in the language is in the prelude instead.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, floor, isfinite

import numpy as np

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions import (
    forward_expr,
    grad_expr,
    labels,
    primitives,
    sequences,
    tensors,
)
from gradc_compiler.elaborate.functions.arithmetic import elementwise, to_value
from gradc_compiler.elaborate.functions.structured_calls import structured
from gradc_compiler.elaborate.layers import scans
from gradc_compiler.elaborate.names.decimals import Number
from gradc_compiler.elaborate.names.paths import made_at
from gradc_compiler.elaborate.names.problems import require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.spec_limits import REPEATS
from gradc_compiler.elaborate.names.values import (
    Builtin,
    Checkpointed,
    Each,
    LayerLike,
    Repeated,
    StaticText,
    StaticValue,
    is_number,
)
from gradc_compiler.elaborate.parameters import recurrence
from gradc_compiler.elaborate.parameters.sampling import draw
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.elaborate.types.sizes import check_size
from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.elementwise import INFIX, Elementwise
from gradc_compiler.ops.structured import Structured

BUILTINS: dict[str, Builtin] = {}
ELEMENTWISE = {  # a row of the table of elementwise operators is a function without more ado
    name: " ".join(op.parameters)
    for name, op in OPS.items()
    if issubclass(op, Elementwise) and name not in INFIX
}


def _row(
    name: str,
    parameters: str,
    rule: Callable[..., StaticValue],
    *,
    required: int = 1,
    variadic: bool = False,
    makes_layer: bool = False,
) -> None:
    BUILTINS[name] = Builtin(name, rule, tuple(parameters.split()), required, variadic, makes_layer)


def _elementwise(name: str) -> Callable[..., StaticValue]:
    def rule(scope: Scope, span: Span, *operands: StaticValue) -> StaticValue:
        if all(map(is_number, operands)):
            return _on_numbers(name, operands, scope, span)
        places = [scope.argument(span, operand) for operand in ELEMENTWISE[name].split()]
        values = [to_value(x, scope, at) for x, at in zip(operands, places, strict=True)]
        for x, place in zip(values, places, strict=True):
            if x.type.kind is Kind.INDEX:
                raise scope.fault(
                    "E0306",
                    f"`{name}` takes numbers, this is {x.type}",
                    place,
                    hint="one_hot(label, k) makes a vector of a label",
                )
        return elementwise(name, scope, *values, span=span)

    return rule


def _on_numbers(name: str, numbers: tuple[Number, ...], scope: Scope, span: Span) -> Number:
    if name in ("maximum", "minimum"):
        return max(numbers) if name == "maximum" else min(numbers)
    operands = [np.full(1, float(n)) for n in numbers]
    result = float(OPS[name]().reference(*operands)[0])
    if not isfinite(result):
        raise scope.fault("E0402", f"{name}({', '.join(map(str, numbers))}) has no value", span)
    return result


def _rounded(name: str, function: Callable[[float], int]) -> Callable[..., StaticValue]:
    def rule(scope: Scope, span: Span, x: StaticValue) -> StaticValue:
        if is_number(x):
            return function(x)
        value = tensors.real(x, scope, scope.argument(span, "x"))
        if name == "floor":
            return elementwise("floor", scope, value, span=span)
        return -elementwise("floor", scope, -value, span=span)

    return rule


def _extreme(name: str) -> Callable[..., StaticValue]:
    def rule(
        scope: Scope, span: Span, parts: tuple[StaticValue, ...], axis: StaticValue
    ) -> StaticValue:
        require_sound(*parts)
        if len(parts) > 1 and all(map(is_number, parts)):
            return max(parts) if name == "max" else min(parts)
        if len(parts) != 1:
            raise scope.fault(
                "E0305",
                f"`{name}` goes over the axes of one tensor",
                span,
                hint=f"{name}imum(a, b) goes element by element",
            )
        return tensors.extreme(name, scope, span, parts[0], axis)

    return rule


def _repeat(scope: Scope, span: Span, count: StaticValue, layer: StaticValue) -> StaticValue:
    place = scope.argument(span, "count")
    times = check_size(count, place, scope)
    if times > REPEATS:
        raise scope.fault("E0411", f"repeat({times:,}, ...) is more than {REPEATS:,} layers", place)
    return Repeated(times, _layer(layer, scope, span), made_at(span, scope.path))


def _each(scope: Scope, span: Span, layer: StaticValue) -> StaticValue:
    return Each(_layer(layer, scope, span))


def _checkpoint(scope: Scope, span: Span, layer: StaticValue, products: StaticValue) -> StaticValue:
    kept = sequences.flag(products, scope, scope.argument(span, "products"))
    return Checkpointed(_layer(layer, scope, span), kept)


def _layer(layer: StaticValue, scope: Scope, span: Span) -> StaticValue:
    if not isinstance(layer, LayerLike):
        place = scope.argument(span, "layer")
        raise scope.fault("E0306", f"expected a layer, got {describe(layer)}", place)
    return layer


def _distribution(normal: bool) -> Callable[..., StaticValue]:
    def rule(
        scope: Scope, span: Span, first: StaticValue, second: StaticValue, key: StaticValue
    ) -> StaticValue:
        ends = (0 if first is None else first, 1 if second is None else second)
        place = scope.argument(span, "key")
        return draw(
            normal, *ends, scope, span, None if key is None else check_size(key, place, scope)
        )

    return rule


def _refuse(scope: Scope, span: Span, parts: tuple[StaticValue, ...]) -> StaticValue:
    """`refuse("groups =", n, "...")`: what a definition does not take, told at its call."""
    require_sound(*parts)
    places = scope.run.argument_spans.get(span, {}).values()
    about = next((p for p in places if scope.author_argument(p) is not None), None)
    raise scope.fault("E0405", " ".join(map(_word, parts)), span, about=about)


def _word(part: StaticValue) -> str:
    if isinstance(part, StaticText):
        return part.value
    return str(part) if is_number(part) else describe(part)


def _identity(scope: Scope, span: Span, x: StaticValue) -> StaticValue:
    return x


for _name, _parameters in ELEMENTWISE.items():
    _row(_name, _parameters, _elementwise(_name), required=len(_parameters.split()))
_row("sum", "x axis", tensors.sum_over)
_row("mean", "x axis", tensors.mean_over)
for _name in ("max", "min"):
    _row(_name, "x axis", _extreme(_name), variadic=True)
_row("floor", "x", _rounded("floor", floor))
_row("ceil", "x", _rounded("ceil", ceil))
_row("argmax", "x", tensors.argmax)
for _op in OPS.values():
    if issubclass(_op, Structured):
        _parameters = " ".join((*_op.operands(), *_op.settings()))
        _row(_op.name, _parameters, structured(_op), required=_op.required())
_row("reshape", "x shape", tensors.reshaped, required=2)
_row("transpose", "x order", tensors.transposed_by)
_row("concat", "parts axis", tensors.concatenated, variadic=True)
_row("stack", "parts", tensors.stacked, variadic=True)
_row("pad", "x before after", tensors.padded, required=3)
_row("broadcast", "x shape", tensors.repeated, required=2)
_row("take", "table index", labels.taken, required=2)
_row("one_hot", "label count", labels.one_hot)
_row("classes", "label", labels.classes_of)
_row("iota", "n", tensors.iota)
_row("batch_mean", "x", tensors.batch_mean)
_row("size", "x axis", tensors.size_of_tensor)
_row("shape", "x", tensors.shape_of)
_row("rank", "x", tensors.rank_of)
_row("full", "shape value", tensors.filled, required=2)
_row("zeros", "shape", lambda scope, span, shape: tensors.filled(scope, span, shape, 0))
_row("ones", "shape", lambda scope, span, shape: tensors.filled(scope, span, shape, 1))
_row("repeat", "count layer", _repeat, required=2, makes_layer=True)
_row("each", "layer", _each, makes_layer=True)
_row("checkpoint", "layer products", _checkpoint, makes_layer=True)
_row("scan", "cell start all backwards", scans.scan, makes_layer=True)
_row("unfold", "count cell start all", scans.unfold, required=2, makes_layer=True)
_row("previous", "start over backwards", recurrence.previous, required=2)
_row("last", "xs", sequences.last)
_row("first", "xs", sequences.first)
_row("reverse", "xs", sequences.reverse)
_row("length", "xs", sequences.length)
_row("time_sum", "xs", sequences.time_sum)
_row("position", "xs", sequences.position)
_row("place", "xs", sequences.place)
_row("rows", "x", sequences.rows)
_row("from_rows", "xs", sequences.from_rows)
_row("zip", "parts", sequences.zipped, variadic=True)
_row("spread", "x over", sequences.spread, required=2)
_row("at_end", "x over first", sequences.at_end, required=2)
_row("tensor", "numbers shape", primitives.tensor, variadic=True)
_row("scatter", "x index rows", primitives.scatter, required=3)
_row("orthonormalize", "x", primitives.orthonormalize)
_row("refuse", "parts", _refuse, variadic=True)
_row("identity", "x", _identity)
_row("grad", "of by", grad_expr.grad, required=2)
_row("jvp", "of by along", forward_expr.jvp, required=3)
_row("hvp", "of by along", forward_expr.hvp, required=3)
_row("jacobian", "of by", forward_expr.jacobian, required=2)
_row("hessian", "of by", forward_expr.hessian, required=2)
_row("normal", "mean std key", _distribution(True), required=0)
_row("uniform", "low high key", _distribution(False), required=0)
