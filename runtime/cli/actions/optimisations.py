"""What `gradc explain optimisations` prints: the names that `--without` takes, and what each does.

They are read off the tables of the compiler, so an optimisation that is added is named here.
"""

from __future__ import annotations

from typing import Any

from gradc_compiler.loops.loop_passes import OPTIONAL_LOOP_PASSES
from gradc_compiler.rewrites.table import ALGEBRA, FORMS, INEXACT, LATER
from gradc_compiler.rewrites.target_rewrites import TARGET
from gradc_runtime.cli.actions.output import console, table, write_json


def explain_optimisations(*, as_json: bool) -> int:
    """Every optimisation, in the order in which they are made."""
    rows = optimisations()
    if as_json:
        write_json(rows)
        return 0
    shown = [(row["name"], row["kind"], row["does"]) for row in rows]
    console().print(table(("name", "kind", "what it does"), shown))
    return 0


def optimisations() -> list[dict[str, Any]]:
    """Names, kinds, laws, and whether only the order of a sum may change."""
    passes = {name: ("algebra", row.law) for name, row in ALGEBRA.items()}
    rewrites = {name: ("machine", TARGET[name].law) for name in FORMS}
    later = {name: ("schedule", law) for name, law in LATER.items()}
    loops = {name: ("loops", law) for name, law in OPTIONAL_LOOP_PASSES.items()}
    return [
        {"name": name, "kind": kind, "does": does, "exact": name not in INEXACT}
        for name, (kind, does) in (passes | rewrites | later | loops).items()
    ]
