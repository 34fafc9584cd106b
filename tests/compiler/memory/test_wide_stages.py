"""Stages whose weights dominate take the whole batch in a block, the others a few examples."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from gradc_compiler.machine import cost_model
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.memory import wide_stages
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry
from gradc_compiler.program.program import Program
from gradc_runtime.cli.actions.tables import print_entry
from gradc_runtime.cpu.executable import Executable
from gradc_runtime.cpu.partition.segments import cut_of, without_segments
from gradc_runtime.session.session import Session
from tests.runtime.cpu.test_dispatch import joined, listed, recorded

SPEC = """
layer filters(count : size)(image : [h, w, c]) {
    param W : [count, 3, 3, c] ~ he_normal
    contract(y < h, x < w, f : image[y + i - 1, x + j - 1, k] * W[f, i, j, k]) |> batch_norm
}
model net(x : [8, 8, 3]) -> [3] {
    x |> filters(4) |> relu |> max_pool(2x2) |> filters(16) |> relu |> max_pool(2x2)
      |> filters(24) |> tanh |> flatten |> dense(3)
}
data batch(x : [8, 8, 3], y : class(3)) = npz("none.npz")
train on batch { minimize cross_entropy(net(x), y) using adam(lr = 1e-2) }
"""
FEW, MANY = 4, 16  # examples in a block
BATCHES = 20, 3, 20, 7, 33


def dominated(weights: int, moved: int, examples: int) -> bool:
    return weights > 1000


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a small network have both kinds of stages."""
    monkeypatch.setattr(wide_stages, "weights_dominate", dominated)


@cache
def compiled() -> Program:
    program = compile_source(SPEC)
    names = list(program.entries)
    entries = {n: replace(program.entries[n], block=FEW, wide_block=MANY) for n in names}
    return replace(program, entries=entries)


def step(program: Program) -> Entry:
    return program.entries["step/train"]


def batch(examples: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(examples)
    return {"x": rng.normal(size=(examples, 8, 8, 3)), "y": rng.integers(0, 3, examples)}


def trained(program: Program, target: str, dtype: str, **more: Any) -> Session:
    session = Session(program, target, dtype, **more)
    for examples in BATCHES:
        session.step(**batch(examples))
    return session


def test_a_network_has_stages_of_both_kinds() -> None:
    entry = step(compiled())
    wide = [phase.wide for phase in entry.phases if phase.examples]
    assert any(wide) and not all(wide)
    assert not any(phase.wide for phase in entry.phases if not phase.examples)
    cut = cut_of(entry, 33)
    assert cut.usual.block <= FEW < cut.wide.block <= MANY
    assert cut.usual.blocks > cut.wide.blocks
    assert entry.applied["wide-stages"] == sum(wide)


def test_the_schedule_says_so() -> None:
    lines = print_entry(step(compiled())).splitlines()
    assert "blocks of 4 examples, in wide stages of 16, in at most 8 chunks" in lines
    assert any(line.endswith(": for every wide block of examples") for line in lines)


def test_it_trains_as_the_reference_does() -> None:
    found = trained(compiled(), "cpu", "float64").parameters
    wanted = trained(compiled(), "reference", "float64").parameters
    for name, value in found.items():
        np.testing.assert_allclose(value, wanted[name], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_do_not_change_a_bit(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_model, "MACHINE", replace(MACHINE, worth_splitting_ns=0))
    found = [trained(compiled(), "cpu", dtype, threads=n).memory.words for n in (1, 2, 3, 7)]
    assert all(np.array_equal(found[0], other) for other in found[1:])


def test_the_loop_runs_what_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_model, "MACHINE", replace(MACHINE, worth_splitting_ns=0))
    for threads in (1, 2, 3):
        expected = joined(listed(step(compiled()), 33, FEW, threads))
        assert joined(recorded(step(compiled()), 33, FEW, threads)) == expected


def test_zeros_around_images_stay_when_blocks_change_their_size() -> None:
    """Gradients of a batch are those of a session of its own, to the bit."""
    mixed = Session(compiled(), "cpu", "float64")
    for examples in BATCHES:
        _, found = mixed.gradients(**batch(examples))
        _, alone = Session(compiled(), "cpu", "float64").gradients(**batch(examples))
        assert all(np.array_equal(value, alone[name]) for name, value in found.items())


def test_all_stages_alike_give_the_same_but_for_rounding() -> None:
    entry = step(compiled())
    alike = without_segments(entry)
    assert not any(phase.wide for phase in alike.phases)
    session = Session(compiled(), "cpu", "float64")
    start, found = session.memory.words.copy(), []
    for one in (entry, alike):
        words = start.copy()
        runner = Executable(one, words, np.float64, block=FEW)
        inputs = session.checked("step/train", batch(20), session.fields)
        runner.run(inputs)
        found.append(words)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9, atol=1e-12)


def test_no_stage_is_wide_where_all_would_be_or_it_is_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    off = compile_source(SPEC, without=["wide-stages"])
    assert not any(phase.wide for phase in step(off).phases)
    monkeypatch.setattr(wide_stages, "weights_dominate", lambda *of: True)
    assert not any(phase.wide for phase in step(compile_source(SPEC)).phases)
