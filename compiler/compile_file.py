"""`gradc.compile_file`: a spec as an earlier run compiled it, or compiled now.

To read, elaborate and differentiate a large network takes as long as all else before its first
step, and gives the same program each time; so the program is looked for first, as commands do
(`compiler/kept_programs.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradc_compiler.diagnostics.caller_input import file_of, settings_of, short_traceback
from gradc_compiler.kept_programs import kept_program, program_fact
from gradc_compiler.program.program import Program
from gradc_compiler.syntax.parse.read_file import read_source

if TYPE_CHECKING:
    from gradc_compiler.pipeline import Compilation


@short_traceback
def compile_file(
    path: str | Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    without: Collection[str] = (),
    exact: bool = False,
    precision: str | None = None,
) -> Program:
    """Compile a `.nn` file, or take what an earlier run kept of it.

    As `compile_source`; raises `CompileError` with every diagnostic, E0101 where there is no file
    to read.
    """
    place = file_of(path)
    source, settings = read_source(place), settings_of(overrides)
    how = (without, exact, precision)

    def compiled() -> Compilation:
        pipeline = import_module("gradc_compiler.pipeline")
        made: Compilation = pipeline.compilation(source, place.parent, settings, *how)
        return made

    if not is_plain(settings, *how):  # whose text does not say all that it is
        return compiled().program
    return kept_program(source, program_fact(source, place.parent, settings, *how), compiled)


def is_plain(settings: Mapping[str, Any], without: object, exact: object, given: object) -> bool:
    """Whether all that was given is numbers and names, so that their text stands for them."""
    passes = isinstance(without, list | tuple | set | frozenset) and all(
        type(name) is str for name in without
    )
    values = all(type(value) in (int, float, str) for value in settings.values())
    return passes and values and type(exact) is bool and (given is None or type(given) is str)
