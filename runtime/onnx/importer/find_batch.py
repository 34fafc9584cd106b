"""Which axis of a graph's inputs counts examples.

A symbol in front, as exporters write it for a batch of any size; else the axis that the user names;
else the first axis of every input where all of them have size 1 there, as of a network that was
exported on one example.
"""

from __future__ import annotations

from dataclasses import replace

from gradc_runtime.onnx.importer.imported_graph import ImportedGraph
from gradc_runtime.onnx.importer.imported_spec import ImportOptions
from gradc_runtime.system.errors import DataError


def with_batch(graph: ImportedGraph, options: ImportOptions, axis: int | None) -> ImportOptions:
    """Options that say where the batch is.

    Raises `DataError` where the named axis is none of an input.
    """
    if axis is not None:
        for given in graph.inputs:
            if not 0 <= axis < len(given.shape):
                raise DataError(f"input {given.name} has no axis {axis}: {len(given.shape)} axes")
        sizes = {given.shape[axis] for given in graph.inputs}
        if len(sizes) > 1:
            known = ", ".join(sorted(map(str, sizes)))
            raise DataError(f"axis {axis} is not of one size in all inputs: {known}")
        return replace(options, batch_axis=axis)
    first = [given.shape[0] if given.shape else None for given in graph.inputs]
    symbols = [size for size in first if isinstance(size, str)]
    if symbols and symbols[0]:
        return replace(options, batch=symbols[0])
    if symbols or (first and all(size == 1 for size in first)):
        return replace(options, batch_axis=0)
    return options
