"""Imports: names of other files, inside the spec's directory and nowhere else."""

from __future__ import annotations

import pytest

from gradc_compiler.diagnostics.source import CompileError
from gradc_compiler.syntax.lex.newlines import SETTINGS

BLOCK = "layer block(x : [n]) -> [n] { x |> dense(n) |> tanh }\nlayer other(x : t) -> t { x }\n"
USE = "model f(x : [3]) -> [3] { x |> block }\n"


def test_a_definition_of_another_file(build_file, tmp_path):
    (tmp_path / "blocks.nn").write_text(BLOCK)
    (tmp_path / "spec.nn").write_text('import block from "blocks.nn"\n' + USE)
    module = build_file(tmp_path / "spec.nn")
    assert [p.name for p in module.parameters] == ["f.block1.dense1.W", "f.block1.dense1.b"]


@pytest.mark.parametrize("name", sorted({*SETTINGS, "step", "over", "along", "on"}))
def test_a_definition_may_be_called_as_a_word_of_training(build_file, tmp_path, name):
    (tmp_path / "blocks.nn").write_text(BLOCK.replace("block", name))
    (tmp_path / "spec.nn").write_text(f'import {name}, other from "blocks.nn"\n{USE}'.replace(
        "block", name).replace(f"{name}s.nn", "blocks.nn"))
    module = build_file(tmp_path / "spec.nn")
    assert [p.name for p in module.parameters] == [f"f.{name}1.dense1.W", f"f.{name}1.dense1.b"]


@pytest.mark.parametrize(("text", "code", "line"), [
    ("layer other(x : t) -> t { 2 * x }\n", "E0202", 3),
    ("layer more(k : size, k : size)(x : t) -> t { k * x }\n", "E0202", 3),
    ("layer sum(x : t) -> t { x }\n", "E0203", 3),
])
def test_names_of_an_imported_file_are_its_own_and_stand_once(
    build_file, tmp_path, text, code, line
):
    (tmp_path / "blocks.nn").write_text(BLOCK + text)
    (tmp_path / "spec.nn").write_text('import block from "blocks.nn"\n' + USE)
    with pytest.raises(CompileError) as raised:
        build_file(tmp_path / "spec.nn")
    [found] = raised.value.diagnostics
    assert (found.code, found.primary.span.line) == (code, line)
    assert found.primary.span.source.name.endswith("blocks.nn")


@pytest.mark.parametrize(("first", "code", "column"), [
    ('import "blokcs.nn"', "E0204", 1),
    ('import "../blocks.nn"', "E0205", 1),
    ('import "link.nn"', "E0205", 1),
    ('import "spec.nn"', "E0206", 1),
    ('import "circle.nn"', "E0206", 1),
    ('import blokc from "blocks.nn"', "E0201", 8),
])
def test_an_import_that_cannot_be(build_file, tmp_path, first, code, column):
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "blocks.nn").write_text(BLOCK)
    (inside / "blocks.nn").write_text(BLOCK)
    (inside / "circle.nn").write_text('import "back.nn"\n')
    (inside / "back.nn").write_text('import "circle.nn"\n')
    (inside / "link.nn").symlink_to(tmp_path / "blocks.nn")
    (inside / "spec.nn").write_text(f"{first}\n{USE}")
    with pytest.raises(CompileError) as raised:
        build_file(inside / "spec.nn")
    found = raised.value.diagnostics
    chosen = [d for d in found if d.code == code]
    assert [d.primary.span.column for d in chosen][:1] == [column]
    if code in ("E0204", "E0205"):  # the names it would have given are not missed
        assert found == tuple(chosen)


def test_a_name_from_two_files(build_file, tmp_path):
    (tmp_path / "a.nn").write_text(BLOCK)
    (tmp_path / "b.nn").write_text(BLOCK)
    (tmp_path / "spec.nn").write_text('import "a.nn"\nimport block from "b.nn"\n' + USE)
    with pytest.raises(CompileError, match=r"E0202.*`block`"):
        build_file(tmp_path / "spec.nn")
