"""`checkpoint(layer)`: less memory for the derivative, for some work done twice.

What the layer computes is marked; `compiler/rewrites/remat.py` says what then becomes of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradc_compiler.diagnostics.source import Span
from gradc_compiler.elaborate.names.scope import Scope
from gradc_compiler.elaborate.names.values import Checkpointed, StaticValue
from gradc_compiler.graph.remat_mark import Remat


def computed_again(
    function: Checkpointed, arguments: Sequence[StaticValue], span: Span, scope: Scope
) -> StaticValue:
    """A layer whose nodes are marked: what they give need not be kept for the derivative."""
    builder = scope.run.builder
    mark = Remat.MAY if function.products else Remat.UNLESS_PRODUCT
    before, builder.remat = builder.remat, mark
    try:
        return scope.call(function.layer, arguments, span)
    finally:
        builder.remat = before
