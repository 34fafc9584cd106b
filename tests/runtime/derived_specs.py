"""Specs that say all that a derived program must say too, in names that are hard to keep."""

from __future__ import annotations

from tests.support.meanings import SPECS

CASES: dict[str, str] = {}
CASES["states, noise and several steps"] = """
model D(x : [6]) -> scalar {
    x |> dense(4) |> batch_norm |> leaky_relu |> dropout(0.5) |> dense(1) |> as(scalar)
}
model G(z : [2]) -> [6] { z |> dense(5) |> batch_norm(momentum = 0.3) |> softplus |> dense(6) }
data real(x : [6], t : scalar) = npz("none.npz")
train on real {
    noise z : [2] ~ normal(0, 1)
    param temper : scalar = 0.5
    state seen = 0
    seen' = 0.9 * seen + 0.1 * t
    step discriminator {
        minimize bce_logits(D(x), 1) + bce_logits(D(G(z)) * temper, 0) over D, temper
        using adamw(lr = cosine(1e-2, 10)), clip(norm = 0.5)
        report real = sigmoid(D(x)), sigmoid(D(G(z))), seen
    }
    step generator {
        minimize bce_logits(D(G(z)), 1) + 1e-2 * l2(G) over G
        using momentum(lr = warmup(1e-2, 3)), clip(value = 0.1)
        report x[0] - x[1]
    }
}
"""
CASES["first values"] = """
initializer small(width = 0.01) { v1 = uniform(-width, width); v1 * 2 }
initializer glorot_uniform { 3 * normal(0, 1) + shape[0] }
layer scaled(start, drawn : layer = he_normal)(x : [n]) -> [n] {
    param s : [n] = start * [1, 2, 3]
    param t : [n] ~ drawn
    param u : [n, n] ~ normal(0, start)
    state m : [n] = ones([n]) * start
    m' = batch_mean(x)
    param k : scalar = -0.0
    x * s + t + u @ x + m + k
}
model f(x : [3]) -> scalar {
    param a = 2 * 3
    param b : [3] = [4, 5, 6]
    param c : [2, 2] = tensor(1, 2, 3, 4, shape = [2, 2])
    param d : [3, 3] ~ glorot_uniform
    param e : [3, 3] ~ orthogonal(gain = 0.3)
    param h : [3] ~ small
    param i : [3, 3] ~ small(width = 1 / 3)
    param j : [3] ~ constant(0.2)
    param k ~ normal(0, 1)
    y = x |> scaled(0.25) |> scaled(2, constant(1 / 3)) |> dense(3)
    sum((d + e + i) @ (b * y + h * j)) * 1e-3 + a * sum(c) * k
}
data d(x : [3], y : scalar) = npz("none.npz")
train on d {
    minimize (f(x) - y)^2 + 1e-3 * l2(f.dense1)
    using nesterov(lr = 1e-5)
}
"""
CASES["layers in the branches of conditionals"] = SPECS["layers in the branches of conditionals"]
CASES["names"] = """
model f(x : [3]) -> scalar {
    param mean : [3] = 1
    param batch = 2
    param v12 : [3] = 0.1
    param along = 0.5
    over = dense(3)
    sum(over(mean * x + v12)) * batch + along
}
model train_step(x : [3]) -> scalar { f(x) + 0 * sum(dense(3)(x)) }
data d(
    x : [3], exp : scalar, f : scalar, v5 : scalar, loss : scalar, g0 : scalar, training : scalar
) = npz("none.npz")
train on d {
    param loss_ : scalar = 2
    param over = 1.5
    param x = 0.5
    step = dense(2)
    first = sum(step([exp, loss])) * loss_
    minimize (train_step([exp, loss, g0]) * over - f - v5 - x)^2 + 0.1 * first^2 + training
    using sgd(lr = 1e-4)
    report v5 = exp, "for a, b" = loss * 2, "param" = f, batch = 1, f, (exp - g0) * 2
}
"""
CASES["an optimizer without settings"] = """
optimizer mine(p, g) { p' = p - 0.01 * g }
model f(x : [3]) -> scalar { x |> dense(1) |> as(scalar) }
data d(x : [3], y : scalar) = npz("none.npz")
train on d { minimize (f(x) - y)^2 using mine }
"""
CASES["sequences"] = """
model tag(xs : seq [3]) -> seq [4] {
    xs |> both(lstm(3, forget = 2), gru(2)) |> dropout(0.3) |> scan(elman(3)) |> dense(4)
}
data words(xs : seq(length) [3], ys : seq(length) class(4), zs : seq [2]) = npz("none.npz")
train on words {
    noise e : seq(zs) [2] ~ normal(0, 1)
    minimize cross_entropy(tag(xs), ys) + 0.1 * norm(time_mean(zs + e)) + 0 * length
    using rmsprop(lr = decayed(1e-2)), clip(norm = 1)
    report accuracy(tag(xs), ys), long = length * 1.0
}
schedule decayed(start, every = 2)(t) { start * 0.5^floor(t / every) }
"""
CASES["a computed setting, two uses of a state"] = """
model f(x : [3]) -> scalar { state m : [3] = 0; m' = 0.5 * m + x; sum(m' * dense(3)(x)) }
data d(x : [3], y : scalar) = npz("none.npz")
train on d {
    param rate = 0.01
    a = f(x)
    minimize (a + f(x * 2) - y)^2 + rate^2
    using sgd(lr = rate * 0.1)
    report a if training else 0
}
"""
CASES["directions by hand"] = """
model f(x : [3]) -> scalar { x |> dense(2) |> dropout |> dense(1) |> as(scalar) }
data d(x : [3], y : scalar) = npz("none.npz")
train on d {
    step first {
        error = (f(x) - y)^2
        descend f.dense1.W along grad(error, f.dense1.W), f.dense2.b along [0.1]
        using adagrad()
        report error
    }
}
"""
CASES["orders and running sums"] = """
cell walk(h : [4], x : [4]) -> [4] { sort(tanh(h) + cumsum(x)) }
layer rising(x : [n]) -> [n] { x |> cumsum(backwards = true) |> sort }
model f(x : [5], m : [3, 4], ys : seq [4]) -> scalar {
    param w : [5] ~ normal(0, 1)
    param u : [3, 4] = reshape(iota(12), [3, 4]) / 7
    order = argsort(x * w)
    first = sum(take_along(w, order) * iota(5)) + sum(add_along(w^2, order, 6) * iota(6))
    slopes = grad(sum(sort(u * m)^3 * iota(4)) + sum(cumsum(u, axis = 0)^2), u)
    of_each = sum(((u * m) |> each(rising))^2 * iota(4))
    over_time = sum(time_sum((ys * w[1:5]) |> sort |> cumsum) * iota(4))
    first + sum(slopes^2) * 1e-3 + of_each * 1e-2 + over_time + sum(last(ys |> scan(walk)))
}
data d(x : [5], m : [3, 4], ys : seq [4], t : scalar) = npz("none.npz")
train on d {
    minimize (f(x, m, ys) - t)^2 * 1e-2
    using sgd(lr = 1e-3)
    report argsort(x)[0] == 0
}
"""

OPTIMIZERS = """
optimizer own(lr = halved(0.1), beta = 0.5)(p, g) {
    state v = 0
    v' = beta * half(v) + g
    p' = p - lr * v'
}
schedule halved(start)(t) { start * 0.5^t }
function half(x) { x / 2 }
initializer tenth { uniform(0, 0.1) }
layer plain(n : size)(x : [m]) -> [n] { param W : [n, m] ~ tenth; W @ x }
model other(x : [3]) -> [2] { x |> plain(2) }
"""
IMPORTS = """
import own, tenth, half, plain, other from "optimizers.nn"
model f(x : [3]) -> [2] { param b : [2] ~ tenth; (other(x) + b) |> plain(2) }
data d(x : [3], y : [2]) = npz("none.npz")
train on d {
    step one { minimize norm(f(x) - y) using own() }
    step two { minimize norm(f(x) + y) over other using own(lr = half2(0.1)) }
}
schedule half2(start)(t) { half(start) }
"""
