"""What `gradc train --watch` measures, and what it shows of that at the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from gradc_compiler.pipeline import Compilation
from gradc_runtime.cli.actions import gradients
from gradc_runtime.cli.actions.output import console, say, table
from gradc_runtime.cli.actions.value_monitor import KINDS, Asked, ValueMonitor
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.session import Session
from gradc_runtime.training.gradient_monitor import GradientMonitor

MOST = 24  # names of a step in a table; those that are told to be largest at the end come first
Watching = GradientMonitor | ValueMonitor


def watches(session: Session, made: Compilation, texts: Sequence[str]) -> list[Watching]:
    """A monitor for the gradients, and one for all else that is asked for.

    Raises `Refused` for a name that nothing has.
    """
    found: list[Watching] = [GradientMonitor(session)] if "gradients" in texts else []
    if asked := [Asked.of(text) for text in texts if text != "gradients"]:
        monitor = ValueMonitor(session, made, asked)
        if unknown := monitor.unknown():
            raise Refused(
                f"no value is called {unknown[0]}; gradc explain {made.source.name} --at ... "
                "shows the names"
            )
        found.append(monitor)
    return found


def show_watched(monitors: Iterable[Watching], folder: Path) -> None:
    """The tables on standard error, and where the files are."""
    for monitor in monitors:
        if isinstance(monitor, GradientMonitor):
            gradients.show(monitor, folder)
        else:
            show_values(monitor, folder)


def show_values(monitor: ValueMonitor, folder: Path) -> None:
    """For each kind a table of what it came to in the first epoch and in the last."""
    for what, log in monitor.logs.items():
        if not log.seen:
            say(f"--watch {what}: there is nothing of that kind")
            continue
        ends = f"epoch {log.seen[0].epoch}", f"epoch {log.seen[-1].epoch}"
        columns = ["step", "name", "", *dict.fromkeys(ends)]
        shown = table(columns, rows_of(log.seen))
        shown.title, shown.title_justify = f"{what}: {KINDS[what][1]}", "left"
        console(stderr=True).print(shown)
        say(f"every epoch: {folder / log.file}")


def rows_of(seen: Sequence[Any]) -> list[list[str]]:
    """A row for each name of each step, the largest at the end first."""
    rows = []
    for step, group in groupby(sorted(seen, key=lambda one: one.step), key=lambda one: one.step):
        by_name: dict[tuple[str, int], list[Any]] = {}
        for one in group:
            by_name.setdefault((one.name, getattr(one, "line", 0)), []).append(one)
        found = sorted(by_name.values(), key=lambda ones: -ones[-1].told)
        for ones in found[:MOST]:
            line = getattr(ones[0], "line", 0)
            place = f"{ones[0].operator}, line {line}" if line else ""
            ends = [ones[0]] if len(ones) == 1 else [ones[0], ones[-1]]
            rows.append([step, ones[0].name, place, *(f"{one.told:.3g}" for one in ends)])
        if len(found) > MOST:
            rows.append([step, f"... {len(found) - MOST} more", "", "", ""])
    return rows
