"""Where a node comes from, for people: the transformation that made it, and the layer.

No rewrite asks for either; both are handed on from node to node.
"""

from __future__ import annotations

from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """Why a transformation made a node: the rule, and the tags of the node and cotangent it met."""

    rule: str
    node: int | None = None
    cotangent: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Application:
    """One application of a definition: what a person sees as one layer.  Two applications are two
    blocks, so they are compared by identity.
    """

    name: str  # of the definition
    above: Application | None  # the application in whose body this one stands
