"""Emitted C gives what a session gives: models and whole training steps, compiled strictly."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import gradc
from tests.compiler.c.emitting import NEEDS_CC, SPECS, Emitted, drawn, emitted
from tests.compiler.c.sequences import Sequences

pytestmark = NEEDS_CC


def test_all_digits(tmp_path: Path) -> None:
    text = (SPECS / "mnist_cnn.nn").read_text()
    made = Emitted(text, "forward/digit", tmp_path, "mnist_cnn.nn", flags=["-O2"])
    images = made.session.dataset().take(slice(None), ["image"])["image"]
    images = np.ascontiguousarray(images)
    assert len(images) == 1797
    wanted = made.session.run("digit", image=images)
    np.testing.assert_allclose(made.run(images)[0], wanted, rtol=0, atol=1e-6)


def test_it_is_readable(tmp_path: Path) -> None:
    made = emitted("mnist_cnn", "forward/digit", tmp_path)
    assert "/* line 5: |> conv(16, 3x3, stride = 2) |> relu    : [7, 7, 16]" in made.source
    image = "m->turn_1.laid_out[i * 62 + j * 2 + l * 31 + o]"
    assert f"{image} * digit_conv1_W[k * 25 + l * 5 + o];" in made.source
    assert re.search(r"Memory: [\d,]+ bytes \(struct digit_memory\); nothing is alloc", made.header)
    assert "image            read          each example: float, 28 x 28 x 1" in made.header
    assert not re.search(r"malloc|calloc|alloca\b", made.source)


MODELS = [("circle", "inside"), ("vae", "encode"), ("vae", "generate"), ("oscillator", "u"),
          ("batch_norm_cnn", "digit"), ("curve", "f"), ("translate", "guess")]  # fmt: skip


@pytest.mark.parametrize(("spec", "model"), MODELS)
def test_models(tmp_path: Path, spec: str, model: str) -> None:
    made = emitted(spec, f"forward/{model}", tmp_path)
    inputs = drawn(made, 5)
    wanted = made.session.run(model, *([] if inputs else [5]), **inputs)
    wanted = wanted if isinstance(wanted, dict) else {"only": wanted}
    outputs = made.run(*inputs.values()) if inputs else drawn_from_nothing(made)
    for found, value in zip(outputs, wanted.values(), strict=True):
        np.testing.assert_allclose(found, value, rtol=3e-6, atol=3e-6)


def drawn_from_nothing(made: Emitted) -> list[np.ndarray]:
    """Five examples of a model that reads nothing."""
    (array,) = [a for a in made.entry.arrays if a.role == "output"]
    found = np.zeros((5, *array.type.shape), np.float32)
    assert made.call("run", made.memory, found, 5) == 0
    return [found]


def step_of(spec: str, folder: Path) -> Emitted:
    """The step of a spec, without the schedule of its rate."""
    text = re.sub("using .*", "using adam(lr = 1e-3), batch 32", (SPECS / f"{spec}.nn").read_text())
    return Emitted(text, "step/train", folder, f"{spec}.nn")


@pytest.mark.parametrize("spec", ["mnist_cnn", "circle", "vae", "batch_norm_cnn"])
def test_steps(tmp_path: Path, spec: str) -> None:
    made = step_of(spec, tmp_path)
    made.start()
    inputs = drawn(made, 8)
    for _ in range(4):
        found, wanted = made.step(*inputs.values()), made.session.step(**inputs)
        np.testing.assert_allclose(found, list(wanted.values()), rtol=2e-4)


def test_a_schedule(tmp_path: Path) -> None:
    text = (SPECS / "oscillator.nn").read_text()
    session = gradc.Session(gradc.compile_source(text), threads=1, seed=0)
    session.tables.ready()
    made = Emitted(text, "step/train", tmp_path, values=session.memory.views)
    made.start()
    inputs = drawn(made, 8)
    for _ in range(4):
        found, wanted = made.step(*inputs.values()), session.step(**inputs)
        np.testing.assert_allclose(found, list(wanted.values()), rtol=2e-4)
    assert "TRAIN_SCHEDULE_ENDED;" in made.source


def test_a_state_that_is_kept(tmp_path: Path) -> None:
    made = emitted("circle", "step/train", tmp_path)
    made.start()
    inputs = drawn(made, 8)
    made.step(*inputs.values())
    kept = made.state.copy()
    first = [made.step(*inputs.values()) for _ in range(3)]
    made.state[:] = kept
    assert [made.step(*inputs.values()) for _ in range(3)] == first


def test_float64(tmp_path: Path) -> None:
    made = emitted("circle", "step/train", tmp_path, "float64")
    made.start()
    inputs = drawn(made, 8)
    for _ in range(3):
        found, wanted = made.step(*inputs.values()), made.session.step(**inputs)
        np.testing.assert_allclose(found, list(wanted.values()), rtol=1e-12)


HOSTILE = """
model int(double : [3], m : [3], n : [2], errno : class(4), sum : [3], v1 : [2], NULL : [3]) -> (
    float : [3], F_OK : [2]
) {
    float = double + m * sum + sum(one_hot(errno)) + sin(NULL) + lgamma(NULL + 3)
    F_OK = n * 2 + v1
    (float, F_OK)
}
"""


def test_hostile_names(tmp_path: Path) -> None:
    text = HOSTILE.replace("sum : [3]", "total : [3]").replace("m * sum", "m * total")
    made = Emitted(text, "forward/int", tmp_path)
    inputs = drawn(made, 4)
    wanted = made.session.run("int", **inputs)
    found = made.run(*inputs.values())
    arrays = [a for a in made.entry.arrays if a.role == "output"]
    for array, values in zip(arrays, found, strict=True):
        np.testing.assert_allclose(values, wanted[str(array.name)], rtol=1e-5)


def test_a_comment_of_the_spec_cannot_leave_its_comment(tmp_path: Path) -> None:
    text = "model f(x : [2]) -> [2] { x + 1 }  # */ #error \\\n"
    made = Emitted(text, "forward/f", tmp_path, "*/ #error.nn")
    np.testing.assert_array_equal(made.run(np.zeros((1, 2), np.float32))[0], [[1, 1]])


def test_faults(tmp_path: Path) -> None:
    flags = ["-O1", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    text = "model f(x : [2], k : class(3)) -> [3] { one_hot(k) + sum(x) }"
    made = Emitted(text, "forward/f", tmp_path, flags=flags)
    x, k, y = np.zeros((2, 2), np.float32), np.zeros(2, np.int32), np.zeros((2, 3), np.float32)
    assert made.call("run", made.memory, x, k, y, 2) == 0
    assert made.call("run", made.memory, x, k, y, 0) == 0
    assert made.call("run", made.memory, x, k, y, -1) == -2
    for given in ([None, x, k, y], [made.memory, None, k, y], [made.memory, x, k, None]):
        assert made.call("run", *given, 2) == -1
    k[1] = 3
    assert made.call("run", made.memory, x, k, y, 2) == -3


def test_a_step_has_room_for_its_batch(tmp_path: Path) -> None:
    made = step_of("batch_norm_cnn", tmp_path)
    assert "#define TRAIN_BATCH 32" in made.header
    made.start()
    inputs = [a[:1].repeat(33, axis=0) for a in drawn(made, 1).values()]
    given = made.memory, made.state, *inputs, *made.results
    assert made.call("step", *given, 33) == -2 and made.call("step", *given, 0) == -2
    assert made.call("start", None) == -1 and made.call("start", made.state) == 0


ALONG_AXES = """
model f(x : [3, 5], y : [2000], k : class(3)) -> (
    up : [3, 5], down : [3, 5], long : [2000], sorted : [3, 5], turned : [3, 5], row : [5]
) {
    (cumsum(x, axis = 0), cumsum(x, backwards = true), cumsum(y), sort(2 * x - 1),
        take_along(x, argsort(-x)), sort(x)[k])
}
"""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_orders_and_running_sums(tmp_path: Path, dtype: str) -> None:
    made = Emitted(ALONG_AXES, "forward/f", tmp_path, dtype=dtype)
    x = np.random.default_rng(0).integers(0, 3, (6, 3, 5)).astype(dtype)
    x[1, 1], x[2, 0, 2], x[3, 2] = np.nan, np.nan, [np.inf, -np.inf, 0, -0.0, np.inf]
    y = np.random.default_rng(1).random((6, 2000)).astype(dtype) + 100
    k = (np.arange(6) % 3).astype(made.dtype_of(made.session.program.inputs["f"]["k"]))
    wanted = made.session.run("f", x=x, y=y, k=k)
    for found, value in zip(made.run(x, y, k), wanted.values(), strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-6 if dtype == "float32" else 1e-14)


SORTED_STEP = """
model f(x : [6]) -> [6] {
    param w : [6] = 1
    cumsum(sort(x * w)) + sort(w)
}
data d(x : [6], y : [6]) = random(64)
train on d {
    minimize sum((f(x) - y)^2)
    using sgd(lr = 1e-2), batch 8
}
"""


EVERY_SIGN = """
model f(x : [8], y : [8]) -> (whole : [8], left : [8], short : [8]) {
    (x // y, x % y, bfloat16(x * y) + tfloat32(x))
}
"""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_quotients_with_rest_and_short_numbers(tmp_path: Path, dtype: str) -> None:
    made = Emitted(EVERY_SIGN, "forward/f", tmp_path, dtype=dtype)
    x = np.array([7, -7, 7, -7, 1, 0.3, 1e30, np.inf], dtype)
    y = np.array([2, 2, -2, -2, 0, 0.1, 3, 2], dtype)
    more = np.random.default_rng(0).normal(size=(40, 2, 8)).astype(dtype)
    x, y = np.vstack([x[None], more[:, 0]]), np.vstack([y[None], more[:, 1]])
    wanted = made.session.run("f", x=x, y=y)
    for found, (name, value) in zip(made.run(x, y), wanted.items(), strict=True):
        np.testing.assert_array_equal(found, value, err_msg=name)


def test_their_gradients(tmp_path: Path) -> None:
    made = Emitted(SORTED_STEP, "step/train", tmp_path, batch=8)
    made.start()
    inputs = drawn(made, 8)
    for _ in range(4):
        found, wanted = made.step(*inputs.values()), made.session.step(**inputs)
        np.testing.assert_allclose(found, list(wanted.values()), rtol=1e-5)


NAMES = """
model f(
    clamp : [3], row : seq [3], order : class(3), philox : [3], f_scale : [3], constant_3 : [3],
) -> [3] {
    param scale : [3] = 0.5
    param run : [3] = 2
    param stage_0 : [3] = 3
    param message : [3] = 4
    t = tensor(1, 5, 2) * scale * run * stage_0 * message
    r = row |> scan(elman(3))
    sort(philox + t) + clamp * f_scale + constant_3 * last(r) + (order |> embedding(3, 3))
}
"""


def test_names_that_functions_of_the_file_have(tmp_path: Path) -> None:
    made = Emitted(NAMES, "forward/f", tmp_path)
    given = Sequences(made, 4)
    wanted = made.session.run("f", **given.of_session)
    (found,) = given.run().values()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
