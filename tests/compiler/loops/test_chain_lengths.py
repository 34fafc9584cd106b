"""Additions one after another are counted as they are made, and no spec makes too many of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph.graph import Builder, Graph, Value
from gradc_compiler.machine.addition_chains import LONG
from gradc_compiler.machine.visits import visits
from gradc_compiler.ops.contract import Affine, Contract, index
from gradc_compiler.ops.leaf import Input, PersistentOp
from gradc_compiler.ops.reduce import BatchMean
from gradc_compiler.ops.sequence import TimeSum
from gradc_compiler.ops.shape import sum_axes
from gradc_compiler.pipeline import compile_file
from gradc_compiler.rewrites.table import optimise
from gradc_compiler.rewrites.target_rewrites import TARGET
from gradc_compiler.schedule import schedule
from tests.support.chains import chains, table_of

ROOT = Path(__file__).parents[3]
SPECS = sorted([*(ROOT / "specs").glob("*.nn"), *(ROOT / "tests/bench/specs").glob("*.nn")])
BATCHES = 1, 32, 1024, 10_000_000


LARGE = ("deep_chain", "residual", "tagging", "transformer", "translate", "unet")
MARKED = [
    pytest.param(path, marks=pytest.mark.wide) if path.stem in LARGE else path for path in SPECS
]


@pytest.mark.parametrize("path", MARKED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_spec_adds_up_too_much_in_a_row(path: Path) -> None:
    program = compile_file(path)
    offsets = {p.name: p.offset for p in program.persistents}
    for entry in program.entries.values():
        table = table_of(entry, offsets)
        for examples, length in product(BATCHES, (7, 1_000_000) if entry.times else (1,)):
            if examples * length > 2_000_000_000:
                continue  # more than there is memory for
            for item, additions in chains(entry, table, examples, length):
                assert additions <= LONG, f"{entry.name}, {examples} of {length}: {item.note}"


def longest(graph: Graph, examples: int = 1, length: int = 1) -> int:
    graph = optimise(graph)
    entry = schedule("test", graph, {"W": 0})
    table = table_of(entry, {"W": 0})
    return max(additions for _, additions in chains(entry, table, examples, length))


def columns(b: Builder) -> Value:
    """Five thousand numbers for each of twenty columns."""
    return sum_axes(b.add(Input("x", (5000, 20))), [0])


def windows(b: Builder) -> Value:
    """A transposed convolution whose windows have 3,000 places, of stride 2."""
    maps = ((index(0), index(2)), (index(1), index(3)))
    result = (Affine(((0, 2), (1, 1))), index(2), index(3))
    op = Contract((4000, 3000, 5, 3), maps, result, (10998, 5, 3))
    return b.add(op, b.add(Input("g", (4000, 5))), b.add(PersistentOp("W", (3000, 3))))


def diagonals(b: Builder) -> Value:
    """The mean gradient of a matrix that has one number for each diagonal."""
    place = Affine(((0, 1), (1, 1)))
    op = Contract((70, 60), ((index(0),), (index(1),)), (place,), (129,), mean=True)
    return b.add(op, b.add(Input("x", (70,), None, "t")), b.add(Input("g", (60,), None, "t")))


def over_time(b: Builder) -> Value:
    return b.add(TimeSum(), b.add(Input("x", (20,), None, "t")))


CASES = {"columns": columns, "windows": windows, "diagonals": diagonals, "over time": over_time}
PLANTED = {
    "columns": "split_long_sums",
    "over time": "split_long_sums",
    "windows": "split_overlaps",
    "diagonals": "split_overlaps",
}


def graph_of(name: str) -> Graph:
    b = Builder()
    return b.graph({"y": CASES[name](b).id})


@pytest.mark.parametrize("name", CASES)
def test_sums_that_are_not_cut_are_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = 1, 50_000
    assert longest(graph_of(name), *given) <= LONG
    left_out = replace(TARGET[PLANTED[name]], run=lambda graph, notes: (graph, 0))
    monkeypatch.setitem(TARGET, PLANTED[name], left_out)  # in its place: the order of rows matters
    assert longest(graph_of(name), *given) > LONG


def test_a_product_that_is_not_cut_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    b = Builder()
    op = Contract((200_000, 3), ((index(0),), (index(0), index(1))), (index(1),), (3,))
    graph = b.graph(
        {"y": b.add(op, b.add(Input("x", (200_000,))), b.add(PersistentOp("W", op.extents))).id}
    )
    assert longest(graph) <= LONG
    monkeypatch.setattr("gradc_compiler.loops.chain_lengths.MOST_PIECES", 1 << 30)  # a kernel's lie
    assert longest(graph) > 700


@pytest.mark.parametrize("seed", range(20))
def test_visits_are_counted_word_by_word(seed: int) -> None:
    rng = np.random.default_rng(seed)
    moves = rng.integers(-6, 13, rng.integers(1, 5)).tolist()
    extents = rng.integers(1, 7, len(moves)).tolist()
    words = Counter(
        sum(m * k for m, k in zip(moves, at, strict=True)) for at in product(*map(range, extents))
    )
    assert visits(moves, extents) == max(words.values())


def test_many_numbers_of_all_examples_are_no_single_kernel() -> None:
    b, op = Builder(), Contract((30_000,), ((index(0),), (index(0),)), (), ())
    W = b.add(PersistentOp("W", (30_000,)))
    x = b.add(Input("x", ()))
    graph = b.graph({"y": b.add(BatchMean(), x * b.add(op, W, W)).id})
    assert schedule("test", optimise(graph), {"W": 0}).whole_step is None
