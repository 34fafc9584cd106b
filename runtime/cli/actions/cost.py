"""What `gradc cost` does: the cost of every line of a spec, as formulas and as numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

from gradc_compiler.graph.graph import Graph
from gradc_compiler.pipeline import Compilation
from gradc_compiler.study.line_costs import Amount, LineCost, line_costs
from gradc_runtime.cli.actions.modes_table import modes
from gradc_runtime.cli.actions.output import (
    console,
    counted,
    say,
    size,
    table,
    tell,
    write_json,
)
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.faults import Refused
from gradc_runtime.cpu.partition.memory_need import MemoryNeed
from gradc_runtime.session.state import suggestion

WIDTH = 4  # bytes of a float32
KINDS = ("forward", "backward", "moved", "kept")


def cost(spec: Path, given: Mapping[str, Any]) -> int:
    """Print the costs of a step, or of a spec's only model where it does not train."""
    made = Request.of(spec, given).compile()
    graph = chosen_graph(made, given["step"])
    sizes = sizes_of(made, graph, given)
    if given["modes"]:
        modes(made, given["step"], sizes, as_json=given["as_json"])
        return 0
    lines = line_costs(graph, WIDTH)
    need = memory_need(made, given, sizes["N"])
    if given["as_json"]:
        peak = {"formula": need.formula(), "number": need.number(sizes)}
        found = [data_of(line, sizes) for line in lines]
        write_json({"sizes": sizes, "lines": found, "peak": peak})
        return 0
    formulas(lines)
    numbers(lines, sizes)
    tell("\n".join(memory_lines(need, sizes)))
    return 0


def memory_need(made: Compilation, given: Mapping[str, Any], examples: int) -> MemoryNeed:
    """The memory of the step, or of the model, by the plan that it is run by on a CPU."""
    training = made.program.training
    names = [step.name for step in training.steps] if training else []
    name = (
        f"step/{given['step'] or names[0]}" if names else next(iter(made.program.models.values()))
    )
    threads = given["threads"] or len(os.sched_getaffinity(0))
    words = made.program.persistent_words
    return MemoryNeed.of(made.program.entries[name], words, examples, word=WIDTH, threads=threads)


def memory_lines(need: MemoryNeed, sizes: Mapping[str, int]) -> Iterator[str]:
    """The peak, as a formula and as a number."""
    yield f"peak memory: {need.formula()} bytes, here {size(need.number(sizes))}"
    yield (
        f"    of it {size(need.persistent)} persist (parameters, and what the optimizer keeps); "
        f"{counted(need.teams, 'thread')} with blocks of {counted(need.block, 'example')}"
    )


def chosen_graph(made: Compilation, step: str | None) -> Graph:
    """The graph of a step's loss and gradient, as it is run.

    Raises `Refused` for a step that does not exist.
    """
    module = made.module
    if module.train is None:
        name = next((n for n in made.optimised if n.startswith("forward/")), None)
        if name is None:
            raise Refused("there is neither a train block nor a model")
        say(f"note: there is no train block, so this is {name} alone")
        return made.optimised[name]
    steps = {one.name: one for one in module.train.steps}
    name = step or next(iter(steps))
    if name not in steps:
        raise Refused(f"no step is called {name}{suggestion(name, steps)}")
    return made.optimised[f"gradients/{name}"]


def sizes_of(made: Compilation, graph: Graph, given: Mapping[str, Any]) -> dict[str, int]:
    """N, and the lengths of sequences."""
    settings = made.module.train.settings if made.module.train else {}
    batch = given["batch"] or settings.get("batch") or 1
    times = {node.type.time for node in graph.nodes if isinstance(node.type.time, str)}
    return {"N": int(batch), **{str(time): given["length"] for time in sorted(map(str, times))}}


def formulas(lines: Sequence[LineCost]) -> None:
    """The table of formulas."""
    columns = ["line", "written", "parameters", "operations forward", "operations backward"]
    rows = [
        [str(c.line), short(c.text), f"{c.parameters:,}", c.forward.formula(), c.backward.formula()]
        for c in lines
    ]
    console().print(table(columns, rows, right="line parameters"))


def numbers(lines: Sequence[LineCost], sizes: Mapping[str, int]) -> None:
    """The table of numbers, with what all lines are together."""
    at = ", ".join(f"{name} = {n:,}" for name, n in sizes.items())
    columns = ["line", "written", "forward", "backward", "moved", "kept"]
    rows = [[str(c.line), short(c.text), *as_numbers(c, sizes)] for c in lines]
    rows.append(["", "in all", *as_numbers(in_all(lines), sizes)])
    console().print(table(columns, rows, right="line forward backward moved kept"))
    say(f"at {at}, float32; kept is what the backward pass reads of the forward pass")


def in_all(lines: Sequence[LineCost]) -> LineCost:
    """The sum of all lines."""
    sums = [reduce(add, (getattr(c, kind) for c in lines), Amount()) for kind in KINDS]
    return LineCost(0, "", sum(c.parameters for c in lines), *(Amount(s) for s in sums))


def as_numbers(cost: LineCost, sizes: Mapping[str, int]) -> list[str]:
    """Operations and bytes as numbers."""
    work = [f"{cost.forward.number(sizes):,}", f"{cost.backward.number(sizes):,}"]
    return [*work, size(cost.moved.number(sizes)), size(cost.kept.number(sizes))]


def short(text: str) -> str:
    """A line that fits a table."""
    return text if len(text) <= 44 else f"{text[:41]}..."


def data_of(cost: LineCost, sizes: Mapping[str, int]) -> dict[str, Any]:
    """A line as data."""
    found: dict[str, Any] = {
        "line": cost.line, "written": cost.text, "parameters": cost.parameters
    }  # fmt: skip
    for kind in KINDS:
        amount: Amount = getattr(cost, kind)
        found[kind] = {"formula": amount.formula(), "number": amount.number(sizes)}
    return found
