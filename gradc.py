"""The public face of gradc: what users call, each name imported when it is first used.

program = gradc.compile_file("specs/mnist_cnn.nn")
session = gradc.Session(program, threads=2, seed=0)
session.train(epochs=5)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradc_compiler.compile_file import compile_file as compile_file
    from gradc_compiler.diagnostics.source import CompileError as CompileError
    from gradc_compiler.diagnostics.source import Diagnostic as Diagnostic
    from gradc_compiler.graph.ragged import Ragged as Ragged
    from gradc_compiler.pipeline import compile_source as compile_source
    from gradc_compiler.program.program import Program as Program
    from gradc_runtime.data import Dataset as Dataset
    from gradc_runtime.notebooks.gradient_told import derive as derive
    from gradc_runtime.session.history import History as History
    from gradc_runtime.session.session import Session as Session
    from gradc_runtime.system.errors import RunError as RunError

PLACES = {
    "compile_file": "gradc_compiler.compile_file",
    "compile_source": "gradc_compiler.pipeline",
    "Program": "gradc_compiler.program.program",
    "CompileError": "gradc_compiler.diagnostics.source",
    "Diagnostic": "gradc_compiler.diagnostics.source", "Dataset": "gradc_runtime.data",
    "History": "gradc_runtime.session.history",
    "RunError": "gradc_runtime.system.errors",
    "derive": "gradc_runtime.notebooks.gradient_told",
    "Session": "gradc_runtime.session.session", "Ragged": "gradc_compiler.graph.ragged",
}  # fmt: skip
__all__ = list(PLACES)
__path__ = [f"{folder}/estimators" for folder in import_module("gradc_runtime").__path__]
"""Where `gradc.sklearn` lies: modules of this one that are imported by name."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("importlib.metadata").version("gradc")
    if name not in PLACES:
        raise AttributeError(f"gradc has no {name}; it has {', '.join(PLACES)}")
    if name == "compile_file":
        import_module("gradc_runtime.session.backends")  # names the place where programs are kept
    return getattr(import_module(PLACES[name]), name)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext gradc`: a cell that begins with `%%gradc NAME` is a spec."""
    import_module("gradc_runtime.notebooks.cell_magic").register(shell)


def __dir__() -> list[str]:
    return __all__
