"""Which module of a state dict is which layer of a spec.

Both have an order: that in which layers are applied, which is nearly always that of the file.  So a
layer takes the next module whose tensors have, once their axes are moved, the shapes that it wants.
The report says what was matched, and `rename` overrides it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gradc_compiler.graph_tools.flattened_images import Image
from gradc_runtime.weights.module_groups import grouped
from gradc_runtime.weights.module_layers import Moved, layer_of
from gradc_runtime.weights.stored import TensorFile

OTHER = "conv_transpose"  # its weights are kept in another order
Shapes = Mapping[str, tuple[int, ...]]


def by_layer(shapes: Shapes) -> Mapping[str, Shapes]:
    """The shapes of parameters and states, by layer: `{"digit.conv1": {"W": ..., "b": ...}}`."""
    found: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        layer, _, leaf = name.rpartition(".")
        found.setdefault(layer, {})[leaf] = shape
    return found


def moved_modules(
    file: TensorFile, shapes: Shapes, images: Mapping[str, Image], rename: Mapping[str, str]
) -> dict[str, tuple[str, Moved]]:
    """For each parameter, its name in the file, and its numbers as the spec keeps them.

    `rename` maps names of modules in the file to names of layers.
    """
    found: dict[str, tuple[str, Moved]] = {}
    layers = by_layer(shapes)
    for layer, names in matched_modules(file, shapes, images, rename).items():
        made = made_of(arrays_of(file, names), images.get(layer))
        found |= {f"{layer}.{leaf}": (source_of(names, one), one)
                  for leaf, one in made.items() if leaf in layers[layer]}  # fmt: skip
    return found


def matched_modules(
    file: TensorFile, shapes: Shapes, images: Mapping[str, Image], rename: Mapping[str, str]
) -> dict[str, Mapping[str, str]]:
    """For each layer that has a module, the module's tensors by their names in the file."""
    modules = grouped(file.tensors)
    said = {layer: module for module, layer in rename.items() if module in modules}
    free = [module for module in modules if module not in said.values()]
    found: dict[str, Mapping[str, str]] = {}
    for layer, wanted in by_layer(shapes).items():
        candidates = [said[layer]] if layer in said else free
        for module in candidates:
            if can_be(file, modules[module], images.get(layer), layer, wanted, layer in said):
                found[layer] = modules[module]
                free = [other for other in free if other != module]
                break
    return found


def can_be(
    file: TensorFile, names: Mapping[str, str], image: Image | None, layer: str, wanted: Shapes,
    said: bool,
) -> bool:  # fmt: skip
    """Whether a module can be a layer, by shapes alone: no numbers are read."""
    zero = np.float32(0)
    shapes = {leaf: np.broadcast_to(zero, file.tensors[n].shape) for leaf, n in names.items()}
    made = made_of(shapes, image)
    return bool(made) and (said or (fits(made, wanted) and OTHER not in layer.rpartition(".")[2]))


def arrays_of(file: TensorFile, names: Mapping[str, str]) -> dict[str, np.ndarray]:
    """The numbers of a module's tensors."""
    return {leaf: file.tensors[name].array() for leaf, name in names.items()}


def made_of(own: Mapping[str, np.ndarray], image: Image | None) -> dict[str, Moved]:
    """The tensors of a module as a layer keeps them; none for an unknown kind of module."""
    layer = layer_of(own)
    try:
        return {} if layer is None else layer(own, image)
    except (ValueError, LookupError):  # shapes of something else, under the names of a module
        return {}


def fits(made: Mapping[str, Moved], wanted: Shapes) -> bool:
    """Whether all tensors of a module have a place in a layer, and the layer's first is there."""
    first = next(iter(wanted))
    return first in made and all(
        leaf in wanted and one.value.shape == wanted[leaf] for leaf, one in made.items()
    )


def source_of(names: Mapping[str, str], one: Moved) -> str:
    """The file's name for the tensors that a parameter is made of."""
    return " + ".join(names[leaf] for leaf in one.sources)
