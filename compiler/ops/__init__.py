"""The primitive operators.  Importing this package files them all in the registry."""

from gradc_compiler.ops import (
    contract,
    elementwise,
    index,
    leaf,
    orthonormalize,
    random,
    reduce,
    sequence,
    shape,
)

__all__ = [
    "contract",
    "elementwise",
    "index",
    "leaf",
    "orthonormalize",
    "random",
    "reduce",
    "sequence",
    "shape",
]
