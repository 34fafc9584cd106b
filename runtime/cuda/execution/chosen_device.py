"""The device of this process: a GPU, or the simulator where NUMBA_ENABLE_CUDASIM=1 is set.

Of several GPUs a process takes the first that CUDA_VISIBLE_DEVICES lets it see; of several ranks on
a machine each takes one of its own.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import Any

from gradc_runtime.cuda.devices.device import Device

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") not in (None, "", "0")


@cache
def device() -> Device:
    """The device, made ready when it is first asked for.

    Raises `CudaUnavailable` where there is none.
    """
    name = "simulated_device" if SIMULATED else "driver_device"
    module: Any = import_module(f"gradc_runtime.cuda.devices.{name}")
    found: Device = module.SimulatedDevice() if SIMULATED else module.opened()
    return found
