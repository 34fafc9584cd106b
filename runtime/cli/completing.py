"""What a shell is told when a word of a command is completed: specs, settings, runs.

Click answers for commands, options and choices by itself.  Folders come first, for its script for
bash forgets what stands before them.
"""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path

import click
from click.shell_completion import CompletionItem

WORD = re.compile(r"[\w.+-]+")  # what no shell takes apart


def specs(incomplete: str) -> list[CompletionItem]:
    """Specs that begin so; the shell itself adds folders on the way to others."""
    folder, begun = os.path.split(incomplete)
    root = Path(folder or ".").expanduser()
    try:
        found = sorted(p.name for p in root.glob("*.nn") if p.name.startswith(begun))
    except OSError:
        found = []
    before = incomplete[: len(incomplete) - len(begun)]
    return [CompletionItem(incomplete, "dir"), *(CompletionItem(before + name) for name in found)]


def assignments(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """`name=value` for each setting and constant of the spec, with the value that it has there."""
    spec = ctx.params.get("spec")
    if spec is None or "=" in incomplete:
        return []
    known = import_module("gradc_runtime.cli.actions.completions").settings_of(Path(spec))
    return [
        CompletionItem(f"{name}={value if WORD.fullmatch(value) else ''}")
        for name, value in known.items()
        if name.startswith(incomplete)
    ]


def runs(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of runs, and folders."""
    folder = Path(ctx.params.get("out") or "runs")
    found = sorted(path.parent.name for path in folder.glob("*/settings.json"))
    named = [CompletionItem(name) for name in found if name.startswith(incomplete)]
    return [CompletionItem(incomplete, "dir"), *named]
