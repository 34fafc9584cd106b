"""`gradc profile`: where the time of a step goes, line by line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("profile", examples=[
    ("gradc profile specs/mnist_cnn.nn", "measured time of every line, forward and backward"),
    ("gradc profile specs/mnist_cnn.nn --plot roofline.png", "with a picture of the roofline"),
    ("gradc profile specs/circle.nn --without whole-step",
     "a small step is one kernel; this is of its parts"),
])  # fmt: skip
@spec
@click.option("--step", help="Which step of the train block, where there are several.")
@click.option("--batch", type=click.IntRange(1, 1 << 20), help="Examples in a step.")
@click.option("--dtype", type=click.Choice(["float32", "float64"]), default="float32",
              show_default=True, help="Width of the numbers.")  # fmt: skip
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.png",
              help="""Draw the roofline: each line beside what this machine can do at
              most.""")  # fmt: skip
@options.without
@as_json
def command(spec: Path, **given: Any) -> int:
    """Measure a training step line by line: forward, backward and update.

    Every kernel is timed by itself, on one thread and random inputs; through the nodes that it
    computes it belongs to lines of the spec. The time of a kernel that is for several lines is
    divided among them by their operations, and how much that is, is said.
    """
    code: int = act("profile:profile", spec, given)
    return code
