"""What `gradc import` does: an ONNX model becomes a spec and a file of weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.derived.naming import RESERVED
from gradc_compiler.diagnostics.source import CompileError, Source
from gradc_compiler.elaborate.names.library import prelude
from gradc_compiler.pipeline import compile_source
from gradc_compiler.syntax.grammar.keywords import KEYWORDS
from gradc_compiler.syntax.pretty.format_source import format_source
from gradc_runtime.cli.actions.output import counted, say
from gradc_runtime.cli.faults import Refused
from gradc_runtime.session.checkpoint import write_atomically
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import DataError
from gradc_runtime.system.extras import advice


def import_model(path: Path, spec: Path, given: Mapping[str, Any]) -> int:
    """Write the spec and its weights, and say so.

    Raises `Refused` where onnx is not installed or an option says nothing, `DataError` for a model
    that has no counterpart.
    """
    try:
        from gradc_runtime.onnx.import_file import imported_file
        from gradc_runtime.onnx.importer.imported_spec import ImportOptions
    except ModuleNotFoundError:
        raise Refused(advice("onnx", "an ONNX file")) from None
    options = ImportOptions(name=spec.stem, taken=words_of_the_language())
    found = imported_file(path, options, sizes_of(given["sizes"]), given)
    weights = spec.with_suffix(".safetensors")
    try:
        text = format_source(Source(spec.name, found.text))
        session = session_with(text, found.arrays)
    except CompileError as fault:
        first = fault.diagnostics[0]
        raise DataError(f"{path.name}: no spec can say it: {first.code}, {first.message}") from None
    write_atomically(spec, text.encode())
    session.save(weights)
    numbers = sum(array.size for array in found.arrays.values())
    say(f"wrote {spec} and {weights}: {counted(numbers, 'number')}")
    return 0


def words_of_the_language() -> frozenset[str]:
    """What no name of a spec can be, or would hide."""
    return frozenset({*RESERVED, *KEYWORDS, *prelude().places})


def session_with(text: str, arrays: Mapping[str, np.ndarray]) -> Session:
    """A session of a spec with these numbers in it, of the width that they have."""
    wide = any(array.dtype == np.float64 for array in arrays.values())
    session = Session(compile_source(text), "reference", "float64" if wide else "float32")
    for name, array in arrays.items():
        session.memory.views[name][...] = array
    return session


def sizes_of(texts: tuple[str, ...]) -> dict[str, int]:
    """The numbers of `--size NAME=N`.

    Raises `Refused` for anything else.
    """
    found = {}
    for text in texts:
        name, equals, number = text.partition("=")
        if not equals or not name or not number.isdecimal() or not 0 < len(number) <= 9:
            raise Refused(f"--size is NAME=N, not {text[:40]}")
        found[name] = int(number)
    return found
