"""`gradc compare`: how do runs differ, and how did they go?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli.completing import runs
from gradc_runtime.cli.declare import act, as_json, declared


@declared("compare", examples=[
    ("gradc compare runs/circle runs/circle-2", "what differs, and compare.png"),
    ("gradc compare circle circle-2 circle-3 --save curves.png", "runs by name, in another file"),
])  # fmt: skip
@click.argument("names", nargs=-1, required=True, metavar="RUN...", shell_complete=runs)
@click.option("--save", "-o", type=click.Path(path_type=Path, dir_okay=False),
              default="compare.png", show_default=True, metavar="FILE.png",
              help="Where the picture goes.")  # fmt: skip
@as_json
def command(names: tuple[str, ...], **given: Any) -> int:
    """Put runs side by side: what differs, and their curves in one picture."""
    code: int = act("compare:compare", names, given)
    return code
