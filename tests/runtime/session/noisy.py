"""A spec whose result is a draw: what noise is made of can be read off it."""

NOISY = """
model f(x : scalar) -> scalar {
    param p = 0
    noise e : scalar ~ normal(0, 1)
    p * x + e
}
data d(x : scalar) = line()
train on d {
    minimize f(x)
    using sgd(lr = RATE)
}
"""
