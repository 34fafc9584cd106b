"""What `gradc show` does: any stage of compilation, as text or as data."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

from gradc_compiler.derived import print_program
from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph_tools.graph_text import print_graph
from gradc_compiler.pipeline import Compilation
from gradc_compiler.program.program import Program
from gradc_runtime.cli.actions.drawing import as_svg, dot
from gradc_runtime.cli.actions.lowering import (
    Lowering,
    after_each_pass,
    groups,
    memory,
    nests,
    print_tokens,
    tokens_of,
)
from gradc_runtime.cli.actions.machine_code import code_text, machine_code
from gradc_runtime.cli.actions.output import counted, write, write_json
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.tables import entry_data, kernel_data, print_entry, print_kernels
from gradc_runtime.cli.actions.trees import print_tree, tree_data
from gradc_runtime.cli.faults import Refused

LOWERED = {"groups": groups, "memory": memory, "buffers": memory, "nests": nests}
OF_A_GPU, GPU_STAGES = ("sass", "resources"), "gradc_runtime.cli.actions.gpu_stages"
DEFAULT = {"graph": "forward", "joint": "step"}  # first part of the entries' names


def show(spec: Path, given: Mapping[str, Any]) -> int:
    """Print a stage."""
    made, stage = Request.of(spec, given).compile(), given["stage"]
    if given["form"] in ("dot", "svg", "json"):
        given = {**given, "dot": given["form"] != "json", "as_json": given["form"] == "json"}
    if stage in OF_A_GPU:
        import_module(GPU_STAGES).show(made, chosen(made, stage, given["entry"]), given)
        return 0
    given = {**given, "target": "cuda"} if stage == "ptx" else given
    answer = stage_data if given["as_json"] else stage_text
    if stage in ("tokens", "tree"):
        answer(made, stage, {})
    elif stage == "joint" and not (given["entry"] or given["dot"] or given["as_json"]):
        write(print_program(made))
    else:
        graphs = made.graphs if stage in ("graph", "joint", "passes") else made.optimised
        names = chosen(made, stage, given["entry"])
        if given["dot"]:
            pictures = [dot(name, graphs[name]) for name in names]
            svg = given["form"] == "svg"
            write("".join(map(as_svg, pictures[:1]) if svg else pictures))
        else:
            answer(made, stage, {name: graphs[name] for name in names}, given["target"])
    return 0


def chosen(made: Compilation, stage: str, asked: str | None) -> list[str]:
    """The entries that are meant: all of a kind where only the first part is given.

    Raises `Refused` where no entry has the name.
    """
    names = list(made.graphs)
    wanted = asked or DEFAULT.get(stage, "step" if made.module.train else "forward")
    parts, generic = parts_of(made.program), made.module.generic
    found = [n for n in names if wanted in (n, *parts[n]) and parts[n][1] not in generic]
    if found:
        return found
    if asked is None and names:
        return chosen(made, stage, "forward") if wanted != "forward" else []
    near = get_close_matches(wanted, names, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names) or 'none'}"
    raise Refused(f"no entry is called {wanted}; {hint}")


def parts_of(program: Program) -> dict[str, tuple[str, str]]:
    """For each entry what it does, and the model or step that it is of."""
    found = {entry: ("forward", model) for model, entry in program.models.items()}
    for step in program.training.steps if program.training else ():
        kinds = ("step", "gradients", "evaluate", "adjoints", "predict")
        entries = (step.entry, step.gradients, step.evaluate, step.adjoints, step.predict)
        pairs = zip(entries, kinds, strict=True)
        found |= {entry: (kind, step.name) for entry, kind in pairs if entry is not None}
    return found


def stage_text(
    made: Compilation, stage: str, graphs: Mapping[str, Graph], target: str = "cpu"
) -> None:
    """A stage for people."""
    if stage in ("tokens", "tree"):
        write(print_tokens(made.source) if stage == "tokens" else print_tree(made.tree))
    for name, graph in graphs.items():
        write(f"# {name}")
        write(entry_text(made, stage, name, target) or print_graph(graph, ledger=True))


def entry_text(made: Compilation, stage: str, name: str, target: str) -> str:
    """A stage of an entry that is more than its graph."""
    match stage:
        case "passes":
            return "\n".join(
                f"# {number}: {change}, {counted(len(graph.nodes), 'node')}\n"
                + print_graph(graph, ledger=True)
                for number, (change, graph) in enumerate(after_each_pass(made, name), 1)
            )
        case "target":
            return print_graph(Lowering.of(made, name, target).graph, ledger=True)
        case "llvm" | "asm" | "ptx":
            return code_text(made.program.of_target(target).entries[name], stage)
        case "groups" | "memory" | "buffers" | "nests":
            return "\n".join([*LOWERED[stage](Lowering.of(made, name, target)), ""])
        case "schedule":
            return print_entry(made.program.of_target(target).entries[name])
        case "kernels":
            return print_kernels(made.program.of_target(target).entries[name])
        case _:
            return ""


def stage_data(
    made: Compilation, stage: str, graphs: Mapping[str, Graph], target: str = "cpu"
) -> None:
    """A stage for programs."""
    if stage in ("tokens", "tree"):
        write_json(token_data(made) if stage == "tokens" else tree_data(made.tree))
    else:
        write_json({n: entry_answer(made, stage, n, g, target) for n, g in graphs.items()})


def entry_answer(made: Compilation, stage: str, name: str, graph: Graph, target: str) -> Any:
    """A stage of an entry as data."""
    match stage:
        case "passes":
            return [{"after": n, **graph_data(g)} for n, g in after_each_pass(made, name)]
        case "target":
            return graph_data(Lowering.of(made, name, target).graph)
        case "llvm" | "asm" | "ptx":
            entry = made.program.of_target(target).entries[name]
            return [{"note": note, "code": text} for note, text in machine_code(entry, stage)]
        case "groups" | "memory" | "buffers" | "nests":
            return [*LOWERED[stage](Lowering.of(made, name, target))]
        case "schedule":
            return entry_data(made.program.of_target(target).entries[name])
        case "kernels":
            return kernel_data(made.program.of_target(target).entries[name])
        case _:
            return graph_data(graph)


def token_data(made: Compilation) -> list[dict[str, Any]]:
    """The tokens, each with its terminal and place."""
    return [
        {"token": t.type, "text": t.text, "line": t.span.line, "column": t.span.column}
        for t in tokens_of(made.source)
    ]


def graph_data(graph: Graph) -> dict[str, Any]:
    """A graph's nodes, with where each came from."""
    return {
        "nodes": [
            {
                "id": node.id,
                "op": node.op.name,
                "inputs": list(node.inputs),
                "type": str(node.type),
                "name": node.name,
                "attributes": {key: str(value) for key, value in node.op.attributes().items()},
                "place": None if node.span is None else str(node.span),
                "rule": None if node.origin is None else node.origin.rule,
            }
            for node in graph.nodes
        ],
        "outputs": dict(graph.outputs),
    }
