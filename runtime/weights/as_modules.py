"""Weights of a session as a PyTorch state dict, with the names, axes and order of a given one.

How a module becomes a layer is known (`module_layers.py`), and each of its numbers becomes one of
the layer's or a term of one.  So the way back needs no second table: a tensor of the module is
filled with the numbers of its places, and these show where in the layer each number is read.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradc_compiler.graph_tools.flattened_images import Image
from gradc_runtime.system.errors import CheckpointError
from gradc_runtime.weights.file_names import require_known
from gradc_runtime.weights.match_modules import by_layer, made_of, matched_modules
from gradc_runtime.weights.module_groups import COUNTED
from gradc_runtime.weights.stored import TensorFile

Arrays = dict[str, np.ndarray]


def as_modules(
    like: TensorFile, views: Mapping[str, np.ndarray], images: Mapping[str, Image],
    rename: Mapping[str, str],
) -> Arrays:  # fmt: skip
    """The tensors that `like` has, with the numbers of a network's `views`.

    Raises `CheckpointError` for a tensor that no layer of the network is, or the other way round.
    """
    require_known(like.name, like.tensors, views, rename)
    shapes = {name: view.shape for name, view in views.items()}
    matched, found = matched_modules(like, shapes, images, rename), Arrays()
    for layer, leaves in by_layer(shapes).items():
        if layer not in matched:
            raise CheckpointError(f"{like.name} has no module for {layer}; --rename says which")
        names = matched[layer]
        wanted = {leaf: like.tensors[name].shape for leaf, name in names.items()}
        own = {leaf: views[f"{layer}.{leaf}" if layer else leaf] for leaf in leaves}
        made = of_module(wanted, own, images.get(layer))
        found |= {names[leaf]: value for leaf, value in made.items()}
    for name in like.tensors:
        if name not in found and not name.endswith(COUNTED):
            raise CheckpointError(f"the network has nothing for {name} of {like.name}")
    return {n: found[n] if n in found else one.array() for n, one in like.tensors.items()}


def of_module(
    shapes: Mapping[str, tuple[int, ...]], own: Mapping[str, np.ndarray], image: Image | None
) -> Arrays:
    """The tensors, of these shapes, of a module that becomes a layer with the numbers `own`.

    Of two tensors that are added, as the biases of an LSTM are, the second is filled with zeros.
    """
    rest, found = {leaf: view.copy() for leaf, view in own.items()}, Arrays()
    for leaf, shape in shapes.items():
        size = int(np.prod(shape))
        places = {other: np.zeros(one) for other, one in shapes.items()}
        places[leaf] = np.arange(1.0, size + 1).reshape(shape)
        made = np.zeros(size, next(iter(own.values())).dtype)
        for name, moved in made_of(places, image).items():
            if name in rest:
                at = moved.value.astype(np.int64)
                made[at[at > 0] - 1] = rest[name][at > 0]
                rest[name][at > 0] = 0
        found[leaf] = made.reshape(shape)
    return found
