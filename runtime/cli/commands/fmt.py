"""`gradc fmt`: one canonical form."""

from __future__ import annotations

from pathlib import Path

import click

from gradc_runtime.cli.declare import SpecPath, act, declared


@declared("fmt", examples=[
    ("gradc fmt spec.nn", "rewrite a file in its canonical form"),
    ("gradc fmt --check specs/*.nn", "change nothing; exit code 1 if a file would change"),
    ("gradc fmt --diff spec.nn", "change nothing; show what would change; exit code 1 likewise"),
    ("gradc fmt --stdout spec.nn", "print the canonical form"),
])  # fmt: skip
@click.argument("files", nargs=-1, required=True, type=SpecPath(), metavar="SPEC...")
@click.option("--check", is_flag=True, help="Only say which files would change.")
@click.option("--diff", is_flag=True, help="Only show what would change.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print instead of rewriting.")
def command(files: tuple[Path, ...], check: bool, diff: bool, to_stdout: bool) -> int:
    """Write specs in the one canonical form; comments are kept."""
    code: int = act("fmt:rewrite", files, check=check, diff=diff, to_stdout=to_stdout)
    return code
