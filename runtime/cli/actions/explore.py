"""What `gradc explore` does: everything that the other commands tell of a gradient, as one page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradc_compiler.explorer.page import page
from gradc_compiler.explorer.view import Shown, view_of
from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.pipeline import Compilation
from gradc_compiler.study.derivation_numbers import arrays_at
from gradc_compiler.study.line_costs import line_costs
from gradc_compiler.syntax.grammar.keywords import DECLARATIONS, KEYWORDS
from gradc_compiler.syntax.parse.read_file import STANDARD_INPUT
from gradc_runtime.cli.actions.cost import WIDTH, chosen_graph, data_of, sizes_of
from gradc_runtime.cli.actions.derive import derivation_of, trained
from gradc_runtime.cli.actions.explain import input_types, one_example
from gradc_runtime.cli.actions.explore_lowering import kernels_data, passes_data
from gradc_runtime.cli.actions.explore_numbers import flow_data, numbers_data
from gradc_runtime.cli.actions.output import say
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.with_weights import session_with_weights

LENGTH = 16  # of sequences, where costs are numbers


def explore(spec: Path, inputs: Mapping[str, str], given: Mapping[str, Any]) -> int:
    """Write the page.

    Raises `Refused` for what cannot be differentiated, or by which nothing can.
    """
    title = "standard input" if spec == STANDARD_INPUT else spec.name
    text = page(title, {**explorer_data(spec, inputs, given), "name": title})
    name = "spec.html" if spec == STANDARD_INPUT else f"{spec.stem}.html"
    path = given["output"] or Path(name)
    path.write_text(text, encoding="utf-8")
    say(f"wrote {path}: open it in a browser")
    return 0


def explorer_data(
    spec: Path, inputs: Mapping[str, str], given: Mapping[str, Any]
) -> dict[str, Any]:
    """All that is shown; raises as `explore` does."""
    request = Request.of(spec, {**given, "target": None})
    made, session, _ = session_with_weights(request, given, dtype="float64")
    loss, derived = derivation_of(made, {**given, "wrt": given["wrt"] or trained(made, given)})
    shown, view = Shown.of(derived), view_of(derived)
    at = inputs or dict.fromkeys(input_types(loss), "random")
    values = values_by_name(session.memory.views, one_example(loss, at, session))
    found = arrays_at(derived, derived.graph, values)
    entry = entry_name(made, given)
    return {
        **view,
        "about": made.program.about,
        "source": made.source.text.splitlines() or [""],
        "words": sorted({*KEYWORDS, *DECLARATIONS}),
        "numbers": numbers_data(shown, found, where_from(inputs, at)),
        "flow": flow_data(shown, view, found),
        "passes": passes_data(made, entry, given["target"]),
        "kernels": kernels_data(made, entry, given["target"]),
        "cost": cost_data(made, given),
    }


def where_from(inputs: Mapping[str, str], at: Mapping[str, str]) -> str:
    """Which example the numbers are of, in a sentence."""
    if inputs:
        return (
            f"The numbers are those of one example: {' '.join(f'{k}={v}' for k, v in at.items())}."
        )
    if not at:
        return "Nothing is read: the numbers follow from the parameters and the seed."
    names = ", ".join(at)
    return f"The numbers are those of drawn inputs ({names}); give others as NAME=VALUE."


def entry_name(made: Compilation, given: Mapping[str, Any]) -> str:
    """The entry whose passes and kernels are shown: the gradients of the step, else a model."""
    module = made.module
    if module.train is not None:
        step = given["step"] or module.train.steps[0].name
        return f"gradients/{step}"
    return f"forward/{given['of'] if given['of'] in module.models else next(iter(module.models))}"


def cost_data(made: Compilation, given: Mapping[str, Any]) -> dict[str, Any]:
    """The cost of each line."""
    graph = chosen_graph(made, given["step"])
    sizes = sizes_of(made, graph, {"batch": None, "length": LENGTH})
    at = ", ".join(f"{name} = {n:,}" for name, n in sizes.items())
    return {"at": f"at {at}", "lines": [data_of(c, sizes) for c in line_costs(graph, WIDTH)]}
