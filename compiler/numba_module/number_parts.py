"""Functions of numbers that loops of a module call and NumPy has not: their text is copied into it.

`real` is there the type of a number; here it stands for one of them, so that they can be tested.
"""

from __future__ import annotations

import math

import numpy as np

real = np.float32
LOW = np.uint64(0xFFFFFFFF)
UP = np.uint64(32)
EIGHT = np.uint64(8)


def maximum(a, b):  # type: ignore[no-untyped-def]
    return a if a > b or a != a else b


def minimum(a, b):  # type: ignore[no-untyped-def]
    return a if a < b or a != a else b


def sigmoid(x):  # type: ignore[no-untyped-def]
    e = np.exp(-abs(x))
    return (real(1.0) if x >= 0 else e) / (real(1.0) + e)


def clamp(number, rows):  # type: ignore[no-untyped-def]
    return max(0, min(number, rows - 1))


def choose(chosen, a, b):  # type: ignore[no-untyped-def]
    return a if chosen else b


def lost(total, term):  # type: ignore[no-untyped-def]
    # What rounding loses when they are added.
    sum = total + term
    back = sum - total
    rest = (total - (sum - back)) + (term - back)
    return rest if sum - sum == 0 else real(0.0)


def to_bfloat(x):  # type: ignore[no-untyped-def]
    return with_bits(x, 8)  # type: ignore[no-untyped-call]


def to_tfloat(x):  # type: ignore[no-untyped-def]
    return with_bits(x, 11)  # type: ignore[no-untyped-call]


def with_bits(x, digits):  # type: ignore[no-untyped-def]
    # The nearest number with so many bits of significand, of two the even one.
    wide = np.float64(np.float32(x))
    if wide == 0.0 or not np.isfinite(wide):
        return x
    _, exponent = math.frexp(wide)
    unit = math.ldexp(1.0, max(exponent, -125) - digits)
    near = np.float32(np.rint(wide / unit) * unit)
    return real(near)


def quotient(a, b):  # type: ignore[no-untyped-def]
    # The greatest whole number that is at most a / b.
    left = math.fmod(np.float64(a), np.float64(b))
    count = (np.float64(a) - left) / np.float64(b)
    if not np.isfinite(count):
        return real(np.floor(a / b))
    if left != 0.0 and (left < 0.0) != (b < 0.0):
        count -= 1.0
    return real(np.rint(count))


def rest(a, b):  # type: ignore[no-untyped-def]
    # What the quotient leaves of a, with the sign of b.
    left = math.fmod(np.float64(a), np.float64(b))
    if left != 0.0 and (left < 0.0) != (b < 0.0):
        left += np.float64(b)
    return real(left)


def philox(seed, step, example, node, element, time):  # type: ignore[no-untyped-def]
    # Philox4x32-10: the same draw for the same place, whoever asks and when.
    c0, c1 = np.uint64(element) & LOW, np.uint64(example) & LOW
    c2, c3 = np.uint64(step) & LOW, np.uint64(time) & LOW
    k0, k1 = np.uint64(seed) & LOW, np.uint64(node) & LOW
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (p1 >> UP) ^ c1 ^ k0, p1 & LOW, (p0 >> UP) ^ c3 ^ k1, p0 & LOW
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & LOW, (k1 + np.uint64(0xBB67AE85)) & LOW
    return c0, c1


def philox_uniform(seed, step, example, node, element, time):  # type: ignore[no-untyped-def]
    u, _ = philox(seed, step, example, node, element, time)  # type: ignore[no-untyped-call]
    return real(u >> EIGHT) * real(2.0**-24)


def philox_normal(seed, step, example, node, element, time):  # type: ignore[no-untyped-def]
    u, v = philox(seed, step, example, node, element, time)  # type: ignore[no-untyped-call]
    radius = np.sqrt(real(-2.0) * np.log(real(u >> EIGHT) * real(2.0**-24) + real(2.0**-25)))
    return radius * np.cos(real(v >> EIGHT) * real(2.0**-23 * np.pi))


PARTS = (
    maximum, minimum, sigmoid, clamp, choose, lost, to_bfloat, to_tfloat, with_bits,
    quotient, rest, philox, philox_uniform, philox_normal,
)  # fmt: skip
NEEDS = {
    "to_bfloat": ["with_bits"],
    "to_tfloat": ["with_bits"],
    "philox_uniform": ["philox"],
    "philox_normal": ["philox"],
}
