"""The derived program is a program: a spec's loss and gradient, printed as a `.nn` file.

The file parses, type-checks, compiles and trains like one written by hand: a student can save a
gradient, edit it, run it, and see what breaks.  It trains to the numbers of its origin: parameters,
states and reports keep their names and first values, noise its numbers, the optimizer its settings.

A spec with one model and one step becomes a model that returns the loss and the gradients, and a
`train` that descends along them.  Otherwise each model keeps its parameters, and each step becomes
a model of its own, which reads them by name.  See `steps` for the graph of a step, `first_values`
for declarations, `kept` for what stays as the author wrote it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gradc_compiler.derived.first_values import Declarations
from gradc_compiler.derived.kept import constants_in, kept, source_text
from gradc_compiler.derived.naming import Names
from gradc_compiler.derived.steps import Derived, derive
from gradc_compiler.pipeline import Compilation
from gradc_compiler.syntax.grammar.tree import Train

HEAD = (
    "# The loss and its gradient as one program: edit it, and run it like any other.\n"
    "# d_x is dloss/dx. Beside each line: where its author wrote it, and the rule that made it.\n"
)
TANGENTS = "# dot_x is how x moves along the direction of a jvp or hvp.\n"
NO_TRAIN = "# This file has no `train`, so there is nothing to differentiate.\n"


def print_program(made: Compilation) -> str:
    """The text of the derived program of a compiled spec."""
    train = next((d for d in made.tree.declarations if isinstance(d, Train)), None)
    if train is None or made.module.train is None:
        return NO_TRAIN
    names = Names.of(made)
    steps = [derive(made, step, names) for step in made.module.train.steps]
    declared = Declarations(made, names)
    models = [*_models(steps, declared, names)]
    block = [*_train_lines(made, steps, declared, names)]
    own = [kept(made, declared.used), *declared.definitions]
    data = source_text(made)
    blocks = [constants_in([*own, data], made), *own, *models, data]
    inside = "".join(f"    {line}\n" for line in block)
    blocks.append(f"train on {train.data.name} {{\n{inside}}}\n")
    told = HEAD + (TANGENTS if re.search(r"^ +dot_\w+ = ", "".join(models), re.M) else "")
    return told + "".join(f"\n{block}" for block in blocks if block)


def _models(steps: Sequence[Derived], declared: Declarations, names: Names) -> Iterator[str]:
    """The models that hold parameters, and those that are steps."""
    for head in names.heads:
        lines = [*declared.lines(head)]
        if names.merged:
            yield _model(f"{head}{steps[0].signature}", [*lines, *steps[0].lines])
        else:
            own = ", ".join(declared.local(head))
            yield _model(f"{head}()", [*lines, f"({own})" if "," in own else own])
    if not names.merged:
        for step in steps:
            yield _model(f"{step.model}{step.signature}", step.lines)


def _model(head: str, lines: Sequence[str]) -> str:
    return f"model {head} {{\n" + "".join(f"    {line}\n" for line in lines) + "}\n"


def _train_lines(
    made: Compilation, steps: Sequence[Derived], declared: Declarations, names: Names
) -> Iterator[str]:
    """The statements of `train`."""
    assert made.module.train is not None, "looked at before"
    yield from (f"{alias} = {field}" for field, alias in names.aliases.items())
    yield from declared.lines("train")
    for step in steps:
        if step.name == "train":
            yield from step.clauses
        else:
            yield f"step {step.name} {{"
            yield from (f"    {line}" for line in step.clauses)
            yield "}"
    settings = made.module.train.settings.items()  # roundings are written out
    yield from (f"{name} {value}" for name, value in settings if name != "precision")
    if made.module.train.validation is not None:
        yield f"validate on {made.module.train.validation}"
