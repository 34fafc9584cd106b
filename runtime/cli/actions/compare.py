"""What `gradc compare` does: a column for each run, and a picture with a line for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from gradc_runtime.cli.actions.output import console, say, table, write_json
from gradc_runtime.cli.actions.run_facts import Run, differing, named_run, read_run
from gradc_runtime.cli.actions.runs import cell, columns_of, show_runs, width_of
from gradc_runtime.cli.faults import Refused
from gradc_runtime.system.extras import advice
from gradc_runtime.training.progress import metrics_of


def compare(names: Sequence[str], given: Mapping[str, Any]) -> int:
    """Print what differs, and draw the curves.

    Raises `Refused` for fewer than two runs.
    """
    runs = [read_run(path) for path in dict.fromkeys(map(named_run, names))]
    if len(runs) < 2:
        raise Refused("name two runs or more: gradc compare A B")
    if given["as_json"]:
        facts = {name: [run.facts.get(name) for run in runs] for name in differing(runs)}
        write_json({"runs": [run.as_data() for run in runs], "differs": facts})
    else:
        side_by_side(runs)
    if not any(run.rows for run in runs):
        say("note: no epoch is done yet, so there is nothing to draw")
    elif find_spec("matplotlib") is None:
        say(f"note: {advice('matplotlib', 'the picture')}")
    else:
        place = "gradc_runtime.cli.actions.compare_picture"
        import_module(place).draw(runs, given["save"])
        say(f"as a picture: {given['save']}")
    return 0


def side_by_side(runs: Sequence[Run]) -> None:
    """A line for each setting or metric, a column for each run; many runs have a line each."""
    columns = columns_of(runs)
    lines = [[name, *(cell(run, name) for run in runs)] for name in columns]
    if width_of(lines) > console().width:
        show_runs(runs)
        return
    metrics = {name for run in runs for name in metrics_of(run.best)}
    head, *rest = lines
    rows = [[n + (" (best epoch)" if n in metrics else ""), *values] for n, *values in rest]
    console().print(table(["", *head[1:]], rows, right=" ".join(head[1:])))
