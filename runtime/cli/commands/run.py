"""`gradc run`: a model applied to inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from runtime.cli import options
from runtime.cli.declare import act, as_json, declared, spec


@declared("run", examples=[
    ("gradc run specs/house.nn price --input sqft=2500", "one example"),
    ("gradc run specs/circle.nn inside --input p=0.3,0.4 --weights runs/circle", "after training"),
    ("gradc run specs/mnist_cnn.nn digit --input image=images.npy --save scores.npy",
     "a file of examples in, a file of results out"),
    ("gradc run specs/vae.nn generate --examples 16 --seed 3 --weights runs/vae --save new.npy",
     "sixteen new images"),
])  # fmt: skip
@spec
@click.argument("words", nargs=-1, metavar="[MODEL]")
@click.option("--input", "inputs", multiple=True, type=options.Binding(), metavar="NAME=VALUE",
              help="An input: numbers, a JSON list, a .npy file, or `random`.")  # fmt: skip
@click.option("--examples", type=click.IntRange(1), metavar="N",
              help="How many to make, for a model that reads nothing and draws.")  # fmt: skip
@options.weights
@options.place
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.npy",
              help="Write the result to a NumPy file instead of printing it.")  # fmt: skip
@as_json
def command(spec: Path, words: tuple[str, ...], **given: Any) -> int:
    """Run a model on given inputs and print the numbers.

    An input is one example, or several along a first axis.
    """
    code: int = act("run:run", spec, words, given)
    return code
