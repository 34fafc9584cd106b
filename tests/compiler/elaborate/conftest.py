"""Elaborating text and files, and running their graphs with the reference evaluator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Source
from gradc_compiler.elaborate import Module, elaborate
from gradc_compiler.graph_tools.evaluate import evaluate
from gradc_compiler.syntax.parse.parse import parse
from gradc_compiler.syntax.parse.read_file import read_source

Build = Callable[..., Module]
Diagnose = Callable[[str], list[Diagnostic]]
Values = dict[str, np.ndarray]


@pytest.fixture(scope="session")
def build() -> Build:
    """A module from the text of a spec."""

    def build(text: str, **overrides: object) -> Module:
        source = Source("spec.nn", text)
        return elaborate(parse(source), source, directory=None, overrides=overrides)

    return build


@pytest.fixture(scope="session")
def build_file() -> Callable[[Path], Module]:
    """A module from a file."""

    def build_file(path: Path) -> Module:
        source = read_source(path)
        return elaborate(parse(source), source, directory=path.parent)

    return build_file


@pytest.fixture(scope="session")
def diagnose(build: Build) -> Diagnose:
    """What is wrong with a text."""

    def diagnose(text: str) -> list[Diagnostic]:
        with pytest.raises(CompileError) as raised:
            build(text)
        return list(raised.value.diagnostics)

    return diagnose


@pytest.fixture(scope="session")
def initial() -> Callable[[Module], Values]:
    """First values of all that persists."""

    def initial(module: Module, seed: int = 0) -> Values:
        values: Values = {"seed": np.array(seed), "step": np.array(0)}
        for spec in module.persistents():
            if spec.role != "counter":
                values[spec.name] = evaluate(spec.initial, values)["value"]
        return values

    return initial
