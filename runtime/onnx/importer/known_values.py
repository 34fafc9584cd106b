"""Nodes all of whose operands are known: worked out while importing, with NumPy.

Graphs compute shapes from shapes; among these there may be a size that no spec knows (`FreeSize`),
so such arrays are of Python's objects.  No result is larger than what a spec may write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from gradc_runtime.onnx.importer.atoms import is_free
from gradc_runtime.onnx.importer.graph_value import GraphValue, of_array
from gradc_runtime.onnx.importer.imported_graph import GraphNode
from gradc_runtime.onnx.importer.read_model import kind_of
from gradc_runtime.onnx.importer.sizes_known_later import FreeSize
from gradc_runtime.system.errors import DataError

LARGEST = 1 << 24  # numbers of a result
STRUCTURAL = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Flatten", "Cast"}
MOVED = {"Transpose", "Squeeze", "Unsqueeze", "Identity"}
Arrays = list[Any]  # of NumPy, whose types say less than they cost
BROADCAST = {"Add", "Sub", "Mul", "Div", "Mod", "Equal", "And", "Or", "Less", "Greater",
             "GreaterOrEqual", "LessOrEqual", "Where"}  # fmt: skip
Known = Callable[[GraphNode, Arrays], Any]


def known_results(
    node: GraphNode, inputs: Sequence[GraphValue | None]
) -> list[GraphValue | None] | None:
    """The outputs of a node, or None where they depend on inputs."""
    if node.op in ("Shape", "Size") and inputs and inputs[0] is not None:
        return [shape_of(node, inputs[0])]
    if node.op == "Constant":
        return [of_array(node.outputs[0], constant_array(node))]
    if any(v is not None and v.array is None for v in inputs) or node.op not in KNOWN:
        return None
    given = [v for v in inputs if v is not None]
    shape = given[-1].array if given else None
    if node.op in MOVED and any(is_free(axis) for v in given for axis in v.axes):
        return None  # its rule knows where the batch is
    if node.op in ("ConstantOfShape", "Expand") and shape is not None and shape.dtype == object:
        return None  # a shape with the batch in it
    if any(v.trained for v in given) and (
        node.op not in STRUCTURAL or any(v.shared and v.trained for v in given)
    ):
        return None
    array = computed(node, [v.array for v in given if v.array is not None])
    trained = any(v.trained for v in given)
    name = given[0].name if trained else node.outputs[0]
    return [of_array(name, array, kind_after(node, given, array), trained=trained)]


def kind_after(node: GraphNode, given: Sequence[GraphValue], array: np.ndarray) -> np.dtype[Any]:
    """The kind of a result; objects are whole numbers."""
    return np.dtype(np.int64) if array.dtype == object else array.dtype


def computed(node: GraphNode, arrays: Arrays) -> np.ndarray:
    """The result of one node.

    Raises `DataError` where its operands do not fit.
    """
    try:
        if node.op == "Concat":
            bounded([sum(a.size for a in arrays)])
        elif node.op in BROADCAST:
            bounded(np.broadcast_shapes(*(a.shape for a in arrays)))
        with np.errstate(all="ignore"):
            array = np.asarray(KNOWN[node.op](node, arrays))
    except DataError:
        raise
    except (ValueError, IndexError, TypeError, OverflowError, AttributeError) as fault:
        raise DataError(f"its operands do not fit ({str(fault)[:80]})") from None
    if array.dtype == object and not any(isinstance(x, FreeSize) for x in array.flat):
        array = array.astype(
            np.float64 if any(isinstance(x, float) for x in array.flat) else np.int64
        )
    if array.size > LARGEST:
        raise DataError(f"a table of {array.size:,} numbers is larger than is accepted")
    return array


def shape_of(node: GraphNode, value: GraphValue) -> GraphValue:
    """`Shape` and `Size`, which are known whatever the numbers are."""
    sizes = value.sizes()
    if node.op == "Shape":
        sizes = sizes[node.attributes.get("start", 0) : node.attributes.get("end", len(sizes))]
        return of_array(node.outputs[0], whole(sizes), np.int64)
    total: Any = 1
    for size in sizes:
        total = size * total
    return of_array(node.outputs[0], whole([total]).reshape(()), np.int64)


def whole(numbers: Sequence[Any]) -> np.ndarray:
    """Sizes as an array, of objects where one is not known."""
    if any(isinstance(x, FreeSize) for x in numbers):
        found = np.empty(len(numbers), object)
        found[:] = list(numbers)
        return found
    return np.array(list(numbers), np.int64)


def constant_array(node: GraphNode) -> np.ndarray:
    """The numbers of a `Constant`.

    Raises `DataError` for a text or a sparse one.
    """
    a = node.attributes
    if "value" in a:
        return np.asarray(a["value"])
    for key, kind in (("value_float", np.float32), ("value_int", np.int64),
                      ("value_floats", np.float32), ("value_ints", np.int64)):  # fmt: skip
        if key in a:
            return np.asarray(a[key], kind)
    raise DataError("a constant that is no tensor of numbers")


def bounded(shape: Sequence[Any]) -> list[int]:
    """The shape of a result, as integers.

    Raises `DataError` for one that is unknown or too large.
    """
    sizes = [int(s) for s in shape]
    if any(s < 0 for s in sizes) or prod(max(s, 1) for s in sizes) > LARGEST:
        raise DataError(f"a table of {sizes[:8]} is larger than is accepted")
    return sizes


def axes_given(node: GraphNode, arrays: Arrays) -> list[int] | None:
    """Axes from the second operand, or from the attribute of older versions."""
    if len(arrays) > 1:
        return [int(a) for a in arrays[1].reshape(-1)]
    found = node.attributes.get("axes")
    return None if found is None else list(found)


def squeezed(node: GraphNode, arrays: Arrays) -> Any:
    """`Squeeze`: an array without axes of size 1."""
    axes = axes_given(node, arrays)
    return np.squeeze(arrays[0], None if axes is None else tuple(axes))


def unsqueezed(node: GraphNode, arrays: Arrays) -> Any:
    """`Unsqueeze`: an array with added axes of size 1."""
    axes = axes_given(node, arrays) or []
    return np.expand_dims(arrays[0], tuple(axes))


def reshaped(node: GraphNode, arrays: Arrays) -> Any:
    """`Reshape`: an array in another shape."""
    target = [int(s) for s in arrays[1].reshape(-1)]
    if not node.attributes.get("allowzero", 0):
        target = [arrays[0].shape[k] if s == 0 else s for k, s in enumerate(target)]
    return arrays[0].reshape(target)


def sliced(node: GraphNode, arrays: Arrays) -> Any:
    """`Slice`: a part of an array."""
    a = node.attributes
    given = [x.reshape(-1).tolist() for x in arrays[1:]]
    starts, ends = (given[0], given[1]) if len(given) > 1 else (a["starts"], a["ends"])
    axes = given[2] if len(given) > 2 else a.get("axes", range(len(starts)))
    steps = given[3] if len(given) > 3 else [1] * len(starts)
    places = [slice(None)] * arrays[0].ndim
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        low = -arrays[0].shape[axis] - 1
        places[axis] = slice(start, None if step < 0 and end < low + 1 else end, step)
    return arrays[0][tuple(places)]


def cast(node: GraphNode, arrays: Arrays) -> Any:
    """`Cast`: an array of another kind."""
    if arrays[0].dtype == object:
        return arrays[0]
    return arrays[0].astype(kind_of(node.attributes["to"], "the result"))


def quotient(node: GraphNode, arrays: Arrays) -> Any:
    """`Div`: a quotient, rounded towards 0 for whole numbers."""
    a, b = arrays
    if a.dtype == object or b.dtype == object:
        return np.asarray(a, object) // np.asarray(b, object)
    if a.dtype.kind == "f":
        return a / b
    return (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)


def filled(node: GraphNode, arrays: Arrays) -> Any:
    """`ConstantOfShape`: one number many times."""
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32))).reshape(-1)
    return np.full(bounded(arrays[0].reshape(-1)), value[0], value.dtype)


def counted(node: GraphNode, arrays: Arrays) -> Any:
    """`Range`: `start`, `start + step`, ..."""
    start, limit, step = (x.reshape(())[()] for x in arrays)
    bounded([max(0, int(np.ceil((limit - start) / step)))])
    return np.arange(start, limit, step, dtype=arrays[0].dtype)


def expanded(node: GraphNode, arrays: Arrays) -> Any:
    """`Expand`: an array repeated to a shape."""
    shape = np.broadcast_shapes(arrays[0].shape, tuple(bounded(arrays[1])))
    return np.broadcast_to(arrays[0], bounded(shape)).copy()


def gathered(node: GraphNode, arrays: Arrays) -> Any:
    """`Gather`: parts of an array along an axis."""
    axis = node.attributes.get("axis", 0)
    bounded([*arrays[1].shape, *arrays[0].shape])
    return np.take(arrays[0], arrays[1].astype(np.int64), axis)


KNOWN: dict[str, Known] = {
    "Identity": lambda n, a: a[0],
    "Cast": cast,
    "Squeeze": squeezed,
    "Unsqueeze": unsqueezed,
    "Reshape": reshaped,
    "Flatten": lambda n, a: a[0].reshape(prod(a[0].shape[: n.attributes.get("axis", 1)]), -1),
    "Transpose": lambda n, a: a[0].transpose(n.attributes.get("perm")),
    "Slice": sliced,
    "Gather": gathered,
    "Concat": lambda n, a: np.concatenate(a, n.attributes["axis"]),
    "Add": lambda n, a: a[0] + a[1],
    "Sub": lambda n, a: a[0] - a[1],
    "Mul": lambda n, a: a[0] * a[1],
    "Div": quotient,
    "Mod": lambda n, a: a[0] % a[1],
    "Neg": lambda n, a: -a[0],
    "Sqrt": lambda n, a: np.sqrt(a[0]),
    "Equal": lambda n, a: np.asarray(a[0] == a[1], bool),
    "Not": lambda n, a: ~a[0],
    "And": lambda n, a: a[0] & a[1],
    "Or": lambda n, a: a[0] | a[1],
    "Less": lambda n, a: a[0] < a[1],
    "Greater": lambda n, a: a[0] > a[1],
    "GreaterOrEqual": lambda n, a: a[0] >= a[1],
    "LessOrEqual": lambda n, a: a[0] <= a[1],
    "Where": lambda n, a: np.where(a[0], a[1], a[2]),
    "ConstantOfShape": filled,
    "Range": counted,
    "Expand": expanded,
    "ReduceProd": lambda n, a: np.prod(a[0], keepdims=bool(n.attributes.get("keepdims", 1))),
    "Floor": lambda n, a: np.floor(a[0]),
    "Ceil": lambda n, a: np.ceil(a[0]),
    "Trilu": lambda n, a: (np.triu if n.attributes.get("upper", 1) else np.tril)(
        a[0], int(a[1]) if len(a) > 1 else 0
    ),
}
