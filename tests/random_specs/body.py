"""Random well-typed programs: what an expression of a type may be, and the body it stands in.

A generator asks for an expression of a type and gets its text.  Rules that can make a value of that
type file themselves in `RULES`; rule 0 is the simplest, so that a search that shrinks its choices
towards 0 ends at a spec of a few lines.  Numbers stay of moderate size, so that every operator is
reached with numbers and not with infinities.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeVar

Shape = tuple[int, ...]
T = TypeVar("T")
LONGEST = 1_000  # characters of an expression; one that is longer gets a name
WIDTHS = (7, 8, 9, 15, 16, 17, 31, 33)
Choose = Callable[[int], int]  # of so many, one


@dataclass(frozen=True)
class Type:
    """Numbers of a shape, or labels of so many classes; `time` where it is a sequence."""

    shape: Shape = ()
    classes: int | None = None
    time: str | None = None

    def __str__(self) -> str:
        inner = f"[{', '.join(map(str, self.shape))}]" if self.shape else "scalar"
        inner = inner if self.classes is None else f"class({self.classes})"
        return inner if self.time is None else f"{self.time_text} {inner}"

    @property
    def time_text(self) -> str:
        assert self.time is not None
        return f"seq({self.time})"

    @property
    def element(self) -> Type:
        return replace(self, time=None)

    def over(self, time: str | None) -> Type:
        return replace(self, time=time)


SCALAR = Type()


@dataclass
class Body:
    """A body that is being written: its statements and the names it has so far.

    `kind` is the word of the definition; in a `cell`, and in what is applied to elements of a
    sequence, nothing may look across examples.
    """

    choose: Choose
    kind: str
    names: dict[str, Type]
    definitions: list[str]  # of the whole file
    numbers: count[int]  # for names, of the whole file
    lines: list[str] = field(default_factory=list)
    depth: int = 3
    alone: bool = True  # whether it is about one example as a whole
    differentiable: bool = True  # whether finite differences can follow it

    def pick(self, items: Sequence[T]) -> T:
        return items[self.choose(len(items))]

    def sizes(self, most_axes: int = 3) -> Shape:
        """Some small ones; now and then one of them lies beside the width of a vector."""
        small = [1 + self.choose(4) for _ in range(self.choose(most_axes + 1))]
        if small and self.choose(8) == 7:
            small[self.choose(len(small))] = self.pick(WIDTHS)
        return tuple(small)

    def name(self, letter: str) -> str:
        return f"{letter}{next(self.numbers)}"

    def bind(self, text: str, type: Type) -> str:
        """A statement that gives an expression a name."""
        name = self.name("v")
        self.lines.append(f"{name} = {text}")
        self.names[name] = type
        return name

    def of_type(self, type: Type) -> list[str]:
        return [name for name, known in self.names.items() if known == type]

    def times(self) -> list[str]:
        """The lengths of sequences that are at hand."""
        return sorted({t.time for t in self.names.values() if t.time is not None})

    def within(self, kind: str, names: dict[str, Type]) -> Body:
        """The body of a definition that is made while this one is written."""
        return replace(
            self, kind=kind, names=dict(names), lines=[], depth=min(self.depth, 2),
            alone=self.alone and kind != "cell",
        )  # fmt: skip

    def block(self, result: str) -> str:
        return "".join(f"    {line}\n" for line in [*self.lines, result])


Rule = Callable[[Body, Type], str]


@dataclass(frozen=True)
class Made:
    """A rule, and for which types and in which bodies it can be used."""

    rule: Rule
    fits: Callable[[Body, Type], bool]


RULES: list[Made] = []


def rule(fits: Callable[[Body, Type], bool], weight: int = 1) -> Callable[[Rule], Rule]:
    """File a rule, which makes an expression of a type; `weight`: how often, beside others."""

    def file(function: Rule) -> Rule:
        RULES.extend([Made(function, fits)] * weight)
        return function

    return file


def anything(body: Body, type: Type) -> bool:
    return type.classes is None


def tensor(body: Body, type: Type) -> bool:
    return type.classes is None and type.time is None


def expression(body: Body, type: Type) -> str:
    """An expression of a type; deeper ones first use up the depth there is."""
    fitting = [made for made in RULES if made.fits(body, type)]
    if body.depth == 0:
        return leaf(body, type)
    body.depth -= 1
    try:
        text = body.pick([LEAF, *fitting]).rule(body, type)
    finally:
        body.depth += 1
    return text if len(text) <= LONGEST else body.bind(text, type)


def leaf(body: Body, type: Type) -> str:
    """A name that is there, or something new of the type."""
    known = body.of_type(type)
    chosen = body.choose(len(known) + 1)
    if chosen < len(known):
        return known[chosen]
    if type.time is not None:
        return lifted(body, type)
    if type.classes is not None:
        wide = expression(replace_depth(body, 1), Type((type.classes,)))
        return f"argmax({wide})"
    return fresh(body, type)


LEAF = Made(leaf, anything)


def replace_depth(body: Body, depth: int) -> Body:
    """The same body, for an expression that is at most so deep."""
    return replace(body, depth=min(body.depth, depth))


def lifted(body: Body, type: Type) -> str:
    """A value of the whole example, at every element of a sequence."""
    of_time = [n for n, known in body.names.items() if known.time == type.time]
    inner = leaf(body, type.element)
    if type.classes is not None:
        return f"argmax({lifted(body, Type((type.classes,), time=type.time))})"
    return f"spread({inner}, {of_time[0]})"


def fresh(body: Body, type: Type) -> str:
    """A parameter, noise or a number."""
    kinds = ["number"]
    if body.kind != "function":
        kinds.append("param")
    if body.kind == "model" and body.alone:
        kinds.append("noise")
    kind = body.pick(kinds)
    if kind == "number":
        value = body.pick(["0.75", "2", "-0.5", "1", "0", "1e-3", "-1.25", "1e-39"])
        return f"full({list(type.shape)}, {value})" if type.shape else f"({value})"
    return drawn(body, type, kind)


def drawn(body: Body, type: Type, kind: str = "param") -> str:
    """A new parameter, or noise."""
    name = body.name("w" if kind == "param" else "e")
    first = "normal(0, 1)" if kind == "noise" else body.pick(["normal(0, 1)", "uniform(-1, 1)"])
    body.lines.append(f"{kind} {name} : {type} ~ {first}")
    body.names[name] = type
    return name
