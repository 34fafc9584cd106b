"""`gradc exercise`: derivatives to be written by hand, and a look at them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli.declare import act, as_json, declared


@declared("exercise", examples=[
    ("gradc exercise", "the twelve exercises, and how far you are"),
    ("gradc exercise house", "hand one out, as exercises/house.nn; then check it"),
    ("gradc exercise house --hint", "the rule that is asked for next"),
    ("gradc exercise --folder ann --folder ben --json > marks.json",
     "the marks of a class, worked out from the files in these folders"),
])  # fmt: skip
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where it lies, if not in exercises/NAME.nn.")  # fmt: skip
@click.option(
    "--hint", is_flag=True, help="Say by which rule the first line that is not right is made."
)
@click.option("--again", is_flag=True,
              help="Hand it out anew; what was written is kept beside it.")  # fmt: skip
@click.option("--folder", "folders", multiple=True, metavar="DIR",
              type=click.Path(path_type=Path, exists=True, file_okay=False),
              help="""A learner's folder to collect marks from; may be given several
              times.""")  # fmt: skip
@as_json
def command(name: str | None, **given: Any) -> int:
    """Write derivatives by hand, in the language, and have them checked.

    An exercise is a spec whose lines d_x = ___ are to be filled in. They are compared with the
    chain rule as expressions, and else at inputs of every size, so that any right spelling is
    right; a wrong one is shown at a smallest input. Nothing of a file is run: it
    is compiled, and evaluated by the reference.
    """
    code: int = act("exercise:exercise", name, given)
    return code
