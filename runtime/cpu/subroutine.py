"""Functions that kernels call, compiled into the kernel's own module.

`@njit` functions would do, but each is optimised and turned into machine code on its own before the
kernel that inlines it is.  A subroutine has one signature, says so, and is only translated: LLVM
optimises it once, as part of the kernel.  That halves the time of a cold start.

`precise` functions are compiled without `reassoc`: error-free transformations would be undone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runtime.cpu.numba_untyped import (
    ConcreteTemplate,
    codegen,
    compiler,
    cpu_target,
    lower_builtin,
    types,
)

FAST = frozenset({"contract", "reassoc", "nsz", "arcp"})  # never nnan or ninf: NaN stays visible
PRECISE = frozenset({"contract"})


class RawLibrary(codegen.AOTCodeLibrary):  # type: ignore[misc]
    """A module that is not optimised until all of a kernel is in it."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def _optimize_final_module(self) -> None:
        pass


class RawCodegen(codegen.AOTCPUCodegen):  # type: ignore[misc]
    """Makes `RawLibrary`s for this processor."""

    _library_class = RawLibrary


CONTEXT = cpu_target.target_context.subtarget(_internal_codegen=RawCodegen("gradc", "host"))


def flags(fastmath: frozenset[str]) -> Any:
    """Numba's options: translate only, no Python in the result, division as IEEE has it."""
    chosen = compiler.Flags()
    chosen.no_compile = True
    chosen.no_cpython_wrapper = True
    chosen.no_cfunc_wrapper = True
    chosen.error_model = "numpy"
    chosen.fastmath = set(fastmath)
    return chosen


def subroutine(signature: Any, fastmath: frozenset[str] = FAST) -> Callable[[Any], Any]:
    """Let kernels call a Python function, with the one signature it has."""

    def declare(function: Any) -> Any:
        rule = type("Subroutine", (ConcreteTemplate,), {"key": function, "cases": [signature]})
        cpu_target.typing_context.insert_global(function, types.Function(rule))

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            compiled = context.compile_subroutine(
                builder, function, signature, flags=flags(fastmath)
            )
            return context.call_internal(builder, compiled.fndesc, signature, args)

        lower_builtin(function, *signature.args)(generate)
        return function

    return declare
