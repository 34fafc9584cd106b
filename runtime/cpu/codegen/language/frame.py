"""A function while it is translated: its variables, its blocks, and the names it can see."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from llvmlite import ir

from gradc_compiler.records.fast_dataclass import dataclass
from gradc_runtime.cpu.codegen.language import kernel_types
from gradc_runtime.cpu.codegen.language.alias_scopes import Scopes
from gradc_runtime.cpu.codegen.language.convert import TypedValue, constant, convert
from gradc_runtime.cpu.codegen.language.kernel_types import NumberType, Type


@dataclass(slots=True)
class Frame:
    """Where instructions go, and what names mean."""

    builder: ir.IRBuilder
    names: Mapping[str, Any]  # of Python: functions, constants, modules
    subroutine: Callable[[Any, int], ir.Function]  # its translation here, in so many lanes
    result: Type = kernel_types.void
    scopes: Scopes = field(default_factory=dict)  # of pointers that lie apart
    variables: dict[str, tuple[Type, Any]] = field(default_factory=dict)
    loops: list[tuple[ir.Block, ir.Block]] = field(default_factory=list)  # (continue, break)

    def python(self, name: str) -> Any:
        """What a name means outside the function."""
        if name in self.names:
            return self.names[name]
        return getattr(builtins, name)

    def read(self, name: str) -> TypedValue:
        """A variable's value, or a constant from outside."""
        if name in self.variables:
            kind, place = self.variables[name]
            return TypedValue(kind, self.builder.load(place))
        return constant(self.python(name))

    def assign(self, name: str, value: TypedValue) -> None:
        """Set a variable; its first value gives it its type.

        Raises `TypeError` where a variable already has another type.
        """
        if name not in self.variables:
            kind = kernel_types.int64 if value.type == kernel_types.boolean else value.type
            with self.builder.goto_entry_block():
                self.variables[name] = kind, self.builder.alloca(kind.llvm)
        kind, place = self.variables[name]
        if value.type != kind and not fits(value.type, kind):
            raise TypeError(f"{name} is {kind}, so it cannot be {value.type}")
        self.builder.store(convert(self.builder, value, kind).llvm, place)


def fits(kind: Type, wanted: Type) -> bool:
    """Whether a variable of a type takes another: whole numbers fit, and numbers into lanes."""
    a, b = kernel_types.lane(kind), kernel_types.lane(wanted)
    if kernel_types.count_of(kind) not in (0, kernel_types.count_of(wanted)):
        return False
    return a == b or (
        isinstance(a, NumberType) and isinstance(b, NumberType) and not (a.real or b.real)
    )
