"""The two specs of `gradc diff`, and which names of one stand for which of the other.

What has the same name is the same thing; what is left over is matched in the order in which it
stands, if its type is the same.  So a network may be written with other names and is still seen to
be equal; that they differ is told.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from gradc_compiler.graph.graph import Graph
from gradc_compiler.graph.types import TensorType
from gradc_compiler.pipeline import Compilation
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.study.same_graph import with_names
from gradc_runtime.cli.actions.request import Request
from gradc_runtime.session.session import Session

T = TypeVar("T", bound=Hashable)
ROLES = ("parameter", "state")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffSide:
    """One spec."""

    name: str
    made: Compilation
    session: Session

    @staticmethod
    def of(spec: Path, given: Mapping[str, Any]) -> DiffSide:
        """A spec, compiled; its parameters are drawn with the seed that both sides have."""
        request = Request.of(spec, {**given, "seed": given.get("seed") or 0, "dtype": "float64"})
        made = request.compile()
        program = made.program.of_precision("float32")
        return DiffSide(name=str(spec), made=made, session=request.session(program))

    @property
    def persistents(self) -> dict[str, tuple[str, TensorType]]:
        """The role and type of each parameter and state of a layer."""
        return {p.name: (p.role, p.type) for p in self.made.program.persistents if p.role in ROLES}

    @property
    def models(self) -> dict[str, tuple[tuple[TensorType, ...], ...]]:
        """The types of what each model reads and gives, but for those whose sizes are open."""
        return {
            name: (tuple(t for _, t in model.inputs), tuple(t for _, t in model.outputs))
            for name, model in self.made.module.models.items()
            if name not in self.made.module.generic
        }

    @property
    def steps(self) -> dict[str, int]:
        """The steps of `train`; any may stand for any other."""
        train = self.made.module.train
        return {} if train is None else {step.name: 0 for step in train.steps}

    @property
    def fields(self) -> dict[str, TensorType]:
        """The fields that are trained on."""
        train = self.made.module.train
        if train is None:
            return {}
        source = next(d for d in self.made.module.data if d.name == train.data)
        return dict(source.fields)


@dataclass(frozen=True, slots=True)
class Matched:
    """Pairs of names, and what stands alone."""

    pairs: Mapping[str, str]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]

    @property
    def back(self) -> dict[str, str]:
        """The names of the second side in those of the first."""
        return {b: a for a, b in self.pairs.items()}

    @property
    def renamed(self) -> dict[str, str]:
        """The pairs whose names differ."""
        return {a: b for a, b in self.pairs.items() if a != b}


def matched(a: Mapping[str, T], b: Mapping[str, T]) -> Matched:
    """Names of one side with those of the other."""
    pairs = {name: name for name in a if name in b}
    left = [name for name in b if name not in pairs]
    for name in a:
        if name in pairs:
            continue
        other = next((o for o in left if timeless(b[o]) == timeless(a[name])), None)
        if other is not None:
            pairs[name] = other
            left.remove(other)
    pairs = {name: pairs[name] for name in a if name in pairs}
    return Matched(pairs, tuple(n for n in a if n not in pairs), tuple(left))


def timeless(type: Any) -> Any:
    """A type in which lengths have no names, or several."""
    if isinstance(type, TensorType):
        return type.over("any" if isinstance(type.time, str) else type.time)
    return tuple(map(timeless, type)) if isinstance(type, tuple) else type


def times_of(
    a: Mapping[str, TensorType], b: Mapping[str, TensorType], pairs: Matched
) -> dict[str, str]:
    """The names of lengths of the second side in those of the first."""
    found: dict[str, str] = {}
    for one, other in pairs.pairs.items():
        if isinstance(a[one].time, str) and isinstance(b[other].time, str):
            found.setdefault(str(b[other].time), str(a[one].time))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPair:
    """The graphs of one entry of both, with the names of the first, before and after algebra."""

    entry: str  # as both are called here: `price`, `train`
    a: Graph
    b: Graph
    a_less: Graph
    b_less: Graph


def pair_of(
    graphs: tuple[Graph, Graph], called: str, names: Mapping[str, str], times: Mapping[str, str],
    less: tuple[Graph, Graph] | None = None,
) -> GraphPair:  # fmt: skip
    """The graphs of an entry of both sides; `names` and `times` turn those of the second into those
    of the first, `less` are the same after algebra, where they are known.
    """
    (a, b), (a_less, b_less) = graphs, less or (optimise(graphs[0]), optimise(graphs[1]))
    return GraphPair(
        entry=called,
        a=with_names(a, {}, {}),
        b=with_names(b, names, times),
        a_less=with_names(a_less, {}, {}),
        b_less=with_names(b_less, names, times),
    )
