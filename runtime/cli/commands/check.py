"""`gradc check`: is this a program, and what network is it?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gradc_runtime.cli import options
from gradc_runtime.cli.declare import SpecPath, act, as_json, declared


@declared("check", examples=[
    ("gradc check specs/mnist_cnn.nn", "every layer with its shape and number of parameters"),
    ("gradc check specs/*.nn", "several specs; exit code 1 if any is wrong"),
    ("gradc check --deny warnings *.nn", "exit code 1 where there is anything to warn of, too"),
    ("gradc check --set hidden=64 spec.nn", "with another value of a constant or a setting"),
    ("gradc check --no-data spec.nn", "the spec alone: no file of its data is looked at"),
    ("gradc check - < spec.nn", "a spec on standard input, as every command takes it"),
    ("gradc check --json spec.nn", "the same as data, or the errors with lines and columns"),
])  # fmt: skip
@click.argument("specs", nargs=-1, required=True, type=SpecPath(), metavar="SPEC...")
@click.option("--deny", type=click.Choice(["warnings"]), help="Make errors of warnings.")
@click.option("--no-data", is_flag=True, help="Leave the first examples of the data alone.")
@options.assigned
@options.allow_path
@as_json
def command(specs: tuple[Path, ...], deny: str | None, as_json: bool, **given: Any) -> int:
    """Show every error of a spec and of its data's first examples, or warnings, layers, shapes."""
    code: int = act("check:check", specs, given, deny=deny is not None, as_json=as_json)
    return code
