"""Numbers as a textbook prints them: 307,500 and 1.80625e9 and -2.125e8."""

from __future__ import annotations

import numpy as np

LONGEST = 6  # numbers of a vector that are printed one by one
WHOLE = 12  # numbers of a tensor that is printed whole
LARGEST = 1e7  # whole numbers below this are written out


def number(value: float) -> str:
    """One number in six digits."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value == int(value) and abs(value) < LARGEST:
        return f"{int(value):,}"
    mantissa, e, exponent = f"{value:.6g}".partition("e")
    if e:
        return f"{mantissa}e{int(exponent)}"
    whole, point, fraction = mantissa.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{abs(int(whole)):,}{point}{fraction}"


def tensor(array: np.ndarray) -> str:
    """A number, a short vector, or the norm of a large tensor."""
    if array.size == 1:
        return number(float(array.reshape(-1)[0]))
    if array.size <= LONGEST:
        return f"[{', '.join(short(float(x)) for x in array.reshape(-1))}]"
    return f"norm {short(float(np.linalg.norm(array.astype(np.float64))))}"


def tensor_text(array: np.ndarray) -> str:
    """A small tensor whole, with its rows; of a large one its length and its range."""
    if array.size == 1:
        return number(float(array.reshape(-1)[0]))
    if array.size <= WHOLE:
        return _rows(array)
    low, high = float(array.min()), float(array.max())
    length = short(float(np.linalg.norm(array.astype(np.float64))))
    sizes = ", ".join(map(str, array.shape))
    return f"[{sizes}] of length {length}, from {short(low)} to {short(high)}"


def _rows(array: np.ndarray) -> str:
    """Brackets within brackets."""
    if array.ndim == 0:
        return short(float(array))
    return f"[{', '.join(map(_rows, array))}]"


def short(value: float) -> str:
    """One number in four digits."""
    return number(float(f"{value:.4g}"))
