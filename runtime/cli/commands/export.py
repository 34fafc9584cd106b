"""`gradc export`: a model as an ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, declared, spec

STORED = ("float32", "f16")  # as `runtime/session/weights_file.py` has them


@declared("export", examples=[
    ("gradc export specs/mnist_cnn.nn --weights runs/mnist_cnn -o model.onnx",
     "for onnxruntime and all else that reads ONNX"),
    ("gradc export specs/vae.nn decode --weights runs/vae -o decode.onnx",
     "one model of several"),
    ("gradc export specs/mnist_cnn.nn --weights runs/mnist_cnn --precision f16 -o w.safetensors",
     "weights alone, as float16"),
])  # fmt: skip
@spec
@click.argument("name", required=False, metavar="[MODEL]")
@options.weights
@click.option(
    "--precision",
    "stored",
    type=click.Choice(STORED),
    help="How a .safetensors file stores weights; f16: as float16.  [default: float32]",
)
@click.option("-o", "path", type=click.Path(path_type=Path, dir_okay=False), required=True,
              metavar="FILE", help="Where the model goes.")  # fmt: skip
def command(spec: Path, **given: Any) -> int:
    """Export a model as an ONNX file, with its weights as float32; or weights alone.

    In ONNX the batch is an axis of every input; a sequence has its lengths beside it.  A file
    whose name ends with .safetensors gets the weights of all models, for --weights; those of
    float16 are read back as float32.
    """
    alone = given["path"].suffix == ".safetensors"
    if given["stored"] and not alone:
        raise click.UsageError("--precision is of weights in a .safetensors file")
    if given["name"] and alone:
        raise click.UsageError("a .safetensors file has the weights of all models: name none")
    code: int = act("export:export_model", spec, given)
    return code
