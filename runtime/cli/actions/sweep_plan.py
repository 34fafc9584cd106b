"""Which settings a sweep tries: all combinations of lists, or some drawn at random."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Sequence
from itertools import product

from gradc_runtime.cli.faults import Refused
from gradc_runtime.cli.options import Assignment, Value

MOST = 10_000  # combinations
NAME = re.compile(r"[A-Za-z_]\w*")
DIGITS = 3  # significant ones of a number that is drawn
Settings = dict[str, Value]
Range = tuple[Value, Value]


def planned(lists: Iterable[tuple[str, str]], count: int | None, seed: int) -> list[Settings]:
    """The settings of each run, in the order of their lists.

    Raises `Refused` for a list or a range that is none, or for too many combinations.
    """
    choices: dict[str, Sequence[Value] | Range] = {}
    for name, text in lists:
        if not NAME.fullmatch(name):
            raise Refused(f"a setting has a name such as lr, and not {name[:40]}")
        if name in choices:
            raise Refused(f"{name} is set twice; its values are one list: --set {name}=1,2")
        choices[name] = values_of(name, text)
    if count is not None:
        return drawn(choices, count, seed)
    ranges = [name for name, values in choices.items() if isinstance(values, tuple)]
    if ranges:
        raise Refused(f"{ranges[0]} is a range: --random N says how many are drawn of it")
    total = math.prod(len(values) for values in choices.values())
    if total > MOST:
        raise Refused(f"these are {total:,} combinations; --random N draws some of them")
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


def values_of(name: str, text: str) -> Sequence[Value] | Range:
    """The values of a list, or the ends of a range as a tuple.

    Raises `Refused` for a range that has no first and last.
    """
    meaning = Assignment().meaning
    low, dots, high = text.partition("..")
    if dots:
        ends = (meaning(name, low), meaning(name, high))
        if not ends[0] < ends[1]:  # type: ignore[operator]
            raise Refused(f"{name}={text} is no range: the first end is the lower one")
        return ends
    return list(dict.fromkeys(meaning(name, part.strip()) for part in text.split(",")))


def drawn(choices: dict[str, Sequence[Value] | Range], count: int, seed: int) -> list[Settings]:
    """So many different combinations, or all there are; the same for the same seed."""
    generator, found = random.Random(seed), dict[tuple[Value, ...], Settings]()
    for _ in range(20 * count):
        settings = {name: one_of(values, generator) for name, values in choices.items()}
        found.setdefault(tuple(settings.values()), settings)
        if len(found) == count:
            break
    return list(found.values())


def one_of(values: Sequence[Value] | Range, generator: random.Random) -> Value:
    """A value of a list, or of a range: whole between whole ends, else evenly by magnitude."""
    if not isinstance(values, tuple):
        return generator.choice(list(values))
    low, high = values
    assert isinstance(low, int | float) and isinstance(high, int | float), "ends are numbers"
    if isinstance(low, int) and isinstance(high, int):
        return generator.randint(low, high)
    if low > 0:
        number = math.exp(generator.uniform(math.log(low), math.log(high)))
    else:
        number = generator.uniform(low, high)
    return float(f"{number:.{DIGITS}g}")


def name_of(settings: Settings) -> str:
    """What a run is called: `lr=0.01,hidden=16`."""
    return ",".join(f"{name}={value}" for name, value in settings.items())
