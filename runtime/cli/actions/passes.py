"""What `gradc passes` does: a graph before and after each pass and rewrite."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.graph_tools.samples import random_batch
from gradc_compiler.ops.index_limits import limits_of
from gradc_compiler.ops.leaf import Input
from gradc_compiler.pipeline import Compilation
from gradc_compiler.study.pass_steps import (
    EXAMPLES,
    LawUsed,
    NodeNames,
    PassStep,
    changed_lines,
    largest_difference,
    laws_used,
    pass_steps,
)
from gradc_runtime.cli.actions.output import counted, say, tell, write_json
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.show import chosen
from gradc_runtime.cli.actions.with_weights import session_with_weights
from gradc_runtime.data.arrays.checked import check_inputs

LARGEST_EXACT = 0.5  # units of the last place: no difference at all


def passes(spec: Path, given: Mapping[str, Any]) -> int:
    """Print every pass that changes the graph of an entry."""
    made, session, _ = session_with_weights(
        Request.of(spec, {**given, "target": None}), {**given, "weights": None}, dtype="float64"
    )
    name = entry_of(made, given["entry"])
    graph = made.graphs[name]
    names = NodeNames(graph)
    values = random_values(graph, session.memory.views, given["seed"]) if given["check"] else {}
    found = []
    for number, step in enumerate(pass_steps(graph, made.without, given["target"]), 1):
        apart = largest_difference(step, values, EXAMPLES) if given["check"] else None
        laws = laws_used(step, names, values if given["check"] else None)
        if given["as_json"]:
            found.append(data_of(step, names, laws, apart))
        else:
            lines = [*step_lines(number, step, names, given["lines"], apart)]
            lines[2:2] = law_lines(laws, given["lines"], checked=given["check"])
            tell("\n".join([*lines, ""]))
    if given["as_json"]:
        write_json({"entry": name, "passes": found})
    else:
        say(f"{name}: {len(graph.nodes)} nodes before the first pass")
    return 0


def entry_of(made: Compilation, asked: str | None) -> str:
    """The entry that is meant.

    Raises `Refused` where no entry has the name.
    """
    return chosen(made, "passes", asked or ("gradients" if made.module.train else "forward"))[0]


def step_lines(
    number: int, step: PassStep, names: NodeNames, most: int, apart: tuple[float, str] | None
) -> Iterator[str]:
    """One pass: what it is, what it changed, and how far both sides are apart."""
    sizes = f"{len(step.before.nodes)} -> {len(step.after.nodes)} nodes"
    yield f"{number:>2}  {step.name} ({step.stage}), {step.exact}: {sizes}"
    yield f"    {step.law}"
    lines = changed_lines(step, names)
    yield from (f"      {line}" for line in lines[:most])
    if len(lines) > most:
        yield f"      ... and {len(lines) - most} more lines (--lines {len(lines)})"
    if apart is not None:
        yield f"    {apart_text(apart)}"


def law_lines(laws: Sequence[LawUsed], most: int, *, checked: bool) -> Iterator[str]:
    """The laws of a sweep, each with its equation and the nodes that it changed."""
    for used in laws:
        times = counted(len(used.changed), "time")
        yield f"    {used.law.name}, {used.exact}, {times}"
        yield f"        {used.law.equation}"
        yield from (f"        {line}" for line in used.changed[:most])
        if len(used.changed) > most:
            yield f"        ... and {len(used.changed) - most} more"
        if checked and used.ulps > LARGEST_EXACT:
            yield f"        both forms lie up to {used.ulps:.3g} ulp apart"


def apart_text(apart: tuple[float, str]) -> str:
    """`largest difference: 2 ulp, of gradient/f.W`."""
    most, name = apart
    if most <= LARGEST_EXACT:
        return "largest difference: none, to the last bit"
    return f"largest difference: {most:.3g} ulp, of {name}"


def random_values(graph: Graph, persistents: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
    """Random inputs for a graph, and what persists as it is at first."""
    types = {n.op.key: n.type for n in graph.nodes if isinstance(n.op, Input)}
    limits = limits_of(graph)
    drawn = {
        name: random_batch(name, type, EXAMPLES, seed, limits=limits)
        for name, type in types.items()
    }
    return values_by_name(persistents, check_inputs(drawn, types, "float64"))


def data_of(
    step: PassStep, names: NodeNames, laws: Sequence[LawUsed], apart: tuple[float, str] | None
) -> dict[str, Any]:
    """A pass as data."""
    return {
        "pass": step.name,
        "stage": step.stage,
        "law": step.law,
        "exact": step.row.exact,
        "laws": [
            {
                "name": used.law.name,
                "equation": used.law.equation,
                "exact": not used.law.reorders,
                "changed": used.changed,
                "ulps": None if apart is None else used.ulps,
            }
            for used in laws
        ],
        "nodes": [len(step.before.nodes), len(step.after.nodes)],
        "changed": changed_lines(step, names),
        "ulps": None if apart is None else apart[0],
        "output": None if apart is None else apart[1],
    }
