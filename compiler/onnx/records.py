"""What an ONNX file says, as data that is cheap to make and to look at.

A file has one graph; a node names an operator of ONNX (or a function of the same file) and the
tensors that it reads and makes.  Sizes are numbers, or names where they differ from call to call.
Source: the ONNX specification, https://onnx.ai/onnx/repo-docs/IR.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import IntEnum
from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass

OPSET = 28  # the newest that onnxruntime 1.32 takes
DOMAIN = "gradc"  # of functions that a file brings with it

Size = int | str | None  # None: not known


class ElementType(IntEnum):
    """The kinds of numbers that this project and ONNX have in common, with ONNX's own codes."""

    FLOAT = 1
    INT32 = 6
    INT64 = 7
    BOOL = 9
    DOUBLE = 11
    UINT32 = 12
    UINT64 = 13
    BFLOAT16 = 16

    @staticmethod
    def of(array: np.ndarray) -> ElementType:
        """The kind of an array's numbers; raises `KeyError` for one that is not here."""
        return CODES[array.dtype.name]


CODES = {
    "float32": ElementType.FLOAT,
    "int32": ElementType.INT32,
    "int64": ElementType.INT64,
    "bool": ElementType.BOOL,
    "float64": ElementType.DOUBLE,
    "uint32": ElementType.UINT32,
    "uint64": ElementType.UINT64,
}  # by NumPy's names


@dataclass(frozen=True, slots=True)
class OnnxValue:
    """The name of a tensor, its kind of numbers, and its sizes, in order of its axes."""

    name: str
    element: ElementType
    sizes: tuple[Size, ...] | None = ()  # None: not even how many
    note: str = ""  # for people: what the author declared


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxNode:
    """One use of an operator; an input `""` is one that is not given."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)  # numbers, texts, tuples, graphs
    name: str = ""
    note: str = ""  # the author's line
    domain: str = ""  # ONNX's own

    @property
    def reads(self) -> set[str]:
        """The tensors that the node reads, also those that graphs inside it read from outside."""
        found = {name for name in self.inputs if name}
        for value in self.attributes.values():
            if isinstance(value, OnnxGraph):
                found |= value.reads
        return found

    def calls(self, domain: str) -> set[str]:
        """The operators of a domain that the node uses, also in graphs inside it."""
        found = {self.operator} if self.domain == domain else set()
        for value in self.attributes.values():
            if isinstance(value, OnnxGraph):
                found |= {name for node in value.nodes for name in node.calls(domain)}
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxGraph:
    """Nodes in order, each after those that it reads."""

    name: str
    inputs: tuple[OnnxValue, ...]
    outputs: tuple[OnnxValue, ...]
    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, np.ndarray] = field(default_factory=dict)  # initializers: numbers
    weights: Mapping[str, OnnxValue] = field(default_factory=dict)  # filled in by a session, by
    # the name that it has there
    values: tuple[OnnxValue, ...] = ()  # what is known of tensors in between

    @property
    def reads(self) -> set[str]:
        """The tensors that the graph reads from outside."""
        own = {value.name for value in self.inputs} | {*self.constants}
        own |= {name for node in self.nodes for name in node.outputs}
        wanted = {value.name for value in self.outputs}
        return wanted.union(*(node.reads for node in self.nodes)) - own


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxFunction:
    """An operator that a file defines by nodes, of the domain `DOMAIN`."""

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[OnnxNode, ...]
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxModel:
    """A file: its graph, the functions it defines, and texts about it by name."""

    graph: OnnxGraph
    functions: tuple[OnnxFunction, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    opset: int = OPSET
