"""What the updates of a trial read: by it `verify` knows how far they may be apart."""

from __future__ import annotations

from gradc_compiler.graph.output_names import Role, output_name
from gradc_compiler.pipeline import Compilation
from gradc_runtime.certificates.update_moves import Moves
from gradc_runtime.cli.actions.trial import Trial


def moves(made: Compilation, trial: Trial) -> list[Moves]:
    """Each step of the train block, from the numbers that the steps before it have left."""
    session, found = trial.session(), []
    checks = made.program.checks
    assert checks is not None, "a compiled program can be checked"
    for step in made.program.training.steps if made.program.training else ():
        results = trial.last(session, step.gradients)
        values = {name: view.copy() for name, view in session.memory.views.items()}
        for name in step.over:
            key = output_name(Role.GRADIENT, name)
            values[key] = results[f"{step.gradients}: {key}"][0]
        found.append(
            Moves(entry=step.gradients, rule=checks.rules[step.name], values=values,
                  evaluate=made.program.evaluate)
        )  # fmt: skip
        trial.last(session, step.entry)
    return found
