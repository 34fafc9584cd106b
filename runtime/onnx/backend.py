"""gradc as a back end of `onnx.backend`: a model is imported, compiled and run on its inputs.

The graph is ONE example here: no batch is looked for, so a node may mix all numbers of its input.
Where an operator needs numbers while the graph is imported (a shape, axes, pads), those inputs are
taken from the call, and the graph is compiled for them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from onnx.backend.base import Backend, BackendRep

from gradc_compiler.pipeline import compile_source
from gradc_runtime.onnx.import_rules import RULES
from gradc_runtime.onnx.importer.atoms import size_of
from gradc_runtime.onnx.importer.graph_to_spec import imported_spec
from gradc_runtime.onnx.importer.imported_graph import GraphInput, ImportedGraph, graph_of
from gradc_runtime.onnx.importer.imported_spec import ImportedSpec, ImportOptions
from gradc_runtime.onnx.importer.rule import ComputedHere
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import DataError

assert RULES, "rules register themselves when they are imported"
BFLOAT16 = 16
EXACT = 2**53  # whole numbers up to here are numbers of float64


class GradcRep(BackendRep):
    """A model that is ready to be run."""

    def __init__(self, model: Any, target: str) -> None:
        for value in [*model.graph.input, *model.graph.output]:
            if value.type.tensor_type.elem_type == BFLOAT16:
                raise DataError(f"{value.name} is of bfloat16, which NumPy has no numbers for")
        self.graph, self.target = graph_of(model, None, {}), target

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The outputs for these inputs, in order."""
        given = {i.name: np.asarray(a) for i, a in zip(self.graph.inputs, inputs, strict=False)}
        spec = spec_for(self.graph, given)
        return outputs_of(spec, given, self.target)


def spec_for(graph: ImportedGraph, given: Mapping[str, np.ndarray]) -> ImportedSpec:
    """The graph as a spec, for inputs of these shapes, and with the numbers that it must know.

    Raises `DataError` for what has no counterpart.
    """
    shaped = [
        GraphInput(name=i.name, kind=i.kind, shape=given[i.name].shape) for i in graph.inputs
        if i.name in given
    ]  # fmt: skip
    graph = ImportedGraph(
        inputs=shaped, outputs=graph.outputs, nodes=graph.nodes, initializers=graph.initializers
    )
    known: dict[str, np.ndarray] = {}
    while True:
        try:
            return imported_spec(graph, ImportOptions(known=known, inline=True))
        except ComputedHere as fault:
            more = fault.roots - set(known)
            if not more:
                raise
            known |= {name: given[name] for name in more}


def width_for(kinds: Sequence[Any]) -> str:
    """The width of real numbers: float64 where float32 would not hold the numbers exactly."""
    wide = any((k.itemsize >= 4 and k.kind in "iu") or k == np.float64 for k in kinds)
    return "float64" if wide else "float32"


def outputs_of(spec: ImportedSpec, given: Mapping[str, np.ndarray], target: str) -> tuple[Any, ...]:
    """What a spec gives for one example.

    Raises `DataError` for whole numbers that no float64 holds.
    """
    kinds = [v.kind for v in spec.outputs.values()] + [i.kind for i in spec.inputs.values()]
    for array in given.values():
        whole = array.dtype.kind in "iu" and array.size
        if whole and max(int(array.max()), -int(array.min())) > EXACT:
            raise DataError("a whole number above 2^53")
    session = Session(compile_source(spec.text), target, width_for(kinds))
    for name, array in spec.arrays.items():
        session.memory.views[name][...] = array
    arrays = {i.name: given[n][None].astype(session.dtype) for n, i in spec.inputs.items()}
    found = session.run(spec.model, *([] if arrays else [1]), **arrays)
    if len(spec.outputs) == 1:
        found = dict.fromkeys(spec.results.values(), found)
    return tuple(
        of_kind(found[spec.results[name]][0], v.kind).reshape([size_of(a) for a in v.axes])
        for name, v in spec.outputs.items()
    )


def of_kind(array: Any, kind: np.dtype[Any]) -> np.ndarray:
    """Numbers in the kind that ONNX declares."""
    if kind.kind == "b":
        return np.asarray(array != 0)
    with np.errstate(over="ignore"):
        return np.asarray(array).astype(kind)


class GradcBackend(Backend):
    """What `onnx.backend.test` calls."""

    target: ClassVar[str] = "cpu"

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **kwargs: Any) -> GradcRep:
        """A model, ready to run."""
        return GradcRep(model, cls.target)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether a device is supported: only the CPU is."""
        return device == "CPU"
