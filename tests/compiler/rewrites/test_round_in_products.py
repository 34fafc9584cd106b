"""Products take the rounding of their operands upon them: which do, and that numbers stay."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.graph.graph import Graph
from gradc_compiler.ops.contract import Contract
from gradc_compiler.ops.leaf import Literal
from gradc_compiler.ops.rounded_contract import RoundedContract
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.program import Program
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.table import rewrite_for_target, switches_for
from gradc_runtime.session.session import Session

TRAIN = """
data d(x : [6, 6, 2], label : class(3)) = npz("none.npz")
train on d { minimize cross_entropy(f(x), label) using sgd(lr = 0.1), batch 8, precision bf16 }
"""
MODELS = {
    "dense": "x |> flatten |> dense(19) |> tanh |> dense(3)",
    "with zeros around": "x |> conv(5, 3x3) |> relu |> conv(4, 3x3) |> flatten |> dense(3)",
    "attention": "x |> reshape([12, 6]) |> multi_head_attention(2) |> flatten |> dense(3)",
}
NAME = "round-in-products"


def program(model: str, without: tuple[str, ...] = ()) -> Program:
    text = f"model f(x : [6, 6, 2]) -> [3] {{ {MODELS[model]} }}{TRAIN}"
    return compile_source(text, without=without)


def ready(made: Program, target: str, without: tuple[str, ...] = ()) -> Graph:
    graph = made.entries["gradients/train"].graph
    return rewrite_for_target(graph, Switches(switches_for(target, without).without)).graph


@pytest.mark.parametrize("model", MODELS)
def test_no_rounded_copy_is_left(model: str) -> None:
    graph = ready(program(model), "cpu", ("winograd",))  # whose transforms read rounded numbers
    assert not [n for n in graph.nodes if n.op.name == "bfloat16"]
    assert any(isinstance(n.op, RoundedContract) for n in graph.nodes)


@pytest.mark.parametrize(("target", "without"), [("cuda", ()), ("cpu", (NAME,))])
def test_elsewhere_operands_are_rounded_before(target: str, without: tuple[str, ...]) -> None:
    graph = ready(program("dense"), target, without)
    assert [n for n in graph.nodes if n.op.name == "bfloat16"]
    assert not any(isinstance(n.op, RoundedContract) for n in graph.nodes)


def test_a_product_of_one_rounded_operand_stays() -> None:
    made = compile_source("model f(x : [4]) -> [3] { param W : [3, 4] = 1\n bfloat16(W) @ x }")
    graph = rewrite_for_target(made.entries["forward/f"].graph).graph
    assert [n.op.name for n in graph.nodes].count("bfloat16") == 1


DEEP = """
layer pixels(x : [9, 10, 48]) -> [9, 10, 48] { x |> conv(48, 3x3, pad = 1) }
model f(x : [9, 10, 48]) -> [9, 10, 48] { x |> pixels |> tanh |> pixels }
data d(x : [9, 10, 48], y : [9, 10, 48]) = npz("none.npz")
train on d { minimize sum((f(x) - y)^2) using sgd(lr = 0.1) }
"""


def products(graph: Graph) -> list[str]:
    """The operators of products of two tensors that are no constants."""
    return [
        type(n.op).__name__ for n in graph.nodes
        if isinstance(n.op, Contract) and len(n.inputs) == 2
        and not any(isinstance(graph[i].op, Literal) for i in n.inputs)
    ]  # fmt: skip


def test_convolutions_in_tiles_round_what_they_transform() -> None:
    """Their products are of rounded numbers too, and gradients near those of float32."""
    made = [compile_source(DEEP, precision=precision) for precision in ("bf16", "float32")]
    tiled = ready(made[0], "cpu")
    assert set(products(tiled)) == {"RoundedContract"}
    assert not [n for n in tiled.nodes if n.op.name == "bfloat16"]
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 7, 9, 10, 48)).astype(np.float32)
    found = [Session(one, "cpu", seed=1).gradients(x=x, y=y)[1] for one in made]
    for name, wanted in found[1].items():
        off = np.linalg.norm(found[0][name] - wanted) / np.linalg.norm(wanted)
        assert 1e-4 < off < 2 * 2.0**-7, name


@pytest.mark.parametrize("model", MODELS)
def test_gradients_stay_what_they_were(model: str) -> None:
    rng, found = np.random.default_rng(0), []
    x, label = rng.normal(size=(19, 6, 6, 2)), rng.integers(0, 3, 19)
    for target, without in (("reference", ()), ("cpu", ()), ("cpu", (NAME, "winograd"))):
        session = Session(program(model, without), target, seed=2, threads=2)
        found.append(session.gradients(x=x, label=label)[1])
    for name, wanted in found[0].items():
        for other in found[1:]:
            off = np.abs(other[name] - wanted).max()
            assert off <= 2.0**-7 * np.abs(wanted).max() + 1e-7, name
