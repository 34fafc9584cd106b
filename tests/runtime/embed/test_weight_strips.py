"""What products read of weights lies in strips before a built model is called, and no bit changes.

A product that is called with such strips does not copy them: their vectors follow one another.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_compiler.program.entry import Space
from gradc_compiler.program.kernel_abi import B_K2, COLUMNS, product_of
from gradc_runtime.cpu.gemm.weight_strips import STRIP
from gradc_runtime.embed.frozen import FrozenModel, frozen
from gradc_runtime.embed.interface import CInterface
from tests.runtime.embed.building import NEEDS_CC, Built, built
from tests.runtime.embed.test_weights_loaded import Loaded, other

pytestmark = NEEDS_CC
DIGITS = "model net(x : [12, 12, 4]) -> [5]"
NETS = {
    "taps": DIGITS + " { x |> conv(64, 3x3, stride = 2) |> relu |> flatten |> dense(5) }",
    "winograd": DIGITS + " { x |> conv(64, 1x1) |> conv(64, 3x3) |> relu |> flatten |> dense(5) }",
    "as they are": """
model net(x : [20, 6]) -> [20, 96] {
    param V : [6, 64] ~ normal(0, 1)
    param W : [64, 96] ~ normal(0, 1)
    tanh(x @ V) @ W
}
""",
    "read twice": """
model net(x : [20, 64]) -> [20, 64] {
    param W : [64, 64] ~ normal(0, 1)
    tanh(tanh(x @ W) @ W) + W[0]
}
""",
}


def products(model: FrozenModel) -> list[Any]:
    """The geometries of products of rows with columns of values that no example changes."""
    kernels = model.entry.kernels
    return [
        item.geometry
        for item in model.entry.phases[-1].instructions
        if product_of(kernels[item.kernel].name) == "contract_rows"
        and item.operands[1].space in (Space.PERSISTENT, Space.UNIFORM)
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NETS)
def test_bits_of_a_session(tmp_path: Path, name: str, dtype: str) -> None:
    made = built(NETS[name], tmp_path, dtype=dtype)
    read = products(made.interface.model)
    assert read and all((one[COLUMNS], one[B_K2]) == (STRIP, STRIP) for one in read[-1:])
    loaded, session = Loaded(made), other(made, 9, tmp_path / "w")
    assert loaded.load(tmp_path / "w") == ("all is well", None)
    shape = made.interface.model.arrays("input")[0].type.shape
    for count in (1, 2, 8, 40):
        x = np.random.default_rng(count).standard_normal((count, *shape)).astype(dtype)
        np.testing.assert_array_equal(made.run(x)[0], run(made, x))
        np.testing.assert_array_equal(loaded.run([], x), session.run("net", x=x))


def run(made: Built, x: np.ndarray) -> Any:
    """What the session gives that the library was built from."""
    return made.session.run("net", x=x)


MEAN = "model net(x : [12, 12, 64]) -> [64] { x |> conv(64, 3x3) |> mean(axis = (0, 1)) }"


def test_headers_of_other_structs_are_told_apart() -> None:
    """What is made of weights has a size of its own, which the caller's struct must have too."""
    models = []
    for without in ([], ["winograd"]):
        program = gradc.compile_source(MEAN, without=without)
        models.append(frozen(gradc.Session(program, threads=1), "net"))
    places = [[(one.name, one.offset) for one in model.persistents] for model in models]
    assert places[0] == places[1]
    assert models[0].entry.uniform_words != models[1].entry.uniform_words
    first, second = (CInterface(model).fingerprint for model in models)
    assert first != second
