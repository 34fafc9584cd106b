"""`gradc import`: an ONNX model as a spec, with its weights beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli.declare import act, declared


@declared("import", examples=[
    ("gradc import model.onnx -o model.nn", "a spec to read, and model.safetensors"),
    ("gradc run model.nn --weights model.safetensors x=@example.npy", "what it gives"),
    ("gradc import model.onnx -o model.nn --loss cross_entropy", "with a train block"),
    ("gradc import model.onnx -o model.nn --size length=64", "a symbolic size gets a number"),
    ("gradc import tagger.onnx -o tagger.nn --sequence length", "or is any length of a sequence"),
    ("gradc import model.onnx -o model.nn --batch-axis 1", "where the examples are counted"),
])  # fmt: skip
@click.argument("model", type=click.Path(path_type=Path, dir_okay=False))
@click.option("-o", "spec", type=click.Path(path_type=Path, dir_okay=False), required=True,
              metavar="SPEC", help="The spec to write; its weights go beside it.")  # fmt: skip
@click.option("--batch-axis", type=click.IntRange(0, 31), metavar="N",
              help="The axis of the inputs that counts examples.")  # fmt: skip
@click.option("--whole", is_flag=True, help="There is no batch: each input is one example.")
@click.option("--size", "sizes", multiple=True, metavar="NAME=N",
              help="The number that a symbolic size stands for.")  # fmt: skip
@click.option("--sequence", metavar="NAME",
              help="The symbolic size that is the length of a sequence.")  # fmt: skip
@click.option("--loss", type=click.Choice(["cross_entropy", "squared_error", "bce_logits"]),
              help="Write a train block that minimizes this.")  # fmt: skip
def command(model: Path, spec: Path, **given: Any) -> int:
    """Write an ONNX model as a spec in the language.

    Layers are recognised; what else there is becomes expressions.  A spec describes one example, so
    the batch axis is taken out: a symbolic first axis, or --batch-axis.
    """
    code: int = act("import_onnx:import_model", model, spec, given)
    return code
