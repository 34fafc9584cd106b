"""The tensors of a state dict by the module that they belong to, in the order of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable

RECURRENT = re.compile(r"(?:(.*)\.)?((?:weight|bias)_(?:ih|hh))_l(\d+)(_reverse)?")
OF_ATTENTION = ("in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias")
COUNTED = "num_batches_tracked"  # counters, which nothing here needs


def grouped(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """By module, the name of each of its tensors in the file: `{"fc": {"weight": "fc.weight"}}`.

    A layer of a recurrent module is a module of its own, and so is a direction: `lstm.l0_reverse`.
    """
    found: dict[str, dict[str, str]] = {}
    for name in names:
        module, leaf = place_of(name)
        if leaf != COUNTED:
            found.setdefault(module, {})[leaf] = name
    return found


def place_of(name: str) -> tuple[str, str]:
    """The module that a tensor belongs to, and the tensor's name within it."""
    if match := RECURRENT.fullmatch(name):
        module, leaf, layer, reverse = match.groups()
        return ".".join(filter(None, [module, f"l{layer}{reverse or ''}"])), leaf
    for leaf in OF_ATTENTION:
        if name == leaf or name.endswith(f".{leaf}"):
            return name.removesuffix(leaf).removesuffix("."), leaf
    module, _, leaf = name.rpartition(".")
    return module, leaf


def looks_like_modules(names: Iterable[str]) -> bool:
    """Whether names are those of a state dict of PyTorch."""
    leaves = {place_of(name)[1] for name in names}
    return bool(leaves & {"weight", "weight_hh", "in_proj_weight"})
