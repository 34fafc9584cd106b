"""Random draws: the published words, their moments, the same numbers natively."""

from __future__ import annotations

from threading import Thread

import numpy as np
import pytest

from gradc_compiler.graph_tools.graph_text import parse_graph
from gradc_compiler.ops import random as random_ops
from gradc_compiler.ops.random import PIECE, Random, draw, philox


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [  # the known answers published with the generator, philox4x32-10
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF,) * 4,
            (0xFFFFFFFF,) * 2,
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_published_words(counter, key, words) -> None:
    given = np.array([*counter, 1, 2, 3], np.uint64)[:, None]  # whatever room there is, is used
    assert [int(w[0]) for w in philox(given, key)] == list(words)


@pytest.mark.parametrize("normal", [False, True])
@pytest.mark.parametrize(("rows", "size"), [(1, 7), (1, PIECE + 37), (37, 1000), (PIECE + 1, 3)])
def test_pieces_change_no_draw(normal: bool, rows: int, size: int) -> None:
    examples, times = np.arange(rows) * 3, np.arange(rows) % 5
    drawn = draw(normal, 1, 2, 3, examples, size, times)
    assert drawn.shape == (rows, size)
    for row, column in [(0, 0), (rows - 1, size - 1), (rows // 2, size // 3)]:
        counter = [column, examples[row], 2, times[row], 0, 0, 0]
        u0, u1 = (
            float(w[0]) // 256 * 2.0**-24
            for w in philox(np.array(counter, np.uint64)[:, None], (1, 3))[:2]
        )
        wave = np.cos(2.0 * np.pi * u1)
        expected = np.sqrt(-2.0 * np.log(u0 + 2.0**-25)) * wave if normal else u0
        assert drawn[row, column] == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("normal", [False, True])
def test_draws_have_their_moments_and_depend_on_every_counter(normal: bool) -> None:
    op = Random(3, (100,), normal)
    draws = op.sample(1, 2, np.arange(400))
    mean, deviation = (0.0, 1.0) if normal else (0.5, 12**-0.5)
    assert abs(draws.mean() - mean) < 0.01
    assert abs(draws.std() - deviation) < 0.01
    others = [
        op.sample(2, 2, np.arange(400)),
        op.sample(1, 3, np.arange(400)),
        op.sample(1, 2, np.arange(400, 800)),
        Random(4, (100,), normal).sample(1, 2, np.arange(400)),
    ]
    for other in others:
        assert abs(np.corrcoef(draws.ravel(), other.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("normal", [False, True])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_native_draws_are_the_reference_draws(normal, shared, dtype, check_compiled) -> None:
    graph = parse_graph(
        "%0 = persistent{key='seed', index=True}; %1 = persistent{key='step', index=True};"
        f"%2 = random{{node=7, shape=(3, 5), normal={normal}, shared={shared}}} %0 %1;"
        f"%3 = random{{node=8, shape=(), normal={normal}, shared={shared}}} %0 %1;"
        "%4 = input{key='x', shape=(5,)}; %5 = mul %2 %4; return a=%2 b=%3 c=%5"
    )
    check_compiled(graph, 70, dtype=dtype)  # more examples than a block holds


def test_many_numbers_are_drawn_on_all_cores_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    size = 40 * random_ops.PIECE + 7
    monkeypatch.setattr(random_ops.os, "sched_getaffinity", lambda _: range(1))
    alone = random_ops.draw(True, 3, 5, 7, np.arange(1), size)
    monkeypatch.setattr(random_ops.os, "sched_getaffinity", lambda _: range(5))
    assert np.array_equal(random_ops.draw(True, 3, 5, 7, np.arange(1), size), alone)

    def none_left(thread: Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Thread, "start", none_left)
    assert np.array_equal(random_ops.draw(True, 3, 5, 7, np.arange(1), size), alone)
