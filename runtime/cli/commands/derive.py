"""`gradc derive`: the gradient of a spec as numbered steps of the chain rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, declared, note, spec

FORMATS = ("text", "md", "latex", "json")


@declared("derive", examples=[
    ("gradc derive specs/house.nn", "the gradient of the loss, step by step"),
    ("gradc derive specs/house.nn --at sqft=2500 paid=360000",
     "the same with every number: example D.2"),
    ("gradc derive specs/mnist_cnn.nn --wrt digit.conv1.W", "the way to one parameter"),
    ("gradc derive specs/circle.nn --format latex > circle.tex && pdflatex circle.tex",
     "as a page to hand out"),
    ("gradc derive specs/house.nn --check mine.nn",
     "my own gradient, held against the true one"),
])  # fmt: skip
@spec
@click.argument("more", nargs=-1, type=options.Binding(), metavar="[NAME=VALUE]...")
@options.derivative
@click.option("--at", "inputs", multiple=True, type=options.Binding(), metavar="NAME=VALUE...",
              help="""Give each step its numbers at this input: a number, a list, a .npy file, or
              `random`.""")  # fmt: skip
@click.option("--check", type=click.Path(path_type=Path), metavar="DERIVED.nn",
              help="""A gradient written by hand, as `gradc show --stage joint` prints one: names
              the first value that differs.""")  # fmt: skip
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True,
              help="As what.")  # fmt: skip
@options.weights
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="Seed of every random draw.")
@click.option("--json", "as_json", is_flag=True, is_eager=True, callback=note("json"),
              help="The same as --format json.")  # fmt: skip
def command(spec: Path, more: tuple[Any, ...], inputs: tuple[Any, ...], **given: Any) -> int:
    """Derive a gradient: numbered steps of the chain rule, from the loss back to the parameters.

    Each step has the line that the author wrote, the rule (specs/operators.md), the cotangent that
    comes in and what goes out; d_x is dloss/dx. The numbers of --at are those of one example, in
    float64. A layer that is used several times is derived once.
    """
    code: int = act("derive:derive", spec, dict([*inputs, *more]), given)
    return code
