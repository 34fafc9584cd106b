"""What `gradc export` does: a model and its weights become an ONNX file, or weights another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradc_runtime.cli.actions.last_run import note_untrained
from gradc_runtime.cli.actions.output import say, write
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.run import chosen
from gradc_runtime.cli.actions.with_weights import session_to_run
from gradc_runtime.onnx.export_file import write_model
from gradc_runtime.onnx.package import onnx_package


def export_model(spec: Path, given: Mapping[str, Any]) -> int:
    """Write the file, and say which."""
    alone = given["path"].suffix == ".safetensors"
    if not alone:
        onnx_package()
    note_untrained(spec, given)
    session, _ = session_to_run(Request.of(spec, given), given)
    if alone:
        session.save_weights(given["path"], given["stored"] or "float32")
        write(str(given["path"]))
        return 0
    model = chosen(session, [] if given["name"] is None else [given["name"]])
    if session.dtype == "float64":
        say("note: these weights are float64; the file has them as float32")
    write_model(session, given["path"], model)
    write(str(given["path"]))
    return 0
