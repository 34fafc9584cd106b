"""The options of an import, and its result."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.onnx.importer.atoms import Axes, Free, sizes, slots_of
from gradc_runtime.onnx.importer.expression import shape_text
from gradc_runtime.onnx.importer.graph_value import GraphValue

LENGTH = "n"  # the name of the length of a sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What a user or caller specifies about a graph beyond its file."""

    batch_axis: int | None = None  # of every input; None: there is none
    batch: str | None = None  # the symbol of the batch
    time: str | None = None  # the symbol of the time
    known: Mapping[str, np.ndarray] = field(default_factory=dict)  # inputs with their numbers
    name: str = "network"
    taken: Collection[str] | None = None  # words that the language has a meaning for
    inline: bool = False  # tables are written out, not kept beside the text


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedInput:
    """An input of the model: its name and type in the spec."""

    name: str
    type: str
    axes: Axes
    kind: np.dtype[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedSpec:
    """A spec's text, the numbers that belong to it, and how its inputs and outputs read in ONNX."""

    text: str
    model: str
    arrays: Mapping[str, np.ndarray]
    sources: Sequence[tuple[str, str]]
    inputs: Mapping[str, ImportedInput]  # by the name in ONNX
    outputs: Mapping[str, GraphValue]
    results: Mapping[str, str]  # ONNX's name of an output to the spec's

    def first_output(self) -> Axes:
        """The axes of the first output."""
        return next(iter(self.outputs.values())).axes


def type_text(axes: Axes, classes: int = 0) -> str:
    """The type of a tensor, a sequence of them, or of labels."""
    slots = slots_of(axes)
    time = any(atom.free is Free.TIME for axis in axes for atom in axis)
    if classes and slots:
        return f"seq({sizes(slots)[0]}) class({classes})"
    one = f"class({classes})" if classes else shape_text(sizes(slots)) if slots else "scalar"
    return f"seq({LENGTH}) {one}" if time else one
