"""Trains networks with `session.train` and prints what they come to, as one line of JSON a rank.

mpiexec -n 2 python on_ranks.py SPEC BATCH [SPEC BATCH ...]
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.pipeline import compile_file
from gradc_runtime.cpu import stage_tables
from gradc_runtime.session.session import Session

EXAMPLES, EPOCHS = 100, 1


def trained(spec: str, batch: int) -> dict[str, Any]:
    """The digest of all that persists, the last row of metrics, and the sum of the parameters."""
    session = Session(compile_file(Path(spec)), threads=1, seed=3)
    data = session.dataset()
    part = data.select(np.arange(EXAMPLES))  # type: ignore[union-attr]
    summary = session.train(part, batch=batch, epochs=EPOCHS, held_out=0.2)
    saved = session.tables.saved()
    words = b"".join(saved[name].tobytes() for name in sorted(saved))
    row = {name: value for name, value in summary.rows[-1].items() if name != "seconds"}
    sums = {name: float(np.sum(np.abs(v))) for name, v in session.parameters.items()}
    return {"bits": hashlib.sha256(words).hexdigest(), "row": row, "sums": sums}


if __name__ == "__main__":
    import_module("mpi4py.MPI")
    stage_tables.MESSAGE = int(os.environ["WORDS_OF_A_MESSAGE"])
    jobs = zip(sys.argv[1::2], map(int, sys.argv[2::2]), strict=True)
    sys.stdout.write(json.dumps([trained(spec, batch) for spec, batch in jobs]) + "\n")
