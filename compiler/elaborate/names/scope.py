"""Where an expression stands: the names it sees, its graph, the path of its parameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any

from gradc_compiler.diagnostics.source import Label, Span
from gradc_compiler.elaborate.names.author_argument import Entered, author_argument
from gradc_compiler.elaborate.names.paths import Path
from gradc_compiler.elaborate.names.problems import (
    DiagnosticSink,
    ErrorAlreadyReported,
    LimitExceeded,
    SpecError,
    diagnose,
)
from gradc_compiler.elaborate.names.registry import Registry
from gradc_compiler.elaborate.names.spec_limits import PARTS, LimitedBuilder
from gradc_compiler.elaborate.names.values import Definitions, StaticValue, parts_of
from gradc_compiler.graph.graph import Value
from gradc_compiler.graph.types import TensorType, Time
from gradc_compiler.ops.leaf import PersistentOp
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import Definition, Expr

OF_SHAPES = ("E03", "E04")  # codes of errors that depend on what a layer is given
OF_SIZES = ("E0301", "E0302", "E0303", "E0405")  # that may follow from a wrong size


@dataclass
class Sampling:
    """What is being drawn: a parameter's first value, or noise."""

    name: str
    shape: tuple[int, ...]
    shared: bool = True  # one draw for all examples
    time: Time | None = None  # a draw for every element of a sequence
    draws: int = 0

    def next_key(self) -> str:
        """What the next draw is known by: the name, and its number after the first."""
        key = self.name if self.draws == 0 else f"{self.name}#{self.draws}"
        self.draws += 1
        return key


@dataclass(frozen=True)
class StateRule:
    """How an optimizer's states are named and typed: `adam.m/digit.conv1.W`, like the parameter."""

    prefix: str
    parameter: str
    type: TensorType

    def name(self, state: str) -> str:
        """The persistent's name."""
        return f"{self.prefix}.{state}/{self.parameter}"


@dataclass(frozen=True)
class Evaluator:
    """The two halves of the evaluator, for the modules below it."""

    evaluate: Callable[[Expr, Scope], StaticValue]
    call: Callable[
        [StaticValue, Sequence[StaticValue], Mapping[str, StaticValue], Span, Scope], StaticValue
    ]


@dataclass(frozen=True, slots=True)
class Note:
    """What a part of a model's text gives (None where that is no tensor) and reads first."""

    type: TensorType | tuple[Any, ...] | None
    read: tuple[str, ...]  # persistents


@dataclass(frozen=True, slots=True)
class Use:
    """A definition of the prelude that the author's text applies, and the nodes that it made."""

    name: str
    span: Span  # of the application
    made: range  # nodes
    inputs: tuple[int | None, ...]  # nodes; None for what is no tensor
    result: int | None


@dataclass
class GraphContext:
    """One graph in the making."""

    registry: Registry[Scope]
    problems: DiagnosticSink
    language: Evaluator
    training: bool = False
    builder: LimitedBuilder = field(default_factory=LimitedBuilder)
    read: dict[str, Value] = field(default_factory=dict)  # persistents by name
    updates: dict[str, Value] = field(default_factory=dict)  # state -> its value after the last use
    occurrences: Counter[str] = field(default_factory=Counter)  # of noise
    applied: dict[str, tuple[StaticValue, ...]] = field(default_factory=dict)  # models' input types
    argument_spans: dict[Span, dict[str | int, Span]] = field(default_factory=dict)  # by call
    times: dict[Time, Span] = field(default_factory=dict)  # where each time comes from
    notes: dict[tuple[int, int], Note] = field(default_factory=dict)  # see `notes`
    uses: list[Use] = field(default_factory=list)  # of the prelude
    drawing: Sampling | None = None
    applications: int = 0
    results: dict[Hashable, StaticValue] = field(default_factory=dict)  # of models, for reports
    reporting: bool = False  # in a report, which moves no state
    doubtful: bool = False  # a claim of this statement fails: it or the sizes are wrong

    def persistent(self, name: str, type: TensorType, *, index: bool = False) -> Value:
        """The value of a persistent in this graph; read once."""
        if name not in self.read:
            self.read[name] = self.builder.add(PersistentOp(name, type.shape, index), name=name)
        return self.read[name]

    def current(self, name: str, type: TensorType) -> Value:
        """A persistent as the uses before this one left it."""
        updated = self.updates.get(name)
        return self.persistent(name, type) if updated is None else updated

    def apart(self, builder: LimitedBuilder) -> GraphContext:
        """This context with another graph, and nothing read or updated yet."""
        return replace(self, builder=builder, read={}, updates={}, uses=[], results={})

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Add nodes for another graph, which is frozen within the block; then remove them again."""
        nodes, read, results = len(self.builder.nodes), dict(self.read), dict(self.results)
        try:
            yield
        finally:
            del self.builder.nodes[nodes:], self.builder.varying_memo[nodes:]
            self.read, self.results = read, results

    def note_use(
        self, name: str, span: Span, since: int, inputs: Iterable[StaticValue], result: StaticValue
    ) -> None:
        """Note that the nodes made `since` a count belong to a definition of the prelude."""
        nodes = tuple(x.id if isinstance(x, Value) else None for x in (*inputs, result))
        made = range(since, len(self.builder.nodes))
        self.uses.append(Use(name, span, made, nodes[:-1], nodes[-1]))

    def counters(self) -> tuple[Value, Value]:
        """The operands of a random draw: seed and step."""
        return (
            self.persistent("seed", TensorType(), index=True),
            self.persistent("step", TensorType(), index=True),
        )


@dataclass
class Scope:
    """The inside of one body."""

    run: GraphContext
    unit: Definitions
    path: Path
    names: dict[str, StaticValue] = field(default_factory=dict)
    chain: tuple[Definition, ...] = ()  # the definitions whose text led here
    site: Span | None = None  # inside the prelude: the author's call
    depth: int = 0
    owned: dict[str, Span] = field(default_factory=dict)  # params, states and noise of this body
    states: dict[str, str] = field(default_factory=dict)  # state -> its persistent's name
    state_rule: StateRule | None = None  # in an optimizer
    caller: Span | None = None  # where a layer of the author's own is applied
    elements: frozenset[Time] = frozenset()  # the sequences of which this body sees one element
    opened: dict[int, Span] = field(default_factory=dict)  # recurrences not closed yet
    loops: dict[str, int] = field(default_factory=dict)  # name of a `previous` -> its recurrence
    entered: Entered | None = None  # inside the prelude: how this body was

    def __post_init__(self) -> None:
        """A file's constants are seen in all its bodies, unless the body has such a name itself."""
        if self.unit.constants:
            self.names = {**self.unit.constants, **self.names}

    def evaluate(self, expression: Expr) -> StaticValue:
        """What an expression means here; POISON after an error."""
        return self.run.language.evaluate(expression, self)

    def call(
        self, function: StaticValue, arguments: Sequence[StaticValue], span: Span
    ) -> StaticValue:
        """What a function or layer gives for arguments."""
        return self.run.language.call(function, arguments, {}, span, self)

    def fault(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        secondary: list[tuple[Span, str]] | None = None,
        hint: str | None = None,
        about: Span | None = None,
    ) -> SpecError:
        """An error at a span of this body's text; its shapes may come from where it is used.

        In the prelude it is told at the author's argument that the span, or `about`, comes from.
        """
        others = list(secondary or [])
        if self.caller is not None and code.startswith(OF_SHAPES):
            others.append((self.caller, "used here"))
        found = diagnose(
            code, message, span, site=self.site, label=label, secondary=others, hint=hint
        )
        argument = self.author_argument(about or span)
        if argument is not None:
            found = replace(found, primary=Label(argument, "given here"))
        return SpecError(found)

    def author_argument(self, place: Span) -> Span | None:
        """In the prelude: the author's argument that one in this body comes from."""
        if self.entered is None:
            return None
        return author_argument(place, self.entered, self.run.argument_spans)

    def argument(self, call: Span, parameter: str) -> Span:
        """Where a function of the language is given a parameter; the call where it is not."""
        return self.run.argument_spans.get(call, {}).get(parameter, call)

    def report(self, fault: SpecError) -> None:
        """File an error and go on, unless it only follows from a size that is in doubt."""
        if not (self.run.doubtful and fault.diagnostic.code in OF_SIZES):
            self.run.problems.add(fault.diagnostic)

    def absent(self, path: str | None, fault: SpecError) -> SpecError | ErrorAlreadyReported:
        """What to raise where no parameter is found: no new error if their model has one."""
        model = (path or "").split(".")[0]
        return ErrorAlreadyReported() if model in self.run.problems.unsound else fault

    def place(self, span: Span) -> Span:
        """The author's text that a span of this body serves."""
        return span if self.site is None else self.site


def check_parts(meanings: Iterable[StaticValue], span: Span, scope: Scope) -> None:
    """E0411 where values hold each other so often that going through them would not end.

    Raises `LimitExceeded`, with that diagnostic.
    """
    pending = list(meanings)
    for count, meaning in enumerate(pending):
        pending.extend(parts_of(meaning))
        if count > PARTS:
            raise LimitExceeded(
                scope.fault("E0411", f"this holds more than {PARTS:,} parts", span).diagnostic
            )
