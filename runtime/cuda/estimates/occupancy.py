"""How many blocks of a kernel a multiprocessor has at once, and what limits that.

Registers are given out by the warp, 256 at a time; shared memory by 1 KiB for the block itself and
then 128 bytes at a time (CUDA C++ Programming Guide, section on compute capabilities).
"""

from __future__ import annotations

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cuda.estimates.data_sheets import DataSheet

WARP, GRAIN = 32, 256  # threads; registers
OWN_SHARED, SHARED_GRAIN = 1024, 128  # bytes


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Blocks of a multiprocessor, the share of its threads, and what limits it."""

    blocks: int
    share: float
    limit: str


def occupancy(sheet: DataSheet, threads: int, registers: int, shared: int) -> Occupancy:
    """Of blocks of so many threads with so many registers each, and bytes of shared memory."""
    warps = -(-threads // WARP)
    each = -(-registers * WARP // GRAIN) * GRAIN * warps
    room = -(-(shared + OWN_SHARED) // SHARED_GRAIN) * SHARED_GRAIN
    limits = {
        "threads": sheet.threads // threads,
        "blocks": sheet.blocks,
        "registers": sheet.registers // each if each else sheet.blocks,
        "shared memory": sheet.shared // room,
    }
    limit = min(limits, key=lambda name: limits[name])
    blocks = limits[limit]
    return Occupancy(blocks, blocks * threads / sheet.threads, limit)
