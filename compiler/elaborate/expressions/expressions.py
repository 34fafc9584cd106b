"""What each kind of expression means: one case each.

`evaluate` never raises for a fault of the author's: it files the diagnostic and gives POISON.  A
node that an expression adds carries its span; inside the prelude, that of the author's call.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.expressions.builtins import BUILTINS
from gradc_compiler.elaborate.expressions.unknown_names import (
    WORDS,
    known_names,
    require_no_module,
    require_not_hidden,
    unknown_name,
)
from gradc_compiler.elaborate.functions.arithmetic import binary, tensor_of, truth, unary
from gradc_compiler.elaborate.functions.contract_expr import contracted
from gradc_compiler.elaborate.functions.indexing import indexed
from gradc_compiler.elaborate.functions.sequences import of_types
from gradc_compiler.elaborate.layers.calls import call
from gradc_compiler.elaborate.layers.chains import call_arguments, claimed, piped
from gradc_compiler.elaborate.layers.layer_values import without_settings
from gradc_compiler.elaborate.layers.notes import take_note
from gradc_compiler.elaborate.names.decimals import written
from gradc_compiler.elaborate.names.paths import made_at
from gradc_compiler.elaborate.names.problems import (
    ErrorAlreadyReported,
    SpecError,
    behind_a_dot,
    did_you_mean,
    require_sound,
)
from gradc_compiler.elaborate.names.scope import Evaluator, Scope, check_parts
from gradc_compiler.elaborate.names.values import (
    POISON,
    ParameterGroup,
    Record,
    Sizes,
    StaticText,
    StaticValue,
)
from gradc_compiler.elaborate.parameters.parameter_groups import group_path
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.elaborate.types.sizes import resolve_sizes
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.syntax.grammar.tree import (
    Attribute,
    Binary,
    Call,
    Claim,
    Conditional,
    ContractExpr,
    Dims,
    Expr,
    Index,
    Name,
    Number,
    Pipe,
    Rest,
    Shape,
    TupleOf,
    Unary,
)
from gradc_compiler.syntax.grammar.tree import Text as TextTree


def evaluate(tree: Expr, scope: Scope) -> StaticValue:
    """The meaning of an expression; POISON after an error, which is filed."""
    builder = scope.run.builder
    before, since = builder.span, len(scope.run.read)
    if scope.site is None:
        builder.span = tree.span
    try:
        meaning = _meaning(tree, scope)
        take_note(tree.span, since, meaning, scope)
        return meaning
    except ErrorAlreadyReported:
        return POISON
    except SpecError as fault:
        scope.report(fault)
    except TypeFault as fault:
        scope.report(of_types(fault, tree.span, scope))
    except CompileError as error:
        for diagnostic in error.diagnostics:
            scope.run.problems.add(diagnostic)
    finally:
        builder.span = before
    return POISON


def _meaning(tree: Expr, scope: Scope) -> StaticValue:
    match tree:
        case Number(value=value, text=text):
            return written(text, value)
        case Name():
            return _name(tree, scope)
        case Binary():
            return _binary(tree, scope)
        case Call():
            return _call(tree, scope)
        case Pipe():
            return piped(tree, scope)
        case Claim():
            return claimed(tree, scope)
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
        case ContractExpr():
            return contracted(tree, scope)
        case TupleOf(items=items):
            together = tuple(scope.evaluate(item) for item in items)
            check_parts(together, tree.span, scope)
            return together
        case Shape():
            return _shape(tree, scope)
        case Dims(sizes=sizes):
            return Sizes(sizes)
        case TextTree(value=value):
            return StaticText(value)
    raise AssertionError(f"{type(tree).__name__} is not an expression")


def _name(tree: Name, scope: Scope) -> StaticValue:
    name = tree.name
    if name in scope.names:
        return scope.names[name]
    if name == "training":
        return scope.run.training
    if name in WORDS:
        return WORDS[name]
    defined = scope.unit.find(name)
    if defined is not None:
        if defined.is_model:
            return defined
        plain = partial(without_settings, scope=scope)
        return replace(defined, plain=plain, made=made_at(tree.span, scope.path))
    if name in BUILTINS:
        return BUILTINS[name]
    if name in scope.unit.missing or scope.unit.missing_all:
        raise ErrorAlreadyReported
    raise unknown_name(tree, scope)


def _binary(tree: Binary, scope: Scope) -> StaticValue:
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


def _conditional(tree: Conditional, scope: Scope) -> StaticValue:
    condition = scope.evaluate(tree.condition)
    require_sound(condition)
    chosen = tree.then if truth(condition, scope, tree.condition.span) else tree.otherwise
    return scope.evaluate(chosen)


def _shape(tree: Shape, scope: Scope) -> StaticValue:
    """`[a, b]`: of numbers alone, sizes or a tensor; with a graph value in it, a tensor."""
    items: list[StaticValue] = []
    for size in tree.sizes:
        items.extend(
            resolve_sizes((size,), scope) if isinstance(size, Rest) else [scope.evaluate(size)]
        )
    check_parts(items, tree.span, scope)
    require_sound(*items)
    of_tensors = any(isinstance(item, Value) for item in items)
    return tensor_of(Sizes(items), scope, tree.span) if of_tensors else Sizes(items)


def _call(tree: Call, scope: Scope) -> StaticValue:
    function = scope.evaluate(tree.function)
    require_not_hidden(tree.function, function, scope)
    arguments, named = call_arguments(tree, scope)
    return call(function, arguments, named, tree.span, scope)


def _attribute(tree: Attribute, scope: Scope) -> StaticValue:
    dotted = tree.span.text.replace(" ", "")
    if dotted in scope.names:
        return scope.names[dotted]
    require_no_module(tree, scope)
    hidden = isinstance(scope.names.get(dotted.partition(".")[0]), Value)  # it has no parts
    if hidden and dotted in scope.run.registry.declared:
        return _persistent(dotted, scope)
    base = scope.evaluate(tree.base)
    require_sound(base)
    if isinstance(base, Record):
        return _part(base, tree, scope)
    path = group_path(base)
    if path is None:
        hint = behind_a_dot("", tree.name, known_names(scope))
        raise scope.fault("E0201", f"{describe(base)} has no parts by name", tree.span, hint=hint)
    return _below(path, tree, scope)


def _part(base: Record, tree: Attribute, scope: Scope) -> StaticValue:
    """The component `base.name` of a tuple whose components have names."""
    if tree.name in base.names:
        return base[base.names.index(tree.name)]
    known = [n for n in base.names if n is not None]
    hint = did_you_mean(tree.name, known) or f"its parts are {', '.join(known)}"
    message = f"this has no part `{tree.name}`"
    raise scope.fault("E0201", message, tree.span, "not found", hint=hint)


def _below(path: str, tree: Attribute, scope: Scope) -> StaticValue:
    """A parameter or a group of them below a path."""
    registry, below = scope.run.registry, f"{path}.{tree.name}"
    if below in registry.declared:
        return _persistent(below, scope)
    if registry.below(below) or registry.below(below, "state"):
        return ParameterGroup(below)
    children = registry.children(path)
    known_text = f"it has {', '.join(sorted(children))}" if 0 < len(children) <= 12 else None
    message, hint = f"`{path}` has no parameters `{tree.name}`", did_you_mean(tree.name, children)
    fault = scope.fault("E0201", message, tree.span, "not found", hint=hint or known_text)
    raise scope.absent(path, fault)


def _persistent(name: str, scope: Scope) -> Value:
    """A parameter or state by its whole name."""
    return scope.run.current(name, scope.run.registry.declared[name].type)


LANGUAGE = Evaluator(evaluate, call)
