"""`gradc train`: from a spec to a trained network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import SpecPath, act, as_json, declared


@declared("train", examples=[
    ("gradc train specs/mnist_cnn.nn", "train as the spec says; results in runs/mnist_cnn"),
    ("gradc train specs/mnist_cnn.nn --data 'mnist()' --epochs 15", "on other data, for longer"),
    ("gradc train specs/mnist_cnn.nn --data 'idx(\"DIR\")'", "on a folder of IDX files"),
    ("gradc train spec.nn --set lr=1e-4 --batch 64", "with other settings"),
    ("gradc train spec.nn --memory 500MB", "in no more memory, and say what that costs"),
    ("gradc train spec.nn --plot", "and draw metrics.png beside the numbers"),
    ("gradc train spec.nn --watch gradients", "and see where gradients vanish or explode"),
    ("gradc train spec.nn --watch kinks --watch 'values:c*'",
     "how often each kink is met, and where the values of some names lie"),
    ("gradc train spec.nn --weights runs/other --only 'digit.conv*'",
     "begin where another network ended, as far as it fits"),
    ("gradc train spec.nn --resume", "go on with the last run of this spec, to the bit"),
    ("gradc train --resume runs/mnist_cnn-2", "go on with a certain run"),
])  # fmt: skip
@click.argument("spec", required=False, type=SpecPath())
@options.weights
@options.settings
@options.place
@options.without
@options.memory
@options.tune
@options.allow_path
@click.option("--name", help="Name of the run; the spec's if not given.")
@click.option("--out", type=click.Path(path_type=Path), default="runs", show_default=True,
              help="Folder of all runs.")  # fmt: skip
@click.option(
    "--watch", multiple=True, type=options.Watched(), metavar="WHAT[:NAME]",
    help="""Each epoch, measure `gradients`, `kinks` that are met, `saturation`, `values` or
    `updates` of parameters on its first batch: a table at the end, and WHAT.csv. May be given
    several times; NAME limits it to some names: 'values:c3', 'updates:digit.conv*'.""",
)  # fmt: skip
@click.option("--plot", is_flag=True, help="Draw every loss and report by epoch: metrics.png.")
@click.option("--tensorboard", is_flag=True,
              help="Write events for TensorBoard beside the metrics.")  # fmt: skip
@click.option("--save-every", type=click.FloatRange(0), default=10.0, show_default=True,
              metavar="SECONDS", help="Time between two checkpoints.")  # fmt: skip
@click.option("--resume", is_flag=False, flag_value="", metavar="[RUN]",
              help="Go on with a run: the last of this name, or the one in a folder.")  # fmt: skip
@as_json
def command(spec: Path | None, resume: str | None, **given: Any) -> int:
    """Train the network of a spec.

    Progress goes to standard error.  The folder of the run holds the spec, the settings, a row of
    metrics for each epoch and checkpoints.  Ctrl-C writes a checkpoint and leaves with code 130.
    """
    if spec is None and resume is not None and resume.endswith(".nn"):
        spec, resume = SpecPath().convert(resume, None, click.get_current_context()), ""
    if (name := given["name"]) and (name == ".." or Path(name).name != name):
        raise click.UsageError(f"the name of a run is one word, not a path: {name} (see --out)")
    if given["weights"] is not None and resume is not None:
        raise click.UsageError("--resume goes on with a run's own weights, --weights begins one")
    if spec is None and not resume:
        raise click.UsageError("name a spec: gradc train SPEC")
    code: int = act("train:train", spec, resume, given)
    return code
