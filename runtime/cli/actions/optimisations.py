"""What `gradc explain optimisations` prints: the names that `--without` takes, and what each does.

They are read off the tables of the compiler, so an optimisation that is added is named here.
"""

from __future__ import annotations

import inspect
from typing import Any

from gradc_compiler.rewrites.algebra.passes import PASSES
from gradc_compiler.rewrites.target_rewrites import INEXACT, LATER, REWRITES
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
    passes = {name: ("algebra", _law(transform)) for name, transform in PASSES.items()}
    rewrites = {name: ("machine", rewrite.law) for name, rewrite in REWRITES.items()}
    later = {name: ("schedule", law) for name, law in LATER.items()}
    return [
        {"name": name, "kind": kind, "does": does, "exact": name not in INEXACT}
        for name, (kind, does) in (passes | rewrites | later).items()
    ]


def _law(transform: Any) -> str:
    """What a pass proves: the first sentence of its module."""
    text = inspect.getdoc(inspect.getmodule(transform)) or ""
    return text.partition("\n\n")[0].replace("\n", " ")
