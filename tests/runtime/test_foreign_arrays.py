"""Arrays of other libraries go in and out of a session over their own memory."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
import pytest

import gradc
from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.data.arrays.validate import conform
from gradc_runtime.system.errors import DataError, SessionError

ROW = TensorType((3,))
SPEC = """
model f(x : [3]) -> [2] { x |> dense(2) }
model total(xs : seq [3]) -> [3] { xs |> last }
data points(x : [3], k : class(2)) = csv("none.csv")
train on points {
    minimize cross_entropy(f(x), k)
    using sgd(lr = 0.1), batch 4
}
"""


class Producer:
    """What another library's array is to us: it speaks DLPack, and nothing else."""

    def __init__(self, base: np.ndarray, device: tuple[Any, int] = (1, 0)) -> None:
        self.base, self.device = base, device

    def __dlpack__(self, **wanted: Any) -> Any:
        return self.base.__dlpack__(**wanted)

    def __dlpack_device__(self) -> tuple[Any, int]:
        return self.device


class Refusing(Producer):
    """As a tensor of PyTorch that requires a gradient."""

    def __dlpack__(self, **wanted: Any) -> Any:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()\nmore")


class Negative(Producer):
    """As a tensor of PyTorch with the negative bit: a capsule has its numbers without the sign."""

    def resolve_neg(self) -> Producer:
        return Producer(-self.base)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that has negative bit set.")


@pytest.fixture
def session() -> gradc.Session:
    return gradc.Session(gradc.compile_source(SPEC), seed=0, threads=1)


def test_what_fits_is_not_copied() -> None:
    base = np.random.default_rng(0).random((4, 3), np.float32)
    for given in (Producer(base), memoryview(base), base):
        found = conform(given, ROW, name="x", dtype="float32")
        assert np.shares_memory(found, base)
    labels = np.array([0, 1], np.int32)
    type = TensorType((), Kind.INDEX, 2)
    assert np.shares_memory(conform(Producer(labels), type, name="k", dtype="float32"), labels)


def test_another_width_or_order_is_copied() -> None:
    base = np.random.default_rng(0).random((3, 4), np.float32)
    for given, dtype in [(Producer(base.T), "float32"), (Producer(base[:, :3].copy()), "float64")]:
        found = conform(given, ROW, name="x", dtype=dtype)
        assert not np.shares_memory(found, base) and found.dtype == dtype
        np.testing.assert_array_equal(found, np.asarray(given.base))


def test_a_buffer_of_python(session: gradc.Session) -> None:
    numbers = array.array("f", range(6))
    found = session.run("f", x=memoryview(numbers).cast("b").cast("f", (2, 3)))
    np.testing.assert_array_equal(found, session.run("f", x=np.float32(range(6)).reshape(2, 3)))


def test_everything_takes_them(session: gradc.Session) -> None:
    rng = np.random.default_rng(0)
    x, k = rng.random((4, 3), np.float32), np.array([0, 1, 0, 1], np.int32)
    np.testing.assert_array_equal(session.run("f", x=Producer(x)), session.run("f", x=x))
    rows = [x[:2], x[2:3]]
    sums = session.run("total", xs=[Producer(row) for row in rows])
    np.testing.assert_array_equal(sums, session.run("total", xs=rows))
    loss, _ = session.gradients(x=Producer(x), k=Producer(k))
    assert session.step(x=Producer(x), k=Producer(k))["loss"] == pytest.approx(loss)
    session.train({"x": Producer(x), "k": Producer(k)}, epochs=1)
    session.parameters["f.dense1.b"] = Producer(np.float32([1, 2]))
    assert session.parameters["f.dense1.b"].tolist() == [1, 2]


def test_what_a_session_gives_is_taken_over(session: gradc.Session) -> None:
    weights = session.parameters["f.dense1.W"]
    view = np.from_dlpack(weights)
    assert np.shares_memory(view, weights)
    assert np.shares_memory(np.asarray(memoryview(weights)), weights)
    weights[...] = 7
    assert (view == 7).all()
    assert np.from_dlpack(session.run("f", x=np.zeros((1, 3), np.float32))).shape == (1, 2)


@pytest.mark.parametrize("device", [(2, 0), (8, 1), (99, 0)])
def test_what_lies_elsewhere_is_refused(session: gradc.Session, device: tuple[int, int]) -> None:
    with pytest.raises(SessionError, match="copy it to the CPU first"):
        session.run("f", x=Producer(np.zeros((1, 3), np.float32), device))


def test_what_gives_nothing_is_said_in_one_line(session: gradc.Session) -> None:
    with pytest.raises(SessionError, match=r"x: Refusing gives no array \(Can't export .*\)$"):
        session.run("f", x=Refusing(np.zeros((1, 3), np.float32)))
    with pytest.raises(DataError, match="gives no array"):
        conform(Producer(np.zeros(3), ("cpu", 0)), ROW, name="x", dtype="float32")


def test_a_sign_that_is_kept_apart_is_not_lost(session: gradc.Session) -> None:
    x = np.random.default_rng(0).random((4, 3), np.float32)
    wanted = session.run("f", x=-x)
    for given in (Negative(x), [*map(Negative, x)], tuple(map(Negative, x))):
        np.testing.assert_array_equal(session.run("f", x=given), wanted)
    with pytest.raises(SessionError, match=r"x: no array can be made of it \(Can't call numpy"):
        session.run("f", x=[[Negative(x)]])
    with pytest.raises(SessionError, match=r"x: Refusing gives no array \(Can't export .*\)$"):
        session.run("f", x=[Refusing(x[0])])


@pytest.mark.wide
def test_tensors_of_pytorch(session: gradc.Session) -> None:
    torch = pytest.importorskip("torch")
    x = torch.rand(4, 3)
    assert np.shares_memory(conform(x, ROW, name="x", dtype="float32"), x.numpy())
    np.testing.assert_array_equal(session.run("f", x=x), session.run("f", x=x.numpy()))
    found = torch.from_dlpack(session.parameters["f.dense1.W"])
    assert np.shares_memory(found.numpy(), session.parameters["f.dense1.W"])
    for odd in (x.clone().requires_grad_(), x.bfloat16(), x.to_sparse()):
        with pytest.raises(SessionError, match="gives no array"):
            session.run("f", x=odd)
        with pytest.raises(SessionError, match="gives no array"):
            session.run("f", x=[*odd])
    minus = torch.complex(x, x).conj().imag
    wanted = session.run("f", x=-x.numpy())
    for given in (minus, [*minus], torch._neg_view(x), minus.double()):
        np.testing.assert_array_equal(session.run("f", x=given), wanted)


@pytest.mark.wide
def test_arrays_of_jax(session: gradc.Session) -> None:
    jnp = pytest.importorskip("jax.numpy")
    x = jnp.ones((4, 3))
    np.testing.assert_array_equal(session.run("f", x=x), session.run("f", x=np.asarray(x)))
