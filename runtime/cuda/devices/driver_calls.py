"""Calls of NVIDIA's driver, each of which is checked: a failure is one line for the user.

The driver's functions come from the package cuda-bindings, and give a code before their results.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from gradc_runtime.cuda.devices.device import CudaFault, CudaUnavailable
from gradc_runtime.system.extras import advice

MODULE = "cuda.bindings.driver"
ELSE = "use --target cpu"
LEAST_DRIVER = 13000  # of CUDA 13.0, as the driver says it
LEAST_CAPABILITY = (7, 5)  # of the GPUs that CUDA 13 knows
UNAVAILABLE: Mapping[str, str] = {
    "CUDA_ERROR_NO_DEVICE": f"no NVIDIA GPU found (CUDA_VISIBLE_DEVICES may hide it); {ELSE}",
    "CUDA_ERROR_STUB_LIBRARY": f"the NVIDIA driver is a stub that cannot run anything; {ELSE}",
    "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH": (
        f"the NVIDIA driver and its kernel module are of two versions: restart the machine; {ELSE}"
    ),
    "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE": (
        f"the NVIDIA driver is too old for CUDA 13, and this GPU cannot do without; {ELSE}"
    ),
    "CUDA_ERROR_DEVICE_UNAVAILABLE": f"another process has the GPU for itself; {ELSE}",
    "CUDA_ERROR_NOT_PERMITTED": f"this user may not use the GPU; {ELSE}",
    "CUDA_ERROR_UNSUPPORTED_PTX_VERSION": f"the NVIDIA driver is too old: update it, or {ELSE}",
    "CUDA_ERROR_NO_BINARY_FOR_GPU": f"no kernels can be made for this GPU; {ELSE}",
}
FAULTS: Mapping[str, str] = {
    "CUDA_ERROR_ILLEGAL_ADDRESS": "a kernel went beyond its memory",
    "CUDA_ERROR_MISALIGNED_ADDRESS": "a kernel read at an odd address",
    "CUDA_ERROR_LAUNCH_FAILED": "a kernel failed",
    "CUDA_ERROR_LAUNCH_TIMEOUT": "a kernel took longer than the display lets it",
    "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES": "a kernel needs more registers than there are",
    "CUDA_ERROR_ECC_UNCORRECTABLE": "its memory has an error that cannot be corrected",
    "CUDA_ERROR_HARDWARE_STACK_ERROR": "its hardware reports an error",
    "CUDA_ERROR_CONTAINED": "its hardware reports an error",
    "CUDA_ERROR_TENSOR_MEMORY_LEAK": "a kernel did not give back its memory",
    "CUDA_ERROR_CONTEXT_IS_DESTROYED": "it was reset",
    "CUDA_ERROR_UNKNOWN": "it does not answer any more",
}
KEPT = "the session has the weights that it last copied to the host; a run goes on with --resume"


class OutOfMemory(CudaFault):
    """The GPU has not so much memory left."""


def fault_of(code: str, call: str) -> CudaFault | CudaUnavailable:
    """What a code of the driver means, in one line."""
    if code in UNAVAILABLE:
        return CudaUnavailable(UNAVAILABLE[code])
    if code == "CUDA_ERROR_OUT_OF_MEMORY":
        return OutOfMemory("the GPU has no memory left")
    why = FAULTS.get(code, f"{call} gave {code}")
    return CudaFault(f"the GPU failed: {why}; {KEPT}")


class Driver:
    """The driver's functions by their names, without the code that each gives first."""

    def __init__(self, module: Any = None) -> None:
        if module is None:
            try:
                module = import_module(MODULE)
            except ImportError:
                raise CudaUnavailable(advice("numba.cuda", "target cuda")) from None
        self.module = module

    def __call__(self, name: str, *arguments: Any) -> Any:
        """What a function gives: nothing, one value or several.

        Raises `CudaFault` or `CudaUnavailable`.
        """
        try:
            code, *found = getattr(self.module, name)(*arguments)
        except RuntimeError as fault:  # of the package, where there is no library
            if "driver" not in str(fault):
                raise
            raise CudaUnavailable(
                f"no NVIDIA driver found; {ELSE}, or install the driver"
            ) from fault
        if int(code):
            raise fault_of(getattr(code, "name", str(code)), name)
        return None if not found else found[0] if len(found) == 1 else found

    def start(self) -> None:
        """Begin to use the driver.

        Raises `CudaUnavailable` where it is not one that can be used.
        """
        self("cuInit", 0)
        version = int(self("cuDriverGetVersion"))
        if version < LEAST_DRIVER:
            have, least = (f"{v // 1000}.{v % 1000 // 10}" for v in (version, LEAST_DRIVER))
            raise CudaUnavailable(
                f"the NVIDIA driver is for CUDA {have}, and {least} is needed: update it, or {ELSE}"
            )

    def capability(self, gpu: Any) -> tuple[int, int]:
        """The compute capability of a GPU.

        Raises `CudaUnavailable` for one that CUDA 13 does not know any more.
        """
        of = self.module.CUdevice_attribute
        names = ("MAJOR", "MINOR")
        wanted = [getattr(of, f"CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_{name}") for name in names]
        major, minor = (int(self("cuDeviceGetAttribute", one, gpu)) for one in wanted)
        if (major, minor) < LEAST_CAPABILITY:
            name = self.name(gpu)
            raise CudaUnavailable(
                f"{name} has compute capability {major}.{minor}, and 7.5 is the least; {ELSE}"
            )
        return major, minor

    def blocks_at_once(self, gpu: Any) -> int:
        """How many blocks surely run at once: one on each multiprocessor; 0 where a launch cannot
        ask for that.
        """
        of = self.module.CUdevice_attribute
        if not self("cuDeviceGetAttribute", of.CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, gpu):
            return 0
        many = of.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT
        return int(self("cuDeviceGetAttribute", many, gpu))

    def name(self, gpu: Any) -> str:
        """What a GPU is called."""
        found: bytes = self("cuDeviceGetName", 128, gpu)
        return found.rstrip(b"\0").decode(errors="replace")
