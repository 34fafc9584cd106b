"""Buffers that take turns are never needed at once, and no number changes by it."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradc
from gradc_compiler import schedule
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Entry, Space
from gradc_compiler.program.program import Program
from gradc_compiler.select.share_room import slots_of

SPEC = """
layer filters(count : size)(image : [h, w, c]) {
    param W : [count, 3, 3, c] ~ he_normal
    contract(y < h, x < w, f : image[y + i - 1, x + j - 1, m] * W[f, i, j, m]) |> batch_norm
}
model net(image : [8, 8, 3]) -> [5] {
    image |> filters(16) |> relu |> filters(16) |> relu |> filters(16) |> relu
    |> mean(axis = (0, 1)) |> dense(64) |> tanh |> dense(64) |> tanh |> dense(5)
}
data images(image : [8, 8, 3], label : class(5)) = npz("none.npz")
train on images { minimize cross_entropy(net(image), label) using adam(lr = 1e-2), clip(norm = 1) }
"""
ENTRY = "step/train"


def made(monkeypatch: pytest.MonkeyPatch, smallest: int) -> Program:
    """The program whose UNIFORM is shared out from so many words on."""
    monkeypatch.setattr(schedule, "MACHINE", replace(MACHINE, shared_uniform=smallest))
    program = compile_source(SPEC)
    program.entries[ENTRY]
    return program


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 50)), max_size=30))
def test_nothing_is_in_a_slot_with_what_is_needed_at_the_same_time(
    drawn: list[tuple[int, int, int]],
) -> None:
    spans = [(min(a, b), max(a, b)) for a, b, _ in drawn]
    wanted = [(k, k % 2, words, spans[k]) for k, (_, _, words) in enumerate(drawn)]
    slots, found = slots_of(wanted)
    for j, k in combinations(range(len(drawn)), 2):
        meet = spans[j][0] <= spans[k][1] and spans[k][0] <= spans[j][1]
        assert found[j] != found[k] or (not meet and j % 2 == k % 2)
    assert all(slots[slot].words >= drawn[k][2] for k, slot in enumerate(found))


def uses(entry: Entry, space: int) -> list[int]:
    """The phases in which a space is used."""
    return [
        n
        for n, phase in enumerate(entry.phases)
        for item in phase.instructions
        for operand in item.operands
        if operand.space == space
    ]


def test_carried_arrays_of_a_slot_have_phases_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = made(monkeypatch, MACHINE.shared_uniform).entries[ENTRY]
    slots: dict[int, list[set[int]]] = {}
    for k, array in enumerate(entry.arrays, Space.ARRAY):
        if array.slot is not None:
            found = uses(entry, k)
            slots.setdefault(array.slot, []).append({*range(min(found), max(found) + 1)})
    assert any(len(phases) > 1 for phases in slots.values())
    for phases in slots.values():
        assert all(not a & b for a, b in combinations(phases, 2))


@pytest.mark.parametrize("threads", [1, 3])
def test_no_bit_changes(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, shared = made(monkeypatch, 1 << 30), made(monkeypatch, 1)
    assert shared.entries[ENTRY].uniform_words < 0.7 * plain.entries[ENTRY].uniform_words
    assert run(plain, 1) == run(shared, threads)


def run(program: Program, threads: int) -> Any:
    """The losses of some steps, and a parameter after them."""
    rng = np.random.default_rng(0)
    session = gradc.Session(program, threads=threads, seed=1)
    given = {"image": rng.normal(size=(9, 8, 8, 3)).astype("f4"), "label": rng.integers(0, 5, 9)}
    losses = [session.step(**given)["loss"] for _ in range(4)]
    return losses, {name: value.tobytes() for name, value in session.parameters.items()}
