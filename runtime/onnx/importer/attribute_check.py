"""Whether a node's attributes are those that its operator has: names, kinds, words and flags.

A rule asks for the attributes that it knows, and whether one is a certain word (`mode == "CRD"`).
So an attribute of another name, or with a word that ONNX does not have, would be passed over, and
the numbers would be those of another network.  Names and kinds are those of ONNX's own schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from onnx import defs

from gradc_runtime.onnx.importer.imported_graph import GraphNode
from gradc_runtime.system.errors import DataError

SCHEMAS: Any = defs  # without types
FLAGS = frozenset({  # 0 or 1
    "align_corners", "allowzero", "antialias", "broadcast", "ceil_mode", "center_point_box",
    "count_include_pad", "detect_negative", "detect_positive", "exclude_outside", "exclusive",
    "fmod", "input_forget", "interleaved", "inverse", "is_causal", "keepdims", "largest", "layout",
    "linear_before_reset", "new_axis", "noop_with_empty_axes", "onesided", "periodic", "reverse",
    "saturate", "select_last_index", "sorted", "spatial", "storage_order", "training_mode",
    "transA", "transB", "upper",
})  # fmt: skip
AUTO = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"}
RECURRENT = {"forward", "reverse", "bidirectional"}
LOSS = {"none", "sum", "mean"}
SCATTER = {"none", "add", "mul", "max", "min"}
WORDS: Mapping[str, Mapping[str, set[str]]] = {  # by attribute, then by operator ("": any)
    "auto_pad": {"": AUTO},
    "coordinate_transformation_mode": {
        "Resize": {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                   "asymmetric", "tf_crop_and_resize", "tf_half_pixel_for_nn"},
        "RoiAlign": {"half_pixel", "output_half_pixel"},
    },
    "direction": {"BitShift": {"LEFT", "RIGHT"}, "": RECURRENT},
    "keep_aspect_ratio_policy": {"": {"stretch", "not_larger", "not_smaller"}},
    "mode": {
        "DepthToSpace": {"DCR", "CRD"}, "SpaceToDepth": {"DCR", "CRD"},
        "GridSample": {"linear", "nearest", "cubic", "bilinear", "bicubic"},
        "Pad": {"constant", "reflect", "edge", "wrap"}, "Resize": {"nearest", "linear", "cubic"},
        "RoiAlign": {"avg", "max"}, "TensorScatter": {"linear", "circular"},
        "TfIdfVectorizer": {"TF", "IDF", "TFIDF"}, "Upsample": {"nearest", "linear"},
    },
    "nearest_mode": {"": {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}},
    "padding_mode": {"": {"zeros", "border", "reflection"}},
    "reduction": {"ScatterElements": SCATTER, "ScatterND": SCATTER, "": LOSS},
}  # fmt: skip
POWERS: Mapping[str, range] = {  # of norms, as `p`
    "LpNormalization": range(1, 3), "LpPool": range(1, 65), "GlobalLpPool": range(1, 65),
}  # fmt: skip
KINDS: Mapping[str, tuple[type, ...]] = {"INT": (int,), "FLOAT": (float,), "STRING": (str,)}
LISTS = {"INTS": int, "FLOATS": float, "STRINGS": str}


@cache
def schema_of(op: str, opset: int) -> Any:
    """ONNX's description of an operator; None for one that it does not have."""
    try:
        return SCHEMAS.get_schema(op, opset, "")
    except SCHEMAS.SchemaError:
        return None


def require_attributes(node: GraphNode) -> None:
    """Refuse attributes that the operator does not have, or lacks.

    Raises `DataError`.
    """
    schema = schema_of(node.op, node.opset) if node.domain in ("", "ai.onnx") else None
    if schema is None:
        return
    for name, value in node.attributes.items():
        if name not in schema.attributes:
            raise DataError(f"there is no attribute {name} in opset {node.opset}")
        if not is_of(schema.attributes[name].type.name, value):
            raise DataError(f"its attribute {name} is of another kind")
        require_word(node.op, name, value)
    for name, about in schema.attributes.items():
        if about.required and name not in node.attributes:
            raise DataError(f"it lacks its attribute {name}")


def is_of(kind: str, value: Any) -> bool:
    """Whether a value is of an attribute's kind, by ONNX's name of it."""
    if kind in LISTS:
        return isinstance(value, list) and all(isinstance(one, LISTS[kind]) for one in value)
    if kind == "TENSOR":
        return isinstance(value, np.ndarray)
    return isinstance(value, KINDS.get(kind, (object,)))


def require_word(op: str, name: str, value: Any) -> None:
    """Refuse a word that an attribute cannot be, and a flag that is neither 0 nor 1.

    Raises `DataError`.
    """
    if name in FLAGS and value not in (0, 1):
        raise DataError(f"its attribute {name} is {value}, and is 0 or 1")
    if name == "p" and value not in POWERS.get(op, {value}):
        raise DataError(f"its attribute p is {value}, which is no norm of {op}")
    words = WORDS.get(name, {})
    known = words.get(op, words.get("", set()))
    if known and value not in known:
        listed = ", ".join(sorted(known))
        raise DataError(f"its attribute {name} is `{value}`, and is one of {listed}")
