"""An expression of the kernel language becomes a value."""

from __future__ import annotations

import ast
import math
from typing import Any

from llvmlite import ir

from runtime.cpu.language import types
from runtime.cpu.language.convert import Value, constant, convert, truth
from runtime.cpu.language.declare import SUBROUTINES, Intrinsic
from runtime.cpu.language.frame import Frame
from runtime.cpu.language.scopes import keep_apart
from runtime.cpu.language.types import Literal, Number, Pointer, Type

WHOLE = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and_", ast.BitOr: "or_",
    ast.BitXor: "xor", ast.LShift: "shl", ast.RShift: "ashr",
}  # fmt: skip
REAL = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul", ast.Div: "fdiv"}
COMPARISONS = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
}  # fmt: skip
MATHEMATICS = {  # of the C library, some of them known to LLVM
    math.exp: "llvm.exp.f64", math.log: "llvm.log.f64", math.sin: "llvm.sin.f64",
    math.cos: "llvm.cos.f64", math.pow: "llvm.pow.f64", math.tanh: "tanh", math.erf: "erf",
    math.expm1: "expm1", math.log1p: "log1p",
}  # fmt: skip


def evaluate(frame: Frame, node: ast.expr) -> Value:
    """The value of an expression."""
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


def arithmetic(builder: ir.IRBuilder, operator: ast.operator, a: Value, b: Value) -> Value:
    """Whole numbers are worked out as int64, mixtures as float64; bits may stay bits."""
    logical = isinstance(operator, ast.BitAnd | ast.BitOr | ast.BitXor)
    kind = types.unify(a.type, b.type)
    if not real(kind) and not (logical and kind == types.boolean):
        kind = types.float64 if isinstance(operator, ast.Div) else types.int64
    x, y = convert(builder, a, kind).llvm, convert(builder, b, kind).llvm
    if real(kind):
        return Value(kind, getattr(builder, REAL[type(operator)])(x, y))
    if isinstance(operator, ast.FloorDiv | ast.Mod):
        return Value(kind, floor_division(builder, operator, x, y))
    return Value(kind, getattr(builder, WHOLE[type(operator)])(x, y))


def floor_division(builder: ir.IRBuilder, operator: ast.operator, x: Any, y: Any) -> Any:
    """Python's quotient is rounded down, and its remainder has the divisor's sign."""
    zero, one = (ir.Constant(types.int64.llvm, k) for k in (0, 1))
    quotient, rest = builder.sdiv(x, y), builder.srem(x, y)
    uneven = builder.icmp_signed("!=", rest, zero)
    apart = builder.icmp_signed("<", builder.xor(rest, y), zero)
    below = builder.and_(uneven, apart)
    if isinstance(operator, ast.Mod):
        return builder.select(below, builder.add(rest, y), rest)
    return builder.select(below, builder.sub(quotient, one), quotient)


def real(kind: Type) -> bool:
    """Whether a type is a floating-point number."""
    return isinstance(kind, Number) and kind.real


def unary(builder: ir.IRBuilder, operator: ast.unaryop, x: Value) -> Value:
    """-x, ~x, not x."""
    match operator:
        case ast.Not():
            return Value(types.boolean, builder.not_(truth(builder, x)))
        case ast.USub() if real(x.type):
            return Value(x.type, builder.fneg(x.llvm))
        case ast.USub() if x.literal is not None:
            return constant(-x.literal)
        case ast.USub():
            return Value(types.int64, builder.neg(convert(builder, x, types.int64).llvm))
        case ast.Invert():
            return Value(x.type, builder.not_(x.llvm))
    raise TypeError("a sign is not in the language")


def compare(builder: ir.IRBuilder, operator: ast.cmpop, a: Value, b: Value) -> Value:
    """One comparison; with NaN all are false but `!=`."""
    kind, sign = types.unify(a.type, b.type), COMPARISONS[type(operator)]
    if not real(kind):
        kind = types.int64
    x, y = convert(builder, a, kind).llvm, convert(builder, b, kind).llvm
    if not real(kind):
        return Value(types.boolean, builder.icmp_signed(sign, x, y))
    test = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
    return Value(types.boolean, test(sign, x, y))


def shortcut(frame: Frame, node: ast.BoolOp) -> Value:
    """`a and b`, `a or b`: b is not evaluated where a decides."""
    first, *rest = node.values
    if not rest:
        return Value(types.boolean, truth(frame.builder, evaluate(frame, first)))
    others = ast.BoolOp(node.op, rest)
    decided = ast.Constant(isinstance(node.op, ast.Or))
    if isinstance(node.op, ast.Or):
        return conditional(frame, first, decided, others)
    return conditional(frame, first, others, decided)


def conditional(frame: Frame, test: ast.expr, yes: ast.expr, no: ast.expr) -> Value:
    """`yes if test else no`; only one of the two is evaluated."""
    builder, made = frame.builder, []
    after = builder.append_basic_block("after")
    blocks = [builder.append_basic_block(name) for name in ("yes", "no")]
    builder.cbranch(truth(builder, evaluate(frame, test)), *blocks)
    for block, node in zip(blocks, (yes, no), strict=True):
        builder.position_at_end(block)
        made.append((evaluate(frame, node), builder.block))
    kind = types.unify(made[0][0].type, made[1][0].type)
    incoming = []
    for value, block in made:
        builder.position_at_end(block)
        incoming.append(convert(builder, value, kind).llvm)
        builder.branch(after)
    builder.position_at_end(after)
    phi = builder.phi(kind.llvm)
    for value, (_, block) in zip(incoming, made, strict=True):
        phi.add_incoming(value, block)
    return Value(kind, phi)


def element(frame: Frame, node: ast.Subscript) -> tuple[Type, Any]:
    """The type and the address of `pointer[index]`."""
    pointer, index = evaluate(frame, node.value), evaluate(frame, node.slice)
    if not isinstance(pointer.type, Pointer):
        raise TypeError(f"{ast.unparse(node.value)} is {pointer.type}, which has no elements")
    at = convert(frame.builder, index, types.int64).llvm
    return pointer.type.element, frame.builder.gep(pointer.llvm, [at], inbounds=True)


def load(frame: Frame, node: ast.Subscript) -> Value:
    """`pointer[index]`."""
    kind, place = element(frame, node)
    found = frame.builder.load(place)
    keep_apart(frame.scopes, node.value, found)
    return Value(kind, found)


def named(frame: Frame, node: ast.expr) -> Any:
    """The Python object of a name: `exp`, `np.float32`, `math.exp`."""
    match node:
        case ast.Name():
            return frame.python(node.id)
        case ast.Attribute():
            return getattr(named(frame, node.value), node.attr)
    raise TypeError(f"{ast.unparse(node)} cannot be called")


def call(frame: Frame, callee: Any, given: list[Value]) -> Value:
    """Call a subroutine, an intrinsic, a type, or one of the few functions of Python."""
    builder = frame.builder
    if isinstance(callee, Intrinsic):
        return call_intrinsic(builder, callee, given)
    if callee in SUBROUTINES:
        signature = SUBROUTINES[callee].signature
        wanted = zip(given, signature.arguments, strict=True)
        arguments = [convert(builder, value, kind).llvm for value, kind in wanted]
        return Value(signature.result, builder.call(frame.subroutine(callee), arguments))
    if callee in (min, max):
        return extreme(builder, ast.Lt() if callee is min else ast.Gt(), *given)
    if callee in MATHEMATICS:
        shape = ir.FunctionType(ir.DoubleType(), [ir.DoubleType()] * len(given))
        function = declared(builder.module, MATHEMATICS[callee], shape)
        arguments = [convert(builder, value, types.float64).llvm for value in given]
        return Value(types.float64, builder.call(function, arguments))
    kind = callee if isinstance(callee, Number) else getattr(types, callee.__name__)
    return convert(builder, given[0], kind)


def call_intrinsic(builder: ir.IRBuilder, callee: Intrinsic, given: list[Value]) -> Value:
    """Write an intrinsic's instructions here."""
    kinds = [
        Literal(f"literal {v.literal}", v.type.llvm, v.literal)
        if callee.literals and v.literal is not None
        else v.type
        for v in given
    ]
    signature, generate = callee.write(*kinds)
    wanted = zip(given, signature.arguments, strict=True)
    arguments = [convert(builder, value, kind).llvm for value, kind in wanted]
    return Value(signature.result, generate(builder, arguments))


def extreme(builder: ir.IRBuilder, operator: ast.cmpop, a: Value, b: Value) -> Value:
    """Python's min and max of two whole numbers."""
    x, y = convert(builder, a, types.int64), convert(builder, b, types.int64)
    condition = compare(builder, operator, x, y).llvm
    return Value(types.int64, builder.select(condition, x.llvm, y.llvm))


def declared(module: ir.Module, name: str, shape: ir.FunctionType) -> ir.Function:
    """A function that is defined elsewhere, declared once in a module."""
    return module.globals.get(name) or ir.Function(module, shape, name)


def tuple_value(builder: ir.IRBuilder, items: list[Value]) -> Value:
    """Several values as one."""
    kind = types.tuple_of([item.type for item in items])
    total = ir.Constant(kind.llvm, ir.Undefined)
    for k, item in enumerate(items):
        total = builder.insert_value(total, item.llvm, k)
    return Value(kind, total)
