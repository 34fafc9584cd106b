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
from gradc_compiler.select.share_room import packed, slots_of

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
PIECES = """
model f(x : [128]) -> [128] {
    param w : [128, 128] ~ normal(0, 0.1)
    z = tanh(w)
    exp(z @ z) @ x
}
"""


def made(monkeypatch: pytest.MonkeyPatch, smallest: int, text: str = SPEC) -> Program:
    """The program whose UNIFORM is shared out from so many words on."""
    monkeypatch.setattr(schedule, "MACHINE", replace(MACHINE, shared_uniform=smallest))
    program = compile_source(text)
    for name in program.entries:
        program.entries[name]
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


def test_carried_arrays_share_no_words_in_a_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = made(monkeypatch, MACHINE.shared_uniform).entries[ENTRY]
    found = [
        (array, range(min(used), max(used) + 1))
        for k, array in enumerate(entry.arrays, Space.ARRAY)
        if array.slot is not None and (used := uses(entry, k))
    ]
    shared = 0
    for (a, of_a), (b, of_b) in combinations(found, 2):
        if a.slot == b.slot and meet(a.within, a.type.size, b.within, b.type.size):
            assert not meet(of_a.start, len(of_a), of_b.start, len(of_b))
            shared += 1
    assert shared > 10


def meet(a: int, of_a: int, b: int, of_b: int) -> bool:
    """Whether two stretches, given by where they begin and how long they are, have a part alike."""
    return a < b + of_b and b < a + of_a


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 50)), max_size=30))
def test_what_is_packed_shares_no_words_at_a_time(drawn: list[tuple[int, int, int]]) -> None:
    spans = [(min(a, b), max(a, b)) for a, b, _ in drawn]
    found = packed((k, words, spans[k]) for k, (_, _, words) in enumerate(drawn))
    for j, k in combinations(range(len(drawn)), 2):
        together = spans[j][0] <= spans[k][1] and spans[k][0] <= spans[j][1]
        assert not (together and meet(found[j], drawn[j][2], found[k], drawn[k][2]))


@pytest.mark.parametrize("threads", [1, 3])
def test_no_bit_changes(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, shared = made(monkeypatch, 1 << 30), made(monkeypatch, 1)
    assert shared.entries[ENTRY].uniform_words < 0.7 * plain.entries[ENTRY].uniform_words
    assert run(plain, 1) == run(shared, threads)


@pytest.mark.parametrize("threads", [1, 3])
def test_what_runs_piece_by_piece_overwrites_nothing_that_its_next_piece_reads(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, shared = made(monkeypatch, 1 << 30, PIECES), made(monkeypatch, 1, PIECES)
    x = np.ones((4, 128), np.float32)
    wanted = gradc.Session(plain, threads=1, seed=1).run("f", x=x)
    found = gradc.Session(shared, threads=threads, seed=1).run("f", x=x)
    assert wanted.tobytes() == found.tobytes()
    items = [item for phase in shared.entries["forward/f"].phases for item in phase.instructions]
    assert any(item.follows for item in items)


def run(program: Program, threads: int) -> Any:
    """The losses of some steps, and a parameter after them."""
    rng = np.random.default_rng(0)
    session = gradc.Session(program, threads=threads, seed=1)
    given = {"image": rng.normal(size=(9, 8, 8, 3)).astype("f4"), "label": rng.integers(0, 5, 9)}
    losses = [session.step(**given)["loss"] for _ in range(4)]
    return losses, {name: value.tobytes() for name, value in session.parameters.items()}
