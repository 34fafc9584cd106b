"""What the updates of a trial read: by it `verify` knows how far they may be apart."""

from __future__ import annotations

from gradc_compiler.pipeline import Compilation
from gradc_runtime.certificates.update_moves import Moves, moves_of
from gradc_runtime.cli.actions.trial import Trial


def moves(made: Compilation, trial: Trial) -> list[Moves]:
    """Each step of the train block, from the numbers that the steps before it have left."""
    session, found, program = trial.session(), [], made.program
    for step in program.training.steps if program.training else ():
        results = trial.last(session, step.gradients)
        found.append(moves_of(program, step, session.memory.views, results))
        trial.last(session, step.entry)
    return found
