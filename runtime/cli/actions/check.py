"""What `gradc check` does: all errors of a spec, or its warnings and a table of its models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradc_compiler.diagnostics.render import diagnostics_json
from gradc_compiler.diagnostics.source import ERROR, WARNING, CompileError, Diagnostic
from gradc_compiler.elaborate import ModelSignature, PersistentSpec
from gradc_compiler.graph.types import TensorType
from gradc_compiler.pipeline import Compilation
from gradc_compiler.program.program import DataSource
from gradc_runtime.cli.actions import diagnostics
from gradc_runtime.cli.actions.data_head import head_of
from gradc_runtime.cli.actions.model_stages import ModelStage, is_owned, stages
from gradc_runtime.cli.actions.output import console, counted, say, table, tell, write, write_json
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.cli.actions.room import WORD, data_bytes, memory_line, require_room
from gradc_runtime.cli.actions.unscaled_inputs import unscaled_inputs
from gradc_runtime.data import DataError, prepared

MOST_NAMES = 3  # layers named in one line


def check(specs: Sequence[Path], given: Mapping[str, Any], *, deny: bool, as_json: bool) -> int:
    """Check each spec; 1 if any has errors, or, where warnings are denied, warnings."""
    answers, code = [], 0
    for path in specs:
        try:
            made = Request.of(path, given).compile()
        except CompileError as fault:
            code = 1
            errors = json.loads(diagnostics_json(fault.diagnostics))
            answers.append({"spec": str(path), "errors": errors})
            if not as_json:
                diagnostics.show(fault.diagnostics, as_json=False)
            continue
        require_room(made)
        wrong, found = of_data(made, given)
        warned = [*made.program.warnings, *found]
        said = [replace(w, severity=ERROR if deny else WARNING) for w in warned]
        code = 1 if wrong or (deny and said) else code
        answers.append(answer(path, made, wrong, said))
        if not as_json:
            show(made, wrong, said)
    if as_json:
        write_json(answers[0] if len(answers) == 1 else answers)
    return code


def answer(
    path: Path, made: Compilation, wrong: list[dict[str, Any]], said: list[Diagnostic]
) -> dict[str, Any]:
    """All that there is to say of a spec, as data."""
    told = json.loads(diagnostics_json(said))
    denied = [one for one in told if one["severity"] == ERROR]
    warnings = [one for one in told if one["severity"] == WARNING]
    facts = {"spec": str(path), "warnings": warnings, "errors": wrong + denied}
    return facts | described(made)


def of_data(
    made: Compilation, given: Mapping[str, Any]
) -> tuple[list[dict[str, Any]], list[Diagnostic]]:
    """Why data cannot come from where a spec says, and warnings of what comes.

    As far as the spec and the first examples tell; with `--no-data` only the spec is asked.
    """
    wrong, warned = list[dict[str, Any]](), list[Diagnostic]()
    for source in made.module.data:
        try:
            prepared(source)
            if given["no_data"]:
                continue
            data = head_of(source, allow_path=given["allow_path"])
        except DataError as fault:
            wrong.append(told_of(source, str(fault)))
            continue
        train = made.module.train
        if data is not None and train is not None and train.data == source.name:
            warned += unscaled_inputs(made.program, data)
    return wrong, warned


def told_of(source: DataSource, fault: str) -> dict[str, Any]:
    """An error of data, with the place at which the spec names it."""
    file, line, column = (source.place or "--data:1:1").rsplit(":", 2)
    primary = {"file": file, "line": int(line), "column": int(column)}
    return {"code": None, "message": fault.removeprefix(f"{source.place}: "), "primary": primary}


def show(made: Compilation, wrong: list[dict[str, Any]], said: list[Diagnostic]) -> None:
    """A spec without errors of the language, for people."""
    module = made.module
    for name, signature in module.models.items():
        tell(f"{name}{signed(signature)}")
        console().print(stage_table(made, name))
    for name in module.generic:
        write(f"{opened(made, name)}; what applies it says, so its parameters are not counted\n")
    for source in module.data:
        tell(f"data {source.name}({typed(source.fields)}) = {call(source)}")
    if module.train is not None:
        tell("\n".join(training_lines(made)))
    parameters = [spec for spec in module.parameters if spec.role == "parameter"]
    total = sum(spec.type.size for spec in parameters)
    for fault in wrong:
        say(":".join(map(str, fault["primary"].values())) + f": {fault['message']}")
    if said:
        diagnostics.show(said, as_json=False)
    warned = [d for d in said if d.severity == WARNING]
    count = len(wrong) + len(said) - len(warned)
    errors = counted(count, "error") if count else "no errors"
    errors += f", {counted(len(warned), 'warning')}" if warned else ""
    without = f"; without {' and '.join(module.generic)}" if module.generic else ""
    write(f"{made.source.name}: {errors}, {counted(total, 'parameter')}{without}")


def opened(made: Compilation, model: str) -> str:
    """Which sizes a model leaves open."""
    (diagnostic,) = made.module.generic[model].diagnostics
    return diagnostic.message.replace("`", "")


def stage_table(made: Compilation, model: str) -> Any:
    """A line for each stage of a model, and one for all of it."""
    found = stages(made, model)
    rows = [row(stage) for stage in found]
    if not found:
        rows = [
            (spec.name, "", str(spec.type), f"{spec.type.size:,}") for spec in owned(made, model)
        ]
    total = sum(spec.type.size for spec in owned(made, model))
    rows.append((f"{model} in all", "", outputs(made.module.models[model]), f"{total:,}"))
    return table(["stage", "layer", "gives", "parameters"], rows, right="parameters")


def row(stage: ModelStage) -> tuple[str, str, str, str]:
    """A stage as a line of the table."""
    names = stage.layers
    if len(names) > MOST_NAMES:
        names = [names[0], "...", names[-1]]
    size = f"{stage.size:,}" if stage.parameters else ""
    return stage.text, ", ".join(names), stage.gives or "", size


def owned(made: Compilation, model: str) -> list[PersistentSpec]:
    """The parameters of a model."""
    return [spec for spec in made.module.parameters if is_owned(spec, model)]


def training_lines(made: Compilation) -> list[str]:
    """What the train block does."""
    train = made.module.train
    assert train is not None, "asked only of specs with a train block"
    sizes = {spec.name: spec.type.size for spec in made.module.parameters}
    lines = []
    for step in train.steps:
        moved = sum(sizes[name] for name in step.over)
        reports = f"; reports {', '.join(step.reports)}" if step.reports else ""
        name = "train" if len(train.steps) == 1 else f"step {step.name}"
        lines.append(f"{name} on {train.data}: moves {counted(moved, 'parameter')}{reports}")
        lines.append(f"  using {step.using}")
    if train.settings:
        lines.append(
            "  " + ", ".join(f"{name} {value:g}" for name, value in train.settings.items())
        )
    source = next(source for source in made.module.data if source.name == train.data)
    lines.append("  " + memory_line(made, source))
    if left := untrained(made):
        names = left if len(left) <= MOST_NAMES else [*left[:2], "...", left[-1]]
        lines.append(f"  no step trains {', '.join(names)}")
    return lines


def untrained(made: Compilation) -> list[str]:
    """The parameters that no step of the train block moves."""
    train = made.module.train
    moved = {name for step in train.steps for name in step.over} if train else set()
    parameters = [spec.name for spec in made.module.parameters if spec.role == "parameter"]
    return [name for name in parameters if train and name not in moved]


def signed(signature: ModelSignature) -> str:
    """`(image : [28, 28, 1]) -> [10]`."""
    return f"({typed(signature.inputs)}) -> {outputs(signature)}"


def outputs(signature: ModelSignature) -> str:
    """A model's result, with names where it has several."""
    if len(signature.outputs) == 1:
        return str(signature.outputs[0][1])
    return f"({typed(signature.outputs)})"


def typed(fields: Sequence[tuple[str, TensorType]]) -> str:
    """`sqft : scalar, paid : scalar`."""
    return ", ".join(f"{name} : {type}" for name, type in fields)


def call(source: DataSource) -> str:
    """`csv("houses.csv")`."""
    values = [json.dumps(value, default=str) for value in source.arguments]
    values += [f"{name} = {json.dumps(v, default=str)}" for name, v in source.keywords.items()]
    return f"{source.function}({', '.join(values)})"


def described(made: Compilation) -> dict[str, Any]:
    """A spec without errors, as data."""
    module = made.module
    parameters = [spec for spec in module.parameters if spec.role == "parameter"]
    return {
        "models": {name: model_data(made, name) for name in module.models},
        "open": {name: opened(made, name) for name in module.generic},
        "parameters": {spec.name: list(spec.type.shape) for spec in parameters},
        "total": sum(spec.type.size for spec in parameters),
        "untrained": untrained(made),
        "bytes": memory(made),
        "data": {source.name: call(source) for source in module.data},
        "settings": dict(module.train.settings) if module.train else {},
        "using": {s.name: s.using for s in module.train.steps} if module.train else {},
    }


def memory(made: Compilation) -> dict[str, Any]:
    """Bytes of a float32 run that do not depend on the batch: what persists, and data."""
    found = {source.name: data_bytes(source) for source in made.module.data}
    data = {name: {"example": fixed, "element": each} for name, (fixed, each) in found.items()}
    return {"persistent": WORD * made.program.persistent_words, "data": data}


def model_data(made: Compilation, name: str) -> dict[str, Any]:
    """A model as data."""
    signature = made.module.models[name]
    found = stages(made, name)
    return {
        "inputs": {key: str(type) for key, type in signature.inputs},
        "outputs": {key: str(type) for key, type in signature.outputs},
        "parameters": sum(spec.type.size for spec in owned(made, name)),
        "stages": [
            {
                "text": stage.text,
                "gives": stage.gives,
                "layers": stage.layers,
                "parameters": stage.size,
            }
            for stage in found
        ],
    }
