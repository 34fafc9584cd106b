"""`gradc explore`: a page on which a gradient can be looked at and played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, declared, spec

TARGETS = ("cpu", "cuda")


@declared("explore", examples=[
    ("gradc explore specs/house.nn --at sqft=2500 paid=360000",
     "house.html: example D.2 to look at and to play"),
    ("gradc explore specs/mnist_cnn.nn -o cnn.html", "at drawn inputs, under another name"),
    ("gradc explore specs/gan.nn --step generator", "of several steps one"),
    ("gradc explore specs/mnist_cnn.nn --weights runs/mnist_cnn", "with what was trained"),
])  # fmt: skip
@spec
@click.argument("more", nargs=-1, type=options.Binding(), metavar="[NAME=VALUE]...")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PAGE.html",
    help="Where the page is written; the spec's name in this folder otherwise.",
)
@options.derivative
@click.option("--at", "inputs", multiple=True, type=options.Binding(), metavar="NAME=VALUE...",
              help="""The example whose numbers are shown: a number, a list, a .npy file, or
              `random`. Without it, inputs are drawn.""")  # fmt: skip
@click.option("--target", type=click.Choice(TARGETS), default="cpu", show_default=True,
              help="Of which machine the rewrites and the kernels are.")  # fmt: skip
@options.weights
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Seed of every random draw.")
def command(spec: Path, more: tuple[Any, ...], inputs: tuple[Any, ...], **given: Any) -> int:
    """Write a page that shows a gradient: source, graphs, every number, passes, kernels, cost.

    One file that opens from disk: it needs no server and fetches nothing. Pointing at a line lights
    what it became, forward, backward and in kernels; a slider plays the forward pass, and then
    reverse accumulation step by step.
    """
    code: int = act("explore:explore", spec, dict([*inputs, *more]), given)
    return code
