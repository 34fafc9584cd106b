"""The gradient of an embedding: one tensor for all examples, whatever the number of classes."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_compiler.ops.index import Scatter
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry
from gradc_compiler.rewrites.table import rewrite_for_target
from gradc_runtime.session.session import Session

LENGTHS = ("", "(7)")  # sequences of any length, and of a fixed one
SPEC = """
model named(words : seq{0} class({1})) -> [3] {{
    words |> embedding({1}, 5) |> {2} |> last |> dense(3)
}}
data pairs(words : seq{0} class({1}), label : class(3)) = npz("none.npz")
train on pairs {{ minimize cross_entropy(named(words), label)
    using sgd(lr = 0.1), batch 4, epochs 1 }}
"""
TIED = """
model named(words : seq class(11)) -> [11] {
    param E : [11, 5] ~ glorot_uniform
    h = E[words] |> scan(gru(5)) |> last
    E @ h
}
data pairs(words : seq class(11), label : class(11)) = npz("none.npz")
train on pairs { minimize cross_entropy(named(words), label)
    using sgd(lr = 0.1), batch 4, epochs 1 }
"""


def spec(length: str, classes: int, body: str = "dense(5)") -> str:
    return SPEC.format(length, classes, body)


def room(entry: Entry) -> tuple[int, ...]:
    """Words of BLOCK for an example, and for an element of a sequence."""
    return entry.block_words, *entry.time_words


@pytest.mark.parametrize("length", LENGTHS)
def test_room_of_an_example_does_not_grow_with_the_classes(length: str) -> None:
    few, many = (compile_source(spec(length, n)).entries["step/train"] for n in (300, 3000))
    assert room(few) == room(many)
    without = ("scatter-mean",)
    assert room(compile_source(spec(length, 3000), without=without).entries["step/train"]) > room(
        many
    )


SPECS = {
    "by itself": spec("", 11),
    "in a recurrence": spec("", 11, "scan(gru(5))"),
    "of fixed length": spec("(7)", 11),
    "of fixed length, in a recurrence": spec("(7)", 11, "scan(gru(5))"),
    "read as a matrix too": TIED,
}


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_gradients_are_those_of_the_reference(name: str, threads: int) -> None:
    program = compile_source(SPECS[name])
    rng = np.random.default_rng(3)
    lengths = [7] * 33 if "fixed" in name else rng.integers(1, 12, 33)
    given = {
        "words": [rng.integers(0, 11, n) for n in lengths],
        "label": rng.integers(0, 3, 33),
    }
    sessions = (
        Session(program, "cpu", "float64", seed=4, threads=threads),
        Session(program, "reference", "float64", seed=4),
    )
    found, wanted = (session.gradients(**given) for session in sessions)
    assert found[0] == pytest.approx(wanted[0], rel=1e-10)
    for name, gradient in wanted[1].items():
        np.testing.assert_allclose(found[1][name], gradient, rtol=1e-9, atol=1e-12)


def test_many_rows_in_one_place_lose_nothing() -> None:
    source = """
    model f(at : class(3)) -> scalar { param E = [1, 1, 1]
        E[at] }
    data d(at : class(3)) = npz("none.npz")
    train on d { minimize f(at) using sgd(lr = 0.1), batch 4, epochs 1 }
    """
    n = 3_000_001
    at = np.zeros(n, np.int64)
    at[-1] = 2
    _, slopes = Session(compile_source(source), "cpu", "float32").gradients(at=at)
    wanted = np.array([(n - 1) / n, 0, 1 / n], np.float32)
    np.testing.assert_allclose(slopes["f.E"], wanted, rtol=2e-6)


def test_a_scatter_that_is_read_as_well_stays() -> None:
    source = """
    model f(x : [3], at : class(400)) -> [400, 3] {
        rows = scatter(x, at, 400)
        batch_mean(rows) + {0}
    }
    """
    given = {"x": np.arange(12.0).reshape(4, 3), "at": np.array([0, 3, 3, 399])}
    for other, averaged in (("rows", False), ("1", True)):
        program = compile_source(source.replace("{0}", other))
        form = rewrite_for_target(program.entries["forward/f"].graph)
        assert [n.op.mean for n in form.graph.nodes if isinstance(n.op, Scatter)] == [averaged]
        wanted = Session(program, "reference", "float64").run("f", **given)
        np.testing.assert_allclose(Session(program, "cpu", "float64").run("f", **given), wanted)
