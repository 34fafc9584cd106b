"""The programs of the language's own page: shapes, parameter names, numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged, with_role
from gradc_compiler.graph.verify_graph import verify
from gradc_compiler.graph_tools.evaluate import evaluate

SPECS = Path(__file__).parents[3] / "specs"

GAN = """
model G(z : [16]) -> [64] { z |> dense(32) |> relu |> dense(64) |> sigmoid }
model D(x : [64]) -> scalar { x |> dense(32) |> relu |> dense(1) |> as(scalar) }
function loss_of(logit : scalar, target) -> scalar {
    maximum(logit, 0) - logit * target + log1p(exp(-abs(logit)))
}
data digits(image : [64], label : class(10)) = digits()
train on digits {
    noise z : [16] ~ normal(0, 1)
    noise u : scalar ~ uniform(0, 1)
    mix = u * image + (1 - u) * G(z)
    penalty = (sqrt(sum(grad(D(mix), mix)^2) + 1e-12) - 1)^2
    step discriminator {
        minimize loss_of(D(image), 1) + loss_of(D(G(z)), 0) + 10 * penalty over D
        using adam(lr = 2e-4, beta1 = 0.5), batch 64
    }
    step generator {
        minimize loss_of(D(G(z)), 1) over G using adam(lr = 2e-4, beta1 = 0.5), clip(norm = 5)
    }
}
"""

VAE = """
model encode(x : [64]) -> (mu : [2], log_var : [2]) {
    h = x |> dense(16) |> tanh
    (h |> dense(2), h |> dense(2))
}
model decode(z : [2]) -> [64] { z |> dense(16) |> tanh |> dense(64) |> sigmoid }
function kl(mu : [n], log_var : [n]) -> scalar { sum(mu^2 + exp(log_var) - log_var - 1) / 2 }
data digits(x : [64]) = digits()
train on digits {
    noise w : [2] ~ normal(0, 1)
    mu, log_var = encode(x)
    z = mu + w * exp(log_var / 2)
    minimize sum((decode(z) - x)^2) + 0.1 * kl(mu, log_var)
    using sgd(lr = falling(0.1, 1000)), epochs 2
}
schedule falling(start, steps)(t) { start * (1 + cos(3.14159 * minimum(t / steps, 1))) / 2 }
"""

PHYSICS = """
model u(x : scalar, t : scalar) -> scalar {
    [x, t] |> dense(20) |> tanh |> dense(1) |> as(scalar)
}
data points(x : scalar, t : scalar) = csv("d.csv")
train on points {
    param nu = 0.1
    y = u(x, t)
    ux, ut = grad(y, (x, t))
    minimize (ut + y * ux - nu * grad(ux, x))^2 + (u(x, 0) + sin(x))^2
    using adam
}
"""

BLOCKS = """
layer norm_batch(rate = 0.1)(x : [c]) -> [c] {
    param scale : [c] = 1
    state mean : [c] = 0
    m = batch_mean(x)
    mean' = (1 - rate) * mean + rate * m
    (x - (m if training else mean)) * scale
}
layer skip(f : layer)(x : t) -> t { x + f(x) }
model net(tokens : [5, 4]) -> [3] {
    block = skip(each(dense(4) |> tanh))
    tokens |> block |> repeat(2, skip(each(dense(4)))) |> block |> mean(axis = 0)
    |> norm_batch |> dense(3)
}
data d(x : [5, 4], y : class(3)) = npz("d.npz")
train on d {
    minimize cross_entropy(net(x), y) + 0.01 * l2(net.block)
    using momentum
    report accuracy(net(x), y), err = 1 - accuracy(net(x), y)
}
"""


@pytest.mark.parametrize("name", ["house", "curve", "circle", "mnist_cnn"])
def test_every_graph_of_a_spec_is_sound(build_file, name):
    module = build_file(SPECS / f"{name}.nn")
    for model in module.models:
        verify(module.forward(model))
    for step in module.train.steps if module.train else ():
        for graph in (module.step, module.gradients, module.evaluate):
            verify(graph(step.name))


def test_the_worked_gradient(build_file, initial):
    module = build_file(SPECS / "house.nn")
    inputs = {"sqft": np.array([2500.0]), "paid": np.array([360_000.0])}
    found = evaluate(module.gradients("train"), initial(module) | inputs)
    assert found["loss"] == 1.80625e9
    assert found[Tagged(Role.GRADIENT, "price.theta1")] == -85_000
    assert found[Tagged(Role.GRADIENT, "price.theta2")] == -2.125e8


def test_the_digit_network_has_19_722_parameters(build_file, initial):
    module = build_file(SPECS / "mnist_cnn.nn")
    assert sum(p.type.size for p in module.parameters) == 19_722
    assert [p.name for p in module.parameters][:4] == [
        "digit.conv1.W", "digit.conv1.b", "digit.conv2.W", "digit.conv2.b"]
    assert module.parameters[0].type.shape == (8, 5, 5, 1)
    assert set(module.train.settings) >= {"batch", "epochs"}
    assert module.train.steps[0].reports == ("accuracy",)
    assert module.data[0].function == "digits"
    draws = initial(module)["digit.conv2.W"]
    limit = np.sqrt(6 / (9 * 8 + 9 * 16))
    assert 0.95 * limit < np.abs(draws).max() <= limit


def test_a_drawn_parameter_without_a_type_is_a_scalar(build, initial):
    module = build(
        "model f(x : scalar) -> scalar { param g ~ normal(3, 0.1) ; param h ~ 2 * normal(0, 1) + 9"
        " ; g * x + h }")
    values = initial(module)
    assert [p.type.shape for p in module.parameters] == [(), ()]
    assert 2 < values["f.g"] < 4 and 0 < values["f.h"] < 18
    found = evaluate(module.forward("f"), values | {"x": np.array([2.0])})["result"]
    np.testing.assert_allclose(found, 2 * values["f.g"] + values["f.h"])


def test_same_padding_of_a_convolution(build, initial):
    module = build("model f(x : [5, 4, 1]) -> [3, 2, 1] { x |> conv(1, 3x3, stride = 2) }")
    values = initial(module)
    values["f.conv1.W"] = np.arange(9.0).reshape(1, 3, 3, 1)
    image = np.random.default_rng(0).normal(size=(1, 5, 4, 1))
    # total = max((oh - 1) * 2 + 3 - h, 0), before = total // 2: 1 of 2 rows, 0 of 1 column
    wide = np.pad(image[0, :, :, 0], ((1, 1), (0, 1)))
    expected = [[(wide[2 * y : 2 * y + 3, 2 * x : 2 * x + 3] * np.arange(9).reshape(3, 3)).sum()
                 for x in range(2)] for y in range(3)]
    found = evaluate(module.forward("f"), values | {"x": image})["result"]
    np.testing.assert_allclose(found[0, :, :, 0], expected)


def test_repeat_makes_copies_and_a_name_makes_one(build):
    curve = build("model f(x : [4]) -> [4] { g = dense(4); x |> repeat(2, dense(4)) |> g |> g }")
    assert [p.name for p in curve.parameters] == [
        "f.dense1.W", "f.dense1.b", "f.dense2.W", "f.dense2.b", "f.g.W", "f.g.b"]


def test_paths_of_layers_within_layers(build):
    module = build(BLOCKS)
    names = [p.name for p in module.parameters]
    assert names == [
        "net.block.dense1.W", "net.block.dense1.b", "net.skip1.dense1.W", "net.skip1.dense1.b",
        "net.skip2.dense1.W", "net.skip2.dense1.b", "net.norm_batch1.scale",
        "net.norm_batch1.mean", "net.dense1.W", "net.dense1.b"]
    assert [p.role for p in module.parameters if p.name.endswith("mean")] == ["state"]
    assert module.train.steps[0].reports == ("accuracy", "err")


def test_steps_train_their_own_parameters(build):
    module = build(GAN)
    first, second = module.train.steps
    assert {n.split(".")[0] for n in first.over} == {"D"}
    assert {n.split(".")[0] for n in second.over} == {"G"}
    states = [p.name for p in module.optimizer_states]
    assert "discriminator.adam.m/D.dense1.W" in states
    assert "generator.adam.v/G.dense2.b" in states
    assert module.train.settings == {"batch": 64}


@pytest.mark.parametrize(("text", "batch"), [(GAN, 3), (VAE, 3), (PHYSICS, 4), (BLOCKS, 4)])
def test_gradients_agree_with_finite_differences(build, initial, text, batch):
    module = build(text)
    random = np.random.default_rng(1)
    values = initial(module)
    for name, type in module.data[0].fields:
        shape = (batch, *type.shape)
        values[name] = random.normal(size=shape) if type.classes is None else random.integers(
            0, type.classes, shape)
    for step in module.train.steps:
        graph = module.gradients(step.name)
        found = evaluate(graph, values, batch)
        for name in (step.over[0], step.over[-1]):
            direction = random.normal(size=values[name].shape)
            ends = [evaluate(graph, values | {name: values[name] + e * direction}, batch)["loss"]
                    for e in (1e-5, -1e-5)]
            slope = (found[Tagged(Role.GRADIENT, name)] * direction).sum()
            np.testing.assert_allclose((ends[0] - ends[1]) / 2e-5, slope, rtol=1e-4, atol=1e-8)


def test_state_moves_in_training_only(build):
    module = build(BLOCKS)
    assert Tagged(Role.UPDATE, "net.norm_batch1.mean") in module.step("train").outputs
    reports = with_role(Role.REPORT, {"accuracy": 0, "err": 0})
    assert module.evaluate("train").outputs.keys() == {"loss", *reports}
    assert set(module.forward("net").outputs) == {"result"}


def test_adam_by_hand(build, initial):
    module = build(
        "model f(x : scalar) -> scalar { param w = 2; w * x }\n"
        "data d(x : scalar) = csv(\"d.csv\")\n"
        "train on d { minimize f(x) using adam(lr = 0.1) }")
    values = initial(module) | {"x": np.array([3.0, 5.0])}
    found = evaluate(module.step("train"), values, 2)
    np.testing.assert_allclose(found[Tagged(Role.UPDATE, "f.w")], 2 - 0.1 * 4 / (4 + 1e-8))
    np.testing.assert_allclose(found[Tagged(Role.UPDATE, "adam.v/f.w")], 0.001 * 16)
    assert found[Tagged(Role.UPDATE, "step")] == 1


def test_a_written_gradient_descends(build, initial):
    module = build(
        "model f(x : [n]) -> [k] { param W : [2, n] ~ glorot_uniform; W @ x }\n"
        "data d(x : [3], y : [2]) = csv(\"d.csv\")\n"
        "train on d {\n    e = f(x) - y\n    descend f.W along contract(i, j : e[i] * x[j])\n"
        "    using sgd(lr = 0.5)\n}")
    random = np.random.default_rng(0)
    values = initial(module) | {"x": random.normal(size=(4, 3)), "y": random.normal(size=(4, 2))}
    errors = values["x"] @ values["f.W"].T - values["y"]
    expected = values["f.W"] - 0.5 * errors.T @ values["x"] / 4
    found = evaluate(module.step("train"), values, 4)[Tagged(Role.UPDATE, "f.W")]
    np.testing.assert_allclose(found, expected)
    assert module.models["f"].inputs[0][1].shape == (3,)


def test_settings_from_outside(build):
    text = (SPECS / "mnist_cnn.nn").read_text()
    module = build(text, batch=64, lr=0.5, data='idx("a", 3)')
    assert module.train.settings["batch"] == 64
    assert (module.data[0].function, module.data[0].arguments) == ("idx", ("a", 3))


def test_what_moves_the_parameters_is_told_with_every_setting(build):
    told = [step.using for step in build(GAN).train.steps]
    adam = "adam(lr = 0.0002, beta1 = 0.5, beta2 = 0.999, eps = 1e-08)"
    assert told == [adam, f"{adam}, clip(norm = 5)"]
    assert build(VAE).train.steps[0].using == "sgd(lr = falling(start = 0.1, steps = 1000))"
