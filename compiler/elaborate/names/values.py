"""What an expression can mean while a spec is elaborated.

Numbers, words, sizes and layers are known now, at compile time; a graph `Value` is known when the
network runs.  `POISON` stands where an error was reported, so that one mistake gives one message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Protocol

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.paths import Made, Path
from gradc_compiler.graph.types import Time
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.syntax.grammar.tree import Definition, Derivative

StaticValue = Any  # one of: int, float, bool, tuple, and the classes below


class Poison:
    """Stands for a value that could not be had; says nothing further."""

    def __repr__(self) -> str:
        return "POISON"


POISON = Poison()


@dataclass(frozen=True, slots=True)
class Keyword:
    """A word that is its own meaning: `same`, `valid`."""

    name: str


@dataclass(frozen=True, slots=True)
class StaticText:
    """A quoted string."""

    value: str


class Sizes(tuple[Any, ...]):
    """`[a, b]` or `3x3`: sizes, or the numbers of a tensor written out."""

    __slots__ = ()


class Record(tuple[Any, ...]):
    """A tuple whose components have names: the result of `-> (mu : [2], log_var : [2])`."""

    names: tuple[str | None, ...]

    @staticmethod
    def of(items: tuple[StaticValue, ...], names: tuple[str | None, ...]) -> Record:
        """Items with their names."""
        record = Record(items)
        record.names = names
        return record


class Definitions(Protocol):
    """The file that a text stands in, by what its text may name: a `SourceModule`."""

    is_prelude: bool
    missing: set[str]  # names whose import failed
    missing_all: bool  # an import of all names failed
    constants: dict[str, StaticValue]  # what each `let` stands for
    derivatives: dict[str, Derivative]  # of its functions, as their author wrote them

    def find(self, name: str) -> Defined | None:
        """The definition that a name stands for there."""

    def known(self) -> set[str]:
        """All names it can find."""


@dataclass(slots=True, eq=False)
class Defined:
    """A definition as it is named, before its settings are given.

    Every place where the name is written has a value of its own.  If the layer is used without
    settings, that value stands for one layer wherever it is passed; the same name written at
    another place stands for another layer.
    """

    definition: Definition
    unit: Definitions
    plain: PlainLayer | None = None  # made where it is named; None: as it stands in its file
    name: str | None = None  # what it was assigned to
    bare: Layer | None = None  # the layer without settings, once one is needed
    made: Made | None = None  # which layer `bare` is

    @property
    def is_model(self) -> bool:
        """Whether its parameters belong to its name, wherever it is used."""
        return self.definition.kind == "model"


@dataclass(slots=True, eq=False)
class Layer:
    """A definition with its settings: one set of parameters, however often it is applied."""

    defined: Defined
    settings: Mapping[str, StaticValue]
    span: Span
    chain: tuple[Definition, ...]  # the definitions whose text led to this one
    made: Made
    name: str | None = None  # what it was assigned to
    path: Path | None = None  # where its parameters are, from the first application on


class Compound:
    """A layer made of layers."""

    __slots__ = ()


@dataclass(slots=True, eq=False)
class Composition(Compound):
    """`first |> second`, waiting for its input."""

    stages: tuple[StaticValue, ...]
    spans: tuple[Span, ...]
    made: Made
    name: str | None = None
    path: Path | None = None


@dataclass(slots=True, eq=False)
class Repeated(Compound):
    """`repeat(n, layer)`: n copies one after another, each with parameters of its own."""

    count: int
    layer: StaticValue
    made: Made
    copies: list[StaticValue] = field(default_factory=list)
    name: str | None = None
    path: Path | None = None


@dataclass(slots=True, eq=False)
class Each(Compound):
    """`each(layer)`: the layer applied along the leading axis."""

    layer: StaticValue


@dataclass(slots=True, eq=False)
class Checkpointed(Compound):
    """`checkpoint(layer)`: a layer that keeps little of what its derivative reads."""

    layer: StaticValue
    products: bool


@dataclass(frozen=True, slots=True, eq=False)
class Builtin:
    """A function of the language itself; `rule(call)` gives its meaning."""

    name: str
    rule: Callable[..., StaticValue]
    parameters: tuple[str, ...]
    required: int
    variadic: bool = False
    makes_layer: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """A call that waits for its first argument: `sum(axis = 0)` in a chain."""

    function: StaticValue
    arguments: tuple[StaticValue, ...]
    named: Mapping[str, StaticValue]


@dataclass(frozen=True, slots=True)
class ParameterGroup:
    """The parameters whose name is `path` or begins with `path.`."""

    path: str


@dataclass(slots=True, eq=False)
class Recurrent(Compound):
    """`scan(cell)` over its input, or `unfold(n, cell)` over n steps: a cell step by step."""

    cell: Layer
    over: Time | None = None  # how many steps; None: as many as the input has elements
    start: StaticValue = None  # the first state; None: zeros
    all: bool = False  # every part of the state, not the first alone
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Duration:
    """How long the sequences of a time are: known only while the network runs."""

    time: str


PlainLayer = Callable[[Defined, Span], Layer]  # a definition without settings, as a layer
LayerLike = (Layer, Compound, Builtin, Partial, Defined)


def parts_of(meaning: StaticValue) -> Iterable[StaticValue]:
    """What a tuple, a composition or a layer's settings hold directly."""
    match meaning:
        case tuple():
            return meaning
        case Composition(stages=stages):
            return stages
        case Layer(settings=settings):
            return settings.values()
        case Repeated(layer=layer) | Each(layer=layer) | Checkpointed(layer=layer):
            return (layer,)
        case Recurrent(cell=cell, start=start):
            return (cell, start)
        case Partial(function=function, arguments=arguments, named=named):
            return (function, *arguments, *named.values())
        case _:
            return ()


def is_number(meaning: StaticValue) -> bool:
    """Whether it is a number known now."""
    return isinstance(meaning, int | float)
