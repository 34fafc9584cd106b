"""Vectors for Numba, which has no type for numbers side by side: one, and what can be done to it.

An operator writes the instructions that our own translator writes.  A number beside a vector stands
in every lane.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

import numba
from llvmlite import ir

from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.convert import TypedValue, convert
from gradc_runtime.cpu.codegen.language.translate_expressions import arithmetic, compare, unary

types: Any = numba.types
models: Any = import_module("numba.core.datamodel.models")
typeconv: Any = import_module("numba.core.typeconv")
typing: Any = import_module("numba.core.typing")  # whose stubs say too little
extending: Any = import_module("numba.extending")
ARITHMETIC = {
    operator.add: ast.Add, operator.sub: ast.Sub, operator.mul: ast.Mult,
    operator.truediv: ast.Div, operator.and_: ast.BitAnd, operator.or_: ast.BitOr,
    operator.xor: ast.BitXor, operator.lshift: ast.LShift, operator.rshift: ast.RShift,
    operator.floordiv: ast.FloorDiv, operator.mod: ast.Mod,
}  # fmt: skip
COMPARISONS = {
    operator.lt: ast.Lt, operator.le: ast.LtE, operator.gt: ast.Gt, operator.ge: ast.GtE,
    operator.eq: ast.Eq, operator.ne: ast.NotEq,
}  # fmt: skip
SIGNS = {operator.neg: ast.USub, operator.invert: ast.Invert}
OF_TWO = (math.pow, math.fmod)  # functions of C


class NumbaVector(types.Type):
    """Numbers side by side."""

    def __init__(self, own: kernel_types.Vector) -> None:
        self.own = own
        super().__init__(name=f"vector({own.name})")

    def can_convert_from(self, context: Any, other: Any) -> Any:
        """A number goes into every lane."""
        return typeconv.Conversion.safe if isinstance(other, types.Number) else None


@extending.register_model(NumbaVector)
class VectorModel(models.PrimitiveModel):
    """A vector is one of LLVM's."""

    def __init__(self, manager: Any, kind: NumbaVector) -> None:
        super().__init__(manager, kind, kind.own.llvm)


def own_type(kind: Any) -> Any:
    """The kernel language's type of an operand: a vector, or a plain number."""
    if isinstance(kind, NumbaVector):
        return kind.own
    plain = types.unliteral(kind)
    return getattr(kernel_types, {"bool": "boolean"}.get(str(plain), str(plain)))


def written_by(rule: Callable[..., TypedValue], kinds: Any) -> tuple[Any, Any]:
    """The type of a rule's result, and the writer of its instructions."""

    def apply(builder: Any, values: Any) -> TypedValue:
        return rule(builder, *map(TypedValue, map(own_type, kinds), values))

    module = ir.Module("types")
    probe = ir.Function(module, ir.FunctionType(ir.VoidType(), []), "probe")
    some = [ir.Constant(own_type(kind).llvm, ir.Undefined) for kind in kinds]
    found = apply(ir.IRBuilder(probe.append_basic_block()), some)
    assert isinstance(found.type, kernel_types.Vector), "an operator of vectors makes vectors"
    return NumbaVector(found.type), lambda builder, values: apply(builder, values).llvm


def template_of(function: Any, rule: Callable[..., TypedValue]) -> Any:
    """What tells Numba the type of an operator's result where one operand is a vector."""
    numbers = types.Number, types.Boolean, NumbaVector

    class Template(typing.templates.AbstractTemplate):
        """One operator of vectors."""

        key = function

        def generic(self, arguments: Any, keywords: Any) -> Any:
            """The signature for these types; None where it is no operator of vectors."""
            fits = not keywords and all(isinstance(kind, numbers) for kind in arguments)
            if not fits or not any(isinstance(kind, NumbaVector) for kind in arguments):
                return None
            return typing.signature(written_by(rule, arguments)[0], *arguments)

    return Template


def register(function: Any, rule: Callable[..., TypedValue], patterns: Iterable[Any]) -> None:
    """Let Numba know what an operator makes of vectors."""
    typing.templates.infer_global(function)(template_of(function, rule))

    def lower(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return written_by(rule, signature.args)[1](builder, values)

    for pattern in patterns:
        extending.lower_builtin(function, *pattern)(lower)


def ruled(rule: Callable[..., TypedValue], sign: Any) -> Callable[..., TypedValue]:
    """A translator's rule for one sign."""
    return lambda builder, *values: rule(builder, sign(), *values)


ALONE = ((NumbaVector,),)
BESIDE = (
    (NumbaVector, NumbaVector), (NumbaVector, types.Number), (types.Number, NumbaVector),
    (NumbaVector, types.Boolean), (types.Boolean, NumbaVector),
)  # fmt: skip
for signs, translated, found in (
    (ARITHMETIC, arithmetic, BESIDE), (COMPARISONS, compare, BESIDE), (SIGNS, unary, ALONE)
):  # fmt: skip
    for function, sign in signs.items():
        register(function, ruled(translated, sign), found)


@extending.lower_cast(types.Number, NumbaVector)
@extending.lower_cast(types.Boolean, NumbaVector)
def into_every_lane(context: Any, builder: Any, source: Any, target: Any, value: Any) -> Any:
    """A number as a vector."""
    return convert(builder, TypedValue(own_type(source), value), target.own).llvm


@extending.intrinsic
def lane_of(typing_context: Any, vector: Any, at: Any) -> Any:
    """One number of a vector."""
    number = getattr(types, vector.own.element.name)

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.extract_element(*values)

    return number(vector, types.int64), emit


@extending.intrinsic
def with_lane(typing_context: Any, vector: Any, at: Any, value: Any) -> Any:
    """A vector with another number in one place."""

    def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        total, place, single = values
        return builder.insert_element(total, single, place)

    return vector(vector, types.int64, getattr(types, vector.own.element.name)), emit


def lane_by_lane(function: Any, count: int) -> Any:
    """A function of `count` numbers, called for each lane in turn where it is given vectors."""
    names = ", ".join(f"x{k}" for k in range(count))
    scope: dict[str, Any] = {"chosen": partial(chosen, function)}
    exec(f"def called({names}):\n    raise NotImplementedError", scope)
    exec(f"def overloaded({names}):\n    return chosen({names})", scope)
    extending.overload(scope["called"], strict=False)(scope["overloaded"])
    return scope["called"]


def chosen(function: Any, *kinds: Any) -> Any:
    """What Numba compiles for operands of these types."""
    given = [f"x{k}" for k in range(len(kinds))]
    wide = [k for k, kind in enumerate(kinds) if isinstance(kind, NumbaVector)]
    lines = [f"return function({', '.join(given)})"]
    if wide:
        lanes = kinds[wide[0]].own.count
        singles = [f"lane_of({x}, k)" if k in wide else x for k, x in enumerate(given)]
        lines = [
            f"total = x{wide[0]}",
            f"for k in range({lanes}):",
            f"    total = with_lane(total, k, function({', '.join(singles)}))",
            "return total",
        ]
    scope = {"function": function, "lane_of": lane_of, "with_lane": with_lane}
    exec("\n    ".join([f"def each({', '.join(given)}):", *lines]), scope)
    return scope["each"]
