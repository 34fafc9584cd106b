"""`gradc predict`: what does a trained network say of new examples?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("predict", examples=[
    ("gradc predict people.nn new.csv", "a table of new rows, which need no label"),
    ("gradc predict people.nn age=34 city=Rome --top 3", "one example, with the likeliest classes"),
    ("gradc predict people.nn new.csv --save answers.csv",
     "into a file: .csv, .json, .npy or .npz, by its name"),
    ("gradc predict people.nn - < new.csv", "rows from standard input"),
    ("gradc predict pets.nn photo.jpg --top 3", "a picture, or a folder of pictures"),
    ("gradc predict specs/mnist_cnn.nn image=digits.npy --weights runs/mnist_cnn",
     "arrays, and the weights of a certain run"),
])  # fmt: skip
@spec
@click.argument("inputs", nargs=-1, metavar="FILE|-|NAME=VALUE...")
@options.weights
@click.option("--top", type=click.IntRange(1), metavar="K",
              help="Of classes the K likeliest, each with its probability.")  # fmt: skip
@click.option("--step", metavar="NAME", help="Whose prediction, where several steps make one.")
@options.place
@click.option("--save", "-o", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the answers to a file: .csv, .json, .npy or .npz.")  # fmt: skip
@options.without
@as_json
def command(spec: Path, inputs: tuple[str, ...], **given: Any) -> int:
    """Say what a trained network predicts of new examples.

    What is predicted is what the train block compares with a field: `cross_entropy(net(x), label)`
    has a probability for each class, `(net(x) - price)^2` an estimate of the price.  Without
    --weights it is the last run of this spec in `runs`.
    """
    code: int = act("predict:predict", spec, inputs, given)
    return code
