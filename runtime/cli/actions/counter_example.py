"""A smallest input at which two programs differ: 0 or 1 wherever it may be.

As in QuickCheck (Claessen & Hughes, 2000), an input that was found at random is made simpler step
by step, as long as the two still differ at it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import islice

import numpy as np

from gradc_compiler.study import numbers

Values = Mapping[str, np.ndarray]
TRIES = 400  # evaluations
MOST_NAMED = 5  # tensors of zeros that are named


def smallest(
    differs: Callable[[Values], bool],
    values: Values,
    labels: Collection[str] = (),
    tries: int = TRIES,
) -> Values:
    """Values as simple as can be at which something still differs, `values` being such.

    Whole tensors are tried first, then numbers one by one; `labels` are whole numbers of a class.
    `differs` is asked `tries` times at most.
    """
    found = {name: np.array(array) for name, array in values.items()}
    for name, simpler in islice(_simpler(found, labels), tries):
        if differs({**found, name: simpler}):
            found[name] = simpler
    return found


def _simpler(
    found: Mapping[str, np.ndarray], labels: Collection[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """What to try next, as long as `found` has not become as simple."""
    for name in [*found]:
        for number in (0, 1):
            if found[name].any() and not np.all(found[name] == 1):
                yield name, np.full_like(found[name], number)
    for name in [*found]:
        if name in labels:
            continue
        for place in np.ndindex(found[name].shape):
            yield from ((name, simpler) for simpler in _one_simpler(found, name, place))


def _one_simpler(
    found: Mapping[str, np.ndarray], name: str, place: tuple[int, ...]
) -> Iterator[np.ndarray]:
    """The tensor with a simpler number in one place, until one has been taken."""
    now = float(found[name][place])
    tens = [sign * ten for ten in (10.0, 100.0) if ten < abs(now) for sign in (1, -1)]
    for number in (0.0, 1.0, -1.0, 2.0, *tens, float(round(now)), round(now, 1)):
        if number == now or float(found[name][place]) != now:
            return
        simpler = found[name].copy()
        simpler[place] = number
        yield simpler


def at_text(values: Values) -> str:
    """`x=[1, 0] w=2, and 0 for b`: an input in words."""
    shown = [f"{n}={numbers.tensor_text(np.squeeze(a))}" for n, a in values.items() if np.any(a)]
    zero = [name for name, array in values.items() if not np.any(array)]
    if not zero:
        return " ".join(shown)
    more = f" and {len(zero) - MOST_NAMED} more" if len(zero) > MOST_NAMED else ""
    rest = f"0 for {', '.join(zero[:MOST_NAMED])}{more}"
    return f"{' '.join(shown)}, and {rest}" if shown else rest
