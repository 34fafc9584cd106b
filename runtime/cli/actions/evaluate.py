"""What `gradc eval` does: the losses and reports of a trained network on new examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.cli.actions.output import console, counted, say, table, write_json
from runtime.cli.actions.request import Request, prepare, session_with_weights
from runtime.data import split
from runtime.progress import shown
from runtime.settings import resolve


def evaluate(spec: Path, given: Mapping[str, Any]) -> int:
    """Print the metrics."""
    if given["weights"] is None:
        say("note: no --weights are given, so this is the network before training")
    _, session, request = session_with_weights(Request.of(spec, given), given["weights"])
    settings = resolve(session.training.settings, seed=session.seed, **request.settings)
    data = request.dataset(session)
    held_out = split(data, settings.held_out, settings.seed)[1]
    part = data if given["everything"] or held_out is None else held_out
    prepare(session, [step.evaluate for step in session.training.steps])
    found = session.evaluate(part)
    what = "held-out examples" if part is held_out else "examples"
    if given["as_json"]:
        write_json({"data": data.name, "examples": part.examples, "of": what, **found})
    else:
        say(f"{part.name}: {counted(part.examples, what.removesuffix('s'))}")
        console().print(
            table(["", "mean"], [(n, shown(v)) for n, v in found.items()], right="mean")
        )
    return 0
