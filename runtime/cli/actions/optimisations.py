"""What `gradc explain optimisations` prints: the names that `--without` takes, and what each does.

They are read off the tables of the compiler, so an optimisation that is added is named here.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.loops.loop_passes import LOOP_PASSES
from gradc_compiler.loops.pass_driver import Pass
from gradc_compiler.rewrites.table import ALGEBRA, LATER, SWITCHED
from gradc_compiler.whole_step.step_passes import STEP_PASSES
from gradc_runtime.cli.actions.output import console, table, write_json


def explain_optimisations(*, as_json: bool) -> int:
    """Every optimisation, in the order in which they are made."""
    rows = optimisations()
    if as_json:
        write_json(rows)
        return 0
    shown = [(row["name"], row["kind"], " ".join(row["targets"]), row["does"]) for row in rows]
    console().print(table(("name", "kind", "targets", "what it does"), shown))
    return 0


def optimisations() -> list[dict[str, Any]]:
    """Names, kinds, targets, laws, and whether only the order of a sum may change."""
    rewrites = [
        {
            "name": name,
            "kind": "algebra" if name in ALGEBRA else "schedule" if name in LATER else "machine",
            "targets": list(row.targets),
            "does": row.law,
            "exact": row.exact,
        }
        for name, row in SWITCHED.items()
    ]
    passes: dict[str, Pass[Any]] = {**LOOP_PASSES, **STEP_PASSES}
    loops = [
        {
            "name": name,
            "kind": "loops",
            "targets": list(row.targets),
            "does": row.law,
            "exact": True,
        }
        for name, row in passes.items()
        if not row.required
    ]
    return rewrites + loops
