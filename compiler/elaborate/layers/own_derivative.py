"""`derivative f(x)(dx) { ... }`: the derivative of a function, written by the author.

Its body is elaborated for the types that f is applied to, in a graph of its own that reads f's
inputs and how they move.  That graph must be linear in what moves, and say what is true, unless the
author tells why it does not (`because "straight through"`).  What f gives is then marked
(`ops/ruled.py`), so that both directions of differentiation follow the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.elaborate.functions.arithmetic import to_value
from gradc_compiler.elaborate.names.problems import ErrorAlreadyReported, SpecError
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.spec_limits import LimitedBuilder
from gradc_compiler.elaborate.names.values import Defined, Layer, Sizes, StaticValue
from gradc_compiler.graph.graph import Graph, Value
from gradc_compiler.graph.types import Kind
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.ruled import DerivativeRule, Ruled, like
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import Derivative, Parameter
from gradc_compiler.transform.push_forward import push_forward
from gradc_compiler.transform.rule_graphs import (
    Difference,
    difference,
    is_linear,
    is_tried,
    own_tensor,
    pruned,
    transposed,
)

Apply = Callable[[Layer, list[StaticValue], Scope], StaticValue]  # to inputs, without a rule
KINDS = ("function", "layer")  # that may have a derivative of their own
SHOWN = 4  # numbers of an input that a message shows


def is_ruled(layer: Layer) -> bool:
    """Whether its author has written a derivative beside it."""
    definition = layer.defined.definition
    return definition.name in layer.defined.unit.derivatives and definition.kind in KINDS


def with_own_derivative(
    layer: Layer, inner: Scope, body: Callable[[], StaticValue], scope: Scope, apply: Apply
) -> StaticValue:
    """What a body gives, marked with the derivative that its file has beside it; `inner` is the
    scope of the body, and knows its inputs.

    Faults: E0505 for a rule that is none, E0506 for one that is not the derivative.
    """
    definition = layer.defined.definition
    bound = {p.name: inner.names[p.name] for p in definition.inputs}  # before the body moves them
    result = body()
    at_home = replace(scope, site=None, entered=None, caller=None)  # where the rule is written
    told = layer.defined.unit.derivatives[definition.name]
    making = _OwnRule(layer, told, bound, at_home, apply)
    if not any(making.moves(x) for x in bound.values()):
        return result
    if not isinstance(result, Value) or result.type.kind is not Kind.REAL:
        raise making.fault("E0505", f"`{told.name}` gives no tensor of numbers that could move")
    operands = [x for x in bound.values() if isinstance(x, Value)]
    making.require_nothing_kept(result, operands)
    return result.builder.add(Ruled(making.rule(result)), result, *operands)


@dataclass
class _OwnRule:
    """A rule for one application; equal ones are made once."""

    layer: Layer
    told: Derivative
    bound: Mapping[str, StaticValue]  # f's inputs
    scope: Scope
    apply: Apply

    @staticmethod
    def moves(x: StaticValue) -> bool:
        """Whether an input is numbers of this graph."""
        return isinstance(x, Value) and x.type.kind is Kind.REAL

    def require_nothing_kept(self, y: Value, inputs: Sequence[Value]) -> None:
        """E0505 where f has a parameter or state, which a rule by inputs would leave out."""
        kept = own_tensor(y, inputs)
        if kept is not None:
            message = f"`{self.told.name}` keeps `{kept}`, and a derivative moves with inputs alone"
            hint = f"let `{kept}` be an input of a function with a derivative beside it, "
            hint += f"`derivative f({kept}, x)(d{kept}, dx)`, and the layer apply that"
            raise self.fault("E0505", message, hint=hint)

    def rule(self, y: Value) -> DerivativeRule:
        """The rule, checked."""
        rules, key = self.scope.run.registry.rules, self._key()
        if key not in rules:
            # filed before it is filled: its own body may apply f
            rules[key] = DerivativeRule(self.told.name, self.told.reason)
            try:
                self._fill(rules[key], y)
            except BaseException:
                del rules[key]
                raise
        return rules[key]

    def _key(self) -> Hashable:
        inputs = tuple(x.type if isinstance(x, Value) else x for x in self.bound.values())
        settings = tuple(self.layer.settings.items())
        return id(self.layer.defined.definition), self.scope.run.training, inputs, settings

    def _fill(self, rule: DerivativeRule, y: Value) -> None:
        push = self._push(y)
        pull = self._transposed(push)
        if pull is None or not is_linear(push):
            moving = ", ".join(f"`{p.name}`" for p in self.told.tangents)
            raise self.fault(
                "E0505",
                f"a derivative is linear in what moves, here {moving}, and this is not",
                hint="twice as far is twice as much: `slope * dx`, `W @ dx`",
            )
        if self.told.reason is None:
            self._require_true(push)
        rule.push, rule.pull = push, pull

    def _transposed(self, push: Graph) -> Graph | None:
        try:
            return transposed(push)
        except CompileError:
            if not any(isinstance(n.op, Ruled) for n in push.nodes):
                raise
            message = f"what moves goes through `{self.told.name}` itself, whose rule this is"
            raise self.fault("E0505", message, hint="write out how it moves: `2 * dx`") from None

    def _push(self, y: Value) -> Graph:
        """The graph of `dy`."""
        inner = self._apart()
        inputs = [*self._inputs(inner), *self._inputs(inner, tangents=True)]
        layer = self._layer()
        dy = to_value(self.apply(layer, inputs, inner), inner, self.told.name_span)
        if dy.shape not in ((), y.shape) or dy.type.time not in (None, y.type.time):
            message = f"`{self.told.name}` gives {y.type}, and its derivative {dy.type}"
            raise self.fault("E0505", message, hint="both have one type")
        stand_in = inner.run.builder.add(Input("y", y.shape, None, y.type.time))
        push = pruned(inner.run.builder, {"dy": like(stand_in, dy)})
        if push.carries or any(isinstance(n.op, PersistentOp) for n in push.nodes):
            what = "recurrence" if push.carries else "parameter, state or draw of its own"
            raise self.fault("E0505", f"the derivative of a function has no {what}")
        return push

    def _require_true(self, push: Graph) -> None:
        """E0506 where the rule says something else than f's own body does."""
        inner = self._apart()
        xs, dxs = self._inputs(inner), self._inputs(inner, tangents=True)
        y = to_value(self.apply(self.layer, xs, inner), inner, self.told.name_span)
        pairs = [(x, dx) for x, dx in zip(xs, dxs, strict=True) if isinstance(dx, Value)]
        moved, along = zip(*pairs, strict=True)
        true = pruned(
            inner.run.builder, {"dy": push_forward(inner.run.builder, [y], moved, along)[0]}
        )
        name, found = self.told.name, difference(push, true)
        if found is not None:
            message = f"this is not the derivative of `{name}`: {self._shown(found)}"
            hint = 'mend it, or say before its body why it differs: `because "straight through"`'
            raise self.fault("E0506", message, hint=hint)
        if not is_tried(push, true):
            message = f"whether this is the derivative of `{name}` cannot be tried: it is finite"
            message += " nowhere between -4 and 4"
            raise self.fault("E0506", message, hint='say why it is: `because "..."`')

    def _layer(self) -> Layer:
        """The rule as a function of f's inputs and of how they move, with f's settings."""
        of, told, layer = self.layer.defined.definition, self.told, self.layer
        if not len(told.inputs) == len(told.tangents) == len(of.inputs):
            raise ErrorAlreadyReported
        inputs = (*told.inputs, *told.tangents)
        typed = [
            self._typed(*three) for three in zip(inputs, of.inputs * 2, self._all(), strict=True)
        ]
        definition = replace(
            of, span=told.span, name_span=told.name_span, inputs=tuple(typed), result=None,
            body=told.body,
        )  # fmt: skip
        defined = Defined(definition, layer.defined.unit)
        return Layer(defined, layer.settings, layer.span, layer.chain, layer.made)

    def _all(self) -> Iterator[bool]:
        """Which of f's inputs, and of their tangents, have the type that f says."""
        yield from (True for _ in self.bound)
        yield from map(self.moves, self.bound.values())

    @staticmethod
    def _typed(own: Parameter, of: Parameter, known: bool) -> Parameter:
        return replace(own, type=(own.type or of.type) if known else None, default=None)

    def _apart(self) -> Scope:
        run = self.scope.run.apart(LimitedBuilder(span=self.scope.run.builder.span))
        return replace(self.scope, run=run)

    def _inputs(self, inner: Scope, *, tangents: bool = False) -> list[StaticValue]:
        """f's inputs in a graph of their own, or how they move: what is no tensor stands still."""
        found, number = list[StaticValue](), 0
        for meaning in self.bound.values():
            if isinstance(meaning, tuple) and not isinstance(meaning, Sizes):
                raise self.fault("E0505", "a function with a rule of its own takes no tuples")
            if not isinstance(meaning, Value):
                found.append(0 if tangents else meaning)
                continue
            type, letter = meaning.type, "dx" if tangents else "x"
            op = Input(f"{letter}{number}", type.shape, type.classes, type.time)
            still = tangents and not self.moves(meaning)
            found.append(0 if still else inner.run.builder.add(op))
            number += 1
        return found

    def _shown(self, found: Difference) -> str:
        """Where a rule is wrong, in the author's names."""
        names = [*zip(self.told.inputs, self.told.tangents, strict=True)]
        tensors = [
            n for n, x in zip(names, self.bound.values(), strict=True) if isinstance(x, Value)
        ]
        told = [
            f"{p.name} = {_numbers(at)}"
            for k, pair in enumerate(tensors)
            for key, p in zip((f"x{k}", f"dx{k}"), pair, strict=True)
            if (at := found.at.get(key)) is not None and at.size <= SHOWN
        ]
        where = f"at {', '.join(told)} " if told else ""
        return f"{where}it says {found.rule:.5g}, and true is {found.true:.5g}"

    def fault(self, code: str, message: str, hint: str | None = None) -> SpecError:
        """An error of the rule."""
        return self.scope.fault(code, message, self.told.name_span, hint=hint)


def _numbers(at: np.ndarray) -> str:
    told = ", ".join(f"{x:.4g}" for x in np.ravel(at))
    return told if np.ndim(at) == 0 else f"[{told}]"
