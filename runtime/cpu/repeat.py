"""One step of an entry once more, on inputs of the shapes that it had before: the shortest way.

A call of a small network is over in a few microseconds, of which every look-up takes its share.
So what a call needs is looked up once for each batch size; then a call compares shapes, writes down
addresses and enters native code.  Anything unusual is left to the long way, which also explains
what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compiler.program import Space
from runtime.cpu.exchange import Arrays, Exchange, address
from runtime.cpu.plan import Plan


class Repeat:
    """Calls of an entry without sequences or results, for one batch size."""

    def __init__(
        self, exchange: Exchange, plan: Plan, advance: Callable[[Plan, int], None]
    ) -> None:
        self._plan, self._advance = plan, advance
        inputs, outputs = [], []
        for slot, array in enumerate(exchange.arrays, Space.ARRAY):
            shape, dtype = (plan.examples, *array.type.shape), exchange.dtypes[array.type.kind]
            match array.role:
                case "input":
                    inputs.append((array.name, shape, dtype, int(slot)))
                case "output":
                    outputs.append((array.name, shape, dtype, int(slot)))
                case _:
                    plan.words[slot] = address(plan.carried[array.name])
        self._inputs, self._outputs = tuple(inputs), tuple(outputs)

    def __call__(self, given: Mapping[str, Any]) -> Arrays | None:
        """The outputs [N, ...]; None where an input is not exactly what native code reads."""
        if len(given) != len(self._inputs):
            return None
        words, outputs = self._plan.words, {}
        for name, shape, dtype, slot in self._inputs:
            value = given.get(name)
            if type(value) is not np.ndarray or value.shape != shape or value.dtype != dtype:
                return None
            if not value.flags.c_contiguous:
                return None
            words[slot] = address(value)
        for name, shape, dtype, slot in self._outputs:
            made = outputs[name] = np.empty(shape, dtype)
            words[slot] = address(made)
        self._advance(self._plan, 1)
        return outputs
