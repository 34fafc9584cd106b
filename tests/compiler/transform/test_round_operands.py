"""In bf16 and tf32 the operands of products over examples are rounded, and nothing else is."""

from __future__ import annotations

import pytest

import gradc
from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.graph.graph import Graph
from gradc_compiler.ops.contract import Contract
from gradc_compiler.pipeline import compilation
from gradc_compiler.transform.round_operands import ROUNDINGS, products_in_a_row, round_operands

TRAIN = """
data d(x : [6], y : [2]) = npz("d.npz")
train on d {{ minimize sum((f(x) - y)^2) using sgd(lr = 0.1), batch 4{settings} }}
"""
MODEL = "model f(x : [6]) -> [2] { x |> "
MODELS = {
    "dense": MODEL + "dense(5) |> tanh |> dense(2) }",
    "conv": MODEL + "reshape([1, 6, 1]) |> conv(1, 1x3, stride = 3) |> flatten }",
    "norm": MODEL + "dense(4) |> layer_norm |> dense(2) }",
}


def graphs(model: str, settings: str = "", **how: object) -> dict[str, Graph]:
    text = model + TRAIN.format(settings=settings)
    made = compilation(Source("spec.nn", text), ".", None, **how)
    return {name: made.graphs[name] for name in made.graphs}


PRECISION = pytest.mark.parametrize("precision", ROUNDINGS)


@PRECISION
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_product_reads_rounded_operands(model: str, precision: str) -> None:
    for graph in graphs(model, f", precision {precision}").values():
        products = [n for n in graph.nodes if isinstance(n.op, Contract) and len(n.inputs) == 2]
        assert products
        for node in products:
            assert {graph[i].op.name for i in node.inputs} == {ROUNDINGS[precision]}


@PRECISION
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_nothing_else_is_rounded_and_nothing_twice(model: str, precision: str) -> None:
    plain, rounded = graphs(model), graphs(model, f", precision {precision}")
    for name, graph in rounded.items():
        roundings = [n for n in graph.nodes if n.op.name == ROUNDINGS[precision]]
        readers = {u for n in roundings for u in graph.users[n.id]}
        assert all(isinstance(graph[u].op, Contract) for u in readers)
        assert len({n.inputs for n in roundings}) == len(roundings)
        left = [n.op for n in graph.nodes if n.op.name != ROUNDINGS[precision]]
        assert left == [n.op for n in plain[name].nodes]
        assert round_operands(graph, precision) == graph


def test_products_that_all_examples_share_are_not_rounded() -> None:
    model = """model f(x : [6]) -> [2] {
    param A : [2, 3] ~ glorot_uniform
    param B : [3, 6] ~ glorot_uniform
    (A @ B) @ x
}"""
    graph = graphs(model, precision="bf16")["forward/f"]
    first, second = (n for n in graph.nodes if isinstance(n.op, Contract))
    assert {graph[i].op.name for i in first.inputs} == {"persistent"}
    assert {graph[i].op.name for i in second.inputs} == {"bfloat16"}
    assert products_in_a_row(graph) == 1


def test_settings_and_arguments_say_the_precision() -> None:
    text = MODELS["dense"] + TRAIN.format(settings=", precision bf16")
    assert gradc.compile_source(text).precision == "bf16"
    assert gradc.compile_source(text, precision="float32").precision == "float32"
    plain = text.replace(", precision bf16", "")
    assert gradc.compile_source(plain).precision == "float32"
    assert gradc.compile_source(plain, precision="bf16").precision == "bf16"
    assert gradc.compile_source(text.replace("bf16", "tf32")).precision == "tf32"
    with pytest.raises(ValueError, match="a precision is float32, tf32 or bf16, not 'f16'"):
        gradc.compile_source(plain, precision="f16")
    with pytest.raises(CompileError, match="`precision` is `float32`, `tf32` or `bf16`"):
        gradc.compile_source(text.replace("bf16", "8"))
