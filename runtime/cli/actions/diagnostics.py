"""Diagnostics on standard error, or as JSON on standard output."""

from __future__ import annotations

import os
import sys

import click

from compiler.render import diagnostics_json, render_all
from compiler.source import CompileError


def show(fault: CompileError, *, as_json: bool) -> None:
    """All diagnostics of a compilation."""
    if as_json:
        click.echo(diagnostics_json(fault.diagnostics))
        return
    color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    click.echo(render_all(fault.diagnostics, color=color), err=True, color=color or None)
