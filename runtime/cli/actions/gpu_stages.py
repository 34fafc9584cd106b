"""Stages of a spec on a GPU, without one: what each launch of a step takes, and its machine code.

All times are predicted from data sheets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gradc_compiler.graph.graph import Graph
from gradc_compiler.rewrites.stored_scores import stored_scores
from gradc_runtime.cli.actions.machine_code import without_compiler
from gradc_runtime.cli.actions.output import console, duration, table, write, write_json
from gradc_runtime.cuda.devices.kernel_cache import Target, ptx_of
from gradc_runtime.cuda.devices.launch_form import KernelKey, launches_of
from gradc_runtime.cuda.estimates.assembled import Resources, assemble, disassemble
from gradc_runtime.cuda.estimates.data_sheets import GPUS, DataSheet
from gradc_runtime.cuda.estimates.occupancy import occupancy
from gradc_runtime.cuda.estimates.step_of_entry import planned_calls
from gradc_runtime.cuda.estimates.step_time import DEFAULT, predict, told
from gradc_runtime.cuda.launch.merge_calls import merged
from gradc_runtime.cuda.launch.step_graph import StepGraph
from gradc_runtime.session.train_settings import resolve

WORD = 4  # bytes: the code for float32
NOTE = 60  # characters of what a launch computes


def show(made: Any, names: list[str], given: Mapping[str, Any]) -> None:
    """A stage of entries."""
    sheet, program = GPUS[given["gpu"]], made.program
    settings = program.training.settings if program.training else {}
    batch = given.get("batch") or resolve(settings).batch
    answers = {}
    for name in names:
        graph = merged(planned_calls(program.of_target("cuda").entries[name], batch))
        if given["stage"] == "sass":
            answers[name] = [{"note": n, "code": c} for n, c in sass(graph, sheet)]
        else:
            answers[name] = list(resources(graph, sheet))
    if given["as_json"]:
        write_json(answers)
        return
    for name, rows in answers.items():
        write(f"# {name}")
        if given["stage"] == "sass":
            write("\n".join(f"// {row['note']}\n{row['code']}" for row in rows))
        else:
            tell(rows, batch, sheet)
            for line in scores_told(program.of_target("cuda").entries[name].graph):
                write(line)


def scores_told(graph: Graph) -> Iterator[str]:
    """A line for each attention that is not one kernel, with the reason."""
    for node, why in stored_scores(graph):
        yield f"{node.span}: this attention stores its scores: {why}"


def resources(graph: StepGraph, sheet: DataSheet) -> Iterator[dict[str, Any]]:
    """Each launch: registers, shared memory, occupancy, work, predicted time, what binds."""
    launches, _ = launches_of(graph)
    code = machine_code([launch.key for launch in launches], sheet)
    step = predict(graph, WORD, sheet)
    for node, launch, time in zip(graph.nodes, launches, step.nodes, strict=True):
        takes = code[launch.key][1]
        room = occupancy(sheet, launch.key.threads, takes.registers, takes.shared)
        yield {
            "note": node.note, "calls": len(node.calls), "blocks": launch.blocks,
            "threads": launch.key.threads, "registers": takes.registers, "shared": takes.shared,
            "spilled": takes.spilled, "occupancy": room.share, "occupancy_limit": room.limit,
            "operations": time.operations, "bytes": time.bytes,
            "predicted_s": time.seconds, "binds": time.binds, "step_predicted_s": step.seconds,
        }  # fmt: skip


def machine_code(
    keys: list[KernelKey], sheet: DataSheet
) -> dict[KernelKey, tuple[bytes, Resources]]:
    """Machine code of kernels, and what each takes.

    Raises `Refused` without numba-cuda, `NoAssembler` without ptxas.
    """
    kernels, target = list(dict.fromkeys(keys)), Target(sheet.capability, WORD)
    try:
        texts = ptx_of(kernels, target)
    except (ImportError, OSError, RuntimeError) as fault:
        raise without_compiler("this", fault) from None
    pairs = zip(kernels, texts, strict=True)
    return {key: assemble(ptx.decode(), sheet.capability) for key, ptx in pairs}


def sass(graph: StepGraph, sheet: DataSheet) -> Iterator[tuple[str, str]]:
    """The instructions of each kernel, once, and what it is first used for."""
    launches, _ = launches_of(graph)
    code = machine_code([launch.key for launch in launches], sheet)
    seen: set[KernelKey] = set()
    for node, launch in zip(graph.nodes, launches, strict=True):
        if launch.key not in seen:
            seen.add(launch.key)
            yield node.note, disassemble(code[launch.key][0])


def tell(rows: list[dict[str, Any]], batch: int, sheet: DataSheet) -> None:
    """The table of launches, for people."""
    shown = [
        (
            f"{row['registers']}", f"{row['shared'] / 1024:.1f}", f"{row['occupancy']:.0%}",
            row["occupancy_limit"], f"{row['operations']:,}", f"{row['bytes']:,}",
            f"{row['predicted_s'] * 1e6:.2f}", row["binds"], row["note"][:NOTE],
        )
        for row in rows
    ]  # fmt: skip
    columns = ["registers", "KiB shared", "occupancy", "limited by", "operations", "bytes",
               "predicted us", "binds", "what"]  # fmt: skip
    right = "registers KiB occupancy operations bytes predicted"
    console().print(table(columns, shown, right=right))
    whole = duration(rows[0]["step_predicted_s"]) if rows else "nothing"
    write(f"batch {batch}: {len(rows)} launches; predicted, not measured: {whole}")
    write("\n".join(told(DEFAULT, sheet)))
