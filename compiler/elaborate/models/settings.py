"""`using`: the optimizer, clipping, and the numbers that rule a training; values from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field, replace

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.expressions.context import ElaborationContext
from gradc_compiler.elaborate.layers.layer_values import with_settings
from gradc_compiler.elaborate.names.problems import did_you_mean, require_sound
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import (
    Builtin,
    Defined,
    Keyword,
    Layer,
    Sizes,
    StaticValue,
    is_number,
    parts_of,
)
from gradc_compiler.elaborate.types.ranges import require_replaced_in_range
from gradc_compiler.elaborate.types.show_types import describe
from gradc_compiler.graph.graph import Value
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import Call, Definition, Expr, Name, Setting


def _whole(least: int) -> Callable[[float], bool]:
    return lambda x: x == int(x) and x >= least


SINGLE, VALIDATE = "float32", "validate"
PRECISIONS = {SINGLE: 32, "tf32": 19, "bf16": 16}  # bits of a number that is multiplied
SETTINGS: dict[str, tuple[Callable[[float], bool], str]] = {
    "batch": (_whole(1), "a whole number, 1 or more"),
    "epochs": (_whole(0), "a whole number, 0 or more"),
    "held_out": (lambda x: 0 <= x < 1, "a share of the data, from 0 to below 1"),
    "seed": (_whole(0), "a whole number, 0 or more"),
    "patience": (_whole(1), "a whole number, 1 or more"),
    "limit": (_whole(1), "a whole number of examples, 1 or more"),
    "in_memory": (_whole(0), "a whole number of bytes, 0 or more"),
    "block": (_whole(1), "a whole number of bytes, 1 or more"),
    "memory": (_whole(1), "a whole number of bytes, 1 or more, as in `500MB`"),
    "exact": (lambda x: x in (0, 1), "`true` or `false`"),
    "precision": (lambda x: x in PRECISIONS.values(), "`float32`, `tf32` or `bf16`"),
}


@dataclass
class Rules:
    """How a step moves its parameters."""

    optimizer: Layer | None = None
    span: Span | None = None
    clip_norm: float | None = None
    clip_value: float | None = None
    settings: dict[str, float] = field(default_factory=dict)


def read_using(
    item: Expr | Setting, rules: Rules, scope: Scope, session: ElaborationContext
) -> None:
    """Add one item of a `using` clause to the rules."""
    match item:
        case Setting():
            read_setting(item, rules, scope)
        case Call(function=Name(name="clip")):
            _read_clip(item, rules, scope)
        case _:
            _read_optimizer(item, rules, scope, session)


def read_setting(tree: Setting, rules: Rules, scope: Scope) -> None:
    """`batch 128`; E0403 where the number makes no sense."""
    if tree.name == "precision" and isinstance(tree.value, Name) and tree.value.name in PRECISIONS:
        rules.settings[tree.name] = PRECISIONS[tree.value.name]
        return
    if tree.name == VALIDATE:  # `validate on DATA` has no number: see `validation.py`
        return
    meaning = scope.evaluate(tree.value)
    require_sound(meaning)
    if tree.name not in SETTINGS:
        raise scope.fault(
            "E0403",
            f"`{tree.name}` is not a setting",
            tree.span,
            hint=did_you_mean(tree.name, SETTINGS),
        )
    fits, wanted = SETTINGS[tree.name]
    if not is_number(meaning) or not fits(meaning):
        raise scope.fault(
            "E0403", f"`{tree.name}` is {wanted}, got {describe(meaning)}", tree.value.span
        )
    rules.settings[tree.name] = meaning


def _read_clip(tree: Call, rules: Rules, scope: Scope) -> None:
    for argument in tree.arguments:
        meaning = scope.evaluate(argument.value)
        require_sound(meaning)
        if argument.name not in ("norm", "value") or not is_number(meaning) or meaning <= 0:
            raise scope.fault(
                "E0403",
                "clip takes `norm = c` or `value = c`, with c above 0",
                argument.span,
                hint=f"write clip(norm = {argument.value.span.text})"
                if argument.name is None
                else None,
            )
        if argument.name == "norm":
            rules.clip_norm = meaning
        else:
            rules.clip_value = meaning


def _read_optimizer(item: Expr, rules: Rules, scope: Scope, session: ElaborationContext) -> None:
    meaning = scope.evaluate(item)
    require_sound(meaning)
    if isinstance(meaning, Defined) and meaning.definition.kind == "optimizer":
        meaning = with_settings(meaning, [], {}, item.span, scope)
    if not isinstance(meaning, Layer) or meaning.defined.definition.kind != "optimizer":
        raise scope.fault(
            "E0603",
            f"expected an optimizer, got {describe(meaning)}",
            item.span,
            hint="using sgd(lr = 0.01)",
        )
    _require_pair(meaning.defined.definition, item.span, scope)
    if rules.optimizer is not None and rules.span is not None:
        raise scope.fault(
            "E0602",
            "a step has one optimizer",
            item.span,
            "a second one",
            secondary=[(rules.span, "the first")],
            hint="give each step its own parameters: over ...",
        )
    rules.optimizer, rules.span = _overridden(meaning, session, scope), item.span


def _require_pair(definition: Definition, span: Span, scope: Scope) -> None:
    """E0603 where an optimizer does not go from a parameter and its gradient."""
    if len(definition.inputs) != 2:
        raise scope.fault(
            "E0603",
            f"an optimizer has two inputs, a parameter and its gradient; `{definition.name}` has "
            f"{len(definition.inputs)}",
            span,
            secondary=[(definition.name_span, "defined here")],
            hint="what else it goes by is a setting or a state: optimizer step(lr)(p, g)",
        )
    claims = [p.type for p in definition.inputs if p.type is not None]
    for claim in (*claims, *([definition.result] if definition.result is not None else [])):
        raise scope.fault(
            "E0603",
            f"`{definition.name}` moves parameters of any type, one at a time, so it cannot claim"
            " one",
            span,
            secondary=[(claim.span, "claimed here")],
            hint="leave the type out: optimizer step(lr)(p, g)",
        )


def _overridden(optimizer: Layer, session: ElaborationContext, scope: Scope) -> Layer:
    """The optimizer with the settings that the command line replaces."""
    replaced = {n: v for n, v in session.overrides.items() if n in optimizer.settings}
    require_replaced_in_range(optimizer, replaced, scope)
    session.used_overrides.update(replaced)
    session.known_overrides.update(optimizer.settings)
    return replace(optimizer, settings={**optimizer.settings, **replaced})


def override_settings(
    settings: dict[str, float], span: Span, session: ElaborationContext, scope: Scope
) -> None:
    """Put the command line's settings in place; E0408 for one that names nothing."""
    known = {*SETTINGS, *session.known_overrides, *session.unit.constants, "data"}
    for name, value in session.overrides.items():
        if name in SETTINGS:
            fits, wanted = SETTINGS[name]
            if not is_number(value) or not fits(value):  # type: ignore[arg-type]
                raise scope.fault(
                    "E0403", f"`{name}` is {wanted}, got {value}", span, "set from outside"
                )
            settings[name] = value  # type: ignore[assignment]
        elif name != "data" and name not in session.used_overrides:
            near = did_you_mean(name, known)
            raise scope.fault(
                "E0408",
                f"nothing here is called `{name}`, which is set from outside",
                span,
                hint=f"{near} " * bool(near) + f"what can be set: {', '.join(sorted(known))}",
            )


def in_words(
    rules: Rules,
    computed: Iterable[str] = (),
    known: Callable[[Defined], bool] = lambda defined: True,
) -> str:
    """The `using` clause with every setting written out: `adam(lr = 0.001, ...), clip(norm = 5)`.

    `computed` are the names of settings that the network computes.  A default that uses definitions
    not `known` in this file is left out.
    """
    clips = {"norm": rules.clip_norm, "value": rules.clip_value}
    told = [_spelled(rules.optimizer, iter(computed), known)]
    told += [f"clip({name} = {limit})" for name, limit in clips.items() if limit is not None]
    return ", ".join(told)


def _spelled(
    meaning: StaticValue, computed: Iterator[str], known: Callable[[Defined], bool]
) -> str:
    """A setting as the author could have written it; an optimizer or schedule with its own."""
    match meaning:
        case Layer(defined=Defined(definition=definition), settings=settings):
            inner = ", ".join(
                f"{name} = {_spelled(value, computed, known)}"
                for name, value in settings.items()
                if all(map(known, definitions_in(value)))
            )
            return f"{definition.name}({inner})" if definition.settings else definition.name
        case Defined(definition=definition):
            return definition.name
        case bool():
            return str(meaning).lower()
        case int() | float():
            return f"{meaning}"
        case Sizes():
            return f"[{', '.join(_spelled(part, computed, known) for part in meaning)}]"
        case Builtin(name=name) | Keyword(name=name):
            return name
        case Value():
            return next(computed, describe(meaning))
        case _:
            return describe(meaning)


def definitions_in(meaning: StaticValue) -> Iterator[Defined]:
    """The definitions that a setting names."""
    match meaning:
        case Layer(defined=defined):
            yield defined
        case Defined():
            yield meaning
    for part in parts_of(meaning):
        yield from definitions_in(part)


def computed_settings(rules: Rules) -> list[Value]:
    """The settings that the network computes, in the order in which they are told."""

    def values(meaning: StaticValue) -> Iterator[Value]:
        if isinstance(meaning, Value):
            yield meaning
        for part in parts_of(meaning):
            yield from values(part)

    return list(values(rules.optimizer))


def is_schedule(meaning: StaticValue) -> bool:
    """Whether an optimizer's setting is a schedule, applied to the count of updates."""
    match meaning:
        case Layer(defined=Defined(definition=definition)) | Defined(definition=definition):
            return definition.kind == "schedule"
        case _:
            return False
