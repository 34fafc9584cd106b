"""Data sheets of GPUs: what each can do at most.  None was measured here.

NVIDIA's data sheets and architecture papers: A100 (GA100, 2020), H100 and H200 (GH100, 2022 and
2023; SXM), GeForce RTX 4090 (AD102, 2022).  Rates are of dense products, at the boost clock.
"""

from __future__ import annotations

from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSheet:
    """A GPU's limits: operations and bytes a second, and what a multiprocessor has."""

    name: str
    capability: tuple[int, int]
    float32: float  # operations a second; a product with its sum is two
    tf32: float
    bf16: float
    float64: float
    bytes: float  # a second, of its memory
    memory: int  # bytes
    cache: int  # bytes of the second level
    multiprocessors: int
    clock: float  # Hz
    threads: int = 2048  # of a multiprocessor
    blocks: int = 32
    registers: int = 65536
    shared: int = 233472  # bytes for blocks of a multiprocessor


GPUS = {
    sheet.name: sheet
    for sheet in (
        DataSheet(
            name="A100", capability=(8, 0), float32=19.5e12, tf32=156e12, bf16=312e12,
            float64=9.7e12, bytes=2.039e12, memory=80 * 10**9, cache=40 << 20, multiprocessors=108,
            clock=1.41e9, shared=167936,
        ),
        DataSheet(
            name="H100", capability=(9, 0), float32=66.9e12, tf32=494.7e12, bf16=989.4e12,
            float64=33.5e12, bytes=3.35e12, memory=80 * 10**9, cache=50 << 20, multiprocessors=132,
            clock=1.98e9,
        ),
        DataSheet(
            name="H200", capability=(9, 0), float32=66.9e12, tf32=494.7e12, bf16=989.4e12,
            float64=33.5e12, bytes=4.8e12, memory=141 * 10**9, cache=50 << 20, multiprocessors=132,
            clock=1.98e9,
        ),
        DataSheet(
            name="RTX 4090", capability=(8, 9), float32=82.6e12, tf32=82.6e12, bf16=165.2e12,
            float64=1.29e12, bytes=1.008e12, memory=24 * 10**9, cache=72 << 20,
            multiprocessors=128, clock=2.52e9, threads=1536, blocks=24, shared=102400,
        ),
    )
}  # fmt: skip
DEFAULT = "H200"
