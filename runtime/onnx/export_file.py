"""A session's model as an ONNX file, checked by ONNX's own checker before it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.onnx.export.onnx_graph import onnx_model
from gradc_compiler.onnx.records import ElementType
from gradc_runtime.onnx.package import onnx_package
from gradc_runtime.onnx.protobuf import protobuf_of
from gradc_runtime.session.checkpoint import write_atomically
from gradc_runtime.session.state import suggestion
from gradc_runtime.system.errors import SessionError
from gradc_runtime.system.files import path_of

MOST_BYTES = 2**31 - 2**22  # of weights: protobuf has no file of 2 GiB


def exported(session: Any, model: str | None = None) -> Any:
    """The `ModelProto` of a session's model, or of its only one, with its weights as float32.

    Raises `SessionError` where no model has the name or several could be meant, `CompileError`
    where an operator has no counterpart in ONNX, and `RunError` without the package onnx.
    """
    onnx_package()
    name = chosen_model(session, model)
    found = onnx_model(session.program, name)
    views = session.memory.views
    weights = {
        key: np.array(views[key], "float32" if value.element is ElementType.FLOAT else "int64")
        for key, value in found.graph.weights.items()
    }
    if (size := sum(array.nbytes for array in weights.values())) > MOST_BYTES:
        raise SessionError(f"{name} has {size / 1e9:.1f} GB of weights, an ONNX file 2.1 at most")
    made = protobuf_of(found, weights)
    onnx_package("onnx.checker").check_model(made, full_check=True)
    return with_sizes(made)


def with_sizes(model: Any) -> Any:
    """A model in which every tensor has its sizes, where they can be known.

    Numbers that become sizes are followed where ONNX can: it takes constants of one axis for sizes,
    and some products of them for wrong ones.
    """
    inference = onnx_package("onnx.shape_inference")
    try:
        return inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    except inference.InferenceError:
        return inference.infer_shapes(model, check_type=True, strict_mode=True)


def write_model(session: Any, path: str | Path, model: str | None = None) -> None:
    """Write a session's model to a file, whole or not at all; raises as `exported` does.

    Raises `OSError` where the file cannot be written.
    """
    write_atomically(path_of(path), exported(session, model).SerializeToString())


def chosen_model(session: Any, name: str | None) -> str:
    """The model that is named, or the only one.

    Raises `SessionError` for an unknown name, or for no name where there are several models.
    """
    models = session.program.models
    if name is None and len(models) != 1:
        raise SessionError(f"name a model: {', '.join(models) or 'the spec has none'}")
    if name is not None and name not in models:
        raise SessionError(f"no model is called {name}{suggestion(name, models)}")
    return next(iter(models)) if name is None else name
