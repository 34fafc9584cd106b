"""`gradc explain`: an error code, the optimisations, or a model at work."""

from __future__ import annotations

from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, as_json, declared


@declared("explain", examples=[
    ("gradc explain E0301", "what an error code means, with a wrong and a right program"),
    ("gradc explain softmax", "a definition or an operator: formula, derivative, kinks, source"),
    ("gradc explain optimisations", "what `--without` can switch off, and what each does"),
    ("gradc explain specs/house.nn --at sqft=2500 paid=360000",
     "every value of the loss at these inputs, and its derivative by each of them"),
    ("gradc explain specs/mnist_cnn.nn --at image=random label=3", "the same, on a random image"),
    ("gradc explain specs/house.nn --model price --at sqft=2500", "a model without the loss"),
])  # fmt: skip
@click.argument("what", metavar="CODE|NAME|SPEC|optimisations")
@click.argument("more", nargs=-1, type=options.Binding(), metavar="[NAME=VALUE]...")
@click.option("--at", "inputs", multiple=True, type=options.Binding(), metavar="NAME=VALUE...",
              help="An input: a number, a list, a .npy file, or `random`.")  # fmt: skip
@click.option("--model", help="Explain this model instead of the loss.")
@click.option("--step", help="Which step of the train block, where there are several.")
@options.weights
@options.precision
@options.without
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Seed of every random draw.")
@as_json
def command(what: str, more: tuple[Any, ...], inputs: tuple[Any, ...], **given: Any) -> int:
    """Explain a code or a name, or a model's every value and derivative at given inputs.

    `gradc explain optimisations` names what can be switched off.

    The numbers are those of what is written, in float64 and without any optimisation, so they are
    the same with `--exact` and `--without` as they are otherwise.
    """
    code: int = act("explain:explain", what, dict([*inputs, *more]), given)
    return code
