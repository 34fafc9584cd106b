"""Copying weights of a file into a session: by name, or for PyTorch by the order of layers.

Nothing is changed before all that will be taken is read and known to fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np

from gradc_compiler.graph.types import Kind
from gradc_compiler.graph_tools.flattened_images import Image
from gradc_compiler.program.program import Persistent
from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.system.errors import CheckpointError
from gradc_runtime.weights.file_names import names_in_file, require_known
from gradc_runtime.weights.match_modules import moved_modules
from gradc_runtime.weights.module_groups import looks_like_modules
from gradc_runtime.weights.report import LoadReport, Skipped, Taken
from gradc_runtime.weights.stored import TensorFile

ROLES = ("parameter", "state")  # what a network is; not what trains it


Found = dict[str, tuple[str, np.ndarray, str]]  # by name: name in the file, numbers, moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What a network has that can be taken from a file, and how its layers read images."""

    views: Mapping[str, np.ndarray]
    persistents: Mapping[str, Persistent]
    images: Mapping[str, Image]

    def wanted(self, only: Sequence[str] | None) -> dict[str, np.ndarray]:
        """The parameters and states of layers, or those of some of them.

        Raises `CheckpointError` where nothing has such a name.
        """
        all_of_it = {
            name: self.views[name]
            for name, one in self.persistents.items()
            if one.role in ROLES and one.type.kind is Kind.REAL
        }
        names = only or ("*",)
        if lost := [one for one in names if not any(is_within(name, one) for name in all_of_it)]:
            known = ", ".join(dict.fromkeys(name.partition(".")[0] for name in all_of_it))
            raise CheckpointError(f"nothing is called {lost[0]}; there are {known or 'none'}")
        return {n: v for n, v in all_of_it.items() if any(is_within(n, one) for one in names)}


def take_over(
    network: Network, file: TensorFile, only: Sequence[str] | None, rename: Mapping[str, str]
) -> LoadReport:
    """Copy what fits; `only` names layers or parameters here, `rename` maps names in the file.

    Without `only` all of the network must be there.  Raises `CheckpointError` where it is not, or
    nothing of the network or the file has such a name; then nothing has changed.
    """
    views = network.wanted(only)
    require_known(file.name, file.tensors, network.wanted(None), rename)
    found, skipped = found_in(network, file, views, rename)
    report = reported(file, views, found, skipped)
    if only is None and not report.complete:
        raise CheckpointError(f"{report.fault}; `only` (--only) takes over a part")
    for name, (_, value, _) in found.items():
        views[name][...] = value
    return report


def reported(
    file: TensorFile, views: Mapping[str, np.ndarray], found: Found, skipped: Sequence[Skipped]
) -> LoadReport:
    """What was taken of a file, and what not."""
    gone = {one.name for one in skipped}
    used = {part for source, _, _ in found.values() for part in source.split(" + ")}
    used |= {one.source for one in skipped}
    return LoadReport(
        file=file.name,
        taken=tuple(Taken(name=n, source=s, note=note) for n, (s, _, note) in found.items()),
        skipped=tuple(skipped),
        missing=tuple(name for name in views if name not in found and name not in gone),
        unused=tuple(name for name in file.tensors if name not in used),
    )


def found_in(
    network: Network, file: TensorFile, views: Mapping[str, np.ndarray], rename: Mapping[str, str]
) -> tuple[Found, list[Skipped]]:
    """The tensors of the file that fit a network, and those that do not."""
    called = names_in_file(file.name, file.tensors, rename)
    if not any(name in called for name in views) and looks_like_modules(file.tensors):
        shapes = {name: view.shape for name, view in views.items()}
        made = moved_modules(file, shapes, network.images, rename)
        moved = {name: (source, one.value, one.note) for name, (source, one) in made.items()}
        return fitting(moved, views)
    own = {name: file.tensors[called[name]] for name in views if name in called}
    return fitting({name: (one.name, one.array(), "") for name, one in own.items()}, views)


def fitting(made: Found, views: Mapping[str, np.ndarray]) -> tuple[Found, list[Skipped]]:
    """The found tensors that are as wanted; and of the others, why they are not."""
    wrong = {name: misfit(value, views[name]) for name, (_, value, _) in made.items()}
    fits = {name: one for name, one in made.items() if not wrong[name]}
    return fits, [Skipped(name=n, source=made[n][0], why=why) for n, why in wrong.items() if why]


def misfit(value: np.ndarray, view: np.ndarray) -> str:
    """Why numbers cannot be those of a parameter: another shape, whole numbers (such as those of a
    quantised network, which mean nothing without their scale), or a number beyond its width.
    """
    if value.shape != view.shape:
        return f"is {list(value.shape)}, wanted {list(view.shape)}"
    if value.dtype.kind != "f":
        return f"holds {value.dtype} numbers, wanted real ones"
    if value.dtype.kind == "f" and value.dtype.itemsize > view.itemsize:
        beyond = np.isfinite(value) & (np.abs(value) > np.finfo(view.dtype).max)
        return f"holds {value[beyond][0]:g}, beyond {view.dtype}" if beyond.any() else ""
    return ""


def is_within(name: str, layer: str) -> bool:
    """Whether a parameter is the named one or belongs to it: `f.dense1.W` to `f`, to `*.dense1`."""
    return fnmatchcase(name, layer) or fnmatchcase(name, f"{layer}.*")
