"""A program that was kept is the one that was compiled, and is kept for one text of all files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gradc_compiler.graph_tools.graph_text import print_graph
from gradc_compiler.kept_programs import kept_program, program_fact
from gradc_compiler.pipeline import compilation
from gradc_compiler.program import shelf
from gradc_compiler.program.entry_text import print_entry_text, print_records
from gradc_compiler.program.kept_records import KeptProgram
from gradc_compiler.program.program import Program
from gradc_compiler.program.variants import single_kernels
from gradc_compiler.syntax.parse.read_file import read_source

ROOT = Path(__file__).parents[2]
SPECS = ["house", "mnist_cnn", "row_digits", "vae", "batch_norm_cnn"]
LAYER = "layer twice(x : t) -> t {{ {factor} * x }}\n"
MODEL = 'import "layers.nn"\nmodel f(x : [3]) -> [3] { twice(x) }\n'


@dataclass
class Texts:
    """A shelf that is a dictionary."""

    kept: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    found: int = 0

    def find(self, fact: str) -> str | None:
        self.found += fact in self.kept
        return self.kept.get(fact)

    def keep(self, fact: str, text: str, about: str) -> None:
        self.kept[fact] = text

    def refuse(self, fact: str) -> None:
        self.refused.append(fact)


@pytest.fixture
def texts() -> Iterator[Texts]:
    """The shelf in use."""
    before, found = list(shelf._openers), Texts()
    shelf.use(lambda: found)
    yield found
    shelf.use(*before)


def program_of(path: Path, *, compiles: bool = True, batch: int | None = None) -> Program:
    """The program of a spec; one that may not compile must have been kept."""
    source, overrides = read_source(path), {} if batch is None else {"batch": batch}

    def refuse() -> object:
        raise AssertionError("this program was kept, and is compiled")

    make = partial(compilation, source, path.parent, overrides)
    fact = program_fact(source, path.parent, overrides, (), False, None)
    return kept_program(source, fact, make if compiles else refuse)  # type: ignore[arg-type]


def test_every_part_of_a_program_is_kept_or_made() -> None:
    kept = {field.name for field in fields(KeptProgram)} - {"imports"}
    made = {"source", "evaluate", "checks", "look", "derive"}
    other_forms = {"exactly", "forms", "remade"}
    assert kept | made | other_forms == {field.name for field in fields(Program)}


@pytest.mark.parametrize("name", SPECS)
def test_what_is_kept_is_what_was_compiled(name: str, texts: Texts) -> None:
    path = ROOT / "specs" / f"{name}.nn"
    made = compilation(read_source(path), path.parent, {}).program
    forwards = list(made.models.values())
    for key in forwards:
        program_of(path).entries[key]
    kept = program_of(path, compiles=False)
    for attribute in ("name", "source", "persistent_words", "models", "data", "precision",
                      "inputs", "outputs"):  # fmt: skip
        assert getattr(kept, attribute) == getattr(made, attribute)
    assert print_records(kept.training) == print_records(made.training)
    for key in forwards:
        again, entry = kept.entries[key], made.entries[key]
        assert print_entry_text(again) == print_entry_text(entry)
        assert again.limits == entry.limits
        ours, theirs = list(single_kernels(again)), list(single_kernels(entry))
        assert [one.examples for one in ours] == [one.examples for one in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert print_entry_text(one.entry) == print_entry_text(other.entry)
    counters = {"seed": np.array(7), "step": np.array(0)}
    for one, other in zip(kept.persistents, made.persistents, strict=True):
        assert (one.name, one.type, one.role, one.offset) == (
            other.name, other.type, other.role, other.offset)  # fmt: skip
        first = [made.evaluate(p.initial, counters, 1, "float64")["value"] for p in (one, other)]
        np.testing.assert_array_equal(*first, err_msg=one.name)


def test_what_was_not_kept_is_made_when_it_is_asked_for(texts: Texts) -> None:
    path = ROOT / "specs" / "house.nn"
    program_of(path)
    made, kept = compilation(read_source(path), path.parent, {}).program, program_of(path)
    assert kept.checks is not None and made.checks is not None
    for key in kept.entries:
        assert print_graph(kept.entries[key].graph) == print_graph(made.entries[key].graph)
        assert print_graph(kept.checks.graphs[key]) == print_graph(made.checks.graphs[key])
    assert kept.warnings == made.warnings


def test_other_forms_are_those_of_the_spec_compiled(texts: Texts) -> None:
    path = ROOT / "specs" / "circle.nn"
    program_of(path)
    made, kept = compilation(read_source(path), path.parent, {}).program, program_of(path)
    for form in (
        lambda p: p.of_width("float64"),
        lambda p: p.of_width("float64").of_target("cuda"),
        lambda p: p.of_target("cuda"),
        lambda p: p.of_precision("bf16"),
        lambda p: p.of_precision("bf16").of_target("cuda"),
    ):
        ours, theirs = form(kept), form(made)
        assert ours is not kept and ours.precision == theirs.precision
        entry, other = (p.entries["step/train"] for p in (ours, theirs))
        assert print_graph(entry.graph) == print_graph(other.graph)
        assert [k.name for k in entry.kernels] == [k.name for k in other.kernels]
    assert kept.of_width("float32") is kept.of_target("cpu") is kept.of_precision("float32") is kept


def test_a_setting_has_a_program_of_its_own(texts: Texts) -> None:
    path = ROOT / "specs" / "mnist_cnn.nn"
    for batch in (8, 16):
        assert program_of(path, batch=batch).training is not None
    small = program_of(path, compiles=False, batch=8)
    assert small.training is not None and small.training.settings["batch"] == 8


def test_a_changed_import_is_read_again(texts: Texts, tmp_path: Path) -> None:
    (tmp_path / "layers.nn").write_text(LAYER.format(factor=2))
    (tmp_path / "model.nn").write_text(MODEL)
    path = tmp_path / "model.nn"
    first = print_graph(program_of(path).entries["forward/f"].graph)
    assert program_of(path, compiles=False).models == {"f": "forward/f"}
    (tmp_path / "layers.nn").write_text(LAYER.format(factor=3))
    second = print_graph(program_of(path).entries["forward/f"].graph)
    assert first != second and "3.0" in second
    (tmp_path / "layers.nn").unlink()
    with pytest.raises(Exception, match="there is no file"):
        program_of(path)


def test_an_equal_text_elsewhere_imports_what_lies_there(
    texts: Texts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for factor in (2, 3):
        folder = tmp_path / str(factor)
        folder.mkdir()
        (folder / "layers.nn").write_text(LAYER.format(factor=factor))
        (folder / "model.nn").write_text(MODEL)
        monkeypatch.chdir(folder)
        found.append(print_graph(program_of(Path("model.nn")).entries["forward/f"].graph))
    assert found[0] != found[1]


@pytest.mark.parametrize("damage", ["", "[]", "[[0]]", '[[17,"%0"]]', "{", "[[99]]"])
def test_what_is_no_program_is_compiled_anew(damage: str, texts: Texts) -> None:
    path = ROOT / "specs" / "house.nn"
    expected = program_of(path).entries["forward/price"]
    for fact in texts.kept:
        texts.kept[fact] = damage
    again = program_of(path).entries["forward/price"]
    assert texts.refused and print_entry_text(again) == print_entry_text(expected)


def test_texts_are_data(texts: Texts) -> None:
    program_of(ROOT / "specs" / "mnist_cnn.nn").entries["forward/digit"]
    assert len(texts.kept) >= 2
    for text in texts.kept.values():
        assert isinstance(json.loads(text), list)
