"""A session as an ONNX file.

The exporter imports sessions, so this module imports the exporter by name, when a file is asked
for: until then neither it nor the package onnx is loaded.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

EXPORTER = "gradc_runtime.onnx.export_file"


def write_onnx(session: Any, path: str | Path, model: str | None = None) -> None:
    """Write a model, or the only one, with its weights as float32.

    Raises `SessionError` where no model has the name or several could be meant; `CompileError`
    where an operator has no counterpart in ONNX; `OSError` where the file cannot be written;
    `RunError` without the package onnx.
    """
    import_module(EXPORTER).write_model(session, path, model)
