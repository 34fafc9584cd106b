"""An expression of the kernel language becomes a value."""

from __future__ import annotations

import ast
from typing import Any

from llvmlite import ir

from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.alias_scopes import keep_apart
from gradc_runtime.cpu.codegen.language.convert import (
    TypedValue,
    constant,
    convert,
    decision,
    fixed,
    truth,
)
from gradc_runtime.cpu.codegen.language.frame import Frame
from gradc_runtime.cpu.codegen.language.kernel_types import NumberType, Pointer, Type
from gradc_runtime.cpu.codegen.language.translate_calls import call

WHOLE = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and_", ast.BitOr: "or_",
    ast.BitXor: "xor", ast.LShift: "shl", ast.RShift: "ashr",
}  # fmt: skip
REAL = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
COMPARISONS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip


def evaluate(frame: Frame, node: ast.expr) -> TypedValue:
    """The value of an expression.

    Raises `TypeError` for an expression that is not in the language.
    """
    builder = frame.builder
    match node:
        case ast.Constant():
            return constant(node.value)
        case ast.Name():
            return frame.read(node.id)
        case ast.Attribute():
            return constant(named(frame, node))
        case ast.BinOp():
            left, right = evaluate(frame, node.left), evaluate(frame, node.right)
            return arithmetic(builder, node.op, left, right)
        case ast.UnaryOp():
            return unary(builder, node.op, evaluate(frame, node.operand))
        case ast.Compare(ops=[operator], comparators=[other]):
            return compare(builder, operator, evaluate(frame, node.left), evaluate(frame, other))
        case ast.BoolOp():
            return shortcut(frame, node)
        case ast.IfExp():
            return conditional(frame, node.test, node.body, node.orelse)
        case ast.Subscript():
            return load(frame, node)
        case ast.Call():
            return call(frame, named(frame, node.func), [evaluate(frame, a) for a in node.args])
        case ast.Tuple():
            return tuple_value(builder, [evaluate(frame, item) for item in node.elts])
    raise TypeError(f"{ast.unparse(node)} is not in the language")


def arithmetic(
    builder: ir.IRBuilder, operator: ast.operator, a: TypedValue, b: TypedValue
) -> TypedValue:
    """Whole numbers are worked out as int64, mixtures as float64; bits may stay bits."""
    logical = isinstance(operator, ast.BitAnd | ast.BitOr | ast.BitXor)
    kind, count = kernel_types.unify(a.type, b.type), kernel_types.count_of(a.type, b.type)
    if not real(kind) and not (logical and kernel_types.lane(kind) == kernel_types.boolean):
        number = kernel_types.float64 if isinstance(operator, ast.Div) else kernel_types.int64
        kind = kernel_types.widened(number, count)
    x, y = convert(builder, a, kind).llvm, convert(builder, b, kind).llvm
    if real(kind):
        return TypedValue(kind, getattr(builder, REAL[type(operator)])(x, y))
    if isinstance(operator, ast.FloorDiv | ast.Mod):
        return TypedValue(kind, floor_division(builder, operator, x, y))
    return TypedValue(kind, getattr(builder, WHOLE[type(operator)])(x, y))


def floor_division(builder: ir.IRBuilder, operator: ast.operator, x: Any, y: Any) -> Any:
    """Python's quotient is rounded down, and its remainder has the divisor's sign."""
    zero, one = (fixed(x.type, k) for k in (0, 1))
    quotient, rest = builder.sdiv(x, y), builder.srem(x, y)
    uneven = builder.icmp_signed("!=", rest, zero)
    apart = builder.icmp_signed("<", builder.xor(rest, y), zero)
    below = builder.and_(uneven, apart)
    if isinstance(operator, ast.Mod):
        return builder.select(below, builder.add(rest, y), rest)
    return builder.select(below, builder.sub(quotient, one), quotient)


def real(kind: Type) -> bool:
    """Whether a type is a floating-point number, or many."""
    number = kernel_types.lane(kind)
    return isinstance(number, NumberType) and number.real


def unary(builder: ir.IRBuilder, operator: ast.unaryop, x: TypedValue) -> TypedValue:
    """-x, ~x, not x.

    Raises `TypeError` for another sign.
    """
    count = kernel_types.count_of(x.type)
    match operator:
        case ast.Not():
            return TypedValue(
                kernel_types.widened(kernel_types.boolean, count), builder.not_(truth(builder, x))
            )
        case ast.USub() if real(x.type):
            return TypedValue(x.type, builder.fneg(x.llvm))
        case ast.USub() if x.literal is not None:
            return constant(-x.literal)
        case ast.USub():
            whole = kernel_types.widened(kernel_types.int64, count)
            return TypedValue(whole, builder.neg(convert(builder, x, whole).llvm))
        case ast.Invert():
            return TypedValue(x.type, builder.not_(x.llvm))
    raise TypeError("a sign is not in the language")


def compare(builder: ir.IRBuilder, operator: ast.cmpop, a: TypedValue, b: TypedValue) -> TypedValue:
    """One comparison; with NaN all are false but `!=`."""
    kind, sign = kernel_types.unify(a.type, b.type), COMPARISONS[type(operator)]
    count = kernel_types.count_of(kind)
    if not real(kind):
        kind = kernel_types.widened(kernel_types.int64, count)
    x, y = convert(builder, a, kind).llvm, convert(builder, b, kind).llvm
    answer = kernel_types.widened(kernel_types.boolean, count)
    if not real(kind):
        return TypedValue(answer, builder.icmp_signed(sign, x, y))
    test = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
    return TypedValue(answer, test(sign, x, y))


def shortcut(frame: Frame, node: ast.BoolOp) -> TypedValue:
    """`a and b`, `a or b`: b is not evaluated where a decides."""
    first, *rest = node.values
    if not rest:
        return TypedValue(kernel_types.boolean, decision(frame.builder, evaluate(frame, first)))
    others = ast.BoolOp(node.op, rest)
    decided = ast.Constant(isinstance(node.op, ast.Or))
    if isinstance(node.op, ast.Or):
        return conditional(frame, first, decided, others)
    return conditional(frame, first, others, decided)


def conditional(frame: Frame, test: ast.expr, yes: ast.expr, no: ast.expr) -> TypedValue:
    """`yes if test else no`; only one of the two is evaluated."""
    builder, made = frame.builder, []
    after = builder.append_basic_block("after")
    blocks = [builder.append_basic_block(name) for name in ("yes", "no")]
    builder.cbranch(decision(builder, evaluate(frame, test)), *blocks)
    for block, node in zip(blocks, (yes, no), strict=True):
        builder.position_at_end(block)
        made.append((evaluate(frame, node), builder.block))
    kind = kernel_types.unify(made[0][0].type, made[1][0].type)
    incoming = []
    for value, block in made:
        builder.position_at_end(block)
        incoming.append(convert(builder, value, kind).llvm)
        builder.branch(after)
    builder.position_at_end(after)
    phi = builder.phi(kind.llvm)
    for value, (_, block) in zip(incoming, made, strict=True):
        phi.add_incoming(value, block)
    return TypedValue(kind, phi)


def element(frame: Frame, node: ast.Subscript) -> tuple[Type, Any]:
    """The type and the address of `pointer[index]`.

    Raises `TypeError` where the value is no pointer.
    """
    pointer, index = evaluate(frame, node.value), evaluate(frame, node.slice)
    if not isinstance(pointer.type, Pointer):
        raise TypeError(f"{ast.unparse(node.value)} is {pointer.type}, which has no elements")
    at = convert(frame.builder, index, kernel_types.int64).llvm
    return pointer.type.element, frame.builder.gep(pointer.llvm, [at], inbounds=True)


def load(frame: Frame, node: ast.Subscript) -> TypedValue:
    """`pointer[index]`."""
    kind, place = element(frame, node)
    found = frame.builder.load(place)
    keep_apart(frame.scopes, node.value, found)
    return TypedValue(kind, found)


def named(frame: Frame, node: ast.expr) -> Any:
    """The Python object of a name: `exp`, `np.float32`, `math.exp`.

    Raises `TypeError` for what is no name.
    """
    match node:
        case ast.Name():
            return frame.python(node.id)
        case ast.Attribute():
            return getattr(named(frame, node.value), node.attr)
    raise TypeError(f"{ast.unparse(node)} cannot be called")


def tuple_value(builder: ir.IRBuilder, items: list[TypedValue]) -> TypedValue:
    """Several values as one."""
    kind = kernel_types.tuple_of([item.type for item in items])
    total = ir.Constant(kind.llvm, ir.Undefined)
    for k, item in enumerate(items):
        total = builder.insert_value(total, item.llvm, k)
    return TypedValue(kind, total)
