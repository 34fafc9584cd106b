"""The primitive operators.  Importing this package files them all in the registry."""

from gradc_compiler.ops import (
    contract,
    cumsum,
    elementwise,
    index,
    leaf,
    orthonormalize,
    random,
    reduce,
    ruled,
    sequence,
    shape,
    sorting,
)

__all__ = [
    "contract",
    "cumsum",
    "elementwise",
    "index",
    "leaf",
    "orthonormalize",
    "random",
    "reduce",
    "ruled",
    "sequence",
    "shape",
    "sorting",
]
