"""Bounds on what a spec may ask for, checked before anything is allocated.

A shape of 10^12 elements, a repeat of 10^9 and a layer that uses itself are each an error in
bounded time and memory.
"""

from __future__ import annotations

from dataclasses import field

from gradc_compiler.diagnostics.source import Diagnostic, Span
from gradc_compiler.elaborate.names.problems import LimitExceeded, SpecError, diagnose
from gradc_compiler.graph.graph import Builder, Value
from gradc_compiler.graph.op import Op
from gradc_compiler.graph.types import TensorType, Time
from gradc_compiler.program.entry import MOST_TIMES
from gradc_compiler.records.fast_dataclass import dataclass

TENSOR_ELEMENTS = 2**34
PARAMETER_ELEMENTS = 2**34
SIZE = 2**48
NUMBER = 2**63
REPEATS = 10_000
STEPS = 2**20  # of a sequence of fixed length
NODES = 100_000
APPLICATIONS = 20_000  # of layers and functions, in one graph
ALL_APPLICATIONS = 50_000  # in all graphs of a spec
DEPTH = 60
PARTS = 1_000  # of a tuple or a composition, with all that is within it


def show_bytes(elements: int) -> str:
    """Room for float32 numbers, for people: `3.6 TB`."""
    size = 4.0 * elements
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if size < 1000 or unit == "PB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("the loop returns for its last unit")


@dataclass
class LimitedBuilder(Builder):
    """A builder that stops a graph before it outgrows memory; `times` are those of its values."""

    times: set[Time] = field(default_factory=set)

    def add(self, op: Op, *inputs: Value, name: str | None = None) -> Value:
        """Append a node; raises `SpecError` or `LimitExceeded` where a limit is passed."""
        value = super().add(op, *inputs, name=name)
        if value.type.size > TENSOR_ELEMENTS:
            raise SpecError(self._diagnose("E0410", _too_large(value.type), "make it smaller"))
        if value.id >= NODES:
            message = f"this network needs more than {NODES:,} operations"
            raise LimitExceeded(self._diagnose("E0411", message, "repeat fewer layers"))
        if value.type.time is not None:
            self.times.add(value.type.time)
        if len(self.times) > MOST_TIMES:
            message = f"sequences of more than {MOST_TIMES} different lengths"
            raise LimitExceeded(
                self._diagnose("E0411", message, "let some share a length: seq(n) [3]")
            )
        return value

    def _diagnose(self, code: str, message: str, hint: str) -> Diagnostic:
        assert self.span is not None, f"a limit was passed outside any source text: {message}"
        return diagnose(code, message, self.span, hint=hint)


def check_tensor(name: str, type: TensorType, others: int, span: Span, site: Span | None) -> None:
    """Raise E0410 if a parameter, or all parameters together, cannot be held.

    Raises `SpecError`.
    """
    total = type.size + others
    if type.size > TENSOR_ELEMENTS or total > PARAMETER_ELEMENTS:
        needs = show_bytes(total)
        raise SpecError(
            diagnose(
                "E0410",
                f"the parameters need {needs}: `{name}` : {type} has {type.size:,} elements",
                span,
                site=site,
                hint=f"at most {show_bytes(PARAMETER_ELEMENTS)} of parameters can be trained",
            )
        )


def _too_large(type: TensorType) -> str:
    return f"a tensor {type} needs {show_bytes(type.size)} for one example"
