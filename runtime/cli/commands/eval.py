"""`gradc eval`: how good is a trained network?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("eval", examples=[
    ("gradc eval specs/mnist_cnn.nn --weights runs/mnist_cnn", "what the run held out"),
    ("gradc eval specs/mnist_cnn.nn --weights runs/mnist_cnn/checkpoints/best.safetensors",
     "the best epoch instead of the last"),
    ("gradc eval spec.nn --data new.csv --plot", "all of a new file, and a picture: eval.png"),
])  # fmt: skip
@spec
@options.weights
@options.settings
@options.place
@options.allow_path
@click.option("--all", "everything", is_flag=True, help="Use all examples, not a held-out part.")
@click.option("--plot", is_flag=False, flag_value="", metavar="[FILE.png]",
              help="Draw confusions and ROC curves, or estimates and errors.")  # fmt: skip
@options.without
@as_json
def command(spec: Path, **given: Any) -> int:
    """Measure a trained network on data that it was not trained on.

    That is the part which the run held out (its settings decide which), or the whole of other
    data that --data names; of a source with a test part of its own, that part.  Beside losses and
    reports it says how good predictions are: of classes precision, recall, F1, AUC and confusions,
    of numbers mean errors and R squared.  Without --weights it is the last run in `runs`.
    """
    code: int = act("eval:evaluate", spec, given)
    return code
