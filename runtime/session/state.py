"""The numbers of a session that live from step to step, in one array of words.

A `Program` places every parameter, optimiser or layer state and counter at an offset; this module
allocates the words, computes the initial values (in float64 by the reference evaluator, so that
both widths start from the same draws), and hands out NumPy views.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from difflib import get_close_matches
from typing import Any, Protocol

import numpy as np

from gradc_compiler.graph.outputs import OutputKey
from gradc_compiler.graph.types import Kind
from gradc_compiler.program.program import Persistent, Program
from gradc_runtime.data.arrays.validate import index_dtype, numbers
from gradc_runtime.system.aligned_memory import aligned
from gradc_runtime.system.errors import SessionError, UnknownParameter
from gradc_runtime.system.files import require_memory

Evaluate = Callable[..., Mapping[OutputKey, Any]]
Stretch = tuple[int, int]  # words, from the first to before the last
LARGEST_SEED = 2**31 - 1  # a seed is one int32 word


class DeviceWords(Protocol):
    """The same words on a device, where a session's steps move them."""

    def give_back(self) -> None:
        """Somebody on the host reads the words, and may write to them."""

    def fetch(self) -> None:
        """Bring the words of the host up to date."""

    def finite(self) -> bool:
        """Whether every real number that training has made is finite."""


class StateMemory:
    """The persistent words and a view of each persistent by name.

    On a device they are a mirror: `words` and `views` first bring them up to date.
    """

    def __init__(self, program: Program, dtype: str) -> None:
        self.mirror = allocate(program.persistent_words, np.dtype(dtype))
        self.persistents: dict[str, Persistent] = {p.name: p for p in program.persistents}
        self.mirrored: dict[str, np.ndarray] = {
            p.name: self.view(p.offset, p.type.shape, p.type.kind) for p in program.persistents
        }
        self.device: DeviceWords | None = None
        self._holders = self.holders()

    @property
    def words(self) -> np.ndarray:
        """All words, as they are now; who asks may write to them."""
        if self.device is not None:
            self.device.give_back()
        return self.mirror

    @property
    def views(self) -> dict[str, np.ndarray]:
        """The words of each persistent as a tensor; who asks may write to them."""
        if self.device is not None:
            self.device.give_back()
        return dict(self.mirrored)  # so that who keeps it is seen to hold the views

    def copy_to(self, target: np.ndarray) -> None:
        """Copy all words, as they are now, into an array."""
        if self.device is not None:
            self.device.fetch()
        target[...] = self.mirror

    def view(self, offset: int, shape: tuple[int, ...], kind: Kind) -> np.ndarray:
        """The words from `offset` on, as a tensor."""
        whole = index_dtype(self.mirror.dtype)
        words = self.mirror if kind is Kind.REAL else self.mirror.view(whole)
        return words[offset : offset + int(np.prod(shape))].reshape(shape)

    def holders(self) -> int:
        """How many references there are to the words and to their views."""
        views = sum(sys.getrefcount(view) for view in self.mirrored.values())
        return views + sys.getrefcount(self.mirror) + sys.getrefcount(self.mirror.base)

    def settle(self) -> None:
        """Who holds a view from now on is somebody else: see `is_held`."""
        self._holders = self.holders()

    def is_held(self) -> bool:
        """Whether anybody but the session has a view of the words, and may write to it unseen."""
        return self.holders() > self._holders

    def stretches(self) -> tuple[list[Stretch], list[Stretch]]:
        """Words that the host looks at between calls, and the real numbers that training makes."""
        looked_at = [p for p in self.persistents.values() if p.role in ("counter", "schedule")]
        reals = [p for p in self._made() if p not in looked_at]
        return joined_stretches(looked_at), joined_stretches(reals)

    def _made(self) -> list[Persistent]:
        """The real numbers that training makes."""
        made = (p for p in self.persistents.values() if p.role != "schedule")
        return [p for p in made if p.type.kind is Kind.REAL]

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
        if self.device is not None:
            return self.device.finite()
        return all(bool(np.isfinite(self.mirrored[p.name]).all()) for p in self._made())


def joined_stretches(found: list[Persistent]) -> list[Stretch]:
    """The words of some persistents, those that follow one another as one stretch."""
    joined: list[Stretch] = []
    for p in sorted(found, key=lambda p: p.offset):
        begin, end = p.offset, p.offset + p.type.size
        if joined and begin == joined[-1][1]:
            begin = joined.pop()[0]
        joined.append((begin, end))
    return joined


def allocate(count: int, dtype: np.dtype[Any]) -> np.ndarray:
    """Zeroed, aligned words, if there is that much memory."""
    require_memory(count * dtype.itemsize, "the model with its parameters and their state")
    return aligned(count, dtype)


class ParameterViews(MutableMapping[str, np.ndarray]):
    """Parameters by name: reading gives a view, assigning copies into place."""

    def __init__(self, memory: StateMemory) -> None:
        self.memory = memory
        self.names = {n: None for n, p in memory.persistents.items() if p.role == "parameter"}

    @property
    def views(self) -> dict[str, np.ndarray]:
        """The parameters, as they are now."""
        views = self.memory.views
        return {name: views[name] for name in self.names}

    def __getitem__(self, name: str) -> np.ndarray:
        if not is_known(name, self.names):
            raise UnknownParameter(f"no parameter is called {name}{suggestion(name, self.names)}")
        return self.memory.views[name]

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
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

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


def require_model(model: object, models: Mapping[str, Any]) -> None:
    """Raise `SessionError` for what is no model's name."""
    if not isinstance(model, str):
        first = next(iter(models), "model")
        raise SessionError(f"a model's name comes first: run({first!r}, ...)")
    if model not in models:
        raise SessionError(f"no model is called {model}{suggestion(model, models)}")
