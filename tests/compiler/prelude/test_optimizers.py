"""Update rules, schedules and clipping against their formulas in NumPy."""

from __future__ import annotations

from math import cos, pi

import numpy as np
import pytest

from gradc_compiler.graph.outputs import Role, Tagged, of_role
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session
from tests.compiler.prelude.cases import loss_module, module_of, numbers

STEPS = 5


def sgd(p, gradient, lr=0.01):
    for _ in range(STEPS):
        p = p - lr * gradient(p)
    return p


def momentum(p, gradient, lr=0.01, beta=0.9, ahead=0.0):
    v = 0 * p
    for _ in range(STEPS):
        g = gradient(p)
        v = beta * v + g
        p = p - lr * (ahead * (g + beta * v) + (1 - ahead) * v)
    return p


def rmsprop(p, gradient, lr=0.01, decay=0.99, eps=1e-8):
    v = 0 * p
    for _ in range(STEPS):
        g = gradient(p)
        v = decay * v + (1 - decay) * g**2
        p = p - lr * g / (np.sqrt(v) + eps)
    return p


def adagrad(p, gradient, lr=0.01, eps=1e-10):
    v = 0 * p
    for _ in range(STEPS):
        g = gradient(p)
        v = v + g**2
        p = p - lr * g / (np.sqrt(v) + eps)
    return p


def adam(p, gradient, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, decay=0.0):
    m = v = 0 * p
    for t in range(1, STEPS + 1):
        g = gradient(p)
        m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
        change = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps)
        p = p - lr * decay * p - lr * change
    return p


RULES = {
    "sgd": sgd,
    "sgd(lr = 0.3)": lambda p, g: sgd(p, g, 0.3),
    "momentum": momentum,
    "momentum(lr = 0.1, beta = 0.5)": lambda p, g: momentum(p, g, 0.1, 0.5),
    "nesterov": lambda p, g: momentum(p, g, ahead=1.0),
    "rmsprop": rmsprop,
    "adagrad(lr = 0.1)": lambda p, g: adagrad(p, g, 0.1),
    "adam": adam,
    "adam(lr = 0.1, beta1 = 0.5)": lambda p, g: adam(p, g, 0.1, 0.5),
    "adamw": lambda p, g: adam(p, g, decay=0.01),
    "adamw(lr = 0.1, decay = 0.3)": lambda p, g: adam(p, g, 0.1, decay=0.3),
}
SCHEDULES = {
    "steady(0.5)": lambda t: 0.5,
    "step_decay(0.5, every = 3)": lambda t: 0.5 * 0.1 ** (t // 3),
    "step_decay(0.5, 2, factor = 0.5)": lambda t: 0.5 * 0.5 ** (t // 2),
    "exponential_decay(0.5, 0.9)": lambda t: 0.5 * 0.9**t,
    "linear(0.5, 0.1, 4)": lambda t: 0.5 - 0.4 * min(t / 4, 1),
    "cosine(0.5, 4)": lambda t: 0.25 * (1 + cos(pi * min(t / 4, 1))),
    "cosine(0.5, 4, end = 0.1)": lambda t: 0.1 + 0.2 * (1 + cos(pi * min(t / 4, 1))),
    "warmup(0.5, 4)": lambda t: 0.5 * min((t + 1) / 4, 1),
    "warmup(exponential_decay(0.5, 0.9), 4)": lambda t: 0.5 * 0.9**t * min((t + 1) / 4, 1),
}


def train(module, values, steps: int = STEPS):
    """The persistents after some steps on one batch."""
    graph = module.step("train")
    values = values | {p.name: np.zeros(p.type.shape) for p in module.optimizer_states}
    values |= {p.name: evaluate(p.initial, {})["value"] for p in module.tables}
    values["step"] = np.array(0)
    for _ in range(steps):
        found = evaluate(graph, values, len(values["y"]))
        values = values | of_role(Role.UPDATE, found)
    return values


@pytest.mark.parametrize("rule", RULES)
def test_optimizer_is_its_formula(rule):
    module = loss_module("squared_error(net(s), y)", using=rule)
    start = numbers(module.step("train"), 3)
    s, y, w = start["s"][:, None], start["y"], start["net.w"]
    wanted = RULES[rule](w, lambda p: (2 * s * (s * p - y)).mean(axis=0))
    found = train(module, start)
    np.testing.assert_allclose(found["net.w"], wanted, rtol=1e-12, atol=1e-12)
    assert found["step"] == STEPS


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedule_is_its_formula(schedule):
    module = loss_module("sum(net(1) * y)", using=f"sgd(lr = {schedule})")
    start = numbers(module.step("train"), 1, y=np.ones((1, 5)))
    for steps in range(8):
        wanted = start["net.w"] - sum(SCHEDULES[schedule](t) for t in range(steps))
        np.testing.assert_allclose(train(module, start, steps)["net.w"], wanted, rtol=1e-12)


def test_any_setting_may_be_a_schedule():
    module = loss_module("sum(net(1) * y)", using="momentum(lr = 1, beta = linear(0, 0.5, 2))")
    start = numbers(module.step("train"), 1, y=np.ones((1, 5)))
    velocity = [1, 1.25, 1.625, 1.8125]
    np.testing.assert_allclose(train(module, start, 4)["net.w"], start["net.w"] - sum(velocity))


TWO = """
    model net(s : scalar) {{
        param v : [3] = 0
        param w : [5] = 0
        s * sum(v * [1, 2, 2]) + s * sum(w * 4)
    }}
    data d(s : scalar, y : [1]) = line()
    train on d {{ minimize net(s) + 0 * sum(y)
        using sgd(lr = 1), {clip} }}
"""
G = {"net.v": np.array([1.0, 2, 2]), "net.w": np.full(5, 4.0)}
LENGTH = np.sqrt(sum(np.sum(g**2) for g in G.values()))


@pytest.mark.parametrize(
    ("clip", "clipped"),
    [
        ("clip(norm = 1)", lambda g: g / LENGTH),
        ("clip(norm = 100)", lambda g: g),
        ("clip(value = 1.5)", lambda g: np.clip(g, -1.5, 1.5)),
        ("clip(value = 100)", lambda g: g),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_clipping(clip, clipped, sign):
    module = module_of(TWO.format(clip=clip))
    start = numbers(module.step("train"), 1, s=np.full(1, sign), y=np.zeros((1, 1)))
    found = train(module, start, 1)
    for name, g in G.items():
        np.testing.assert_allclose(found[name], start[name] - clipped(sign * g), rtol=1e-12)


def test_clipping_of_no_gradient_leaves_it():
    module = module_of(TWO.format(clip="clip(norm = 1)"))
    start = numbers(module.step("train"), 1, s=np.zeros(1), y=np.zeros((1, 1)))
    found = train(module, start, 1)
    for name in G:
        np.testing.assert_array_equal(found[name], start[name])


SLOPES = """
model f(x : [2]) -> scalar {
    param p : [2] = 0
    sum(p * x)
}
data d(x : [2]) = npz("none.npz")
train on d {
    minimize f(x)
    using sgd(lr = 1), clip(norm = 1)
}
"""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_clipping_keeps_the_direction_of_any_gradient(target, dtype):
    moved = {
        (0, 0): (0, 0), (0.3, 0.4): (0.3, 0.4), (3, 4): (0.6, 0.8), (-1e-30, 0): (-1e-30, 0),
        (1e20, 1e20): (0.5**0.5, 0.5**0.5), (3e38, -3e38): (0.5**0.5, -(0.5**0.5)),
    }  # fmt: skip
    for slope, step in moved.items():
        session = Session(compile_source(SLOPES), target, dtype)
        session.step(x=np.array([slope], dtype))
        np.testing.assert_allclose(session.parameters["f.p"], -np.array(step), rtol=3e-7)


COMPILED = ["adamw(lr = warmup(cosine(0.1, 9), 3)), clip(norm = 0.5)", "rmsprop", "nesterov"]


@pytest.mark.parametrize("rule", COMPILED)
def test_native_code_agrees_with_the_reference(rule, check_compiled):
    graph = loss_module("squared_error(net(s), y)", using=rule).step("train")
    values = numbers(graph, 3, step=np.array(2))
    values |= {key: np.abs(v) for key, v in values.items() if "/" in key}  # states: squares
    check_compiled(graph, batch=3, values=values)


def test_adam_keeps_the_digits_of_float32():
    """1 - 0.999 has an error of 5e-5 in float32, which would be one of every step."""
    module = loss_module("squared_error(net(s), y)", using="adam(lr = 1)")
    values = numbers(module.step("train"))
    graph = module.step("train")
    values |= {s.name: np.zeros(s.type.shape) for s in module.optimizer_states}
    single, double = (
        evaluate(graph, values, 3, dtype)[Tagged(Role.UPDATE, "net.w")] - values["net.w"]
        for dtype in ("float32", "float64")
    )
    np.testing.assert_allclose(single, double, rtol=2e-6)
