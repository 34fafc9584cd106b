"""A file of ONNX as a spec: its graph, its batch, and a head that says what came from where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradc_runtime.onnx.import_rules import RULES
from gradc_runtime.onnx.importer.find_batch import with_batch
from gradc_runtime.onnx.importer.graph_to_spec import imported_spec
from gradc_runtime.onnx.importer.imported_graph import graph_of
from gradc_runtime.onnx.importer.imported_spec import ImportedSpec, ImportOptions
from gradc_runtime.onnx.importer.read_model import read_model
from gradc_runtime.onnx.importer.training_template import train_block
from gradc_runtime.system.errors import DataError, bounded

assert RULES, "rules register themselves when they are imported"


def imported_file(
    path: Path, options: ImportOptions, sizes: Mapping[str, int], given: Mapping[str, Any]
) -> ImportedSpec:
    """The spec of a file.

    Raises `DataError` for what is damaged or has no counterpart.
    """
    model = read_model(path)
    try:
        graph = graph_of(model, path.parent, sizes)
        options = replace(options, time=given["sequence"])
        if not given["whole"]:
            options = with_batch(graph, options, given["batch_axis"])
        found = imported_spec(graph, options)
    except DataError as fault:
        raise DataError(f"{path.name}: {fault}") from None
    return replace(found, text=head(path, found) + found.text + train_block(found, given["loss"]))


def head(path: Path, found: ImportedSpec) -> str:
    """Comments at the top of a spec: the ONNX file, and which of its tensors each layer holds."""
    lines = [f"{bounded(path.name)}, imported."]
    lines += [f"    {layer:<12} {bounded(source)}" for layer, source in found.sources]
    return "".join(f"# {line}\n" for line in lines)
