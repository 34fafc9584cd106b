"""`gradc check`: is this a program, and what network is it?"""

from __future__ import annotations

from pathlib import Path

import click

from gradc_runtime.cli.declare import SpecPath, act, as_json, declared


@declared("check", examples=[
    ("gradc check specs/mnist_cnn.nn", "every layer with its shape and number of parameters"),
    ("gradc check specs/*.nn", "several specs; exit code 1 if any is wrong"),
    ("gradc check --deny warnings *.nn", "exit code 1 where there is anything to warn of, too"),
    ("gradc check - < spec.nn", "a spec on standard input, as every command takes it"),
    ("gradc check --json spec.nn", "the same as data, or the errors with lines and columns"),
])  # fmt: skip
@click.argument("specs", nargs=-1, required=True, type=SpecPath(), metavar="SPEC...")
@click.option("--deny", type=click.Choice(["warnings"]), help="Make errors of warnings.")
@as_json
def command(specs: tuple[Path, ...], deny: str | None, as_json: bool) -> int:
    """Show every error of a spec, or its warnings, layers, shapes and parameters."""
    code: int = act("check:check", specs, deny=deny is not None, as_json=as_json)
    return code
