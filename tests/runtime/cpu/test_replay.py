"""The short way of a call gives what the long way gives, and steps aside where it cannot."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import SessionError

SPEC = """
model net(x : [37]) -> [7] { x |> dense(113) |> relu |> dense(7) }
model pair(x : [3], y : [3]) -> (total : [3], less : [3]) { (x + y, x - y) }
model end(xs : seq [5], more : [3]) -> [4] {
    concat(xs |> scan(elman(4)) |> last, more) |> dense(4)
}
data d(x : [37], y : class(7)) = npz("none.npz")
train on d { minimize cross_entropy(net(x), y) using adam(lr = 1e-2) report accuracy(net(x), y) }
model label(kind : class(5)) -> [3] { kind |> embedding(5, 3) }
"""


def session(threads: int = 2, dtype: str = "float32") -> Session:
    return Session(compile_source(SPEC), threads=threads, dtype=dtype)


def some(count: int, size: int, dtype: str = "float32") -> NDArray[Any]:
    return np.random.default_rng(count).normal(size=(count, size)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("threads", [1, 2])
def test_calls_after_the_first_give_the_same_bits(threads: int, dtype: str) -> None:
    one = session(threads, dtype)
    for count in (1, 7, 113, 1, 7):
        x = some(count, 37, dtype)
        fresh = session(1, dtype).run("net", x=x)
        for _ in range(4):
            assert np.array_equal(one.run("net", x=x), fresh)


def test_it_sees_new_numbers_and_new_parameters() -> None:
    one, x = session(), some(3, 37)
    first, second = one.run("net", x=x), one.run("net", x=x)
    assert first is not second
    one.parameters["net.dense2.b"] += 1
    np.testing.assert_allclose(one.run("net", x=x), first + 1, rtol=1e-5, atol=1e-5)
    assert np.array_equal(first, second)
    x[1] = np.nan
    assert np.isnan(one.run("net", x=x)).any(axis=1).tolist() == [False, True, False]


def test_sequences_of_one_length_are_packed_anew() -> None:
    one, other = session(), session(1)
    for count, steps in ((3, 7), (37, 7), (37, 9), (3, 2)):
        more = some(count, 3)
        for turn in range(3):
            xs = some(count * steps, 5).reshape(count, steps, 5) + np.float32(turn)
            expected = other.run("end", xs=list(xs), more=more)
            assert np.array_equal(one.run("end", xs=xs, more=more), expected)


def test_several_outputs_go_by_name() -> None:
    one, x, y = session(), some(5, 3), some(4, 3)[:1].repeat(5, axis=0)
    for _ in range(3):
        found = one.run("pair", y=y, x=x)
        assert np.array_equal(found["total"], x + y) and np.array_equal(found["less"], x - y)


def test_anything_unusual_goes_the_long_way() -> None:
    one, x = session(), some(6, 37)
    expected = one.run("net", x=x)
    for given in (np.asfortranarray(x), x.astype(float), x.tolist(), x[::-1][::-1]):
        assert np.array_equal(one.run("net", x=given), expected)
    assert np.array_equal(one.run("net", x=x[::2]), one.run("net", x=x)[::2])
    with pytest.raises(SessionError, match=r"declared \[37\], so \[N, 37\] is expected; got"):
        one.run("net", x=x[:, :36])
    with pytest.raises(SessionError, match=r"x : \[37\] is missing"):
        one.run("net")
    with pytest.raises(SessionError, match="no input is called z"):
        one.run("net", x=x, z=x)


def test_labels_are_checked_in_every_call() -> None:
    one = session()
    for _ in range(2):
        assert one.run("label", kind=[0, 4]).shape == (2, 3)
    with pytest.raises(SessionError, match="allows 0 to 4"):
        one.run("label", kind=np.array([0, 5], np.int32))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_after_the_first_are_the_same_steps(dtype: str) -> None:
    one, other = session(2, dtype), session(1, dtype)
    whole = "int32" if dtype == "float32" else "int64"
    for turn in range(12):
        count = 1 + turn // 4
        x, y = some(count, 37, dtype) + turn, np.arange(count, dtype=whole)
        assert one.step(x=x, y=y) == other.step(x=x.tolist(), y=y.tolist())
    assert np.array_equal(one.memory.words, other.memory.words)
    for wrong in (-1, 7):
        with pytest.raises(SessionError, match="allows 0 to 6"):
            one.step(x=x, y=np.full(count, wrong, whole))
    assert np.array_equal(one.memory.words, other.memory.words)


def test_a_label_stays_a_whole_number() -> None:
    spec = "model best(x : [4]) -> class(3) { x |> dense(3) |> argmax }\n"
    one, x = Session(compile_source(spec), threads=1), some(5, 4)
    first, second = (one.run("best", x=x) for _ in range(2))
    assert first.dtype == second.dtype and first.dtype.kind == "i"
    np.testing.assert_array_equal(first, second)


def test_borders_are_zero_whatever_batch_came_before() -> None:
    spec = """
model net(x : [9, 7, 2]) -> [5] {
    x |> conv(8, 3x3) |> relu |> conv(6, 3x3) |> relu |> conv(4, 5x3) |> relu |> flatten |> dense(5)
}
"""
    program = compile_source(spec)
    wanted, found = Session(program, target="reference"), Session(program, threads=2)
    for count in (64, 5, 32, 1, 113, 7, 64):
        x = np.random.default_rng(count).normal(size=(count, 9, 7, 2)).astype(np.float32)
        np.testing.assert_allclose(found.run("net", x=x), wanted.run("net", x=x), atol=1e-5)


def test_threads_that_share_a_session_take_turns() -> None:
    one, inputs = session(1), [some(200 + k // 2, 37) + np.float32(k) for k in range(4)]
    wanted = [one.run("net", x=x) for x in inputs]
    wrong: list[int] = []

    def call(k: int) -> None:
        for _ in range(300):
            if not np.array_equal(one.run("net", x=inputs[k]), wanted[k]):
                wrong.append(k)

    threads = [threading.Thread(target=call, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
