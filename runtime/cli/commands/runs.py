"""`gradc runs`: which runs are there, and which is the best?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli.declare import act, as_json, declared


@declared("runs", examples=[
    ("gradc runs", "all runs in the folder runs: what differs, and the best in bold"),
    ("gradc runs runs/house-sweep --sort held_out.loss", "those of a sweep, the best first"),
    ("gradc runs --filter 'lr<0.01' --filter program=circle", "some of them"),
    ("gradc runs --json", "with all their settings and metrics"),
])  # fmt: skip
@click.argument("places", nargs=-1, type=click.Path(path_type=Path), metavar="[FOLDER...]")
@click.option("--filter", "conditions", multiple=True, metavar="NAME<VALUE",
              help="Only runs that fit: =, !=, <, <=, >, >= of a setting or a metric.")  # fmt: skip
@click.option("--sort", metavar="NAME", help="In the order of a setting or a metric.")
@click.option("--out", "folder", type=click.Path(path_type=Path), default="runs",
              show_default=True, help="Folder of all runs.")  # fmt: skip
@as_json
def command(places: tuple[Path, ...], **given: Any) -> int:
    """Show all runs in one table.

    Columns are what differs between them, and the metrics of each run's best epoch: the one with
    the lowest loss on what was held out, or in training where nothing was.
    """
    code: int = act("runs:list_runs", places, given)
    return code
