"""The words that are no names."""

from __future__ import annotations

DECLARATIONS = (
    "layer",
    "cell",
    "model",
    "function",
    "regularizer",
    "initializer",
    "optimizer",
    "schedule",
    "data",
    "train",
    "import",
)
KEYWORDS = frozenset(
    {
        *DECLARATIONS,
        "param",
        "noise",
        "state",
        "minimize",
        "using",
        "report",
        "descend",
        "contract",
        "if",
        "else",
        "and",
        "or",
        "not",
        "seq",
        "class",
        "scalar",
    }
)
