"""Where parameters are: a layer's path, the same in every graph of a spec.

A layer is known again by where it is written, not by how many were made before it: a branch that
one graph takes and another leaves out (`if training`) neither lends its layers' names to others nor
moves the numbers of those that follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import field
from typing import Protocol

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.records.fast_dataclass import dataclass


@dataclass
class LayerNames:
    """The names of a spec's layers, each given once; see Note [Which layer is which]."""

    numbers: dict[Hashable, int] = field(default_factory=dict)
    given: dict[tuple[str, int, int], str] = field(default_factory=dict)  # body, place, which there
    homes: dict[int, str] = field(default_factory=dict)  # origin -> name
    counts: Counter[str] = field(default_factory=Counter)  # how often each `body.base` was given
    taken: set[str] = field(default_factory=set)

    def number(self, *key: Hashable) -> int:
        """A short name of a place or an origin."""
        return self.numbers.setdefault(key, len(self.numbers))

    def root(self, name: str) -> Path:
        """The path of a model, or of a `train`: wherever it is used."""
        number = self.number(name)
        return Path(None, name, self, Made(number, number), number)

    def new(self, body: str, layer: Path) -> str:
        """A name that nothing has yet: base1, base2, ..., or the base itself for a named layer."""
        base = f"{body}.{layer.base}"
        while True:
            self.counts[base] += 1
            count = self.counts[base]
            name = f"{base}{count}" if layer.numbered or count > 1 else base
            if name not in self.taken:
                self.taken.add(name)
                return name


@dataclass(frozen=True, slots=True)
class Made:
    """Which layer it is; see Note [Which layer is which]."""

    place: int
    origin: int


@dataclass(eq=False)
class Path:
    """A place parameters are named after; the name is given when the first of them is made.

    Layers without parameters therefore never use up a number.
    """

    parent: Path | None
    base: str
    names: LayerNames
    made: Made
    trail: int  # number of the chain of calls that led here
    numbered: bool = False
    twin: Path | None = None  # the first application of the same layer, which has the name
    fixed: str | None = None
    counted: Counter[Hashable] = field(default_factory=Counter)  # how often, by thing

    def within(self, span: Span) -> Path:
        """The same place, seen from a body that a call at `span` enters."""
        trail = self.names.number(self.trail, span, self.count(span))
        twin = self.twin or self
        return Path(self.parent, self.base, self.names, self.made, trail, self.numbered, twin)

    def again(self, caller: Path, span: Span) -> Path:
        """The same place for an application: same name, what is made in it counted afresh."""
        use = (span, self.made.origin)
        trail = self.names.number(caller.trail, use, caller.count(use))
        return Path(self.parent, self.base, self.names, self.made, trail, self.numbered, self)

    def count(self, what: Hashable) -> int:
        """How often this was counted before; counts it once more."""
        self.counted[what] += 1
        return self.counted[what] - 1

    def full(self) -> str:
        """`digit.conv1`."""
        if self.twin is not None:
            return self.twin.full()
        if self.fixed is None:
            self.fixed = self.base if self.parent is None else self.parent.name_child(self)
        return self.fixed

    def display(self) -> str:
        """A name for keys of noise: the path so far, without giving it a number."""
        above = self.parent.display() + "." if self.parent is not None else ""
        return above + (self.fixed or self.base)

    def name_child(self, child: Path) -> str:
        """The name that the child has in other graphs; else one that no other child has."""
        names, above, made = self.names, self.full(), child.made
        key = (above, made.place, self.count(made.place))
        name = names.homes.get(made.origin) or names.given.get(key)
        if name is None:
            name = names.new(above, child)
        names.given.setdefault(key, name)
        names.homes[made.origin] = name
        return name


class HasPath(Protocol):
    """A layer, or a composition of layers: named after what it was assigned to."""

    @property
    def made(self) -> Made:
        """Which layer it is; see Note [Which layer is which]."""

    @property
    def name(self) -> str | None:
        """What it was assigned to."""

    path: Path | None  # where its parameters are, from the first application on


def made_at(span: Span, path: Path) -> Made:
    """A layer that is made here, in the body whose parameters are below `path`."""
    number = path.names.number
    return Made(number(path.made.place, span), number("made", path.trail, span, path.count(span)))


def copied(made: Made, which: int, names: LayerNames) -> Made:
    """One of the copies of a layer."""
    return Made(made.place, names.number("copy", made.origin, which))


def layer_path(layer: HasPath, kind: str, span: Span, path: Path) -> Path:
    """Where a layer's parameters are: below the body that applies it first.

    `path` is that of the body that applies it now.
    """
    if layer.path is None:
        numbered = layer.name is None or layer.name.endswith("#")
        base = (layer.name or kind).rstrip("#")
        layer.path = Path(path, base, path.names, layer.made, path.trail, numbered)
    return layer.path.again(path, span)


# Note [Which layer is which]
#
# A spec is read into several graphs, and a conditional may take another branch in each.  So a layer
# is known again by two things, which no branch that is left out changes:
#
#   place   where it is written: its text, and the place of the layer in whose body that stands.
#           Applied again, a layer has its inner layers again: they have the same places.
#   origin  which of the calls that led to it, down from the model, made it.  It is finer: of two
#           layers with one place it tells which, even where one graph applies it in the body of
#           another layer (`f(x) if training else twice(f)(x)`) and so below another path.
#
# A name is given to an origin once.  An origin that is new has the name of what stands at its place
# in the same body, if that is known, which is so where a layer is applied again.
