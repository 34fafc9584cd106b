"""The numbers of a session that live from step to step, in one array of words.

A `Program` places every parameter, optimiser or layer state and counter at an offset; this module
allocates the words, computes the initial values (in float64 by the reference evaluator, so that
both widths start from the same draws), and hands out NumPy views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from difflib import get_close_matches
from typing import Any

import numpy as np

from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.types import Kind
from gradc_compiler.program.program import Persistent, Program
from gradc_runtime.data.arrays.validate import index_dtype, numbers
from gradc_runtime.system.aligned_memory import aligned
from gradc_runtime.system.errors import SessionError, UnknownParameter
from gradc_runtime.system.files import require_memory

Evaluate = Callable[..., Mapping[OutputKey, Any]]
LARGEST_SEED = 2**31 - 1  # a seed is one int32 word


class StateMemory:
    """The persistent words and a view of each persistent by name."""

    def __init__(self, program: Program, dtype: str) -> None:
        self.words = allocate(program.persistent_words, np.dtype(dtype))
        self.persistents: dict[str, Persistent] = {p.name: p for p in program.persistents}
        self.views: dict[str, np.ndarray] = {
            p.name: self.view(p.offset, p.type.shape, p.type.kind) for p in program.persistents
        }

    def view(self, offset: int, shape: tuple[int, ...], kind: Kind) -> np.ndarray:
        """The words from `offset` on, as a tensor."""
        words = self.words if kind is Kind.REAL else self.words.view(index_dtype(self.words.dtype))
        return words[offset : offset + int(np.prod(shape))].reshape(shape)

    def initialise(self, evaluate: Evaluate, seed: int) -> None:
        """Set every persistent to its value before the first step."""
        counters = {"seed": np.array(seed), "step": np.array(0)}
        for name, persistent in self.persistents.items():
            # the values, which may be large, get no name: each is freed before the next is made
            self.views[name][...] = evaluate(persistent.initial, counters, 1, "float64")["value"]
        self.reseed(seed)

    def assign(self, values: Mapping[str, np.ndarray]) -> None:
        """Set every persistent to the value given for its name; float widths are converted."""
        for name, view in self.views.items():
            view[...] = values[name]

    def reseed(self, seed: int) -> None:
        """Let all draws from now on follow this seed."""
        if "seed" in self.views:
            self.views["seed"][...] = seed

    def finite(self) -> bool:
        """Whether every real number is finite that training has made."""
        made = (p for p in self.persistents.values() if p.role != "schedule")
        reals = (p for p in made if p.type.kind is Kind.REAL)
        return all(bool(np.isfinite(self.views[p.name]).all()) for p in reals)


def allocate(count: int, dtype: np.dtype[Any]) -> np.ndarray:
    """Zeroed, aligned words, if there is that much memory."""
    require_memory(count * dtype.itemsize, "the model with its parameters and their state")
    return aligned(count, dtype)


class ParameterViews(MutableMapping[str, np.ndarray]):
    """Parameters by name: reading gives a view, assigning copies into place."""

    def __init__(self, memory: StateMemory) -> None:
        self.views = {
            name: memory.views[name]
            for name, persistent in memory.persistents.items()
            if persistent.role == "parameter"
        }

    def __getitem__(self, name: str) -> np.ndarray:
        if not is_known(name, self.views):
            raise UnknownParameter(f"no parameter is called {name}{suggestion(name, self.views)}")
        return self.views[name]

    def __setitem__(self, name: str, value: Any) -> None:
        view, array = self[name], numbers(value, name)
        if array.shape != view.shape or array.dtype.kind not in "buif":
            raise SessionError(
                f"{name} is {list(view.shape)}, so it cannot be set to {array.dtype}"
                f" {list(array.shape)}"
            )
        view[...] = array

    def __delitem__(self, name: str) -> None:
        raise SessionError("parameters cannot be deleted")

    def __iter__(self) -> Iterator[str]:
        return iter(self.views)

    def __len__(self) -> int:
        return len(self.views)

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {list(view.shape)}" for name, view in self.views.items())
        return f"<Parameters: {sizes}>"


def is_known(name: object, known: Mapping[str, Any]) -> bool:
    """Whether something is one of the known names; any other type, even unhashable, is not."""
    return isinstance(name, str) and name in known


def suggestion(name: object, known: Mapping[str, Any]) -> str:
    """The tail of a message about an unknown name."""
    if isinstance(name, str) and (near := get_close_matches(name, known, n=1)):
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(known)}" if known else "; there are none"
