"""The text of a CUDA kernel is made when somebody asks for it."""

from __future__ import annotations

import pytest

from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.entry import Instruction
from gradc_compiler.select import launch

TEXT = "model f(x : [3]) -> [2] { x |> dense(4) |> tanh |> dense(2) }"


def test_a_program_is_compiled_without_text_for_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    printed: list[object] = []
    for name in ("print_cuda_nest", "print_rows"):
        original = getattr(launch, name)

        def watched(nest, original=original):
            printed.append(nest)
            return original(nest)

        monkeypatch.setattr(launch, name, watched)
    (entry,) = compile_source(TEXT).of_target("cuda").entries.values()
    found = instructions(entry)
    assert found and not printed
    assert all(i.launch is not None and i.launch.source.startswith("def k0") for i in found)
    assert len(printed) == len(found)
    assert all(i.launch is i.launch for i in found) and len(printed) == len(found)


def instructions(entry) -> list[Instruction]:
    return [item for phase in entry.phases for item in phase.instructions]
