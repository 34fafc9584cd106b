"""`gradc sweep`: which settings are best?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.completing import assignments
from gradc_runtime.cli.declare import act, as_json, declared, spec


@declared("sweep", examples=[
    ("gradc sweep spec.nn --set lr=1e-2,1e-3 hidden=16,32", "all four, in one table"),
    ("gradc sweep spec.nn --set lr=1e-4..1e-1 hidden=16,32,64 --random 20",
     "twenty at random, the rate evenly on a logarithmic scale"),
    ("gradc sweep spec.nn --set lr=1e-2,1e-3 --jobs 2 --epochs 5", "two at a time"),
])  # fmt: skip
@spec
@options.data
@click.option("--set", "lists", multiple=True, type=options.Binding(), required=True,
              shell_complete=assignments,
              metavar="NAME=V,V...", help="Values to try, or a range LOW..HIGH.")  # fmt: skip
@click.option("--random", type=click.IntRange(1), metavar="N",
              help="Not all combinations, but N drawn at random.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(1), metavar="N",
              help="Runs at a time; as many as cores.")  # fmt: skip
@options.passes
@options.place
@options.without
@options.memory
@options.allow_path
@click.option("--name", help="Name of the sweep; the spec's with -sweep if not given.")
@click.option("--out", type=click.Path(path_type=Path), default="runs", show_default=True,
              help="Folder of all runs.")  # fmt: skip
@as_json
def command(spec: Path, **given: Any) -> int:
    """Train a spec with many settings, side by side.

    Every combination is a run in the folder of the sweep.  The same command once more goes on where
    it stopped.  In the end all runs are shown in one table, as `gradc runs` does.
    """
    name = given["name"]
    if name is not None and (name == ".." or Path(name).name != name):
        raise click.UsageError(f"the name of a sweep is one word, not a path: {name} (see --out)")
    code: int = act("sweep:sweep", spec, given)
    return code
