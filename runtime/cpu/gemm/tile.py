"""The shape of a tile: how much of a product stays in vector registers, and what it reads."""

from __future__ import annotations

from llvmlite import ir

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.codegen.target import host


@dataclass(frozen=True, slots=True)
class Tile:
    """The shape of a tile: `rows` by `vectors`, of numbers of `word` bytes.

    In a `lanewise` tile, a has a number for each column, as in a depthwise convolution.  A tile
    that `copies` writes what it reads of b to a panel, for the tiles after it.  One of `pairs`
    reads words of two bfloat16 (`pairs.py`); one that `rounds` rounds float32 or float64 numbers
    as it reads them.
    """

    rows: int
    vectors: int
    word: int
    lanewise: bool = False
    copies: bool = False
    pairs: bool = False
    rounds: bool = False

    @property
    def number(self) -> ir.Type:
        """LLVM's float type."""
        return ir.FloatType() if self.word == 4 else ir.DoubleType()

    @property
    def vector(self) -> ir.VectorType:
        """A register full of numbers."""
        return ir.VectorType(self.number, host().lanes(self.word))

    @property
    def masked(self) -> bool:
        """Whether loads and stores are masked: tiles of one vector serve the last columns too."""
        return self.vectors == 1
