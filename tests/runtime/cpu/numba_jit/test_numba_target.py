"""The target `numba`: every spec, with every kernel compiled by Numba, gives the CPU's numbers."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

import gradc
from gradc_compiler.diagnostics.source import Source
from gradc_compiler.pipeline import Compilation, compilation
from gradc_runtime.certificates.distances import difference
from gradc_runtime.cli.actions.moves import moves
from gradc_runtime.cli.actions.trial import Trial
from gradc_runtime.cli.actions.verify import values_and_updates
from gradc_runtime.cpu.numba_jit.numba_functions import known
from gradc_runtime.session.session import Session

SPECS = Path(__file__).parents[4] / "specs"
FEW = ["house"]
SAME = {"house", "deep_chain"}  # elementwise but for sums of few terms: equal to the last bit
BOUND = 2e-4  # of `verify`, in float32
PARTS = [*FEW, *(
    pytest.param(path.stem, marks=pytest.mark.wide)
    for path in sorted(SPECS.glob("*.nn")) if path.stem not in FEW
)]  # fmt: skip
FIT = """
model line(x : [5]) -> [3] { x |> dense(3) }
data d(x : [5], y : [3]) = npz("d.npz")
train on d { minimize sum((line(x) - y)^2) using sgd(lr = 1e-2) }
"""


@cache
def compiled(name: str) -> Compilation:
    path = SPECS / f"{name}.nn"
    return compilation(Source(str(path), path.read_text()), SPECS, {})


def trial_of(name: str, dtype: str) -> Trial:
    program = compiled(name).program
    memory = Session(program, "reference", dtype, 1, seed=3).memory
    start = {name: view.copy() for name, view in memory.views.items()}
    return Trial(program=program, start=start, examples=5, seed=1, dtype=dtype, threads=2)


def agree(name: str, dtype: str, bound: float) -> None:
    """Values, and updates as far as their gradients let them be apart."""
    trial = trial_of(name, dtype)
    cpu, numba = (replace(trial, target=target).results() for target in ("cpu", "numba"))
    if name in SAME:
        bound = 0.0
    steps = partial(moves, compiled(name), replace(trial, target="cpu"))
    for check in values_and_updates(steps, "numba", "cpu", numba, cpu, bound):
        assert check.holds, f"{check.what}: {check.difference} at {check.worst}"


@pytest.mark.parametrize("name", PARTS)
def test_numba_gives_what_the_cpu_gives(name: str) -> None:
    agree(name, "float32", BOUND)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.wide)])
def test_numba_has_vectors_for_the_kernel_of_a_whole_step(dtype: str) -> None:
    """Of a small batch, whose examples lie side by side."""
    agree("curve", dtype, BOUND if dtype == "float32" else 1e-11)


@pytest.mark.wide
def test_in_float64_it_is_the_reference() -> None:
    trial = replace(trial_of("row_digits", "float64"), examples=3)
    one, two = (replace(trial, target="numba", threads=n).results() for n in (1, 2))
    reference = replace(trial, target="reference").results()
    assert difference(one, reference, exactly=False)[0] <= 1e-9
    assert difference(two, one, exactly=True)[0] == 0


def test_what_numba_made_is_kept_and_loaded_without_it(tmp_path: Path) -> None:
    (tmp_path / "line.nn").write_text(FIT)
    script = (
        "import sys, numpy as np, gradc\n"
        f"program = gradc.compile_file({str(tmp_path / 'line.nn')!r})\n"
        "session = gradc.Session(program, target='numba', threads=2)\n"
        "out = session.run('line', x=np.ones((4, 5)))\n"
        "print(out.shape, 'numba' in sys.modules)\n"
    )
    env = {**os.environ, "GRADC_CACHE": str(tmp_path / "cache")}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=True
        )
    assert done.stdout.strip() == "(4, 3) False"


CLASSES = """
model net(x : [5]) -> [3] { x |> dense(7) |> tanh |> dense(3) }
data d(x : [5], label : class(3)) = npz("d.npz")
train on d { minimize cross_entropy(net(x), label) using adam(lr = 1e-2) }
"""


def test_a_small_batch_with_exponentials_steps_as_on_the_cpu() -> None:
    """Conversions of numbers are those of vectors too."""
    program, draw = gradc.compile_source(CLASSES), np.random.default_rng(0)
    batch = {"x": draw.normal(size=(19, 5)), "label": draw.integers(0, 3, 19)}
    losses = []
    for target in ("cpu", "numba"):
        session = gradc.Session(program, target=target, threads=1, seed=3)
        losses.append([session.step(**batch)["loss"] for _ in range(3)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


SUMS = """
model total(x : seq [2]) -> scalar { x |> scan(elman(3)) |> last |> dense(1) |> as(scalar) }
data sums(x : seq [2], y : scalar) = npz("d.npz")
train on sums { minimize (total(x) - y)^2 using sgd(lr = 1e-2), clip(norm = 1) }
"""


@pytest.mark.wide
def test_a_recurrence_of_several_lengths_steps_as_on_the_cpu() -> None:
    program, draw = gradc.compile_source(SUMS), np.random.default_rng(0)
    rows = [draw.normal(size=(length, 2)) for length in (3, 1, 7, 2, 5)]
    batch = {"x": gradc.Ragged.of(rows, (2,)), "y": draw.normal(size=5)}
    losses = []
    for target in ("cpu", "numba"):
        session = gradc.Session(program, target=target, threads=1, seed=3)
        losses.append([session.step(**batch)["loss"] for _ in range(3)])
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-6)


def test_it_trains_as_the_cpu_does() -> None:
    program = gradc.compile_source(FIT)
    draw = np.random.default_rng(0)
    data = {"x": draw.normal(size=(64, 5)), "y": draw.normal(size=(64, 3))}
    found = []
    for target in ("cpu", "numba"):
        session = gradc.Session(program, target=target, threads=1, seed=4)
        session.train(data, epochs=3, batch=8)
        found.append(dict(session.parameters.items()))
    for name, value in found[0].items():
        np.testing.assert_allclose(found[1][name], value, rtol=2e-6, atol=1e-7)


def test_numbers_that_are_equal_are_not_taken_for_each_other() -> None:
    """1 was found in the place of np.float32(1), if it was met first."""
    for one in (1, 1.0, np.float32(1), True, -0.0, 0.0):
        found = known(one)
        assert type(found) is type(one) and str(found) == str(one)
