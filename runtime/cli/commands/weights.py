"""`gradc weights`: files of weights, looked at, converted and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli.declare import SpecPath, act, as_json, declared

JOBS = {"list": 1, "convert": 2, "diff": 2}  # with how many files
FILE = click.Path(path_type=Path, dir_okay=True)


@declared("weights", examples=[
    ("gradc weights list model.safetensors", "names, kinds and shapes; of .pt files too"),
    ("gradc weights diff runs/a runs/b", "what differs, and by how much"),
    ("gradc weights convert runs/mnist_cnn small.safetensors --kind bf16",
     "numbers of half the width"),
    ("gradc weights convert model.pt mine.safetensors --spec spec.nn",
     "a state dict of PyTorch under the names of a spec, its axes as the spec has them"),
    ("gradc weights convert runs/lenet new.safetensors --spec lenet.nn --like model.pt",
     "the other way: the names and axes of that state dict, for `load_state_dict`"),
])  # fmt: skip
@click.argument("job", type=click.Choice(list(JOBS)))
@click.argument("files", nargs=-1, type=FILE, metavar="FILE|RUN [FILE]")
@click.option("--kind", type=click.Choice(["f64", "f32", "f16", "bf16"]),
              help="What real numbers are converted to.")  # fmt: skip
@click.option("--spec", "target", type=SpecPath(), help="Whose names and axes they get.")
@click.option("--like", type=FILE, metavar="FILE",
              help="A state dict of PyTorch whose names and axes they get.")  # fmt: skip
@click.option("--only", multiple=True, metavar="LAYER", help="Of this layer, model or parameter.")
@click.option("--rename", multiple=True, metavar="OLD=NEW",
              help="What the file calls OLD is NEW.")  # fmt: skip
@as_json
def command(job: str, files: tuple[Path, ...], **given: Any) -> int:
    """Look at weights in safetensors files and in files of PyTorch.

    Nothing in a file is ever executed.
    """
    if len(files) != JOBS[job]:
        wanted = "one file" if JOBS[job] == 1 else "two files"
        raise click.UsageError(f"gradc weights {job} wants {wanted}")
    code: int = act(f"weights:{job}_files", files, given)
    return code
