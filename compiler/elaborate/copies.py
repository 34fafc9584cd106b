"""Copies of layers, which have parameters of their own: what `repeat` makes."""

from __future__ import annotations

from dataclasses import replace

from compiler.elaborate.values import (
    Checkpointed,
    Composition,
    Each,
    Layer,
    Meaning,
    Recurrent,
    Repeated,
)


def copy_layer(layer: Meaning) -> Meaning:
    """The same layer with parameters of its own; models and functions stay themselves."""
    match layer:
        case Layer(defined=defined, settings=settings, span=span, chain=chain, name=name):
            copied = {key: copy_layer(value) for key, value in settings.items()}
            return Layer(defined, copied, span, chain, _numbered(name))
        case Recurrent(cell=cell):
            return replace(layer, cell=copy_layer(cell))
        case Composition(stages=stages, spans=spans, name=name):
            return Composition(tuple(map(copy_layer, stages)), spans, _numbered(name))
        case Repeated(count=count, layer=inner, name=name):
            return Repeated(count, copy_layer(inner), name=_numbered(name))
        case Each(layer=inner):
            return Each(copy_layer(inner))
        case Checkpointed(layer=inner, products=products):
            return Checkpointed(copy_layer(inner), products)
        case _:
            return layer


def _numbered(name: str | None) -> str | None:
    """Copies of `f` are called f1, f2, ...: a trailing # asks for the number."""
    return name if name is None or name.endswith("#") else name + "#"
