"""Inexact rewrites are one group: off in float64 and by request, within their bound where on."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.rewrites.table import INEXACT
from gradc_runtime.session.session import Session

SIZE, CHANNELS = 24, 16
NO_NEGATIVE = """
model f(x : [24, 24, 16]) -> [24, 24, 16] { x |> conv(16, 3x3) }
model roots(x : [24, 24, 16]) -> scalar { sum(sqrt(f(x))) }
model few(x : [24, 24, 16]) -> [24, 24, 3] { x |> conv(3, 3x3) }
model strided(x : [24, 24, 16]) -> [12, 12, 8] { x |> conv(8, 3x3, stride = 2) }
model back(x : [24, 24, 16]) -> [24, 24, 16] { grad(sum(f(x)^2), x) }
"""
TRAIN = """
data images(x : [24, 24, 16]) = npz("none.npz")
train on images {{ minimize sum(f(x)) using sgd(lr = 0.1){0} }}
"""
HUGE = (1.0, 1e4, 1e6, np.inf, np.nan)
REACH = 6  # the greatest entry of |A'| |G| |B'| (see the language's reference)


def positive(session: Session) -> Session:
    """A session without negative weights."""
    for view in session.parameters.values():
        view[...] = np.abs(view)
    return session


def image(c: float) -> np.ndarray:
    """One pixel at (10, 10), in three examples; all else is 0."""
    x = np.zeros((3, SIZE, SIZE, CHANNELS))
    x[:, 10, 10] = c
    return x


def outside(y: np.ndarray) -> np.ndarray:
    """What a pixel at (10, 10) cannot reach."""
    mask = np.ones((SIZE, SIZE), bool)
    mask[9:12, 9:12] = False
    return y[:, mask]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("exact", ["exact", "float64", "setting", "reference"])
def test_no_output_reaches_outside_its_window(exact: str, threads: int) -> None:
    text = NO_NEGATIVE + TRAIN.format(", exact true" if exact == "setting" else "")
    program = compile_source(text, exact=exact == "exact")
    target = "reference" if exact == "reference" else "cpu"
    width = "float64" if exact == "float64" else "float32"
    session = positive(Session(program, target, width, threads))
    for c in HUGE:
        x = image(c)
        for model in ("f", "few"):
            y = session.run(model, x=x)
            assert not outside(y).any()
            assert np.isnan(c) or not (y < 0).any()
        strided = session.run("strided", x=x)
        assert np.count_nonzero(strided.any(axis=(0, 3))) <= 4
        assert np.isnan(session.run("roots", x=x)).any() == np.isnan(c)
        far = np.ones((SIZE, SIZE), bool)
        far[8:13, 8:13] = False
        assert not session.run("back", x=x)[:, far].any()


def test_without_it_they_stay_within_the_bound_of_the_reference_page() -> None:
    program = compile_source(NO_NEGATIVE)
    assert program.entries["forward/f"].applied["winograd"] == 1
    session = positive(Session(program, threads=2))
    weights = session.parameters["f.conv1.W"].astype(float)  # [f, i, j, c]
    n = prod(weights.shape[2:])
    for c in HUGE[:3]:
        bound = REACH * (n + 16) * 2.0**-24 * weights.sum(axis=(1, 2, 3)) * c
        found = np.abs(outside(session.run("f", x=image(c))))
        assert (found <= bound).all() and found.max() > 0


def test_float64_takes_the_exact_entries_and_shares_those_that_are_exact_anyway() -> None:
    program = compile_source(NO_NEGATIVE + "model g(x : [7]) -> [3] { x |> dense(3) }")
    wide, narrow = (Session(program, dtype=d).program for d in ("float64", "float32"))
    assert narrow is program and wide is program.exact
    assert not set(INEXACT) & wide.entries["forward/f"].applied.keys()
    assert wide.entries["forward/g"] is program.entries["forward/g"]
    assert compile_source(NO_NEGATIVE, exact=True).exact is None
