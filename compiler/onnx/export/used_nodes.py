"""Nodes of a file after they have been written: those that are used, under the names wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gradc_compiler.onnx.records import OnnxGraph, OnnxNode


def used(nodes: Sequence[OnnxNode], wanted: Iterable[str]) -> tuple[OnnxNode, ...]:
    """The nodes from which the wanted tensors are computed, in order."""
    read, found = {*wanted}, []
    for node in reversed(nodes):
        if read & {*node.outputs}:
            found.append(node)
            read |= node.reads
    return tuple(reversed(found))


def renamed(nodes: Iterable[OnnxNode], names: Mapping[str, str]) -> tuple[OnnxNode, ...]:
    """Nodes whose tensors have other names, in graphs inside them too."""

    def of(given: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(names.get(name, name) for name in given)

    def attribute(value: Any) -> Any:
        inside = isinstance(value, OnnxGraph)
        return replace(value, nodes=renamed(value.nodes, names)) if inside else value

    return tuple(
        replace(
            node,
            inputs=of(node.inputs),
            outputs=of(node.outputs),
            attributes={key: attribute(value) for key, value in node.attributes.items()},
        )
        for node in nodes
    )
