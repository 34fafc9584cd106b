"""What each kind of expression means: one case each.

`evaluate` never raises for a fault of the author's: it files the diagnostic and gives POISON.  A
node that an expression adds carries its span; inside the prelude, that of the author's call.
"""

from __future__ import annotations

from compiler.elaborate.arithmetic import binary, truth, unary
from compiler.elaborate.builtins import BUILTINS
from compiler.elaborate.calls import ONE_LIST, call, group_path, with_settings
from compiler.elaborate.contraction import contracted
from compiler.elaborate.indexing import indexed
from compiler.elaborate.problems import Fault, Silenced, did_you_mean, require_sound
from compiler.elaborate.scope import Language, Scope
from compiler.elaborate.sizes import Mismatch, match, resolve_sizes, written_type
from compiler.elaborate.values import (
    POISON, Builtin, Composition, Defined, Group, LayerLike, Meaning, Partial, Record, Sizes,
    Text, Word, describe, show_type, type_of,
)
from compiler.ops.base import TypeFault
from compiler.source import CompileError
from compiler.syntax.tree import (
    Attribute, Binary, Call, Claim, Conditional, Contract, Dims, Expr, Index, Name, Number, Pipe,
    Rest, Shape, TupleOf, Unary,
)
from compiler.syntax.tree import Text as TextTree

WORDS: dict[str, Meaning] = {
    "true": True, "false": False, "same": Word("same"), "valid": Word("valid"),
}


def evaluate(tree: Expr, scope: Scope) -> Meaning:
    """The meaning of an expression; POISON after an error, which is filed."""
    builder = scope.run.builder
    before = builder.span
    if scope.site is None:
        builder.span = tree.span
    try:
        return _meaning(tree, scope)
    except Silenced:
        return POISON
    except Fault as fault:
        scope.report(fault)
    except TypeFault as fault:
        scope.report(scope.fault("E0303", str(fault), tree.span))
    except CompileError as error:
        for diagnostic in error.diagnostics:
            scope.run.problems.add(diagnostic)
    finally:
        builder.span = before
    return POISON


def _meaning(tree: Expr, scope: Scope) -> Meaning:
    match tree:
        case Number(value=value):
            return value
        case Name():
            return _name(tree, scope)
        case Binary():
            return _binary(tree, scope)
        case Call():
            return _call(tree, scope)
        case Pipe():
            return _pipe(tree, scope)
        case Claim():
            return _claim(tree, scope)
        case Attribute():
            return _attribute(tree, scope)
        case Index():
            return indexed(tree, scope)
        case Unary(operator=sign, operand=operand):
            meaning = scope.evaluate(operand)
            require_sound(meaning)
            return unary(sign, meaning, scope, tree.span)
        case Conditional():
            return _conditional(tree, scope)
        case Contract():
            return contracted(tree, scope)
        case TupleOf(items=items):
            return tuple(scope.evaluate(item) for item in items)
        case Shape():
            return _shape(tree, scope)
        case Dims(sizes=sizes):
            return Sizes(sizes)
        case TextTree(value=value):
            return Text(value)
    raise AssertionError(f"{type(tree).__name__} is not an expression")


def _name(tree: Name, scope: Scope) -> Meaning:
    name = tree.name
    if name in scope.names:
        return scope.names[name]
    if name == "training":
        return scope.run.training
    if name in WORDS:
        return WORDS[name]
    found = scope.unit.find(name) or BUILTINS.get(name)
    if found is not None:
        return found
    if name in scope.unit.missing or scope.unit.missing_all:
        raise Silenced
    if name.endswith("'"):
        raise scope.fault("E0201", f"`{name}` is not set yet", tree.span, hint=f"{name} = ... sets it")
    known = {*scope.names, *scope.unit.known(), *BUILTINS, *WORDS, "training"}
    raise scope.fault("E0201", f"`{name}` is not defined", tree.span, "not found",
                      hint=did_you_mean(name, known))


def _binary(tree: Binary, scope: Scope) -> Meaning:
    sign = tree.operator
    left = scope.evaluate(tree.left)
    if sign in ("and", "or"):
        require_sound(left)
        if truth(left, scope, tree.left.span) == (sign == "or"):
            return sign == "or"
        right = scope.evaluate(tree.right)
        require_sound(right)
        return truth(right, scope, tree.right.span)
    right = scope.evaluate(tree.right)
    require_sound(left, right)
    return binary(sign, left, right, scope, (tree.span, tree.left.span, tree.right.span))


def _conditional(tree: Conditional, scope: Scope) -> Meaning:
    condition = scope.evaluate(tree.condition)
    require_sound(condition)
    chosen = tree.then if truth(condition, scope, tree.condition.span) else tree.otherwise
    return scope.evaluate(chosen)


def _shape(tree: Shape, scope: Scope) -> Sizes:
    items: list[Meaning] = []
    for size in tree.sizes:
        items.extend(resolve_sizes((size,), scope) if isinstance(size, Rest) else [scope.evaluate(size)])
    require_sound(*items)
    return Sizes(items)


def _call(tree: Call, scope: Scope) -> Meaning:
    function = scope.evaluate(tree.function)
    arguments, named = _arguments(tree, scope)
    return call(function, arguments, named, tree.span, scope)


def _arguments(tree: Call, scope: Scope) -> tuple[list[Meaning], dict[str, Meaning]]:
    positional, named = [], {}
    for argument in tree.arguments:
        meaning = scope.evaluate(argument.value)
        if argument.name is None:
            positional.append(meaning)
        else:
            named[argument.name] = meaning
    return positional, named


def _pipe(tree: Pipe, scope: Scope) -> Meaning:
    left = scope.evaluate(tree.left)
    right = _stage(tree.right, scope)
    require_sound(left, right)
    if not isinstance(right, LayerLike):
        raise scope.fault("E0306", f"{describe(right)} cannot stand in a chain", tree.right.span,
                          hint="a layer, a model or a function can")
    if isinstance(left, LayerLike):
        stages, spans = ((_fixed(left, tree.left, scope),), (tree.left.span,))
        if isinstance(left, Composition) and left.name is None:
            stages, spans = left.stages, left.spans
        return Composition((*stages, _fixed(right, tree.right, scope)), (*spans, tree.right.span))
    if scope.site is None:
        scope.run.builder.span = tree.right.span
    return call(right, [left], {}, tree.right.span, scope)


def _fixed(stage: Meaning, tree: Expr, scope: Scope) -> Meaning:
    """In a composition a bare definition becomes one layer, so that it keeps its parameters."""
    if isinstance(stage, Defined) and not stage.is_model:
        return with_settings(stage, [], {}, tree.span, scope)
    return stage


def _stage(tree: Expr, scope: Scope) -> Meaning:
    """The right side of `|>`: a call there may leave its first input to the chain."""
    if not isinstance(tree, Call):
        return scope.evaluate(tree)
    function = scope.evaluate(tree.function)
    if isinstance(function, Builtin) and not function.makes_layer or _has_one_list(function):
        arguments, named = _arguments(tree, scope)
        require_sound(*arguments, *named.values())
        return Partial(function, tuple(arguments), named)
    return scope.evaluate(tree)


def _has_one_list(function: Meaning) -> bool:
    return (
        isinstance(function, Defined) and not function.definition.settings
        and function.definition.kind in ONE_LIST and len(function.definition.inputs) > 1
    )


def _claim(tree: Claim, scope: Scope) -> Meaning:
    meaning = scope.evaluate(tree.value)
    require_sound(meaning)
    type = type_of(meaning)
    if type is None:
        raise scope.fault("E0306", f"a claim is about a value; this is {describe(meaning)}", tree.type.span)
    try:
        match(tree.type, type, scope)
    except Mismatch as mismatch:
        because = f" ({mismatch})" if str(mismatch) else ""
        value = tree.value.right if isinstance(tree.value, Pipe) else tree.value
        scope.report(scope.fault(
            "E0301", f"this claims {written_type(tree.type, scope)}, but the chain gives "
            f"{show_type(type)} here{because}", tree.type.span, "claimed here",
            secondary=[(value.span, f"this gives {show_type(type)}")],
            hint=f"write `: {show_type(type)}`",
        ))
    return meaning


def _attribute(tree: Attribute, scope: Scope) -> Meaning:
    dotted = tree.span.text.replace(" ", "")
    if dotted in scope.names:
        return scope.names[dotted]
    base = scope.evaluate(tree.base)
    require_sound(base)
    if isinstance(base, Record):
        if tree.name in base.names:
            return base[base.names.index(tree.name)]
        known = [n for n in base.names if n is not None]
        raise scope.fault("E0201", f"this has no part `{tree.name}`", tree.span, hint=did_you_mean(tree.name, known))
    path = group_path(base)
    if path is None:
        raise scope.fault("E0201", f"{describe(base)} has no parts by name", tree.span)
    below = f"{path}.{tree.name}"
    registry = scope.run.registry
    if not registry.below(below):
        children = registry.children(path)
        known_text = f"it has {', '.join(sorted(children))}" if 0 < len(children) <= 12 else None
        raise scope.fault("E0201", f"`{path}` has no parameters `{tree.name}`", tree.span, "not found",
                          hint=did_you_mean(tree.name, children) or known_text)
    return Group(below)


LANGUAGE = Language(evaluate, call)
