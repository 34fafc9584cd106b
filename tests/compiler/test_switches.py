"""Every optimisation can be switched off: alone and all together the numbers stay, to rounding."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import Source
from gradc_compiler.machine.targets import CPU, CUDA
from gradc_compiler.pipeline import OPTIONAL, Compilation, compilation
from gradc_compiler.rewrites.algebra.switches import Switches
from gradc_compiler.rewrites.table import INEXACT, SWITCHED, optimise
from gradc_runtime.session.session import Session

IMAGES = """
model net(x : [27, 27, 1]) -> [3] {
    x |> conv(8, 5x5, stride = 2) |> relu |> conv(32, 3x3) |> conv(33, 3x3)
      |> max_pool(3x3, stride = 2) |> flatten |> dense(97) |> tanh |> dense(3)
}
data images(x : [27, 27, 1], label : class(3)) = npz("none.npz")
train on images {
    minimize cross_entropy(net(x), label) + 1e-4 * l2(net)
    using adam(lr = 1e-3)
}
"""
SEQUENCES = """
model net(xs : seq [5], ys : seq class(300)) -> [3] {
    seen = xs |> checkpoint(scan(lstm(64)), products = true) |> transformer |> last |> dense(3)
    seen + (ys |> embedding(300, 3) |> last)
}
layer transformer()(xs : seq [n]) -> seq [n] { xs |> dense(n) |> layer_norm }
data words(xs : seq [5], ys : seq class(300), label : class(3)) = npz("none.npz")
train on words {
    minimize cross_entropy(net(xs, ys), label)
    using sgd(lr = 1e-3)
}
"""
ATTENTION = """
model net(x : [6, 8]) -> [3] {
    y = x |> multi_head_attention(2, causal = true)
    z = concat(y, x, axis = 1) |> each(dense(16) |> relu |> dense(8))
    mean(from_rows(rows(z) |> tanh), axis = 0) |> dense(3)
}
data words(x : [6, 8], label : class(3)) = npz("none.npz")
train on words {
    minimize cross_entropy(net(x), label)
    using sgd(lr = 1e-3)
}
"""
LONG = """
model net(x : [384, 4]) -> [3] {
    mean(x |> multi_head_attention(2), axis = 0) |> dense(3)
}
data words(x : [384, 4], label : class(3)) = npz("none.npz")
train on words {
    minimize cross_entropy(net(x), label)
    using sgd(lr = 1e-3)
}
"""
SMALL = """
model net(x : [5]) -> [3] {
    param T : [3, 5, 7] ~ glorot_uniform
    param V : [7, 5] ~ glorot_uniform
    y = contract(k : x[i] * T[k, i, j] * V[j, l] * x[l])
    concat(x |> dense(4) |> tanh, y) |> tanh |> dense(3)
}
data points(x : [5], label : class(3)) = npz("none.npz")
train on points {
    minimize cross_entropy(net(x), label)
    using sgd(lr = 1e-3)
}
"""
MIDDLE = """
model net(x : [5]) -> [3] {
    x |> dense(21) |> tanh |> dense(13) |> sigmoid |> dense(17) |> dense(3)
}
data points(x : [5], label : class(3)) = npz("none.npz")
train on points {
    minimize cross_entropy(net(x), label)
    using sgd(lr = 1e-3)
}
"""
ROUNDED = MIDDLE.replace("sgd(lr = 1e-3)", "sgd(lr = 1e-3), precision bf16")
WIDE = """
model net(x : [5]) -> [3] {
    x |> dense(2100) |> batch_norm |> tanh |> dense(2100) |> tanh |> dense(3)
}
data points(x : [5], label : class(3)) = npz("none.npz")
train on points {
    minimize cross_entropy(net(x), label)
    using sgd(lr = 1e-3)
}
"""
TEXTS = {
    "images": IMAGES,
    "sequences": SEQUENCES,
    "attention": ATTENTION,
    "long": LONG,
    "small": SMALL,
    "middle": MIDDLE,
    "rounded": ROUNDED,
    "wide": WIDE,
}
SHAPES = {
    "images": (27, 27, 1),
    "attention": (6, 8),
    "long": (384, 4),
    "small": (5,),
    "middle": (5,),
    "rounded": (5,),
    "wide": (5,),
}
ENTRY = "gradients/train"


@cache
def made(spec: str, without: frozenset[str] = frozenset()) -> Compilation:
    return compilation(Source(f"{spec}.nn", TEXTS[spec]), ".", {}, without)


def applied(spec: str, without: Collection[str] = (), target: str = CPU) -> dict[str, int]:
    """How often each optimisation changes something in the derivative of a spec."""
    of = made(spec, frozenset(without))
    switches = Switches()
    optimise(of.graphs[ENTRY], without, switches)
    entry = of.program.of_target(target).entries[ENTRY]
    whole = entry.whole_step
    single = {"whole-step": 1, **whole.applied} if whole is not None else {}
    return {**switches.applied, **entry.applied, **single}


def gradients(spec: str, without: Collection[str] = (), target: str = "cpu", threads: int = 2):
    rng, width = np.random.default_rng(0), "float64" if target == "reference" else "float32"
    width = "float32" if spec == "rounded" else width
    session = Session(made(spec, frozenset(without)).program, target, width, threads, 3)
    label = rng.integers(0, 3, 5)
    if spec in SHAPES:
        return session.gradients(x=rng.normal(size=(5, *SHAPES[spec])), label=label)
    xs = [rng.normal(size=(n, 5)) for n in (3, 1, 7, 4, 2)]
    ys = [rng.integers(0, 300, n) for n in (2, 5, 1, 1, 3)]
    return session.gradients(xs=xs, ys=ys, label=label)


def assert_same(spec: str, without: Collection[str]) -> None:
    """The loss and its gradients are those of the reference, to rounding."""
    loss, found = gradients(spec, without)
    exact, wanted = wanted_of(spec)
    assert loss == pytest.approx(exact, rel=1e-5)
    for name, gradient in wanted.items():
        scale = np.abs(gradient).max()
        np.testing.assert_allclose(found[name], gradient, rtol=0, atol=2e-5 * scale + 1e-7)


@cache
def wanted_of(spec: str):
    return gradients(spec, target="reference")


@pytest.mark.parametrize("name", dict.fromkeys(OPTIONAL))
def test_every_optimisation_is_made_and_can_be_switched_off(name: str) -> None:
    row = SWITCHED.get(name)  # passes of nests and of a whole step have none
    target = CUDA if row is not None and CPU not in row.targets else CPU
    used = [spec for spec in TEXTS if applied(spec, target=target).get(name)]
    assert used, f"no spec here shows what {name} does"
    assert name not in applied(used[0], {name}, target)
    assert_same(used[0], {name})


@pytest.mark.parametrize("spec", TEXTS)
def test_all_can_be_switched_off_together(spec: str) -> None:
    assert not applied(spec, OPTIONAL)
    assert_same(spec, OPTIONAL)
    assert_same(spec, INEXACT)
    assert_same(spec, ())


@pytest.mark.parametrize("without", [{"dce"}, OPTIONAL], ids=["dce", "all"])
def test_an_input_that_nothing_reads_need_not_be_given(without: Collection[str]) -> None:
    text = """
model f(x : [3]) -> scalar { x |> dense(1) |> as(scalar) }
model g(xs : seq [3]) -> [3] { xs |> scan(gru(3)) |> last }
data d(x : [3], xs : seq [3]) = npz("none.npz")
train on d {
    step one { minimize f(x)^2 + f(g(xs)) over f using sgd(lr = 1e-2) report last = sum(g(xs)) }
    step two { minimize f(x)^2 using sgd(lr = 1e-2) }
}
"""
    program = compilation(Source("two.nn", text), ".", {}, without).program
    x, found = np.ones((2, 3)), []
    for target in ("reference", "cpu"):
        session = Session(program, target, "float64", 1, 3)
        found.append([session.gradients("two", x=x)[0], session.run("f", x=x)])
        found[-1] += session.step(x=x, xs=[x, x[:0]]).values()
    for reference, native in zip(*found, strict=True):
        np.testing.assert_allclose(native, reference, rtol=1e-12)
