"""Copies of layers, which have parameters of their own: what `repeat` makes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradc_compiler.elaborate.names.paths import LayerNames, copied
from gradc_compiler.elaborate.names.values import (
    Checkpointed,
    Composition,
    Defined,
    Each,
    Layer,
    Partial,
    Record,
    Recurrent,
    Repeated,
    Sizes,
    StaticValue,
)


def copy_layer(layer: StaticValue, which: int, names: LayerNames) -> StaticValue:
    """The same layer with parameters of its own; models and functions stay themselves."""
    return Copy(which, names).of(layer)


class Copy:
    """One copy of a layer and of its parts; a part that occurs twice is copied once."""

    def __init__(self, which: int, names: LayerNames) -> None:
        self.which, self.names = which, names
        self._made: dict[int, StaticValue] = {}

    def of(self, layer: StaticValue) -> StaticValue:
        """The part of the copy that stands for a part of the layer."""
        if id(layer) not in self._made:
            self._made[id(layer)] = self._copied(layer)
        return self._made[id(layer)]

    def _copied(self, layer: StaticValue) -> StaticValue:
        match layer:
            case Layer(settings=settings, name=name):
                own = {key: self.of(value) for key, value in settings.items()}
                return self._new(layer, settings=own, name=_numbered(name), path=None)
            case Defined(is_model=False, name=name):
                return self._new(layer, name=_numbered(name), bare=None)
            case Recurrent(cell=cell):
                return replace(layer, cell=self.of(cell))
            case Composition(stages=stages, name=name):
                parts = tuple(map(self.of, stages))
                return self._new(layer, stages=parts, name=_numbered(name), path=None)
            case Repeated(layer=inner, made=made, name=name):
                count, which = layer.count, copied(made, self.which, self.names)
                return Repeated(count, self.of(inner), which, name=_numbered(name))
            case Each(layer=inner):
                return Each(self.of(inner))
            case Checkpointed(layer=inner, products=products):
                return Checkpointed(self.of(inner), products)
            case Partial(function=function, arguments=arguments, named=named):
                given = {key: self.of(value) for key, value in named.items()}
                return Partial(self.of(function), tuple(map(self.of, arguments)), given)
            case Record(names=names):
                return Record.of(tuple(map(self.of, layer)), names)
            case tuple() if not isinstance(layer, Sizes):
                return tuple(map(self.of, layer))
            case _:
                return layer

    def _new(self, layer: Layer | Defined | Composition, **changes: Any) -> StaticValue:
        if layer.made is not None:
            changes["made"] = copied(layer.made, self.which, self.names)
        return replace(layer, **changes)


def _numbered(name: str | None) -> str | None:
    """The name for copies of `f`, which become f1, f2, ...: a trailing # asks for a number."""
    return name if name is None or name.endswith("#") else name + "#"
