"""Where much would be kept for the derivative, or nothing is to be, values are computed again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import gradc
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.program import Program
from gradc_compiler.rewrites import remat

SPEC = """
layer filters(count : size)(image : [h, w, c]) {
    param W : [count, 3, 3, c] ~ he_normal
    contract(y < h, x < w, f : image[y + i - 1, x + j - 1, m] * W[f, i, j, m]) |> batch_norm
}
model net(image : [12, 12, 3]) -> [5] {
    image |> repeat(4, filters(16) |> relu) |> mean(axis = (0, 1)) |> dense(5)
}
data images(image : [12, 12, 3], label : class(5)) = npz("none.npz")
train on images { minimize cross_entropy(net(image), label) using adam(lr = 1e-2) }
"""


def carried(entry: Entry) -> int:
    """Words of an example that stages carry to later ones, counting once what takes turns."""
    slots: dict[int | None, int] = {}
    for array in entry.arrays:
        slots[array.slot] = max(slots.get(array.slot, 0), array.within + array.type.size)
    return sum(slots.values())


def losses(program: Program, target: str = "cpu", threads: int = 1) -> list[float]:
    rng = np.random.default_rng(0)
    session = gradc.Session(program, target=target, threads=threads, seed=1)
    given = {"image": rng.normal(size=(6, 12, 12, 3)).astype("f4"), "label": rng.integers(0, 5, 6)}
    return [float(session.step(**given)["loss"]) for _ in range(4)]


def test_less_is_carried_and_the_numbers_are_the_same() -> None:
    kept, made = compile_source(SPEC), compile_source(SPEC, without=("keep",))
    assert carried(made.entries["step/train"]) < 0.75 * carried(kept.entries["step/train"])
    assert made.entries["step/train"].recomputed and not kept.entries["step/train"].recomputed
    exact = losses(kept, "reference")
    np.testing.assert_allclose(losses(kept), exact, rtol=1e-4)
    np.testing.assert_allclose(losses(made), exact, rtol=1e-4)
    assert losses(made) == losses(made, threads=3)


def test_it_is_so_by_itself_where_much_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remat, "MACHINE", replace(MACHINE, kept_words=100))
    assert compile_source(SPEC).entries["step/train"].recomputed
