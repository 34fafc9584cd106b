"""`gradc run`: a model applied to inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("run", examples=[
    ("gradc run specs/house.nn price --input sqft=2500", "one example"),
    ("gradc run specs/circle.nn inside --input p=0.3,0.4 --weights runs/circle", "after training"),
    ("gradc run specs/mnist_cnn.nn digit --input image=images.npy --save scores.npy",
     "a file of examples in, a file of results out"),
    ("gradc run specs/vae.nn generate --examples 16 --seed 3 --weights runs/vae --save new.npy",
     "sixteen new images"),
    ("gradc run specs/characters.nn next --sample 200 --prompt 'The ' --weights runs/characters",
     "a text that the network writes"),
    ("gradc run specs/translate.nn answer --decode 20 --input xs=abcd --weights runs/translate",
     "an answer, as long as the network likes"),
])  # fmt: skip
@spec
@click.argument("words", nargs=-1, metavar="[MODEL]")
@click.option("--input", "inputs", multiple=True, type=options.Binding(), metavar="NAME=VALUE",
              help="An input: numbers, a JSON list, a .npy file, or `random`.")  # fmt: skip
@click.option("--examples", type=click.IntRange(1), metavar="N",
              help="How many to make, for a model that reads nothing and draws.")  # fmt: skip
@click.option("--at", type=options.Places(), metavar="I|I:J",
              help="Take inputs from the data: example I, or I to before J.")  # fmt: skip
@click.option("--data", metavar="SOURCE", help="Take the data from here instead.")
@click.option("--sample", type=click.IntRange(1), metavar="N",
              help="Let the model go on with what it reads, by N classes at most.")  # fmt: skip
@click.option("--prompt", metavar="TEXT", help="What a sample or an answer begins with.")
@click.option("--temperature", type=click.FloatRange(0), default=1.0, metavar="T",
              help="Of a sample: below 1 the likely is likelier, at 0 it is certain.")  # fmt: skip
@click.option("--decode", type=click.IntRange(1), metavar="N",
              help="Let the model say what is likeliest, until its end or N classes.")  # fmt: skip
@options.weights
@options.place
@options.allow_path
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.npy",
              help="Write the result to a NumPy file instead of printing it.")  # fmt: skip
@options.without
@as_json
def command(spec: Path, words: tuple[str, ...], **given: Any) -> int:
    """Run a model on given inputs and print the numbers.

    An input is one example, or several along a first axis; a sequence of symbols may be a text.
    """
    code: int = act("run:run", spec, words, given)
    return code
