"""A session as a table of HTML: each parameter with the mean and spread of its numbers now."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradc_compiler.program.notebook_table import notebook_table
from gradc_compiler.program.program import Program

PUBLIC = (  # what users call of a session
    "dtype", "encoding", "evaluate", "example_gradients", "export", "fields", "gradient_norms",
    "gradients", "hessian", "hvp", "jacobian", "jvp", "load", "parameters", "predict", "program",
    "run", "save", "save_weights", "seed", "source", "step", "target", "threads", "train",
    "training",
)  # fmt: skip


def session_table(program: Program, title: str, parameters: Mapping[str, np.ndarray]) -> str:
    """A row for each parameter: name, type, mean and standard deviation."""
    columns = ["parameter", "type", "mean", "standard deviation"]
    rows = [
        (p.name, str(p.type), float(parameters[p.name].mean()), float(parameters[p.name].std()))
        for p in program.parameters
        if p.type.size
    ]
    return notebook_table(title, columns, rows)
