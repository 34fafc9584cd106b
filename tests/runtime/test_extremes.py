"""NaN, infinities and lengths that leave the range of numbers: alike on every target."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import OPTIONAL, compile_source
from gradc_runtime.session.session import Session

NAN, INF = np.nan, np.inf
SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
TARGETS = [("cuda", 1)] if SIMULATED else [("reference", 1), ("cpu", 1), ("cpu", 2)]
WIDTHS = ("float32", "float64")
EVERYWHERE = [(target, threads, dtype) for target, threads in TARGETS for dtype in WIDTHS]
NAMES = ["-".join(map(str, where)) for where in EVERYWHERE]
LEVELS = ("sse2", "avx2") if not SIMULATED else ()

THROUGH = """
model f(x : [2, 2, 1]) -> (
    relu : scalar, pool : scalar, padded : scalar, clip : scalar, greatest : scalar,
    least : scalar, length : scalar, rest : [2, 2, 1],
) {
    (
        sum(x |> relu), sum(x |> max_pool(2x2)), sum(x |> max_pool(2x2, pad = 1)),
        sum(minimum(maximum(x, -1), 1)), max(x), min(x), norm(x), (0.5 % (x > 2)) |> softmax,
    )
}
"""
TIME = "model f(xs : seq scalar) -> scalar { time_max(xs) }"
ZEROS = """
model f(x : [2, 2, 1]) -> (a : scalar, b : [2], c : scalar, d : scalar, e : scalar) {
    (
        max(x), max(x, axis = (1, 2)), -min(-x), reshape(x |> max_pool(2x2), []),
        reshape(time_max(rows(reshape(x, [4, 1]))), []),
    )
}
"""
LABELS = "model f(x : [5]) -> class(5) { argmax(x) }"
WINDOWS = "model f(x : [33, 35, 3]) -> [16, 17, 3] { x |> max_pool(3x3, stride = 2) }"
SLOPES = """
model f(x : [4]) -> (greatest : [4], least : [4], relu : [4], clip : [4], second : [4]) {
    (
        grad(max(x), x), grad(min(x), x), grad(sum(x |> relu), x),
        grad(sum(minimum(maximum(x, -1), 1)), x), grad(sum(maximum(0, x)), x),
    )
}
"""
LOGS = """
model f(c : [2]) -> (y : scalar, slope : [2], by_z : [2]) {
    z = log(c)
    y = logsumexp(z)
    (y, grad(logsumexp(c), c), grad(y, z))
}
"""
LENGTH = "model f(x : [n]) -> (length : scalar, slope : [n]) { (norm(x), grad(norm(x), x)) }"
PRODUCT = "model f(x : [2]) -> [2] { grad(1e-2 * norm(x), x) }"
CURVED = "model f(x : [3], v : [3]) -> [3] { grad(sum(grad(norm(x), x) * v), x) }"
STEP = """
model f(x : [2]) -> scalar {
    param w : [2] = 0
    max(x + w) + norm(x + w) + logsumexp(x * w) + sum(relu(x + w))
}
data d(x : [2], y : class(2)) = npz("d.npz")
train on d {
    minimize f(x)
    report accuracy(x, y)
    using sgd(lr = 0.1)
    batch 4
}
"""


def run(text: str, where: tuple[str, int, str], without: tuple[str, ...] = (), **given: Any) -> Any:
    target, threads, dtype = where
    session = Session(compile_source(text, without=without), target, dtype, threads)
    return session.run("f", **{key: np.array(x, dtype) for key, x in given.items()})


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
def test_0_is_above_minus_0(where: tuple[str, int, str]) -> None:
    signs = np.float64([[1, -1, 1, -1], [-1, 1, -1, -1], [-1, -1, -1, -1], [-1, -1, -1, 1]])
    found = run(ZEROS, where, x=(0.0 * signs).reshape(4, 2, 2, 1))
    minus = [False, False, True, False]
    for key in "acde":
        np.testing.assert_array_equal(np.signbit(found[key]), minus, err_msg=key)
    pairs = [[False, False], [False, True], [True, True], [True, False]]
    np.testing.assert_array_equal(np.signbit(found["b"]), pairs)


def images() -> np.ndarray:
    """NaN in each place alone, and everywhere."""
    x = np.tile(np.float64([1, -2, 3, 0.5]), (5, 1))
    x[range(4), range(4)], x[4] = NAN, NAN
    return x.reshape(5, 2, 2, 1)


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
@pytest.mark.parametrize("without", [(), tuple(OPTIONAL)], ids=["all", "none"])
def test_nan_comes_through(where: tuple[str, int, str], without: tuple[str, ...]) -> None:
    found = run(THROUGH, where, without, x=images())
    rest = found.pop("rest")
    for name, array in found.items():
        assert np.isnan(array).all(), name
    np.testing.assert_array_equal(rest, np.where(images() > 2, 1, NAN))


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
def test_nan_comes_through_windows(where: tuple[str, int, str]) -> None:
    x = np.random.default_rng(5).normal(size=(3, 33, 35, 3))
    x[np.random.default_rng(6).random(x.shape) < 0.05] = NAN
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))[:, ::2, ::2]
    wanted = windows.max(axis=(-2, -1)).astype(where[2])
    np.testing.assert_array_equal(run(WINDOWS, where, x=x), wanted)


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
def test_nan_comes_through_time(where: tuple[str, int, str]) -> None:
    xs = [np.array(x, where[2]) for x in ([1, NAN, 2], [NAN], [1, 2, NAN, -1, 0], [-3, -INF])]
    target, threads, dtype = where
    found = Session(compile_source(TIME), target, dtype, threads).run("f", xs=xs)
    np.testing.assert_array_equal(found, [NAN, NAN, NAN, -3])


PLACES = [
    [0, NAN, 1, NAN, 2], [NAN] * 5, [1, 2, 3, 4, NAN], [NAN, 2, INF, 4, 5], [-INF] * 5,
    [-INF, 1, INF, INF, 0], [3, 3, 3, 3, 3], [-0.0, 0.0, -1, 0, -2],
]  # fmt: skip


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
def test_the_greatest_place_is_the_first_nan(where: tuple[str, int, str]) -> None:
    found = run(LABELS, where, x=PLACES)
    np.testing.assert_array_equal(np.ravel(found), np.argmax(np.array(PLACES), axis=1))


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
def test_slopes_at_nan(where: tuple[str, int, str]) -> None:
    found = run(SLOPES, where, x=[[0, NAN, 2, NAN], [NAN] * 4, [-2, 1.5, 1.5, 0.5]])
    half, shared = [0, 0.5, 0.5, 0], [0.25] * 4
    np.testing.assert_array_equal(found["greatest"], [shared, shared, half])
    np.testing.assert_array_equal(found["least"], [shared, shared, [1, 0, 0, 0]])
    np.testing.assert_array_equal(found["relu"], [[0, 0, 1, 0], [0] * 4, [0, 1, 1, 1]])
    np.testing.assert_array_equal(found["second"], [[1, 0, 1, 0], [0] * 4, [0, 1, 1, 1]])
    np.testing.assert_array_equal(found["clip"], [[1, 0, 0, 0], [0] * 4, [0, 0, 0, 1]])


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
def test_logsumexp_of_nothing(where: tuple[str, int, str]) -> None:
    found = run(LOGS, where, c=[[0, 0], [0, 3], [1e30, 1e30], [1, 3], [NAN, 1], [INF, 1]])
    wanted = [-INF, np.log(3), np.log(2e30), np.log(4), NAN, INF]
    np.testing.assert_allclose(found["y"], wanted, rtol=1e-6)
    right = [[0, 0], [0, 1], [0.5, 0.5], [0.25, 0.75]]
    np.testing.assert_allclose(found["by_z"][:4], right, rtol=1e-6)
    e = np.exp([1, 3]) / np.exp([1, 3]).sum()
    np.testing.assert_allclose(found["slope"][[0, 3]], [[0.5, 0.5], e], rtol=1e-6)


SCALES = {
    "float32": (1e-37, 1e-30, 1e-25, 1e-20, 1e-10, 1e-9, 1, 1e9, 2e9, 1e20, 1e30, 5e37),
    "float64": (1e-307, 1e-200, 1e-25, 1e-9, 1, 1e9, 1e20, 1e200, 2e307),
}


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
@pytest.mark.parametrize("size", [1, 37])
def test_lengths_neither_overflow_nor_vanish(where: tuple[str, int, str], size: int) -> None:
    scales = np.array(SCALES[where[2]])
    direction = np.resize([3.0, 4.0], size) / np.sqrt(size / 2)
    found = run(LENGTH.replace("n]", f"{size}]"), where, x=scales[:, None] * direction)
    length = np.linalg.norm(direction)
    bound = 1e-6 if where[2] == "float32" else 1e-14
    np.testing.assert_allclose(found["length"], scales * length, rtol=bound)
    slopes = np.tile(direction / length, (len(scales), 1))
    np.testing.assert_allclose(found["slope"], slopes, rtol=bound)


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
def test_lengths_at_the_ends(where: tuple[str, int, str]) -> None:
    most, least = float(np.finfo(where[2]).max) / 2, float(np.finfo(where[2]).tiny)
    found = run(LENGTH.replace("n]", "2]"), where, x=[[0, 0], [INF, 1], [NAN, 1], [most, least]])
    np.testing.assert_array_equal(found["length"], np.array([0, INF, NAN, most], where[2]))
    np.testing.assert_array_equal(found["slope"][0], [0, 0])
    np.testing.assert_allclose(found["slope"][3], [1, 0], atol=1e-6)


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
def test_slopes_of_lengths_do_not_vanish(where: tuple[str, int, str]) -> None:
    scales = np.array(SCALES[where[2]])[:, None]
    found = run(PRODUCT, where, x=scales * [3, 4])
    np.testing.assert_allclose(found, np.tile([6e-3, 8e-3], (len(scales), 1)), rtol=1e-6)


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
def test_second_slopes_of_lengths(where: tuple[str, int, str]) -> None:
    x, v = np.array([[1.0, 2, 2], [1e12, 2e12, 2e12]]), np.array([0.5, 0.25, -1.0])
    r = np.linalg.norm(x, axis=1, keepdims=True)
    unit = x / r
    wanted = (v - unit * (unit @ v)[:, None]) / r
    found = run(CURVED, where, x=x, v=np.tile(v, (2, 1)))
    np.testing.assert_allclose(found, wanted, rtol=2e-5)


@pytest.mark.parametrize("where", EVERYWHERE, ids=NAMES)
def test_a_step_meets_nan_as_the_reference_does(where: tuple[str, int, str]) -> None:
    x = np.array([[1, 2], [NAN, 1], [2, NAN], [3, 1.0]])
    for rows in (x, x[[0, 3]]):
        given = {"x": rows.astype(where[2]), "y": np.array([1, 0, 1, 0][: len(rows)])}
        steps = []
        for place in (where, ("reference", 1, where[2])):
            session = Session(compile_source(STEP), place[0], place[2], place[1])
            steps.append((session.step(**given), session.parameters["f.w"].copy()))
        (found, w), (wanted, right) = steps
        assert found == pytest.approx(wanted, rel=1e-5, nan_ok=True)
        np.testing.assert_allclose(w, right, rtol=1e-5)


@pytest.mark.parametrize("level", LEVELS)
def test_nan_comes_through_on_lesser_processors(level: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(
        [*command, "-k", "(through or greatest) and cpu-1-float32 and not none"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
        env=os.environ | {"GRADC_LEVEL": level},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
