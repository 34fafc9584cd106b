"""`gradc export`: a model as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, declared, spec


@declared("export", examples=[
    ("gradc export specs/mnist_cnn.nn --weights runs/mnist_cnn -o model.onnx",
     "for onnxruntime and all else that reads ONNX"),
    ("gradc export specs/vae.nn decode --weights runs/vae -o decode.onnx",
     "one model of several"),
])  # fmt: skip
@spec
@click.argument("name", required=False, metavar="[MODEL]")
@options.weights
@click.option("-o", "path", type=click.Path(path_type=Path, dir_okay=False), required=True,
              metavar="FILE", help="Where the model goes.")  # fmt: skip
def command(spec: Path, **given: Any) -> int:
    """Export a model as an ONNX file, with its weights as float32.

    The batch is an axis of every input; a sequence has its lengths beside it.
    """
    code: int = act("export:export_model", spec, given)
    return code
