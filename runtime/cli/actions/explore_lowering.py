"""What the explorer shows of the way to machine code: each pass, and the kernels with the lines of
the spec that they serve.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gradc_compiler.explorer.view import place_of
from gradc_compiler.graph.graph import Node
from gradc_compiler.machine.targets import CUDA
from gradc_compiler.pipeline import Compilation
from gradc_compiler.program.entry import Entry, Instruction
from gradc_compiler.study.pass_steps import NodeNames, PassStep, laws_used, pass_steps
from gradc_runtime.cli.actions.lowering import Lowering
from gradc_runtime.cli.actions.output import counted
from gradc_runtime.cli.actions.tables import called

LAST = re.compile(r"%(\d+)")


def passes_data(made: Compilation, name: str, target: str) -> dict[str, Any]:
    """Every pass that changes an entry's graph: its nodes before and after, as numbers of texts."""
    graph = made.graphs[name]
    names = NodeNames(graph)
    texts: dict[str, int] = {}
    steps = [pass_data(step, names, texts) for step in pass_steps(graph, made.without, target)]
    return {"entry": name, "list": steps, "texts": [*texts]}


def pass_data(step: PassStep, names: NodeNames, texts: dict[str, int]) -> dict[str, Any]:
    """One pass."""
    laws = [
        {"equation": used.law.equation, "said": used.exact, "changed": used.changed}
        for used in laws_used(step, names, None)
    ]
    sides = [names.lines(graph) for graph in (step.before, step.after)]
    before, after = ([texts.setdefault(line, len(texts)) for line in side] for side in sides)
    return {
        "name": step.name, "stage": step.stage, "law": step.law, "exact": step.row.exact,
        "said": step.exact, "before": before, "after": after, "laws": laws,
    }  # fmt: skip


def kernels_data(made: Compilation, name: str, target: str) -> dict[str, Any]:
    """The kernels of an entry, each with the places in the spec that it computes."""
    lowering = Lowering.of(made, name, target)
    graph = lowering.graph
    last = {group.nodes[-1]: group.nodes for group in lowering.sketch.groups}
    entry = made.program.of_target(target).entries[name]
    found: dict[Any, dict[str, Any]] = {}
    for instruction in instructions_of(entry):
        key, row = kernel_row(entry, instruction)
        row = found.setdefault(key, row)
        number = LAST.match(instruction.note)
        ids = last.get(int(number[1]), []) if number else []
        row["nodes"] |= {id: graph[id] for id in ids}
        row["notes"].append(instruction.note)
    return {
        "entry": name,
        "said": f"{counted(len(found), 'kernel')} for {target}; a small batch may take one for all",
        "list": [finished(row) for row in found.values()],
    }


def instructions_of(entry: Entry) -> Iterator[Instruction]:
    """All of them, in order."""
    for phase in entry.phases:
        yield from phase.instructions


def kernel_row(entry: Entry, instruction: Instruction) -> tuple[Any, dict[str, Any]]:
    """What a kernel is known by, and what is shown of it."""
    row: dict[str, Any] = {"nodes": {}, "notes": []}
    if entry.target == CUDA and instruction.launch is not None:
        source = instruction.launch.source
        return source, {**row, "name": called(entry, instruction.kernel), "source": source}
    kernel = entry.kernels[instruction.kernel]
    return instruction.kernel, {
        **row, "name": called(entry, instruction.kernel), "source": kernel.source
    }  # fmt: skip


def finished(row: dict[str, Any]) -> dict[str, Any]:
    """A kernel as data: its places and lines, and one note."""
    nodes: list[Node] = [*row["nodes"].values()]
    places = {tuple(place) for node in nodes if (place := place_of(node.span)) is not None}
    notes = [*dict.fromkeys(row["notes"])]
    more = f"; {len(notes) - 1} more uses" if len(notes) > 1 else ""
    return {
        "name": row["name"],
        "source": row["source"],
        "note": f"{notes[0]}{more}",
        "places": sorted(places),
        "lines": sorted({place[0] for place in places}),
    }
