"""`gradc diff`: are two specs the same mathematics?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli.declare import SpecPath, act, as_json, declared


@declared("diff", examples=[
    ("gradc diff house.nn mine.nn", "parameters, shapes, values, gradients, training and cost"),
    ("gradc diff before.nn after.nn --json", "the same for a script; the exit code says it too"),
])  # fmt: skip
@click.argument("a", type=SpecPath(), metavar="A.nn")
@click.argument("b", type=SpecPath(), metavar="B.nn")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0,
              help="Seed of the random inputs.")  # fmt: skip
@as_json
def command(a: Path, b: Path, **given: Any) -> int:
    """Compare two specs: parameters, shapes, values, gradients, training, cost.

    Two spellings of the same mathematics are equal, whatever things are called; where values or
    gradients differ, a smallest input shows it. The exit code is that of diff: 0 where they are
    equal, 1 where they differ, 2 where one of them is wrong.
    """
    code: int = act("diff:diff", (a, b), given)
    return code
