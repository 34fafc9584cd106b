"""temporary"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numba import njit, types

from runtime.cpu.intrinsics import pointer_reader


@cache
def names(word: int) -> dict[str, Any]:
    number = np.float32 if word == 4 else np.float64
    real_type = types.float32 if word == 4 else types.float64
    index_type = types.int32 if word == 4 else types.int64
    fast = njit(error_model="numpy", forceinline=True)
    f = dict(
        exp=math.exp,
        log=math.log,
        log1p=math.log1p,
        expm1=math.expm1,
        tanh=math.tanh,
        erf=math.erf,
        sin=math.sin,
        cos=math.cos,
        sqrt=math.sqrt,
    )
    out: dict[str, Any] = dict(f)
    out["sigmoid"] = fast(lambda x: number(1) / (number(1) + math.exp(-x)))
    out["pow_"] = fast(lambda x, y: number(math.pow(x, y)))
    out["abs_"] = fast(lambda x: abs(x))
    out["floor"] = fast(lambda x: number(np.floor(x)))
    out["max"] = out["maximum"] = fast(lambda a, b: a if a > b or a != a else b)
    out["min"] = out["minimum"] = fast(lambda a, b: a if a < b or a != a else b)
    out["select"] = fast(lambda c, a, b: a if c else b)
    out["step"] = fast(lambda c: number(1) if c else number(0))
    out["real"] = number
    out["index"] = np.int64
    out["reals"] = pointer_reader(real_type)
    out["indices"] = pointer_reader(index_type)
    return out
