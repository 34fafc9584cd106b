"""Specs of sequences: the four shapes of figure D.10, the adding problem, models of characters."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.graph.loop_order import loop_of
from gradc_compiler.ops.leaf import PersistentOp
from gradc_compiler.pipeline import Compilation, compilation
from gradc_compiler.syntax.parse.read_file import read_source
from gradc_runtime.cli.actions.check import untrained
from gradc_runtime.session.session import Session

SPECS = Path(__file__).parents[2] / "specs"
PRELUDE = Path(__file__).parents[2] / "compiler" / "prelude"
PARAMETERS = {  # of each spec, counted by hand from its layers
    "row_digits": 4 * 64 * (64 + 28 + 1) + 650,
    "tagging": 3 * 48 * (48 + 28 + 1) + 3 * 48 * (48 + 48 + 1) + 490,
    "caption": 160 + 4 * 96 * (96 + 20 + 1) + 97 * 28 + 785 * 96 + 2 * 107 * 4,
    "adding": 4 * 32 * (32 + 2 + 1) + 33,
    "memory": 2 * (32 * (32 + 2 + 1) + 33) + 4 * 32 * (32 + 2 + 1) + 33,
    "characters": 96 * 64 + 3 * 192 * (192 + 64 + 1) + 193 * 96,
    "transformer": 96 * 64 + 64 * 64 + 2 * (4 * 64 * 64 + 256 + 2 * 64 * 256 + 320) + 128 + 6_240,
    "translate": 2 * (9 * 16 + 3 * 64 * (64 + 16 + 1)) + 65 * 9,
}
EXAMPLES = 5


@cache
def made(name: str) -> Compilation:
    return compilation(read_source(SPECS / f"{name}.nn"), SPECS, {}, ())


def session_of(name: str, target: str = "cpu", **settings: Any) -> Session:
    return Session(made(name).program, target, seed=1, **settings)


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_spec_fits_a_page_and_trains_all_it_has(name: str) -> None:
    assert len((SPECS / f"{name}.nn").read_text().splitlines()) <= 40
    sizes = [s.type.size for s in made(name).module.parameters if s.role == "parameter"]
    assert sum(sizes) == PARAMETERS[name]
    assert untrained(made(name)) == []


@pytest.mark.parametrize("name", PARAMETERS)
def test_gradients_on_the_cpu_are_those_of_the_reference(name: str) -> None:
    native, oracle = (session_of(name, t, dtype="float64", threads=1) for t in ("cpu", "reference"))
    batch = native.dataset().take(slice(EXAMPLES))
    loss, found = native.gradients(**batch)
    wanted_loss, wanted = oracle.gradients(**batch)
    assert loss == pytest.approx(wanted_loss, rel=1e-11)
    largest = max(np.abs(g).max() for g in wanted.values())
    for key, g in wanted.items():
        np.testing.assert_allclose(found[key], g, rtol=1e-9, atol=1e-12 * largest)


def test_a_digit_is_read_row_by_row() -> None:
    session = session_of("row_digits")
    session.train(epochs=6)
    arrays = session.dataset().arrays
    found = session.run("digit", rows=arrays["rows"]).argmax(axis=1)
    assert np.mean(found == arrays["label"]) > 0.9


def test_what_is_translated_alone_is_the_reverse() -> None:
    session = session_of("translate")
    session.train(epochs=6)
    strings = [np.array([1, 2, 3]), np.array([5, 8, 8, 4])]
    for given, said in zip(strings, session.run("translate", xs=strings), strict=True):
        assert list(said[: len(given) + 1]) == [*given[::-1], 0]


def test_characters_are_drawn_anew_by_every_seed() -> None:
    one, again, other = (
        Session(made("characters").program, "cpu", seed=seed).run("write", temperature=np.ones(1))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other) and len(np.unique(one)) > 10


@pytest.mark.parametrize("known", [1, 37, 63])
def test_attention_sees_nothing_that_comes_later(known: int) -> None:
    session = session_of("transformer", dtype="float64")
    one, other = session.dataset().take(slice(2))["xs"].padded()
    text = np.concatenate([one[:known], (one[known:] + 1 + other[known:] % 95) % 96])
    scores = session.run("next", xs=np.stack([one, text]))
    np.testing.assert_array_equal(scores[0][:known], scores[1][:known])
    assert np.all(scores[0][known:] != scores[1][known:])


def test_a_cell_of_ones_own_is_the_same_graph_as_that_of_the_prelude() -> None:
    """So it is exactly as fast: what does not depend on the state is outside the loop."""
    text = (SPECS / "row_digits.nn").read_text()
    own = (PRELUDE / "cells.nn").read_text().replace("cell lstm(", "cell mine(")
    mine = compilation(Source("mine.nn", own + text.replace("lstm(", "mine(")), SPECS, {}, ())
    theirs = made("row_digits")
    for entry in ("step/train", "forward/digit"):
        one, other = (c.optimised[entry] for c in (mine, theirs))
        assert [n.op.name for n in one.nodes] == [n.op.name for n in other.nodes]
        assert loop_of(one) == loop_of(other)


def test_products_with_the_input_are_outside_the_loop() -> None:
    graph = made("row_digits").optimised["forward/digit"]
    read = {
        graph[i].op.key: node.id in loop_of(graph)
        for node in graph.nodes
        for i in node.inputs
        if isinstance(graph[i].op, PersistentOp) and node.op.name == "contract"
    }
    assert read["digit.lstm1.W"] and not read["digit.lstm1.U"] and not read["digit.dense1.W"]
