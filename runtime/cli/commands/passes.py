"""`gradc passes`: a graph through every pass and rewrite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("passes", examples=[
    ("gradc passes specs/house.nn", "what every pass and rewrite changes of the gradient"),
    ("gradc passes specs/mnist_cnn.nn --check", "how far both sides of each lie apart"),
    ("gradc passes specs/mnist_cnn.nn --target cuda --lines 3", "the rewrites for a GPU, in brief"),
])  # fmt: skip
@spec
@click.option("--entry", metavar="NAME", help="""One entry, such as step/NAME or forward/MODEL;
    else the gradients of the first step.""")  # fmt: skip
@click.option("--target", type=click.Choice(("cpu", "cuda")), default="cpu", show_default=True,
              help="For whom the rewrites of the second stage are.")  # fmt: skip
@click.option("--check", is_flag=True, help="""Evaluate both sides of each at random inputs, in
    float64, and print the largest difference in units of the last place.""")  # fmt: skip
@click.option("--lines", type=click.IntRange(0), default=12, show_default=True,
              help="At most so many lines of a change.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, help="Seed of the inputs.")
@options.without
@as_json
def command(spec: Path, **given: Any) -> int:
    """Follow a graph through every pass of algebra and every rewrite for a target: what fired, the
    law it used, whether it is exact, and the nodes before and after.
    """
    code: int = act("passes:passes", spec, given)
    return code
