"""Groups of one pattern are lowered once, and all come out as if each had been lowered in full."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gradc_compiler import schedule
from gradc_compiler.loops.ir import LoopNest
from gradc_compiler.pipeline import compile_file, compile_source
from gradc_compiler.program.entry_text import print_entry_text
from gradc_compiler.rewrites.table import rewrite_for_target, switches_for
from gradc_compiler.select.builder import ProgramBuilder
from gradc_compiler.select.lowered_once import LoweredOnce

ROOT = Path(__file__).parents[3]
SPECS = ["specs/unet.nn", "specs/transformer.nn", "specs/batch_norm_cnn.nn", "specs/gan.nn"]
SIZES = ["tests/bench/sizes/s3_resnet18.nn", "tests/bench/specs/lstm.nn"]
LAYERS = """
model f(x : [16, 16, 16]) -> [16] {{
    x |> repeat({}, conv(16, 3x3) |> batch_norm |> relu) |> mean(axis = (0, 1))
}}
data d(x : [16, 16, 16], y : class(16)) = npz("none.npz")
train on d {{ minimize cross_entropy(f(x), y) using momentum(lr = 0.1), batch 8, epochs 1 }}
"""
RESNET = """
layer filters(count : size, k : size, stride = 1)(image : [h, w, c]) {{
    param W : [count, k, k, c] ~ he_normal
    contract(y < h//stride, x < w//stride, f :
        image[stride*y + i - k//2, stride*x + j - k//2, m] * W[f, i, j, m]) |> batch_norm
}}
layer basic(n : size, stride = 1)(x : [h, w, c]) {{
    main = x |> filters(n, 3, stride = stride) |> relu |> filters(n, 3)
    side = x |> (identity if stride == 1 and n == c else filters(n, 1, stride = stride))
    relu(main + side)
}}
model digit(image : [32, 32, 3]) -> [10] {{
    image |> filters(16, 3) |> relu |> repeat({0}, basic(16))
    |> basic(32, stride = 2) |> repeat({1}, basic(32))
    |> basic(64, stride = 2) |> repeat({1}, basic(64))
    |> mean(axis = (0, 1)) |> dense(10)
}}
data images(image : [32, 32, 3], label : class(10)) = npz("none.npz")
train on images {{
    minimize cross_entropy(digit(image), label)
    using momentum(lr = 1e-2), batch 8
    report accuracy(digit(image), label)
}}
"""
Setter = Callable[[int], None]


@pytest.fixture
def patterned(monkeypatch: pytest.MonkeyPatch) -> Setter:
    """Sets from how many groups on patterns are looked for."""

    def set(groups: int) -> None:
        machine = replace(schedule.MACHINE, patterned_groups=groups)
        monkeypatch.setattr(schedule, "MACHINE", machine)

    return set


@pytest.fixture
def lowered(monkeypatch: pytest.MonkeyPatch) -> list[LoweredOnce]:
    """Those that were made."""
    found: list[LoweredOnce] = []

    class Seen(LoweredOnce):
        def __init__(self, table: ProgramBuilder) -> None:
            super().__init__(table)
            found.append(self)

    monkeypatch.setattr(schedule, "LoweredOnce", Seen)
    return found


@pytest.mark.parametrize("file", [f for f in (*SPECS, *SIZES) if (ROOT / f).exists()])
def test_tables_are_the_same_to_the_letter(
    file: str, patterned: Setter, lowered: list[LoweredOnce]
) -> None:
    found = []
    for groups in (1, 10**9):
        patterned(groups)
        entries = compile_file(ROOT / file).entries
        found.append({key: print_entry_text(entries[key]) for key in entries})
    assert found[0] == found[1]
    assert len(lowered) == len(found[0])


def nests(text: str) -> list[LoopNest]:
    """What the instructions of a step mean, in order."""
    entry = compile_source(text).entries["step/train"]
    switches = switches_for("cpu")
    ready = rewrite_for_target(entry.graph, switches)
    offsets = {p.name: p.offset for p in compile_source(text).persistents}
    table, _ = schedule.make_table(ready, offsets, switches)
    return [nest for stage in sorted(table.nests) for nest in table.nests[stage]]


def test_nests_that_are_built_later_are_those_of_the_group(patterned: Setter) -> None:
    patterned(10**9)
    full = nests(LAYERS.format(5))
    patterned(1)
    assert nests(LAYERS.format(5)) == full


def test_a_layer_of_one_shape_is_lowered_once(
    patterned: Setter, lowered: list[LoweredOnce]
) -> None:
    patterned(1)
    for layers in (6, 12):
        assert compile_source(LAYERS.format(layers)).entries["step/train"].phases
    few, many = lowered
    assert few.count == many.count
    ends = [sum(map(len, one.table.instructions.values())) for one in lowered]
    assert few.count < ends[0] < ends[1]


FEW = 8  # kernels more, where values are shared out over a step in another way


@pytest.mark.parametrize("blocks", [5, pytest.param(18, marks=pytest.mark.wide)])
def test_a_residual_network_of_any_depth_has_the_kernels_of_a_shallow_one(
    blocks: int, lowered: list[LoweredOnce]
) -> None:
    """He et al., 2016: 6 n + 2 layers, here 20 beside 32, and beside 110 in the wide test."""
    shallow, deep = (kernels_of_resnet(n) for n in (3, blocks))
    assert deep <= shallow + FEW
    assert lowered[1].count <= lowered[0].count + FEW
    instructions = [sum(map(len, one.table.instructions.values())) for one in lowered]
    assert lowered[0].count < instructions[0] / 3 < instructions[1] / 4


def kernels_of_resnet(blocks: int) -> int:
    """How many kernels the step of a network of so many blocks at each width has."""
    text = RESNET.format(blocks, blocks - 1)
    return len(compile_source(text).entries["step/train"].kernels)


def test_nobody_builds_the_nests_of_a_step_that_is_far_too_long(
    patterned: Setter, lowered: list[LoweredOnce], monkeypatch: pytest.MonkeyPatch
) -> None:
    patterned(1)
    built: list[object] = []
    monkeypatch.setattr("gradc_compiler.select.lowered_once._nests_of", built.append)
    entry = compile_source(LAYERS.format(6)).entries["step/train"]
    assert entry.whole_step is None and not built and len(lowered) == 1
