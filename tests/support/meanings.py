"""Small specs whose meaning is easily lost: states used more than once, one layer in many places,
derivatives of what the whole batch has in common, derivatives within recurrences.

A target gives for each of them what the reference gives: forward, gradients, updates, evaluation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session

COUNTED = """
layer counted(by = 1)(x : [n]) -> [n] {
    state uses : scalar = 0
    uses' = uses + by
    x * uses'
}
"""
SCALED = """
layer scaled(x : [n]) -> [n] {
    param w : [n] = 0.5
    w * x
}
"""
SPECS = {
    "a layer that counts, used twice": f"""{COUNTED}
model f(x : [3], y : [3]) -> [3] {{
    c = counted()
    param w = 1
    w * (c(x) + c(y))
}}
data d(x : [3], y : [3]) = npz("none.npz")
train on d {{
    minimize sum(f(x, y)^2)
    using sgd(lr = 0.01)
    report again = sum(f(x, y))
}}
""",
    "steps in turn that share a layer": f"""{COUNTED}
model f(x : [3]) -> [3] {{
    param w = 1
    (w * x) |> counted(2)
}}
data d(x : [3], y : [3]) = npz("none.npz")
train on d {{
    step one {{
        minimize sum((f(x) - f(y))^2)
        using sgd(lr = linear(1e-3, 0, 3))
    }}
    step two {{
        minimize sum(f(y)^2)
        using sgd(lr = linear(1e-3, 0, 3))
    }}
}}
""",
    "one batch norm on real and made examples": """
model D(x : [3]) -> scalar { x |> dense(4) |> batch_norm |> tanh |> dense(1) |> as(scalar) }
data d(x : [3], y : [3]) = npz("none.npz")
train on d {
    minimize D(x)^2 - D(y) + (D((x + y) / 2) - 1)^2
    using momentum(lr = 1e-2)
}
""",
    "a layer without brackets, named once": f"""{SCALED}
model f(x : [3], y : [3]) -> [3] {{
    s = scaled
    block = s |> tanh
    two = repeat(2, s |> sigmoid |> s)
    block(x) + s(y) + two(x) * two(y)
}}
data d(x : [3], y : [3]) = npz("none.npz")
train on d {{
    minimize sum(f(x, y)^2)
    using sgd(lr = 0.1)
}}
""",
    "layers in the branches of conditionals": f"""{COUNTED}
cell steps(h : [3], x : [3]) -> [3] {{
    tanh(dense(3)(x) + h if training else dense(3)(x) - h)
}}
layer dropped(inner : layer)(x : [n]) -> [n] {{
    noise keep : scalar ~ uniform(0, 1)
    inner(x) * (keep > 0.3) / 0.7
}}
model f(x : [3], y : [3]) -> [3] {{
    h = dense(4)(x) if training else dense(4)(y)
    k = h |> ((batch_norm |> counted) if training else (counted |> batch_norm))
    g = repeat(2, dense(3)) if training else repeat(3, dense(3))
    s = last(rows([x, y]) |> scan(steps))
    same = dense(3)
    z = g(k |> dense(3)) + s
    z + dropped(same)(z) if training else z + same(z)
}}
data d(x : [3], y : [3]) = npz("none.npz")
train on d {{
    minimize sum((f(x, y) - y)^2)
    using momentum(lr = 0.01)
    report outside = sum(dense(2)(f(x, y)) if training else dense(3)(f(x, y)))
}}
""",
    "the gradient of the batch's mean": """
model f(x : [3]) -> scalar { x |> dense(4) |> tanh |> dense(1) |> as(scalar) }
data d(x : [3], y : [3]) = npz("none.npz")
train on d {
    l = (f(x) - sum(y))^2
    W = f.dense1.W
    minimize l + sum(grad(batch_mean(l), W)^2) + 0.1 * sum(grad(l, W)^2)
    using sgd(lr = 0.01)
    report of_mean = sum(grad(batch_mean(l), W)^2), mean_of = sum(batch_mean(grad(l, W))^2)
    report by_x = sum(grad(batch_mean(l), x)^2)
}
""",
    "a Langevin sampler": """
model energy(x : [3]) -> scalar { sum(tanh(x |> dense(3))^2) }
cell langevin(x : [3], none) -> [3] { x - 0.05 * grad(energy(x), x) }
model f(z : [3]) -> [3] { 0 |> unfold(4, langevin, start = z) |> last }
data d(x : [3], y : [3]) = npz("none.npz")
train on d {
    minimize sum((f(x) - y)^2)
    using sgd(lr = 0.1)
}
""",
    "five inner steps": """
cell inner(w : [3], given : (u : [3], t : scalar)) -> [3] {
    w - 0.1 * grad((tanh(sum(w * given.u)) - given.t)^2, w)
}
model f(x : [3], y : [3]) -> scalar {
    param w0 : [3] = [0.1, -0.2, 0.3]
    w = (x, x[0]) |> unfold(5, inner, start = w0) |> last
    sum(w * y)
}
data d(x : [3], y : [3]) = npz("none.npz")
train on d {
    minimize (f(x, y) - y[0])^2
    using sgd(lr = 0.1)
}
""",
    "numbers in order": """
cell least(h : [3], x : [3]) -> [3] { sort(h + cumsum(x, backwards = true)) / 2 }
layer back(x : [n], by : [n]) -> [n] { add_along(x, argsort(by), 3) }
model f(x : [3], y : [3]) -> scalar {
    param w : [3] = [0.1, -0.2, 0.3]
    rows = stack(x * w, y * w, sort(w))
    slope = grad(sum(cumsum(sort(rows)^3, axis = 0)), w)
    end = (x * w) |> unfold(4, least) |> last
    sum(slope^2) / 9 + sum((rows |> each(sort))^2 * iota(3)) + sum(end * back(w, y))
}
data d(x : [3], y : [3]) = npz("none.npz")
train on d {
    minimize (f(x, y) - y[0])^2 / 9
    using sgd(lr = 0.001)
    report argsort(x)[0] == 2
}
""",
}


def batch(examples: int, seed: int) -> dict[str, Any]:
    """Values for the two fields that all of them have."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=(examples, 3)) for name in "xy"}


def assert_as_the_reference(name: str, target: str, examples: int, threads: int = 1) -> None:
    """Outputs, gradients, three updates and an evaluation, in float64."""
    program = compile_source(SPECS[name])
    found = Session(program, target, "float64", threads, seed=1)
    right = Session(program, "reference", "float64", seed=1)
    for model, read in program.inputs.items():
        given = dict(zip(read, batch(examples, 0).values(), strict=False))
        close(found.run(model, **given), right.run(model, **given))
    for step in program.training.steps if program.training else ():
        pairs = [s.gradients(step.name, **batch(examples, 1)) for s in (found, right)]
        for (loss, slopes), (known, wanted) in [pairs]:
            close(loss, known)
            for parameter, slope in wanted.items():
                close(slopes[parameter], slope)
    for seed in range(3):
        told, known = found.step(**batch(examples, seed)), right.step(**batch(examples, seed))
        close([*told.values()], [*known.values()])
        for key, value in right.memory.views.items():
            close(found.memory.views[key], value)
    told, known = found.evaluate(batch(examples, 9)), right.evaluate(batch(examples, 9))
    close([*told.values()], [*known.values()])


def close(found: Any, wanted: Any) -> None:
    """Equal but for rounding."""
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)
