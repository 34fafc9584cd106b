"""What `gradc eval` does: losses, reports and the quality of predictions on new examples."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from gradc_runtime.cli.actions.answers import class_names
from gradc_runtime.cli.actions.last_run import last_run, note_untrained
from gradc_runtime.cli.actions.output import console, counted, say, table, write_json
from gradc_runtime.cli.actions.plotting import require_plots
from gradc_runtime.cli.actions.quality_tables import show_quality
from gradc_runtime.cli.actions.request import Request, prepare
from gradc_runtime.cli.actions.with_weights import session_to_run, weights_at
from gradc_runtime.data import Examples, split
from gradc_runtime.data.tables.encoding import Encoding
from gradc_runtime.session.predictions_measured import Quality, qualities
from gradc_runtime.session.session import Session
from gradc_runtime.session.train_settings import resolve
from gradc_runtime.training.progress import shown

PICTURE = "eval.png"
DRAWING = "gradc_runtime.cli.actions.quality_picture"


def evaluate(spec: Path, given: Mapping[str, Any]) -> int:
    """Print the metrics, and draw them if that is asked for."""
    if given["plot"] is not None:
        require_plots()
    given = of_the_last_run(spec, given)
    session, request = session_to_run(Request.of(spec, given), given)
    data = request.dataset(session, validated=not is_new(given))
    part = data if given["everything"] else held_out_of(data, session, request, given)
    steps = session.training.steps
    prepare(session, [e for s in steps for e in (s.evaluate, s.predict) if e is not None])
    found = session.evaluate(part)
    good = measured_fields(session, part, encoding_of(request, data))
    what = "examples" if part is data else "held-out examples"
    tell(part, what, found, good, as_json=given["as_json"])
    if given["plot"] is not None:
        draw(good, given)
    return 0


def tell(
    data: Examples, what: str, found: Mapping[str, float], good: Mapping[str, Quality], *,
    as_json: bool,
) -> None:  # fmt: skip
    """Print what was measured."""
    if as_json:
        fields = {name: quality.as_data() for name, quality in good.items()}
        about = {"data": data.name, "examples": data.examples, "of": what}
        write_json({**about, **found, "fields": fields})
        return
    say(f"{data.name}: {counted(data.examples, what.removesuffix('s'))}")
    means = [(name, shown(value)) for name, value in found.items()]
    console().print(table(["", "mean"], means, right="mean"))
    show_quality(good)


def of_the_last_run(spec: Path, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options, with the last run of the spec as `--weights` where none are given."""
    if given["weights"] is not None:
        return given
    if (run := last_run(spec)) is None:
        note_untrained(spec, given)
        return given
    say(f"weights of {run}, the last run of {spec.stem}")
    return {**given, "weights": run}


def encoding_of(request: Request, data: Examples) -> Encoding:
    """What the numbers of the data's fields stand for."""
    if request.encoding is not None:
        return Encoding.of_data(request.encoding)
    return data.encoding or Encoding()


def measured_fields(session: Session, data: Examples, encoding: Encoding) -> dict[str, Quality]:
    """How good each prediction of a field is; of several steps by step and field."""
    found = dict[str, Quality]()
    steps = [step for step in session.training.steps if step.predict is not None]
    for step in steps:
        names = {
            name: class_names(name, session.fields[name].classes, encoding)
            for name in step.predicted
        }
        prefix = f"{step.name}." if len(steps) > 1 else ""
        good = qualities(session, step, data, encoding, names)
        found |= {f"{prefix}{name}": quality for name, quality in good.items()}
    return found


def draw(good: Mapping[str, Quality], given: Mapping[str, Any]) -> None:
    """The picture, in the file that is named or in the folder of the run."""
    if not good:
        say("note: no field of the data is predicted, so there is nothing to draw")
        return
    weights = given["weights"]
    folder = weights if weights is not None and weights.is_dir() else Path()
    path = Path(given["plot"]) if given["plot"] else folder / PICTURE
    import_module(DRAWING).draw(good, path)
    say(f"as a picture: {path}")


def held_out_of(
    data: Examples, session: Session, request: Request, given: Mapping[str, Any]
) -> Examples:
    """What training never saw: data that was not trained on as a whole, else its held-out part."""
    if data.held_out is None and is_new(given):
        return data
    settings = resolve(session.training.settings, seed=session.seed, **request.settings)
    return split(data, settings.held_out, settings.seed, settings.limit)[1] or data


def is_new(given: Mapping[str, Any]) -> bool:
    """Whether `--data` names other examples than those that the weights were trained on."""
    earlier = weights_at(given["weights"])[1] if given["weights"] is not None else None
    known = earlier.overrides.get("data") if earlier is not None else None
    return given["data"] is not None and given["data"] != known
