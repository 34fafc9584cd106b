"""Orders that depend on a seed and a purpose, and on nothing else.

Each index gets a 64-bit key from a counter-based mixer, and sorting the keys gives the order.  No
generator has a state, so epoch 7 is shuffled the same way in a resumed run, on another machine and
under another version of NumPy.  The mixer is the finaliser of SplitMix64 (Steele, Lea & Flood,
"Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

from __future__ import annotations

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15
MASK = 0xFFFFFFFFFFFFFFFF
SPLIT = -1  # the purpose of dividing a data set; epochs count from 0


def permutation(n: int, seed: int, purpose: int) -> np.ndarray:
    """The numbers 0 to n - 1 in the order that belongs to a seed and a purpose."""
    return np.argsort(keys(0, n, seed, purpose), kind="stable")


def keys(first: int, end: int, seed: int, purpose: int) -> np.ndarray:
    """What the numbers from `first` to before `end` are sorted by: no two numbers have the same."""
    start = np.uint64((mixed(seed & MASK) + purpose * GOLDEN) & MASK)
    numbers = np.arange(first + 1, end + 1, dtype=np.uint64)
    return mix(mix(np.full(1, start)) + numbers * np.uint64(GOLDEN))


def mixed(number: int) -> int:
    """One number, mixed."""
    return int(mix(np.array([(number + GOLDEN) & MASK], np.uint64))[0])


def mix(z: np.ndarray) -> np.ndarray:
    """SplitMix64's finaliser, elementwise and modulo 2^64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: np.ndarray = z ^ (z >> np.uint64(31))
    return result
