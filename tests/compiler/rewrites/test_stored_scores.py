"""Attention that is not one kernel of a GPU: which, and why."""

from __future__ import annotations

import pytest

from gradc_compiler.pipeline import compile_source
from gradc_runtime.cli.actions.gpu_stages import scores_told

SPEC = """
model net(x : [128, {wide}]) -> [128, {wide}] {{
    {net}
}}
data pairs(x : [128, {wide}], y : [128, {wide}]) = npz("none.npz")
train on pairs {{ minimize squared_error(net(x), y) using sgd(lr = 0.1), batch 4{settings} }}
"""
OWN = """\
z = x |> each(dense(16))
    weights = softmax({scores})
    contract(i, e : {weights}[i, j] * z[j, e])"""
PLAIN = "contract(i, j : x[i, a] * z[j, a])"
CASES = {  # the model, numbers of a row, settings, and what is said
    "heads of 64": ("x |> multi_head_attention(1)", 64, "", ""),
    "heads over 64": (
        "x |> multi_head_attention(1)", 68, "",
        "its rows of v have 68 numbers, and a block has room for 64",
    ),
    "dropout on weights": (
        OWN.format(scores=PLAIN, weights="dropout(0.1)(weights)"), 16, "",
        "its weights are changed (mul) before they meet v, as by dropout",
    ),
    "noise in scores": (
        OWN.format(scores=f"dropout(0.1)({PLAIN})", weights="weights"), 16, "",
        "random numbers are drawn for its pairs",
    ),
    "two products": (
        OWN.format(scores=f"{PLAIN} + contract(i, j : z[i, a] * z[j, a])", weights="weights"), 16,
        "", "it is of another form than softmax(f(q k')) v, with one product for each pair",
    ),
    "bfloat16": (
        "x |> multi_head_attention(1)", 16, ", precision bf16",
        "its products round their operands, and attention on tensor cores is not one kernel",
    ),
    "classes, no pairs": ("x |> flatten |> dense(8000) |> softmax |> dense(128 * 16) "
                          "|> reshape([128, 16])", 16, "", ""),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_is_said(case: str) -> None:
    net, wide, settings, why = CASES[case]
    program = compile_source(SPEC.format(net=net, wide=wide, settings=settings))
    entry = program.of_target("cuda").entries["gradients/train"]
    assert ("attend" in entry.applied) == (case == "heads of 64")
    (said,) = [*scores_told(entry.graph)] or [""]
    assert said.partition("this attention stores its scores: ")[2] == why
    assert bool(said) == said.startswith("spec.nn:3:" if "multi" in net else "spec.nn:4:")
