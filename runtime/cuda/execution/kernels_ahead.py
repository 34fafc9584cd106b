"""Kernels of a step compiled before the first call, while somebody is told how many are done."""

from __future__ import annotations

from typing import Any

from gradc_runtime.cuda.devices.kernel_cache import Target, ptx_of
from gradc_runtime.cuda.devices.launch_form import launches_of
from gradc_runtime.cuda.devices.ptx_builder import Progress
from gradc_runtime.cuda.estimates.step_of_entry import planned_calls
from gradc_runtime.cuda.execution.chosen_device import device
from gradc_runtime.cuda.launch.merge_calls import merged


def build_ahead(session: Any, entry: str, batch: int, progress: Progress) -> int:
    """Compile what an entry needs for a batch, into the cache; gives the number of kernels.

    A simulator compiles nothing, and of sequences the first call tells how many kernels there are.
    """
    capability = getattr(device(), "capability", None)
    made = session.program.entries[entry]
    if capability is None or any(not isinstance(time, int) for time in made.times):
        return 0
    launches, _ = launches_of(merged(planned_calls(made, batch)))
    kernels = list(dict.fromkeys(launch.key for launch in launches))
    ptx_of(kernels, Target(capability, session.memory.mirror.itemsize), progress)
    return len(kernels)
