"""Each model's forward pass as a graph of its own, and what goes in and comes out."""

from __future__ import annotations

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.expressions.context import ElaborationContext
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.functions.sequences import of_types
from gradc_compiler.elaborate.layers.notes import Notes
from gradc_compiler.elaborate.models.module import ModelSignature
from gradc_compiler.elaborate.names.problems import (
    ErrorAlreadyReported,
    SpecError,
    diagnose,
    require_sound,
    too_deep,
)
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Defined, Record, StaticValue
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.elaborate.types.sizes import Type, resolve_named, unbound_in_type
from gradc_compiler.graph.graph import Graph, Value
from gradc_compiler.graph.op import TypeFault
from gradc_compiler.graph.types import TensorType
from gradc_compiler.ops.leaf import Input
from gradc_compiler.syntax.grammar.tree import Definition, Name, SeqType, TupleType, TypeExpr

Forward = tuple[Graph, ModelSignature, Notes]


def free_sizes(defined: Defined, session: ElaborationContext) -> list[str]:
    """The names of the sizes that the types of a model's inputs leave open."""
    scope = session.scope(session.run(), defined.definition.name, defined.unit)
    return [n for p in defined.definition.inputs for n in unbound_in_type(p.type, scope)]


def forward(defined: Defined, session: ElaborationContext) -> Forward | None:
    """The forward graph of a model whose input types are known; None after an error."""
    definition = defined.definition
    run = session.run()
    scope = session.scope(run, definition.name, defined.unit)
    try:
        outputs = _applied(defined, session, scope)
    except RecursionError:
        session.problems.add(too_deep(definition.name_span).diagnostic)
        return None
    except (SpecError, ErrorAlreadyReported, TypeFault) as error:
        session.problems.unsound.add(definition.name)
        if isinstance(error, TypeFault):
            error = of_types(error, definition.name_span, scope)
        if isinstance(error, SpecError):
            session.problems.add(error.diagnostic)
        return None
    graph = run.builder.graph({name: value.id for name, value in outputs.items()})
    inputs = tuple((n.op.key, n.type) for n in graph.nodes if isinstance(n.op, Input))
    given = tuple((name, value.type) for name, value in outputs.items())
    return graph, ModelSignature(inputs=inputs, outputs=given), run.notes


def _applied(defined: Defined, session: ElaborationContext, scope: Scope) -> dict[str, Value]:
    """The outputs of a model on inputs of its own."""
    definition, builder = defined.definition, scope.run.builder
    builder.span = definition.name_span
    arguments = []
    for parameter, type in zip(definition.inputs, _types(defined, session, scope), strict=True):
        builder.span = parameter.span
        arguments.append(_input(parameter.name, type, scope))
    builder.span = definition.name_span
    result = scope.call(defined, arguments, definition.name_span)
    require_sound(result)
    return dict(_outputs(result, definition, scope))


def _types(defined: Defined, session: ElaborationContext, scope: Scope) -> tuple[Type, ...]:
    """The inputs' types: as written, or as the first training step that uses the model has them."""
    definition = defined.definition
    applied = session.applied.get(definition.name)
    if applied is None:
        written = [(p.name, p.type) for p in definition.inputs if p.type is not None]
        return tuple(resolve_named(name, type, scope) for name, type in written)
    pairs = zip(definition.inputs, applied, strict=True)
    return tuple(_as_declared(p.type, type, p.name) for p, type in pairs)


def _as_declared(written: TypeExpr | None, type: Type, name: str) -> Type:
    """The type of an argument from a training step, its time named as the model names it; if the
    model takes no sequence there, the type of one element.
    """
    match written, type:
        case TupleType(fields=parts), tuple():
            pairs = enumerate(zip(parts, type, strict=True))
            return tuple(_as_declared(p.type, inner, f"{name}.{k}") for k, (p, inner) in pairs)
        case SeqType(length=None), TensorType():
            return type.over(name)
        case SeqType(length=Name(name=own)), TensorType(time=str()):
            return type.over(own)
        case SeqType(), _:
            return type
        case _, TensorType():
            return type.over(None)
    return tuple(_as_declared(None, inner, name) for inner in type)


def _input(name: str, type: StaticValue, scope: Scope) -> StaticValue:
    """An input of a type; of a tuple type, one for each part."""
    if isinstance(type, tuple):
        return tuple(_input(f"{name}.{k}", part, scope) for k, part in enumerate(type))
    assert isinstance(type, TensorType), f"an input cannot have the type {type}"
    return field_input(name, type, scope)


def field_input(name: str, type: TensorType, scope: Scope) -> Value:
    """An input of one example; the graph remembers where its time comes from."""
    run = scope.run
    if type.time is not None and run.builder.span is not None:
        run.times.setdefault(type.time, run.builder.span)
    return run.builder.add(Input(name, type.shape, type.classes, type.time), name=name)


def _outputs(result: StaticValue, definition: Definition, scope: Scope) -> list[tuple[str, Value]]:
    """The result by name; E0306 where a model does not give tensors."""
    span = definition.body[-1].span if definition.body else definition.name_span
    parts = list(result) if isinstance(result, tuple) else [result]
    names: list[str | None] = (
        list(result.names) if isinstance(result, Record) else [None] * len(parts)
    )
    found = []
    for k, (name, part) in enumerate(zip(names, parts, strict=True)):
        if isinstance(part, tuple):
            raise scope.fault("E0306", f"a model gives tensors, this is {describe(part)}", span)
        plain = "result" if len(parts) == 1 else f"result{k}"
        found.append((name or plain, to_value(part, scope, span)))
    return found


def generic(defined: Defined, free: list[str]) -> CompileError:
    """The error for a forward pass of a model whose sizes are open."""
    definition = defined.definition
    return CompileError(
        [
            diagnose(
                "E0404",
                f"`{definition.name}` leaves open: {listed(free)}",
                definition.inputs[0].span if definition.inputs else definition.name_span,
                label="an argument binds it, and nothing applies the model",
                hint="write the size, or apply the model in a train block",
            )
        ]
    )


def listed(free: list[str]) -> str:
    """What is open, for a message."""
    return ", ".join(f"`{name}`" if name.isidentifier() else name for name in free)
