"""What `gradc eval` does: the losses and reports of a trained network on new examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradc_runtime.cli.actions.output import console, counted, say, table, write_json
from gradc_runtime.cli.actions.request import Request, prepare
from gradc_runtime.cli.actions.with_weights import session_to_run, weights_at
from gradc_runtime.data import Examples, split
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.training.progress import shown


def evaluate(spec: Path, given: Mapping[str, Any]) -> int:
    """Print the metrics."""
    if given["weights"] is None:
        say("note: no --weights are given, so this is the network before training")
    session, request = session_to_run(Request.of(spec, given), given)
    data = request.dataset(session)
    part = data if given["everything"] else held_out_of(data, session, request, given)
    prepare(session, [step.evaluate for step in session.training.steps])
    found = session.evaluate(part)
    what = "examples" if part is data else "held-out examples"
    if given["as_json"]:
        write_json({"data": data.name, "examples": part.examples, "of": what, **found})
    else:
        say(f"{part.name}: {counted(part.examples, what.removesuffix('s'))}")
        console().print(
            table(["", "mean"], [(n, shown(v)) for n, v in found.items()], right="mean")
        )
    return 0


def held_out_of(
    data: Examples, session: Session, request: Request, given: Mapping[str, Any]
) -> Examples:
    """What training never saw: data that was not trained on as a whole, else its held-out part."""
    if data.held_out is None and is_new(given):
        return data
    settings = resolve(session.training.settings, seed=session.seed, **request.settings)
    return split(data, settings.held_out, settings.seed)[1] or data


def is_new(given: Mapping[str, Any]) -> bool:
    """Whether `--data` names other examples than those that the weights were trained on."""
    earlier = weights_at(given["weights"])[1] if given["weights"] is not None else None
    known = earlier.overrides.get("data") if earlier is not None else None
    return given["data"] is not None and given["data"] != known
