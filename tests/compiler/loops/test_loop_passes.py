"""Every loop pass has a golden text: a nest before, the nest after, and equal numbers.

To learn what a pass does, read `tests/compiler/loops/golden/NAME.txt`.  UPDATE_GOLDEN=1 writes the
nests anew (the sentences at the head of a file stay).
"""

from __future__ import annotations

import os
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.loops.ir import LoopNest, MemAccess, NestLoop, Store
from gradc_compiler.loops.loop_passes import (
    BUILT,
    DEVICE,
    LOOP_PASSES,
    MEANING,
    STRAIGHT,
    _shape_after,
    run_loop_passes,
)
from gradc_compiler.loops.loop_passes import LANES as SIDE
from gradc_compiler.loops.nest_shape import shape_of, skeleton, with_shape
from gradc_compiler.loops.unroll import unroll
from gradc_compiler.loops.vectorize_batch import LANES
from gradc_compiler.loops.verify_nest import verify_nest
from gradc_compiler.printing.nest_text import nest_text
from gradc_compiler.program.kernel_abi import Extent
from gradc_compiler.rewrites.algebra.switches import Switches
from tests.support.nests import at, loops, product
from tests.support.run_nest import extents, memory_of, run_nest

FOLDER = Path(__file__).with_name("golden")
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
NESTS: dict[str, LoopNest] = {
    "collapse": product(
        loops(Extent.RANGE, 5, 7), (at("a", 35, 7, 1), at("b", 35, 7, 1), at("y", 35, 7, 1))
    ),
    "sum-in-memory": product(
        loops(Extent.RANGE, 3, 40, summed=(1,)),
        (at("a", 3, 1, 0), at("b", 0, 40, 1), at("y", 40, 0, 1)),
        Store.SUM,
    ),
    "reduce-innermost": product(
        loops(Extent.RANGE, 3, 4, summed=(1,)),
        (at("a", 3, 1, 0), at("b", 0, 4, 1), at("y", 4, 0, 1)),
        Store.SUM,
    ),
    "sum-in-blocks": replace(
        product(loops(Extent.RANGE), (at("a", 1), at("b", 1), at("y", 0)), Store.SUM_ADD),
        loops=(NestLoop(extent=Extent.RANGE, reduces=True),),
    ),
    "hoist-loads": product(
        loops(Extent.RANGE, 40), (at("a", 1, 0), at("b", 40, 1), at("y", 40, 1))
    ),
    "mask-remainder": product(
        loops(Extent.RANGE, 5), (at("a", 6, 1), at("b", 5, 1), at("y", 5, 1))
    ),
    "run-forwards": product(
        loops(Extent.RANGE, 4), (at("a", 4, 1), at("b", 0, 1), at("y", 4, -1, offset=3)), Store.ADD
    ),
    "map-to-threads": product(
        loops(Extent.RANGE, 3, 3), (at("a", 3, 1, 0), at("b", 0, 0, 1), at("y", 7, 2, 1)), Store.ADD
    ),
    "vectorize-batch": replace(
        product(loops(Extent.RANGE), (at("a", 1), at("b", 0), at("y", 1))),
        loops=(NestLoop(extent=Extent.RANGE, scale=3),),
    ),
    "unroll": product(
        loops(Extent.RANGE, 2, 3, summed=(2,)),
        (at("a", 3, 0, 1), at("b", 0, 1, 2), at("y", 2, 1, 0)),
        Store.SUM,
    ),
}
SIDE_BY_SIDE = {  # rows of a vector, whose innermost loop is unrolled if it is short
    "a product": replace(NESTS["unroll"], loops=loops(1, 2, 3, summed=(2,)), lanes=LANES),
    "a product into memory": replace(
        NESTS["sum-in-memory"], loops=loops(1, 3, 16, summed=(1,)), lanes=LANES
    ),
    "one operator": replace(NESTS["collapse"], loops=loops(1, 5, 7), lanes=LANES),
}


def after(name: str) -> LoopNest:
    """A nest after one pass, which changes it."""
    nest = LOOP_PASSES[name].transform(verify_nest(NESTS[name], "build"))
    return verify_nest(nest, name)


@pytest.mark.parametrize("name", NESTS)
def test_text_before_and_after(name: str) -> None:
    path, texts = FOLDER / f"{name}.txt", (nest_text(NESTS[name]), nest_text(after(name)))
    head = path.read_text().split("before:\n")[0]
    text = f"{head}before:\n{texts[0]}after:\n{texts[1]}"
    if UPDATE:
        path.write_text(text)
    assert path.read_text() == text, f"{path} differs; UPDATE_GOLDEN=1 writes it anew"
    assert head and all(line.startswith("# ") for line in head.splitlines())
    assert texts[0] != texts[1], "the example does not show the pass"


@pytest.mark.parametrize("name", NESTS)
@pytest.mark.parametrize("rows", [1, 3])
def test_a_pass_changes_no_number(name: str, rows: int) -> None:
    nest, found = NESTS[name], []
    for version in (nest, after(name)):
        memory = memory_of(nest, rows, np.random.default_rng(rows))
        memory[("y",)][:] = 0
        for row in range(rows if version.lanes > 1 else 1):
            run_nest(at_row(version, row, 3), memory, rows)
        found.append(memory[("y",)])
    assert found[0].any()
    np.testing.assert_array_equal(*found)


def at_row(nest: LoopNest, row: int, words: int) -> LoopNest:
    """What a nest of rows side by side does with one of them, each so many words."""
    if nest.lanes == 1:
        return nest

    def moved(access: MemAccess) -> MemAccess:
        return replace(access, offset=access.offset + row * words * any(access.moves))

    loads = tuple((v, moved(a)) for v, a in nest.loads)
    return replace(nest, loads=loads, stores=tuple((v, moved(a), s) for v, a, s in nest.stores))


@pytest.mark.parametrize("name", SIDE_BY_SIDE)
def test_of_rows_side_by_side_a_short_innermost_loop_is_unrolled(name: str) -> None:
    nest = SIDE_BY_SIDE[name]
    made, found = verify_nest(unroll(nest), "unroll"), []
    assert made.body and prod(loop.extent for loop in made.loops) < prod(extents(nest, 1))
    assert unroll(made) == made, "only one loop is"
    for version in (nest, made):
        memory = memory_of(nest, 1, np.random.default_rng(0))
        run_nest(version, memory)
        found.append(memory[("y",)])
    np.testing.assert_array_equal(*found)


def test_a_long_innermost_loop_stays_and_so_does_the_only_one() -> None:
    for headers in (loops(1, 17, 4, summed=(1,)), loops(1, 1, 16)):
        nest = replace(NESTS["sum-in-memory"], loops=headers, lanes=LANES)
        assert unroll(nest) is nest


def test_every_pass_is_shown_and_every_file_is_of_a_pass() -> None:
    assert LOOP_PASSES.keys() == NESTS.keys() == {path.stem for path in FOLDER.glob("*.txt")}
    assert {*BUILT, *MEANING, *STRAIGHT, *SIDE, *DEVICE} == LOOP_PASSES.keys()


def test_the_driver_counts_what_changed_a_nest_and_leaves_out_what_is_off() -> None:
    on, off = Switches(), Switches({"collapse", "reduce-innermost"})
    nest = NESTS["collapse"]
    assert len(run_loop_passes(nest, BUILT, on).loops) == 1 and on.applied == {"collapse": 1}
    assert run_loop_passes(nest, BUILT[:3], off) == nest and not off.applied
    sums = NESTS["reduce-innermost"]
    assert run_loop_passes(sums, BUILT[:3], off) == after("reduce-innermost"), "it has no switch"
    assert not off.applied


def test_the_driver_verifies_after_every_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def watched(nest: LoopNest, name: str, words: object = None) -> LoopNest:
        seen.append(name)
        return nest

    monkeypatch.setattr("gradc_compiler.loops.loop_passes.verify_nest", watched)
    _shape_after.cache_clear()
    run_loop_passes(NESTS["sum-in-memory"], BUILT[:3], Switches({"collapse"}))
    for _ in range(2):  # the second time it is known what becomes of that shape
        run_loop_passes(NESTS["reduce-innermost"], BUILT[:3], Switches())
    assert seen == ["build", "sum-in-memory", "build", "reduce-innermost", "build"]


@pytest.mark.parametrize("name", [n for n, row in LOOP_PASSES.items() if row.of_shape])
def test_a_pass_of_shapes_sees_nothing_else_of_a_nest(name: str) -> None:
    nest = NESTS[name]
    shape = shape_of(after(name))
    assert skeleton(shape_of(nest)) != nest and shape != shape_of(nest)
    assert shape_of(LOOP_PASSES[name].transform(skeleton(shape_of(nest)))) == shape
    assert with_shape(nest, shape) == after(name)


def test_a_nest_is_held_against_its_buffers_after_passes_too() -> None:
    nest = NESTS["collapse"]
    words = {access.storage: 35 for access in nest.accesses()}
    assert run_loop_passes(nest, BUILT, Switches(), words)
    with pytest.raises(AssertionError, match="after build: words 0 to 34"):
        run_loop_passes(nest, BUILT, Switches(), words | {("y",): 34})
