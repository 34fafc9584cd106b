"""What ONNX has no counterpart for is refused at the author's line."""

from __future__ import annotations

import pytest

from gradc_compiler.diagnostics.render import render_all
from gradc_compiler.diagnostics.source import CompileError, Source, Span
from gradc_compiler.graph.graph import Builder
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.types import TensorType
from gradc_compiler.onnx.export.onnx_graph import onnx_graph
from gradc_compiler.ops.leaf import Input


class Opaque(Op):
    """An operator that nobody has told how to export."""

    name = "opaque"

    def infer(self, *types: TensorType) -> TensorType:
        return types[0]


def test_an_operator_without_a_row() -> None:
    source = Source("a.nn", "model f(x : scalar) -> scalar { opaque(x) }\n")
    builder = Builder(span=Span(source=source, start=32, end=41))
    y = builder.add(Opaque(), builder.add(Input("x")))
    with pytest.raises(CompileError) as caught:
        onnx_graph(builder.graph({"result": y.id}), "f", {"x": TensorType()})
    (found,) = caught.value.diagnostics
    assert (found.code, str(found.primary.span)) == ("E0504", "a.nn:1:33")
    shown = render_all([found])
    assert "`opaque` has no counterpart in ONNX" in shown and "^^^^^^^^^" in shown
    assert "hint: say it with other operators" in shown
