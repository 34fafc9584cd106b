"""What `gradc cost --modes` prints: the work of each mode of differentiation beside that of the
loss.
"""

from __future__ import annotations

from collections.abc import Mapping

from gradc_compiler.ops.leaf import PersistentOp
from gradc_compiler.pipeline import Compilation
from gradc_compiler.study.mode_costs import ModeCost, mode_costs
from gradc_runtime.cli.actions.output import console, say, size, table, write_json
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.state import suggestion

WIDTH = 4  # bytes of a float32


def modes(made: Compilation, name: str | None, sizes: Mapping[str, int], *, as_json: bool) -> None:
    """Print the table; raises `Refused` where there is no loss to differentiate."""
    rows = [(cost, cost.operations.number(sizes)) for cost in costs(made, name)]
    loss = rows[0][1]
    if as_json:
        write_json({"sizes": dict(sizes), "modes": [data_of(c, n, loss, sizes) for c, n in rows]})
        return
    columns = ["what", "formula", "operations", "of the loss", "kept"]
    told = [
        [c.what, c.operations.formula(), f"{n:,}", f"{n / loss:.2f}",
         size(WIDTH * c.kept.number(sizes))]
        for c, n in rows
    ]  # fmt: skip
    console().print(table(columns, told, right="operations kept"))
    at = ", ".join(f"{name} = {n:,}" for name, n in sizes.items())
    say(f"at {at}, float32; kept is what reverse mode reads of the forward pass")


def costs(made: Compilation, name: str | None) -> list[ModeCost]:
    """The costs of a step's loss.

    Raises `Refused` where there is none.
    """
    if made.module.train is None:
        raise Refused("modes are those of a loss, and there is no train block")
    steps = {one.name: one for one in made.module.train.steps}
    step = steps.get(name or next(iter(steps)))
    if step is None:
        raise Refused(f"no step is called {name}{suggestion(name, steps)}")
    if step.descends:
        raise Refused("this step descends along directions that are written out, not of a loss")
    shapes = {spec.name: spec.type.shape for spec in made.module.parameters}
    parameters = {name: PersistentOp(name, shapes[name]) for name in step.over}
    return list(mode_costs(made.module.training(step.name), parameters))


def data_of(cost: ModeCost, number: int, loss: int, sizes: Mapping[str, int]) -> dict[str, object]:
    """A row as data."""
    return {
        "what": cost.what,
        "operations": {"formula": cost.operations.formula(), "number": number},
        "of the loss": number / loss,
        "kept": WIDTH * cost.kept.number(sizes),
    }
