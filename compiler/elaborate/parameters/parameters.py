"""`param` and `state`: numbers that persist."""

from __future__ import annotations

from dataclasses import replace

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.names.problems import did_you_mean, require_sound
from gradc_compiler.elaborate.names.registry import Declared
from gradc_compiler.elaborate.names.scope import Sampling, Scope
from gradc_compiler.elaborate.names.spec_limits import LimitedBuilder, check_tensor
from gradc_compiler.elaborate.names.values import Sizes, is_number
from gradc_compiler.elaborate.types.fixits import names_in
from gradc_compiler.elaborate.types.sizes import resolve
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.op import TypeFault, broadcast_shapes
from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.shape import broadcast
from gradc_compiler.syntax.grammar.tree import Expr, Param, State, TypeExpr, Update


def declare_param(tree: Param, scope: Scope) -> None:
    """`param W : [m, n] ~ glorot_uniform`: a persistent, the same in every graph."""
    own(tree.name, tree.name_span, scope)
    type = _real_type(tree.type, tree.initial, _drawing_a_scalar(scope) if tree.drawn else scope)
    _declare(tree, f"{scope.path.full()}.{tree.name}", type, "parameter", scope)


def declare_state(tree: State, scope: Scope) -> None:
    """`state m = 0`: carried from one use to the next; `m' = e` updates it."""
    own(tree.name, tree.name_span, scope)
    rule = scope.state_rule
    if tree.type is None and rule is not None:
        type = rule.type
    else:
        type = _real_type(tree.type, tree.initial, scope)
    name = f"{scope.path.full()}.{tree.name}" if rule is None else rule.name(tree.name)
    _declare(tree, name, type, "state" if rule is None else "optimizer", scope)
    scope.states[tree.name] = name


def update_state(tree: Update, scope: Scope) -> None:
    """`m' = e`: what m is from the next use on; a per-example e is averaged over the batch."""
    name = tree.target.name
    state = _state_called(name, tree, scope)
    meaning = scope.evaluate(tree.value)
    require_sound(meaning)
    type = scope.run.registry.declared[state].type
    value = to_value(meaning, scope, tree.value.span)
    if value.type.time is not None:
        raise scope.fault(
            "E0312",
            f"a state is one value for all examples, this is {value.type}",
            tree.value.span,
            hint="time_mean(...) makes one of the elements of a sequence",
        )
    value = fit(value, type, tree.value.span, scope)
    scope.names[f"{name}'"] = value
    if scope.run.builder.is_varying(value):
        value = scope.run.builder.add(BatchMean(), value)
    scope.run.updates[state] = value


def _state_called(name: str, tree: Update, scope: Scope) -> str:
    """A state of this body, or of a model by its path: `digit.batch_norm1.running_mean' = e`."""
    if name in scope.states:
        return scope.states[name]
    states = [d.name for d in scope.run.registry.declared.values() if d.role == "state"]
    if name in states:
        return name
    declared = f"declare it: state {name} = 0"
    raise scope.fault(
        "E0207",
        f"`{name}` is not a state of {'any model' if '.' in name else 'this body'}",
        tree.target.span,
        hint=did_you_mean(name, states) if "." in name else declared,
    )


def own(name: str, span: Span, scope: Scope) -> None:
    """Note that this body has a parameter, state or noise of this name; E0202 the second time."""
    if name in scope.owned:
        raise scope.fault(
            "E0202",
            f"`{name}` is declared twice in this body",
            span,
            "again here",
            secondary=[(scope.owned[name], "first here")],
        )
    scope.owned[name] = span


def fit(
    value: Value, type: TensorType, span: Span, scope: Scope, because: Span | None = None
) -> Value:
    """The value repeated to a type, declared at `because`; E0303 where it does not fit."""
    try:
        fits = broadcast_shapes([value.shape, type.shape]) == type.shape
    except TypeFault:
        fits = False
    if not fits:
        raise scope.fault(
            "E0303",
            f"expected {type}, got {value.type}",
            span,
            f"this is {value.type}",
            secondary=[(because, f"{type} is declared here")] if because is not None else [],
        )
    return broadcast(value, type.shape)


def _declare(tree: Param | State, name: str, type: TensorType, role: str, scope: Scope) -> None:
    """Let the body's own name of a number that persists stand for it."""
    new = Declared(
        name=name,
        type=type,
        role=role,
        drawn=isinstance(tree, Param) and tree.drawn,
        expression=tree.initial,
        scope=_seen_by(tree.initial, scope),
        span=tree.span,
        place=_place(scope, tree.span),
    )
    _register(new, scope)
    scope.names[tree.name] = scope.run.current(name, type)


def _register(new: Declared[Scope], scope: Scope) -> None:
    """Note it, if it is new; E0401 without elements, E0308 where it is known with another type."""
    registry = scope.run.registry
    known = registry.declared.get(new.name)
    if known is None:
        if new.type.size == 0:
            raise scope.fault(
                "E0401",
                f"`{new.name}` : {new.type} would have no elements",
                new.span,
                hint="is a window before it larger than its image?",
            )
        check_tensor(new.name, new.type, registry.elements, new.span, scope.site)
        registry.add(new)
    elif known.type != new.type:
        raise scope.fault(
            "E0308",
            f"`{new.name}` is {known.type} already, and this use makes it {new.type}",
            new.span,
            secondary=[(known.place, f"{known.type} here")],
            hint="a layer value has one set of parameters; write a second layer for another",
        )


def _real_type(type: TypeExpr | None, initial: Expr, scope: Scope) -> TensorType:
    """The declared type, or that of the initial value."""
    if type is not None:
        resolved = resolve(type, scope)
        if not isinstance(resolved, TensorType) or resolved.kind is not Kind.REAL:
            raise scope.fault("E0306", "a parameter or state is a real tensor", type.span)
        return resolved.over(None)
    meaning = scope.evaluate(initial)
    require_sound(meaning)
    if isinstance(meaning, Sizes) and all(map(is_number, meaning)):
        return TensorType((len(meaning),))
    if is_number(meaning):
        return TensorType()
    if isinstance(meaning, Value) and meaning.builder is scope.run.builder and scope.run.drawing:
        return meaning.type
    raise scope.fault(
        "E0306",
        "its type is missing, and the initial value does not tell it",
        initial.span,
        hint="write the type: param W : [3, 4] ~ ...",
    )


def _drawing_a_scalar(scope: Scope) -> Scope:
    """The scope in a graph that is thrown away: `param g ~ normal(0, 1)` is a scalar."""
    builder = LimitedBuilder(span=scope.run.builder.span)
    run = replace(scope.run.apart(builder), drawing=Sampling("", ()))
    return replace(scope, run=run)


def _seen_by(expression: Expr, scope: Scope) -> Scope:
    """The scope with the names of an expression as they are now."""
    found = names_in(expression)
    return replace(scope, names={n: scope.names[n] for n in found if n in scope.names})


def _place(scope: Scope, span: Span) -> Span:
    """The author's text responsible: the call, where there is one."""
    return scope.run.builder.span or scope.place(span)
