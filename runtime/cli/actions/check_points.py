"""Where a gradient written by hand is compared with the true one: at the inputs that are given, and
at drawn ones, with parameters that are moved as well (a bias that begins as 0 hides its term).

Where examples of a batch see one another there are several, as one alone is its own mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.named_values import values_by_name
from gradc_compiler.graph.types import TensorType
from gradc_compiler.graph_tools.samples import Limits
from gradc_compiler.ops.index_limits import limits_of
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cli.actions.equal_values import SharedPoint
from gradc_runtime.cli.actions.read_inputs import read_inputs
from gradc_runtime.data.arrays.checked import check_inputs
from gradc_runtime.session.session import Session

DRAWN = 4  # points beside the one that is given
TOGETHER = 4  # examples that see one another
APART = 1000  # between the seeds of such examples
MOVED = 0.1  # by how much parameters are moved, as a standard deviation


def check_points(
    graph: Graph, types: Mapping[str, TensorType], texts: Mapping[str, str], session: Session
) -> list[SharedPoint]:
    """The points for the graph of a gradient; the first is that of `texts`, if any are given.

    Raises `Refused` for what is missing or unknown, `DataError` for what does not fit.
    """
    together = TOGETHER if any(isinstance(n.op, BatchMean) for n in graph.nodes) else 1
    drawing = PointDrawing(types=types, limits=limits_of(graph), together=together)
    texts, views = texts or dict.fromkeys(types, "random"), session.memory.views
    told = " ".join(f"{name}={text}" for name, text in texts.items())
    points = [drawing.point(texts, session.seed, views, told)]
    for number in range(1, 1 + DRAWN):
        seed = session.seed + number
        told = f"random inputs, number {number}, with parameters moved at random"
        moved = {**views, **_moved(session, seed)}
        points.append(drawing.point(dict.fromkeys(types, "random"), seed, moved, told))
    return points


@dataclass(frozen=True, slots=True, kw_only=True)
class PointDrawing:
    """What points are drawn for."""

    types: Mapping[str, TensorType]
    limits: Limits
    together: int  # examples

    def point(
        self, texts: Mapping[str, str], seed: int, persistents: Mapping[str, Any], told: str
    ) -> SharedPoint:
        """The examples that are given, with random ones after them until there are so many."""
        found = {name: [*rows] for name, rows in self._read(texts, seed).items()}
        given = len(next(iter(found.values()), ()))
        drawn = dict.fromkeys(self.types, "random")
        for number in range(given, self.together):
            more = self._read(drawn, seed + APART * number)
            found = {name: [*rows, *more[name]] for name, rows in found.items()}
        batches = check_inputs(found, self.types, "float64")
        batch = max([len(rows) for rows in found.values()], default=1)
        lengths = {f"{n}_": array for n, array in batches.items() if n.startswith("length/")}
        values = {**lengths, **values_by_name(persistents, batches)}  # `rows_` of derived programs
        return SharedPoint(values=values, batch=batch, told=told)

    def _read(self, texts: Mapping[str, str], seed: int) -> dict[str, Any]:
        return read_inputs(texts, self.types, seed=seed, limits=self.limits)


def _moved(session: Session, seed: int) -> dict[str, np.ndarray]:
    """The parameters, a little off."""
    draws = np.random.default_rng(seed)
    return {
        name: np.asarray(array) + MOVED * draws.normal(size=np.shape(array))
        for name, array in session.parameters.items()
    }
