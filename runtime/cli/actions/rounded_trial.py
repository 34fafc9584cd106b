"""What `verify` says of bf16 and tf32: kernels against the reference, threads, and how far float32
is.

A rounding to bfloat16 is off by 2^-8 of a number at most (to TF32 by 2^-11), so a product of two by
2^-7 and a sum of products by 2^-7 of the sum of their sizes: the bound is as much for each product
in a row.  It is one of all numbers of an entry together, for a unit of `relu` that is on the other
side of 0 makes another slope, whatever the size of the rounding was.  Kernels are held against the
reference in the same way: they add up in another order, so that a number near the middle between
two bfloat16 may be rounded to the other, and products that follow carry that on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from gradc_compiler.ops.bfloat16 import EPSILONS
from gradc_compiler.transform.round_operands import products_in_a_row
from gradc_runtime.certificates.distances import (
    AfterUpdate,
    EntryOutput,
    Results,
    difference,
)
from gradc_runtime.cli.actions.trial import Trial


def roundings(trial: Trial, single: Results) -> Iterator[tuple[str, str, tuple[float, str], float]]:
    """Lines of (what, against, the error and where it is, bound); a bound of 0 is to the bit.

    `trial` is of the program in that precision, `single` what float32 gives.
    """
    on = replace(trial, target="cpu", dtype="float32", threads=1)
    one, two = values(on), values(replace(on, threads=2))
    equal = difference(two, one, None, exactly=True)
    name = trial.program.precision
    bound = 2 * EPSILONS[name] * max(1, most_in_a_row(trial))
    yield f"{name}, 2 threads", "1 thread, to the bit", equal, 0.0
    wanted = values(replace(on, target="reference"))
    yield f"{name}, as a whole", f"reference in {name}", apart(one, wanted), bound
    yield f"{name}, as a whole", "float32", apart(one, single), bound


def apart(found: Results, wanted: Results) -> tuple[float, str]:
    """The greatest distance of what an entry gives, by the size of that, all tensors as one."""
    off: dict[str, float] = {}
    for name in {key.entry for key in found if isinstance(key, EntryOutput)}:
        keys = [key for key in found if isinstance(key, EntryOutput) and key.entry == name]
        distance = sum(float(np.sum(np.square(found[k] - wanted[k], dtype="f8"))) for k in keys)
        size = sum(float(np.sum(np.square(wanted[k], dtype="f8"))) for k in keys)
        off[name] = float(np.sqrt(distance / size)) if size else float(np.sqrt(distance))
    worst = max(off, key=lambda name: (off[name] != off[name], off[name]))
    return off[worst], worst


def values(trial: Trial) -> dict[Any, Any]:
    """Forward passes, losses and gradients; Adam shows the relative error of the least of them."""
    found = trial.values(trial.session())
    return {key: array for key, array in found.items() if not isinstance(key, AfterUpdate)}


def most_in_a_row(trial: Trial) -> int:
    """Products one after another, in the entry that has most."""
    checks = trial.program.checks
    assert checks is not None, "only what can be checked is compared"
    return max(products_in_a_row(checks.graphs[name]) for name in trial.entries(updates=False))
