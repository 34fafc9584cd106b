"""Attention in blocks of rows: the same numbers, and room that grows with the positions alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradc_compiler.derived import print_program
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.pipeline import Compilation, compilation, compile_source
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.program import Program
from gradc_compiler.rewrites import query_blocks, score_regions
from gradc_runtime.session.session import Session

PLAIN = """
model net(x : [{n}, 6]) -> [{n}, 6] {{
    x |> multi_head_attention({heads}, causal = {causal}) |> layer_norm |> multi_head_attention(3)
}}
data pairs(x : [{n}, 6], y : [{n}, 6]) = npz("none.npz")
train on pairs {{ minimize squared_error(net(x), y) using sgd(lr = 0.1), batch 4, epochs 1 }}
"""
MASKED = """
model net(x : [17, 3], seen : [17]) -> [17, 3] {
    param Q : [3, 3] ~ glorot_uniform
    param slope : scalar ~ normal(0, 1)
    scores = slope * contract(i, j : (x @ Q)[i, a] * x[j, a])
    weights = softmax(where(reshape(seen, [1, 17]) > 0, scores, -1e30))
    contract(i, a : weights[i, j] * x[j, a])
}
data pairs(x : [17, 3], seen : [17], y : [17, 3]) = npz("none.npz")
train on pairs { minimize squared_error(net(x, seen), y) using sgd(lr = 0.1), batch 4, epochs 1 }
"""
DROPPED = """
model net(x : [{n}, 6]) -> [{n}, 6] {{
    q = reshape(x |> each(dense(6)), [{n}, 2, 3])
    scores = contract(h, i, j : q[i, h, a] * q[j, h, a])
    later = reshape(iota({n}), [1, {n}]) > reshape(iota({n}), [{n}, 1])
    weights = softmax(where(later, -1e30, scores)) |> dropout(0.3)
    reshape(contract(i, h, a : weights[h, i, j] * q[j, h, a]), [{n}, 6])
}}
data pairs(x : [{n}, 6], y : [{n}, 6]) = npz("none.npz")
train on pairs {{ minimize squared_error(net(x), y) using sgd(lr = 0.1), batch 4, epochs 1 }}
"""
ROWS = """
model net(xs : seq(17) [6]) -> seq(17) [6] {
    from_rows(xs) |> multi_head_attention(2, causal = true) |> rows |> dense(6)
}
data pairs(xs : seq(17) [6], ys : seq(17) [6]) = npz("none.npz")
train on pairs { minimize squared_error(net(xs), ys) using sgd(lr = 0.1), batch 4, epochs 1 }
"""
SPECS = {
    "causal": PLAIN.format(n=23, heads=2, causal="true"),
    "seen by all": PLAIN.format(n=20, heads=2, causal="false"),
    "masked": MASKED,
    "dropped": DROPPED.format(n=19),
    "rows": ROWS,
}
OTHERS = {  # products that are large, but not attention, or that somebody else reads
    "no softmax": MASKED.replace("softmax(", "tanh("),
    "weights are wanted": MASKED.replace("    contract(i", "    cumsum(weights) @ x + contract(i"),
}
SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
TARGETS = ["cuda"] if SIMULATED else ["cpu", "reference"]
native = pytest.mark.skipif(SIMULATED, reason="of the schedule, or of threads")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of five rows, also of few scores."""
    small = replace(MACHINE, query_rows=5, scores=64)
    for module in (query_blocks, score_regions):
        monkeypatch.setattr(module, "MACHINE", small)


def given(made: Compilation, examples: int) -> dict[str, Any]:
    """Random numbers for the data of a spec; the first position is always seen."""
    rng = np.random.default_rng(7)
    found = {}
    for name, type in made.module.data[0].fields:
        shape = (*([] if type.time is None else [type.time]), *type.shape)
        found[name] = rng.normal(size=(examples, *shape))
    if "seen" in found:
        found["seen"][:, 0] = 1
    return {name: list(x) if name.endswith("s") else x for name, x in found.items()}


def made_of(text: str, without: tuple[str, ...] = ()) -> Compilation:
    return compilation(Source("net.nn", text), ".", {}, without)


def gradients(
    program: Program, data: Mapping[str, Any], target: str, **where: Any
) -> tuple[float, Mapping[str, np.ndarray]]:
    session = Session(program, target, **{"dtype": "float64", "seed": 4, **where})
    loss, found = session.gradients(**data)
    return loss, {name: np.array(g) for name, g in found.items()}


def step(program: Program) -> Entry:
    return program.entries["step/train"]


def assert_near(found: Any, wanted: Any, tolerance: float) -> None:
    assert found[0] == pytest.approx(wanted[0], rel=tolerance)
    assert set(found[1]) == set(wanted[1])
    for name, gradient in wanted[1].items():
        np.testing.assert_allclose(found[1][name], gradient, tolerance, tolerance, err_msg=name)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("text", SPECS.values(), ids=SPECS)
def test_blocks_give_the_same_numbers(text: str, target: str) -> None:
    made = made_of(text)
    data = given(made, 3)
    assert step(made.program).applied.get("query-blocks"), "nothing was in blocks"
    whole = made_of(text, ("query-blocks",)).program
    wanted = gradients(whole, data, "reference")
    assert_near(gradients(made.program, data, target), wanted, 1e-10)
    assert_near(gradients(made.program, data, target, dtype="float32"), wanted, 1e-4)


@native
@pytest.mark.parametrize("text", SPECS.values(), ids=SPECS)
def test_gradients_are_finite_differences(text: str) -> None:
    made, rng = made_of(text), np.random.default_rng(1)
    data = given(made, 2)
    session = Session(made.program, "cpu", "float64", seed=4)
    _, slopes = session.gradients(**data)
    for name in list(slopes):
        start, direction = np.array(session.parameters[name]), rng.normal(size=slopes[name].shape)
        wanted, ends = float((np.array(slopes[name]) * direction).sum()), []
        for h in (1e-5, -1e-5):
            session.parameters[name] = start + h * direction
            ends.append(session.gradients(**data)[0])
        session.parameters[name] = start
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(wanted, rel=1e-5, abs=1e-8), name


@native
@pytest.mark.parametrize("name", ["causal", "rows", "dropped"])
def test_threads_change_no_bit(name: str) -> None:
    made = made_of(SPECS[name])
    data = given(made, 7)

    def trained(threads: int) -> np.ndarray:
        session = Session(made.program, threads=threads, seed=0)
        for _ in range(2):
            session.step(**data)
        return session.memory.words.view("uint32").copy()

    first = trained(1)
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(trained(threads), first)


@native
@pytest.mark.parametrize("name", ["causal", "masked", "dropped"])
def test_the_derived_program_has_the_same_numbers(name: str) -> None:
    made = made_of(SPECS[name])
    data, again = given(made, 3), made_of(print_program(made))
    losses = []
    for program in (made.program, again.program):
        session = Session(program, "cpu", "float64", seed=4)
        losses.append([session.step(**data)["loss"] for _ in range(3)])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-12)


@native
def test_a_forward_pass_is_equal_to_the_bit() -> None:
    """Rows do not meet: only the derivatives of keys and values are sums of blocks."""
    made = made_of(SPECS["causal"])
    x, found = given(made, 3)["x"], []
    for program in (made.program, made_of(SPECS["causal"], ("query-blocks",)).program):
        found.append(Session(program, "cpu", "float32", seed=4).run("net", x=x))
    np.testing.assert_array_equal(found[0], found[1])


@native
@pytest.mark.parametrize("target", ["cpu", "cuda"])
@pytest.mark.parametrize(
    "text", [PLAIN.replace("{heads}, causal = {causal}", "2, causal = true"), DROPPED]
)
def test_room_grows_with_the_positions(text: str, target: str) -> None:
    """Of scores, masks and draws there are never all pairs of positions at once."""

    def words(n: int, *without: str) -> int:
        entry = step(compile_source(text.format(n=n), without=without).of_target(target))
        return entry.block_words + entry.uniform_words

    assert words(240) < 2.2 * words(120)
    assert words(240, "attend", "query-blocks") > 4 * words(240)


@native
@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_what_is_no_attention_stays(text: str) -> None:
    assert "query-blocks" not in step(compile_source(text)).applied


@native
def test_short_attention_stays() -> None:
    text = PLAIN.format(n=9, heads=2, causal="true")
    assert "query-blocks" not in step(compile_source(text)).applied
