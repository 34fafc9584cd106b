"""What `gradc runs` does: all runs in one table, with what differs, and the best in bold."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from gradc_runtime.cli.actions.output import console, say, table, write_json
from gradc_runtime.cli.actions.run_facts import Run, differing, finite, number, runs_in
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.state import suggestion
from gradc_runtime.training.progress import duration, metrics_of, shown

CONDITION = re.compile(r"\s*([\w.]+)\s*(<=|>=|!=|==|=|<|>)\s*(.+?)\s*")
TESTS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt,
}  # fmt: skip
INFINITE = float("inf")
FIRST = ("run", "epochs", "time")
MARGIN = 3


def list_runs(places: Sequence[Path], given: Mapping[str, Any]) -> int:
    """Print the table, or the runs as data."""
    runs = runs_in(places or [given["folder"]])
    for text in given["conditions"]:
        runs = [run for run in runs if fits(run, text, runs)]
    if given["sort"] is not None:
        runs = in_order(runs, given["sort"])
    if given["as_json"]:
        write_json([run.as_data() | {"is_best": run in best_of(runs)} for run in runs])
    elif runs:
        show_runs(runs)
    else:
        say("no run fits")
    return 0


def fits(run: Run, text: str, among: Sequence[Run]) -> bool:
    """Whether a run fits a condition such as `lr<0.01` or `program=circle`.

    Raises `Refused` for another text, or for a name that no run knows.
    """
    match = CONDITION.fullmatch(text)
    if match is None:
        raise Refused(f"--filter has the form lr<0.01 or program=circle, and not {text}")
    name, sign, wanted = match[1], match[2], number(match[3])
    known = dict.fromkeys(name for one in among for name in values_of_run(one))
    if name not in known:
        raise Refused(f"no run has {name}{suggestion(name, known)}")
    value = values_of_run(run).get(name)
    if sign in ("=", "==", "!="):
        return (str(value) == str(wanted) or finite(value) == finite(wanted) < INFINITE) == (
            sign != "!="
        )
    return finite(value) < INFINITE and TESTS[sign](finite(value), finite(wanted))


def values_of_run(run: Run) -> dict[str, Any]:
    """All that a run can be filtered and sorted by."""
    return {**run.facts, **run.best, "run": run.name, "time": run.seconds}


def in_order(runs: Sequence[Run], name: str) -> list[Run]:
    """Runs by a value, the least first.

    Raises `Refused` for a name that no run knows.
    """
    known = dict.fromkeys(name for one in runs for name in values_of_run(one))
    if name not in known:
        raise Refused(f"no run has {name}{suggestion(name, known)}")

    def key(run: Run) -> tuple[float, str]:
        value = values_of_run(run).get(name)
        return finite(value), str(value)

    return sorted(runs, key=key)


def by_program(runs: Sequence[Run]) -> list[list[Run]]:
    """The runs of each spec."""
    found = dict[str, list[Run]]()
    for run in runs:
        found.setdefault(run.program, []).append(run)
    return list(found.values())


def best_of(runs: Sequence[Run]) -> list[Run]:
    """The run with the lowest score among those of each spec that has several."""
    several = [group for group in by_program(runs) if len(group) > 1]
    found = [min(group, key=lambda run: run.best_score) for group in several]
    return [run for run in found if run.best_score < INFINITE]


def show_runs(runs: Sequence[Run]) -> None:
    """One table, the best in bold; where it is too wide, what all have is left out first."""
    best, columns = best_of(runs), columns_of(runs)
    lines = [[*columns], *([cell(run, name) for name in columns] for run in runs)]
    while len(columns) > 3 and width_of(lines) > console().width:
        place = least_wanted(columns, runs)
        columns = [name for k, name in enumerate(columns) if k != place]
        lines = [[part for k, part in enumerate(line) if k != place] for line in lines]
    result = table(headers(columns), [])
    for column in result.columns[1:]:
        column.justify = "right"
    for run, line in zip(runs, lines[1:], strict=True):
        result.add_row(*map(escape, line), style="bold" if run in best else None)
    console().print(result)
    for run in best:
        say(f"best: {run.path}, {run.score} {shown(run.best_score)} in epoch {run.best['epoch']}")


def headers(names: Sequence[str]) -> list[str]:
    """The names of metrics, with a line for each part."""
    return [name.replace(".", "\n", 1) for name in names]


def columns_of(runs: Sequence[Run]) -> list[str]:
    """The run, what differs, how far it is, and its metrics, those that were held out first."""
    metrics = dict.fromkeys(name for run in runs for name in metrics_of(run.best))
    ordered = sorted(metrics, key=lambda name: not name.startswith("held_out."))
    apart = dict.fromkeys(name for group in by_program(runs) for name in differing(group))
    facts = [name for name in apart if name not in ("epochs", *metrics)]
    return ["run", *facts, "epochs", "time", *ordered]


def least_wanted(columns: Sequence[str], runs: Sequence[Run]) -> int:
    """The column to leave out: of metrics the last, of settings then the last."""
    metrics = {name for run in runs for name in metrics_of(run.best)}
    scores = {run.score for run in runs}
    for kind in (metrics - scores, {"time"}, {*columns} - scores - {*FIRST}, {"epochs"}):
        places = [k for k, name in enumerate(columns) if name in kind]
        if places:
            return places[-1]
    return len(columns) - 1


def width_of(lines: Sequence[Sequence[str]]) -> int:
    """The characters that a table takes."""
    parts = (
        max(len(part) for cell in column for part in cell.split(".", 1))
        for column in zip(*lines, strict=True)
    )
    return sum(width + MARGIN for width in parts)


def cell(run: Run, name: str) -> str:
    """A value for people."""
    match name:
        case "run":
            return run.name
        case "epochs":
            return run.epochs
        case "time":
            return duration(run.seconds)
    value = run.best.get(name, run.facts.get(name))
    return "-" if value is None else shown(value)
