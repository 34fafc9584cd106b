"""What the driver's codes become: one line each; and which GPU a process takes."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_runtime.cuda.devices import driver_calls
from gradc_runtime.cuda.devices.device import CudaFault, CudaUnavailable
from gradc_runtime.cuda.devices.driver_calls import FAULTS, UNAVAILABLE, OutOfMemory
from gradc_runtime.cuda.devices.driver_device import DriverDevice, opened, ordinal
from gradc_runtime.cuda.devices.launch_form import KernelKey
from gradc_runtime.cuda.devices.ptx_builder import build_ptx, require_tensor_cores
from tests.runtime.cuda.devices.fake_driver import FakeDriver


def device(fake: FakeDriver) -> DriverDevice:
    return opened(fake)


@pytest.mark.parametrize("code", UNAVAILABLE)
def test_why_no_gpu_can_be_used(code: str) -> None:
    fake = FakeDriver()
    fake.planted["cuInit"] = code
    with pytest.raises(CudaUnavailable) as fault:
        device(fake)
    assert str(fault.value) == UNAVAILABLE[code] and "--target cpu" in str(fault.value)
    assert "\n" not in str(fault.value) and fault.value.exit_code == 2


def test_an_old_driver_and_an_old_gpu() -> None:
    fake = FakeDriver()
    fake.version = 12040
    with pytest.raises(CudaUnavailable, match=r"is for CUDA 12\.4, and 13\.0 is needed"):
        device(fake)
    fake.version, fake.capability = 13000, (6, 1)
    with pytest.raises(CudaUnavailable, match=r"NVIDIA Fake has compute capability 6\.1"):
        device(fake)


def test_a_gpu_without_tensor_cores() -> None:
    kernels = [KernelKey((("k0 = bf16_products(m0)", 0, 4),))]
    require_tensor_cores(kernels, (8, 0))
    with pytest.raises(CudaUnavailable, match=r"this GPU has 7\.5: use --precision float32, or"):
        build_ptx(kernels, ["k0"], (7, 5), 4)


def test_no_driver_at_all() -> None:
    class Missing:
        @staticmethod
        def cuInit(flags: int) -> None:
            raise RuntimeError('"cuda" is an NVIDIA driver library and can only be found')

    with pytest.raises(CudaUnavailable, match="no NVIDIA driver found; use --target cpu, or"):
        opened(Missing)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_calls, "MODULE", "cuda.of.nobody")
    with pytest.raises(CudaUnavailable, match="target cuda needs numba-cuda: pip install"):
        opened()


@pytest.mark.parametrize("code", FAULTS)
def test_a_gpu_that_fails(code: str) -> None:
    fake = FakeDriver()
    gpu = device(fake)
    fake.planted["cuStreamSynchronize"] = code
    with pytest.raises(CudaFault) as fault:
        gpu.download(256, np.empty(3, np.float32))
    said = str(fault.value)
    assert FAULTS[code] in said and "--resume" in said and "\n" not in said


def test_no_memory_left_and_a_code_that_nobody_knows() -> None:
    fake = FakeDriver()
    gpu = device(fake)
    fake.planted["cuMemAlloc"] = "CUDA_ERROR_OUT_OF_MEMORY"
    with pytest.raises(OutOfMemory, match="no memory left"):
        gpu.memory(100)
    fake.planted["cuMemAlloc"] = "CUDA_ERROR_OF_TOMORROW"
    with pytest.raises(CudaFault, match="cuMemAlloc gave CUDA_ERROR_OF_TOMORROW"):
        gpu.memory(100)


def test_a_forked_process_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = device(FakeDriver())
    monkeypatch.setattr("os.getpid", lambda: -1)
    with pytest.raises(CudaFault, match="forked process"):
        gpu.free_bytes()


def test_ranks_of_a_machine_take_gpus_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ordinal(4) == 0
    for rank in range(6):
        monkeypatch.setenv("MPI_LOCALRANKID", str(rank))
        assert ordinal(4) == rank % 4
    monkeypatch.setenv("MPI_LOCALRANKID", "none")
    assert ordinal(4) == 0


def test_what_is_staged_arrives_when_it_is_waited_for() -> None:
    fake = FakeDriver()
    gpu = device(fake)
    memory, values = gpu.memory(4000), np.arange(1000, dtype=np.float32)
    found = np.empty(1000, np.float32)
    gpu.stage(memory.address, values)
    gpu.download(memory.address, found)
    assert np.isnan(found).all()  # on its way
    gpu.join()
    gpu.download(memory.address, found)
    np.testing.assert_array_equal(found, values)
    assert gpu.traffic.to_device == 4000 and gpu.traffic.to_host == 8000


def test_many_bytes_go_through_two_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradc_runtime.cuda.devices.pinned_buffers.SIZE", 1024)
    fake = FakeDriver()
    gpu = device(fake)
    values = np.random.default_rng(0).integers(0, 255, 10_000).astype(np.uint8)
    memory, found = gpu.memory(values.size), np.empty_like(values)
    gpu.stage(memory.address, values)
    gpu.join()
    gpu.download(memory.address, found)
    np.testing.assert_array_equal(found, values)
    assert fake.calls.count("cuMemHostAlloc") == 2


def test_memory_is_given_back() -> None:
    fake = FakeDriver()
    gpu = device(fake)
    left = gpu.free_bytes()
    memory = gpu.memory(1 << 20)
    assert gpu.free_bytes() <= left - (1 << 20)
    del memory
    assert gpu.free_bytes() == left
