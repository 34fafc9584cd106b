"""Expressions of nests as Python that Numba compiles: `real` is the type of a number."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from gradc_compiler.emitted.scalar_writer import (
    EITHER,
    LESS,
    SIGNS,
    WHOLE,
    NotPrinted,
    ScalarWriter,
    Text,
    formula_of,
    is_of_library,
)
from gradc_compiler.numba_module.number_parts import NEEDS, PARTS
from gradc_compiler.ops.formula import literal
from gradc_compiler.records.fast_dataclass import dataclass

OWN = {part.__name__: part for part in PARTS}
NUMPY = {"abs_": "abs", "pow_": "np.power", "erf": "math.erf", "select": "choose"}
CALL = re.compile(r"\b([a-z_]\w*)\(")
IGNORED = re.compile(r"  # type: ignore\[.*\]")
TYPES = {"real": "real", "wide": "np.float64", "index": "np.int64"}


@dataclass(frozen=True, slots=True)
class ModuleScalars(ScalarWriter):
    """Prints expressions."""

    signs: ClassVar[Mapping[str, tuple[str, int]]] = {
        **SIGNS, "|": ("or", EITHER), "==": ("==", LESS), "!=": ("!=", LESS),
    }  # fmt: skip
    conversion: ClassVar[int] = WHOLE

    @property
    def real(self) -> str:
        """The type of a number."""
        return "real"

    def literal(self, number: float) -> str:
        """A number."""
        return f"real({literal(float(number))})"

    def converted(self, kind: str, value: Text) -> str:
        """A value as `real`, `wide` or `index`."""
        return f"{TYPES[kind]}({value[0]})"

    def choice(self, chosen: str, a: str, b: str) -> str:
        """a where `chosen` holds, else b."""
        return f"{a} if {chosen} else {b}"

    def called(self, op: str, given: Sequence[str]) -> Text:
        """A function; raises `NotPrinted` for one that is not known."""
        return f"{function(op)}({', '.join(given)})", WHOLE

    def helpers(self, called: Iterable[str]) -> Iterator[str]:
        """The functions that expressions call and NumPy has not."""
        wanted = set(called)
        formulas = sorted(name for name in wanted if formula_of(name))
        if formulas:
            wanted.add("choose")
        wanted |= {needed for name in wanted for needed in NEEDS.get(name, ())}
        for name, part in OWN.items():
            if name in wanted:
                yield text_of(part)
        for name in formulas:
            text = formula_of(name) or ""
            head, _, body = text.partition(":")
            calls = CALL.sub(lambda call: f"{function(call[1])}(", body)
            yield f"@njit\n{head.replace(f'def {name}(', f'def {name}_formula(')}:{calls}".strip()


def function(op: str) -> str:
    """What a function is called; raises `NotPrinted` for one that is not known."""
    if op in NUMPY:
        return NUMPY[op]
    if op in OWN:
        return op
    if formula_of(op):
        return f"{op}_formula"
    if is_of_library(op):
        return f"np.{op}"
    raise NotPrinted(f"{op} has no Numba text yet")


def text_of(part: object) -> str:
    """A function of `number_parts.py` as it stands in a module."""
    text = inspect.getsource(part)  # type: ignore[arg-type]
    return "@njit\n" + IGNORED.sub("", text).strip()
