"""Statements of the kernel language become blocks of instructions."""

from __future__ import annotations

import ast

from llvmlite import ir
from llvmlite.ir.values import MDValue

from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.alias_scopes import keep_apart
from gradc_runtime.cpu.codegen.language.convert import TypedValue, constant, convert, decision
from gradc_runtime.cpu.codegen.language.frame import Frame
from gradc_runtime.cpu.codegen.language.kernel_types import Tuple
from gradc_runtime.cpu.codegen.language.translate_expressions import arithmetic, element, evaluate


class TranslationError(TypeError):
    """A kernel says what its language has no words for."""


def run(frame: Frame, statements: list[ast.stmt]) -> None:
    """Translate statements in order, up to one that leaves the block.

    Raises `TranslationError`, which names the statement that is not in the language.
    """
    for statement in statements:
        if frame.builder.block.is_terminated:
            return
        try:
            execute(frame, statement)
        except TranslationError:
            raise
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise TranslationError(f"`{ast.unparse(statement)}`: {error}") from error


def execute(frame: Frame, node: ast.stmt) -> None:
    """One statement.

    Raises `TypeError` for a statement that is not in the language.
    """
    builder = frame.builder
    match node:
        case ast.Assign(targets=[ast.Tuple() as target], value=value):
            unpack(frame, target, value)
        case ast.Assign(targets=[target]):
            store(frame, target, evaluate(frame, node.value))
        case ast.AugAssign():
            change(frame, node)
        case ast.For():
            loop_over_range(frame, node)
        case ast.While():
            loop_while(frame, node)
        case ast.If():
            branch(frame, node)
        case ast.Return():
            leave(frame, node)
        case ast.Break():
            builder.branch(frame.loops[-1][1])
        case ast.Continue():
            builder.branch(frame.loops[-1][0])
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return
        case ast.Expr():
            evaluate(frame, node.value)
        case _:
            raise TypeError(f"{type(node).__name__} is not in the language")


def store(frame: Frame, target: ast.expr, value: TypedValue) -> None:
    """Assign to a name, or to an element of memory.

    Raises `TypeError` for a target that cannot be assigned.
    """
    match target:
        case ast.Name():
            frame.assign(target.id, value)
        case ast.Subscript():
            kind, place = element(frame, target)
            written = frame.builder.store(convert(frame.builder, value, kind).llvm, place)
            keep_apart(frame.scopes, target.value, written)
        case _:
            raise TypeError(f"{ast.unparse(target)} cannot be assigned")


def change(frame: Frame, node: ast.AugAssign) -> None:
    """`a += b`, `p[i] += b`; a place is worked out once."""
    builder = frame.builder
    if isinstance(node.target, ast.Name):
        old, operand = frame.read(node.target.id), evaluate(frame, node.value)
        frame.assign(node.target.id, arithmetic(builder, node.op, old, operand))
        return
    assert isinstance(node.target, ast.Subscript), "attributes are not in the language"
    kind, place = element(frame, node.target)
    old_element = builder.load(place)
    keep_apart(frame.scopes, node.target.value, old_element)
    value = arithmetic(builder, node.op, TypedValue(kind, old_element), evaluate(frame, node.value))
    written = builder.store(convert(builder, value, kind).llvm, place)
    keep_apart(frame.scopes, node.target.value, written)


def unpack(frame: Frame, target: ast.Tuple, node: ast.expr) -> None:
    """`a, b = x, y`, or `a, b = f(x)`: all of the right side comes first.

    Raises `TypeError` where the right side is not several values.
    """
    if isinstance(node, ast.Tuple):
        values = [evaluate(frame, item) for item in node.elts]
    else:
        pair = evaluate(frame, node)
        if not isinstance(pair.type, Tuple):
            raise TypeError(f"{pair.type} is not several values")
        values = [
            TypedValue(kind, frame.builder.extract_value(pair.llvm, k))
            for k, kind in enumerate(pair.type.items)
        ]
    for name, value in zip(target.elts, values, strict=True):
        store(frame, name, value)


def blocks(frame: Frame, *names: str) -> list[ir.Block]:
    """New basic blocks, appended to the function, one for each name."""
    return [frame.builder.append_basic_block(name) for name in names]


def branch(frame: Frame, node: ast.If) -> None:
    """`if`, with or without `else`."""
    builder = frame.builder
    condition = decision(builder, evaluate(frame, node.test))
    yes, no, after = blocks(frame, "then", "else", "endif")
    builder.cbranch(condition, yes, no)
    for block, body in ((yes, node.body), (no, node.orelse)):
        builder.position_at_end(block)
        run(frame, body)
        if not builder.block.is_terminated:
            builder.branch(after)
    builder.position_at_end(after)


def loop_while(frame: Frame, node: ast.While) -> None:
    """Test, body, test again."""
    builder = frame.builder
    test, body, after = blocks(frame, "while", "body", "endwhile")
    builder.branch(test)
    builder.position_at_end(test)
    builder.cbranch(decision(builder, evaluate(frame, node.test)), body, after)
    repeat(frame, node.body, body, test, after)


def repeat(
    frame: Frame, statements: list[ast.stmt], body: ir.Block, again: ir.Block, after: ir.Block
) -> None:
    """The body of a loop, between its test and what follows it."""
    frame.loops.append((again, after))
    frame.builder.position_at_end(body)
    run(frame, statements)
    if not frame.builder.block.is_terminated:
        frame.builder.branch(again)
    frame.loops.pop()
    frame.builder.position_at_end(after)


def bounds_of(
    frame: Frame, node: ast.For
) -> tuple[bool, tuple[TypedValue, TypedValue, TypedValue]]:
    """Whether a loop is over `narrow`, and its start, stop and step.

    Raises `TypeError` for a loop over anything but a range.
    """
    match node.iter:
        case ast.Call(func=ast.Name(id="range" | "narrow" as kind), args=arguments) if (
            not node.orelse
        ):
            values = [evaluate(frame, argument) for argument in arguments]
            whole = [convert(frame.builder, value, kernel_types.int64) for value in values]
            return kind == "narrow", range_of(whole)
    raise TypeError("a loop runs over a range, and has no else")


def loop_over_range(frame: Frame, node: ast.For) -> None:
    """A `for` over a range.  It has a counter of its own: the body may change the variable.

    Raises `TypeError` for a loop over anything else.
    """
    builder = frame.builder
    is_narrow, (start, stop, step) = bounds_of(frame, node)
    with builder.goto_entry_block():
        place = builder.alloca(kernel_types.int64.llvm)
    builder.store(start.llvm, place)
    test, body, following, after = blocks(frame, "for", "body", "next", "endfor")
    builder.branch(test)
    builder.position_at_end(test)
    counter = TypedValue(kernel_types.int64, builder.load(place))
    builder.cbranch(goes_on(builder, counter, stop, step), body, after)
    builder.position_at_end(following)
    builder.store(builder.add(builder.load(place), step.llvm, flags=("nsw",)), place)
    back = builder.branch(test)
    if is_narrow:
        back.set_metadata("llvm.loop", masked(builder.module))
    builder.position_at_end(body)
    store(frame, node.target, counter)
    repeat(frame, node.body, builder.block, following, after)


def masked(module: ir.Module) -> MDValue:
    """What tells LLVM to mask a loop's last vector; a loop's metadata begins with itself."""
    name = ir.MetaDataString(module, "llvm.loop.vectorize.predicate.enable")
    hint = module.add_metadata([name, ir.Constant(kernel_types.boolean.llvm, 1)])
    own = MDValue(module, (), name=str(len(module.metadata)))
    own.operands = (own, hint)
    return own


def range_of(bounds: list[TypedValue]) -> tuple[TypedValue, TypedValue, TypedValue]:
    """Start, stop and step.

    Raises `TypeError` for a range without bounds or with more than three.
    """
    match bounds:
        case [stop]:
            return constant(0), stop, constant(1)
        case [start, stop]:
            return start, stop, constant(1)
        case [start, stop, step]:
            return start, stop, step
    raise TypeError("a range has one to three bounds")


def goes_on(
    builder: ir.IRBuilder, counter: TypedValue, stop: TypedValue, step: TypedValue
) -> ir.Value:
    """Whether the counter is still inside; the step's sign may be known only when it runs."""
    upwards = builder.icmp_signed("<", counter.llvm, stop.llvm)
    downwards = builder.icmp_signed(">", counter.llvm, stop.llvm)
    if step.literal is not None:
        return upwards if step.literal > 0 else downwards
    positive = builder.icmp_signed(">", step.llvm, ir.Constant(kernel_types.int64.llvm, 0))
    return builder.select(positive, upwards, downwards)


def leave(frame: Frame, node: ast.Return) -> None:
    """`return`, with the function's result."""
    if node.value is None:
        frame.builder.ret_void()
        return
    value = evaluate(frame, node.value)
    frame.builder.ret(convert(frame.builder, value, frame.result).llvm)
