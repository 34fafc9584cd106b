"""Convolutions in tiles of four pixels: equal numbers from half the multiplications."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
import pytest

from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.machine import cost_model
from gradc_compiler.machine.machine import MACHINE
from gradc_compiler.ops.contract import Contract
from gradc_compiler.pipeline import compile_source
from gradc_compiler.rewrites.conv import winograd
from gradc_compiler.rewrites.conv.winograd_transforms import PIXELS, RESULTS, TAPS, TILE, WEIGHTS
from gradc_compiler.rewrites.table import optimise
from gradc_runtime.session.session import Session
from tests.compiler.rewrites.conv.test_fold_width import graph_of, image, operands_of
from tests.support.contractions import Case, I, J, K, L, M, at
from tests.support.graphs import assert_close, evaluate_outputs, rewritten, values_of

A, B, G = (np.array(matrix) for matrix in (RESULTS, PIXELS, WEIGHTS))


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiles for every convolution that has the form, however small."""
    willing = replace(MACHINE, move_cost=0, worth=100)
    monkeypatch.setattr(winograd, "MACHINE", willing)
    monkeypatch.setattr(cost_model, "MACHINE", willing)


def sequence(length: int, channels: tuple[int, int], padding: int) -> Case:
    """A convolution along one axis."""
    out = length + 2 * padding - 2
    op = Contract(
        (out, channels[1], 3, channels[0]),
        ((at((0, 1), (2, 1), offset=-padding), L), (J, K, L)),
        (I, J),
        (out, channels[1]),
    )
    return Case(op, ((length, channels[0]), (channels[1], 3, channels[0])))


def groups(length: int) -> Case:
    """A convolution whose channels come in three groups."""
    op = Contract(
        (length - 2, 3, 5, 3, 7),
        ((at((0, 1), (3, 1)), J, M), (J, K, L, M)),
        (I, J, K),
        (length - 2, 3, 5),
    )
    return Case(op, ((length, 3, 7), (3, 5, 3, 7)))


CASES = {
    "one pixel": image((1, 1), (3, 3), (7, 5), padding=1),
    "one result": image((3, 3), (3, 3), (5, 7)),
    "whole tiles": image((8, 16), (3, 3), (16, 32), padding=1),
    "no padding": image((13, 7), (3, 3), (7, 37)),
    "a row": image((1, 37), (3, 3), (37, 7), padding=1),
    "a column": image((37, 1), (3, 3), (1, 33), padding=1),
    "more padding than taps": image((5, 6), (3, 3), (3, 4), padding=4),
    "taps along the second axis": image((9, 11), (2, 3), (5, 6), padding=1),
    "a stride along the second axis": image((9, 11), (3, 3), (5, 6), stride=(1, 2), padding=1),
    "a dilation along the second axis": image((9, 11), (3, 1), (5, 6), padding=2),
    "a sequence": sequence(23, (13, 17), 1),
    "a sequence of groups": groups(11),
}


def random_image(seed: int) -> Case:
    """A convolution with three taps along an axis or two."""
    rng = np.random.default_rng(seed)
    kernel = (3, 3) if seed % 3 else tuple(int(n) for n in rng.permutation([3, rng.integers(1, 6)]))
    padding = int(rng.integers(0, 3))
    size = tuple(max(1, k - 2 * padding) + int(rng.integers(0, 14)) for k in kernel)
    channels = tuple(int(n) for n in rng.choice([1, 2, 7, 16, 37], 2))
    return image(size, kernel, channels, padding=padding)


def assert_same(case: Case) -> None:
    """The tiles compute the same in the reference."""
    graph, values = optimise(graph_of(case)), values_of(operands_of(case), 3)
    tiled, needed = rewritten(graph, "winograd")
    assert needed, "no convolution has the form"
    wanted = evaluate_outputs(graph, values, 3)
    assert_close(evaluate_outputs(verify(tiled), values, 3), wanted, 1e-11)


@pytest.mark.parametrize("name", CASES)
def test_tiles_mean_the_same(name: str, always: None) -> None:
    assert_same(CASES[name])


@pytest.mark.parametrize("seed", range(12))
def test_random_tiles_mean_the_same(seed: int, always: None) -> None:
    assert_same(random_image(seed))


def test_transforms_are_exact() -> None:
    """y[e] = w[n] x[e + n], whatever x and w."""
    for n in range(TAPS):
        for e in range(TILE):
            products = G[:, n] * B[:, e + n]
            np.testing.assert_allclose(A @ products, np.arange(TILE) == e, atol=1e-15)


@pytest.mark.parametrize("batch", [1, 5])
@pytest.mark.parametrize("name", CASES)
def test_tiles_run_natively(name: str, batch: int, always: None, check_compiled) -> None:
    values = values_of(operands_of(CASES[name]), batch)
    check_compiled(graph_of(CASES[name]), batch, values=values)


@pytest.mark.parametrize("seed", range(12, 18))
def test_random_tiles_run_natively(seed: int, always: None, check_compiled) -> None:
    case = random_image(seed)
    check_compiled(graph_of(case), 7, values=values_of(operands_of(case), 7))


@pytest.mark.wide
@pytest.mark.parametrize("seed", range(18, 300))
def test_many_random_tiles_run_natively(seed: int, always: None, check_compiled) -> None:
    case = random_image(seed)
    assert_same(case)
    check_compiled(graph_of(case), 13, values=values_of(operands_of(case), 13))


def test_rounding_stays_within_its_bound(always: None) -> None:
    """Each sum of n terms is off by at most n units of the sum of their sizes.

    So y is off by n = 9 channels + 16 roundings of |A'| (|G| |w|) (|B'| |x|), as the transforms
    sum up to 6 products each.  What is found is far less: about twice the error of the plain sum.
    """
    spec = "model net(x : [13, 37, 37]) -> [13, 37, 64] { x |> conv(64, 3x3, pad = 1) }"
    sessions = [Session(compile_source(spec), target=target) for target in ("cpu", "reference")]
    x = np.random.default_rng(0).normal(size=(3, 13, 37, 37)).astype(np.float32)
    found, wanted = (session.run("net", x=x) for session in sessions)
    w = np.abs(next(v for v in sessions[1].parameters.values() if v.ndim == 4))  # [f, i, n, c]
    padded = np.pad(np.abs(x), ((0, 0), (1, 4), (1, 1), (0, 0)))
    pixels = np.stack([padded[:, e : e + 13 : TILE] for e in range(6)])
    seen = np.einsum("ke,ebtxc->kbtxc", np.abs(B), pixels)
    taps = np.einsum("ki,finc->kfnc", np.abs(G), w)
    products = sum(
        np.einsum("kbtxc,kfc->kbtxf", seen[:, :, :, n : n + 37], taps[:, :, n]) for n in range(3)
    )
    sizes = np.einsum("ek,kbtxf->bextf", np.abs(A), products)
    sizes = sizes.transpose(0, 3, 1, 2, 4).reshape(3, -1, 37, 64)[:, :13]
    bound = (3 * 37 + 16) * np.finfo(np.float32).eps / 2 * sizes
    assert (np.abs(found - wanted) <= bound).all()
    assert np.abs(found - wanted).max() <= 2e-5


def test_threads_do_not_change_a_bit(always: None, check_compiled) -> None:
    case = image((7, 13), (3, 3), (16, 33), padding=1)
    graph, values = graph_of(case), values_of(operands_of(case), 33)
    results = [
        check_compiled(graph, 33, values=values, dtype="float32", threads=n, tolerance=1e-3)
        for n in (1, 2, 4)
    ]
    for name in graph.outputs:
        for other in results[1:]:
            np.testing.assert_array_equal(results[0][name], other[name])


def test_borders_are_zero_whatever_batch_came_before(always: None) -> None:
    spec = """
model net(x : [9, 7, 16]) -> [5] {
    x |> conv(33, 3x3, pad = 1) |> relu |> conv(17, 3x3) |> relu |> flatten |> dense(5)
}
"""
    program = compile_source(spec)
    wanted, found = Session(program, target="reference"), Session(program, threads=2)
    for count in (64, 5, 32, 1, 7, 64):
        x = np.random.default_rng(count).normal(size=(count, 9, 7, 16)).astype(np.float32)
        np.testing.assert_allclose(found.run("net", x=x), wanted.run("net", x=x), atol=2e-5)


def test_few_channels_and_small_images_stay_as_they_are() -> None:
    for case in (image((32, 32), (3, 3), (3, 64), padding=1), image((4, 4), (3, 3), (64, 64))):
        assert not rewritten(optimise(graph_of(case)), "winograd")[1]


def test_a_layer_of_many_channels_is_tiled() -> None:
    case = image((32, 32), (3, 3), (64, 64), padding=1)
    tiled, needed = rewritten(optimise(graph_of(case)), "winograd")
    products = [needed[n.tag] for n in tiled.nodes if needed.get(n.tag)]
    assert products == [prod(case.op.extents)] * 3  # the layer and both gradients
