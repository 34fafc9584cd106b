"""`gradc why`: questions to a gradient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("why", examples=[
    ("gradc why specs/vae.nn --no-gradient decode.dense1.W", "why a parameter is not trained"),
    ("gradc why specs/house.nn --path loss theta2 --at sqft=2500 paid=360000",
     "every way from the loss to a value, with its smallest factor"),
    ("gradc why specs/mnist_cnn.nn --made d_c11 --at image=random label=3",
     "which rule made a line of the derivative, and its value"),
    ("gradc why specs/circle.nn --who-reads c3", "who reads a value, and how long it is kept"),
])  # fmt: skip
@spec
@click.argument("more", nargs=-1, type=options.Binding(), metavar="[NAME=VALUE]...")
@click.option("--no-gradient", metavar="NAME", help="Why a parameter or value has no gradient.")
@click.option("--path", "path", nargs=2, metavar="FROM TO",
              help="Every way from FROM (such as `loss`) to TO.")  # fmt: skip
@click.option("--who-reads", metavar="NAME",
              help="Who reads a value, forward and for the derivative.")  # fmt: skip
@click.option("--made", metavar="NAME", help="""Which steps make a derivative, such as d_c11: the
    rule, what comes in, what goes out.""")  # fmt: skip
@click.option("--step", help="Which step of the train block, where there are several.")
@click.option("--at", "inputs", multiple=True, type=options.Binding(), metavar="NAME=VALUE...",
              help="Numbers for the answer: inputs as for `gradc explain`.")  # fmt: skip
@options.weights
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Seed of every random draw.")
@as_json
def command(spec: Path, more: tuple[Any, ...], inputs: tuple[Any, ...], **given: Any) -> int:
    """Ask why a value has no gradient, which ways lead to it, or who reads it.

    The names of values are those of `gradc derive` and `gradc explain`.
    """
    code: int = act("why:why", spec, dict([*inputs, *more]), given)
    return code
