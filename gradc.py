"""The public face of gradc: what users call, each name imported when it is first used.

program = gradc.compile_file("specs/mnist_cnn.nn")
session = gradc.Session(program, threads=2, seed=0)
session.train(epochs=5)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from compiler.graph.ragged import Ragged as Ragged
    from compiler.pipeline import compile_file as compile_file
    from compiler.pipeline import compile_source as compile_source
    from compiler.program import Program as Program
    from compiler.source import CompileError as CompileError
    from compiler.source import Diagnostic as Diagnostic
    from runtime.data import Dataset as Dataset
    from runtime.errors import RunError as RunError
    from runtime.session import Session as Session

PLACES = {
    "compile_file": "compiler.pipeline", "compile_source": "compiler.pipeline",
    "Program": "compiler.program", "CompileError": "compiler.source",
    "Diagnostic": "compiler.source", "Dataset": "runtime.data", "RunError": "runtime.errors",
    "Session": "runtime.session", "Ragged": "compiler.graph.ragged",
}  # fmt: skip
__all__ = list(PLACES)


def __getattr__(name: str) -> Any:
    if name not in PLACES:
        raise AttributeError(f"gradc has no {name}; it has {', '.join(PLACES)}")
    return getattr(import_module(PLACES[name]), name)


def __dir__() -> list[str]:
    return __all__
