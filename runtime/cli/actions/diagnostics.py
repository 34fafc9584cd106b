"""Diagnostics on standard error, or as JSON on standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from gradc_compiler.diagnostics.render import diagnostics_json, printable, render_all
from gradc_compiler.diagnostics.source import Diagnostic
from gradc_runtime.cli.actions.output import say, terminal_width


def show(found: Sequence[Diagnostic], *, as_json: bool) -> None:
    """All errors of a compilation, or all warnings."""
    if as_json:
        click.echo(diagnostics_json(found))
        return
    color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    width = terminal_width(sys.stderr) if sys.stderr.isatty() else None
    click.echo(render_all(found, color=color, width=width), err=True, color=color or None)


def brief(found: Sequence[Diagnostic], spec: Path, *, hints: bool = False) -> None:
    """Warnings, a line each, perhaps with their hints, and how to see more of them."""
    for d in found:
        line = f"{d.primary.span}: {d.severity}[{d.code}]: {d.message}"
        line += f"; {d.hint}" if hints and d.hint else ""
        say(printable(line))
    if found:
        code = found[0].code
        say(f"gradc check {spec} shows where, gradc explain {code} says why")
