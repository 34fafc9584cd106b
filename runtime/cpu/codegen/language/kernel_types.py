"""The types of the kernel language, and what each is in LLVM.

int64(int64, int64)      a signature: the result, then the arguments
CPointer(float32)        the address of float32s
UniTuple(float64, 2)     a pair, which only a subroutine returns
vector_of(float32, 32)   numbers side by side, worked on together
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir

from gradc_compiler.records.fast_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Type:
    """A type; called with types, it gives the signature of a function with this result."""

    name: str
    llvm: ir.Type

    def __call__(self, *arguments: Type) -> KernelSignature:
        return KernelSignature(self, arguments)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class KernelSignature:
    """What a function returns and takes."""

    result: Type
    arguments: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class NumberType(Type):
    """A number; called with a number, it gives NumPy's of this type."""

    bits: int
    real: bool
    __str__ = Type.__str__

    def __call__(self, *arguments: Any) -> Any:
        if all(isinstance(argument, Type) for argument in arguments):
            return KernelSignature(self, arguments)
        return np.dtype(self.name).type(*arguments)


@dataclass(frozen=True, slots=True)
class Pointer(Type):
    """The address of numbers."""

    element: Type


@dataclass(frozen=True, slots=True)
class Vector(Type):
    """Numbers side by side, in `count` lanes."""

    element: NumberType
    count: int


@dataclass(frozen=True, slots=True)
class Tuple(Type):
    """Several values at once."""

    items: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class LiteralType(Type):
    """A whole number that is known when a kernel is translated."""

    literal_value: int


boolean = NumberType("bool", ir.IntType(1), 1, False)
uint8 = NumberType("uint8", ir.IntType(8), 8, False)
int32 = NumberType("int32", ir.IntType(32), 32, False)
int64 = NumberType("int64", ir.IntType(64), 64, False)
float32 = NumberType("float32", ir.FloatType(), 32, True)
float64 = NumberType("float64", ir.DoubleType(), 64, True)
void = Type("void", ir.VoidType())


def CPointer(element: Type) -> Pointer:
    """The address of `element`s."""
    return Pointer(f"{element}*", element.llvm.as_pointer(), element)


def UniTuple(item: Type, count: int) -> Tuple:
    """`count` values of one type."""
    return tuple_of([item] * count)


def vector_of(element: NumberType, count: int) -> Vector:
    """`count` numbers side by side."""
    return Vector(f"{element} x {count}", ir.VectorType(element.llvm, count), element, count)


def lane(kind: Type) -> Type:
    """The type of a single number of a vector; of anything else, its own."""
    return kind.element if isinstance(kind, Vector) else kind


def count_of(*kinds: Type) -> int:
    """How many lanes the vectors among some types have; 0 if there is none."""
    return max((kind.count for kind in kinds if isinstance(kind, Vector)), default=0)


def widened(kind: Type, count: int) -> Type:
    """A number's type in so many lanes, or in none; so for each item of a tuple."""
    if count == 0:
        return kind
    if isinstance(kind, Tuple):
        return tuple_of([widened(item, count) for item in kind.items])
    number = lane(kind)
    assert isinstance(number, NumberType), f"{kind} does not fit into lanes"
    return vector_of(number, count)


def tuple_of(items: Sequence[Type]) -> Tuple:
    """A tuple of these types."""
    struct = ir.LiteralStructType([item.llvm for item in items])
    return Tuple(f"({', '.join(map(str, items))})", struct, tuple(items))


def unify(a: Type, b: Type) -> Type:
    """The type that holds both: as in Numba, whole numbers meet in int64, mixtures in float64.

    A number beside a vector stands in every lane.

    Raises `TypeError` where no type holds both.
    """
    if a == b:
        return a
    if count := count_of(a, b):
        return widened(unify(lane(a), lane(b)), count)
    if not (isinstance(a, NumberType) and isinstance(b, NumberType)):
        raise TypeError(f"{a} and {b} have nothing in common")
    return float64 if a.real or b.real else int64
