"""What a shell is told when a word of a command is completed: specs, settings, runs.

Click answers for commands, options and choices by itself.  Folders come first, for its script for
bash forgets what stands before them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

WORD = re.compile(r"[\w.+-]+")  # what no shell takes apart
SET, ASSIGNED = "--set", re.compile(r"[A-Za-z_][\w.]*=")


def with_own_option(args: Sequence[str]) -> list[str]:
    """`--set a=1 b=2` as `--set a=1 --set b=2`, as which it is read."""
    found, several = list[str](), False
    for word in args:
        if several and ASSIGNED.match(word) and found[-1] != SET:
            found.append(SET)
        several = word == SET or (several and bool(ASSIGNED.match(word)))
        found.append(word)
    return found


def with_signs(args: Sequence[str]) -> list[str]:
    """`a`, `=`, `1`, into which bash cuts a word, as `a=1`."""
    found = list[str]()
    for before, word in zip(["", *args], args, strict=False):
        if found and (word == "=" or (before == "=" and not word.startswith("-"))):
            found[-1] += word
        else:
            found.append(word)
    return found


class OfSettings(ShellComplete):
    """Completion in which each word behind `--set` has the option before it."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the one that is typed, and that one."""
        args, incomplete = super().get_completion_args()
        whole = with_own_option(with_signs(args))
        another = whole[-2:-1] == [SET] and args[-1:] != ["="]
        of_a_spec = any(word.endswith(".nn") for word in whole)
        if another and of_a_spec and not incomplete.startswith(("-", "=")):
            whole.append(SET)
        return whole, incomplete


def teach_shells() -> None:
    """Have Click's own shells complete settings so."""
    for shell in (BashComplete, ZshComplete, FishComplete):
        add_completion_class(type(shell.__name__, (OfSettings, shell), {}))


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
