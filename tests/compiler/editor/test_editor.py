"""What an editor is told: of every spec, of wrong ones, and of texts that are cut anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradc_compiler.editor.analysis import Analysis, analyse
from gradc_compiler.editor.completion import completion
from gradc_compiler.editor.fixes import fixes
from gradc_compiler.editor.hover import hover
from gradc_compiler.editor.renaming import NotRenamed, renamed
from gradc_compiler.editor.token_kinds import token_kinds
from gradc_compiler.syntax.lex.lex import scan

ROOT = Path(__file__).resolve().parents[3]
SPECS = sorted((ROOT / "specs").glob("*.nn"))
WRONG = sorted((ROOT / "specs" / "errors").glob("*.nn"))
SOURCES = {"csv", "sine", "circle", "line", "addition", "text", "columns", "reversal", "shapes"}
WORDS = {"valid", "same", "true", "clip", "norm"}  # that name a value, or part of `clip(norm = 5)`
OF_FUNCTIONS = {"start", "all", "axis"}  # what functions of the language call their operands


def analysed(path: Path) -> Analysis:
    return analyse(path.read_bytes().decode("utf-8", "surrogateescape"), path)


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_every_name_of_a_spec_stands_for_something(path: Path) -> None:
    found = analysed(path)
    assert found.module is not None
    unknown = {one.span.text for one in found.occurrences if one.declared is None}
    layers = {p.name.split(".")[-2] for p in found.module.parameters if "." in p.name}
    assert unknown <= SOURCES | WORDS | layers | OF_FUNCTIONS | {"m", "n"}
    names = {token.span.start for token in scan(found.source) if token.type == "NAME"}
    assert len({one.span.start for one in found.occurrences} & names) > len(names) * 0.7


@pytest.mark.parametrize("path", SPECS[::4], ids=lambda path: path.stem)
def test_there_is_something_to_say_of_every_name(path: Path) -> None:
    found = analysed(path)
    for one in found.occurrences:
        said = hover(found, one.span.start)
        assert one.declared is None or (said is not None and said.text)


def fixed(name: str) -> dict[str, list[str]]:
    found = analysed(ROOT / "specs" / "errors" / f"{name}.nn")
    return {d.primary.span.text: [f.title for f in fixes(found, d)] for d in found.diagnostics}


@pytest.mark.parametrize(
    ("program", "place", "titles"),
    [
        ("names_misspelt_layer", "rellu", ["write relu"]),
        ("shape_claim_channels", "[14, 14, 8]", ["write : [14, 14, 16]"]),
        ("shape_missing_flatten", "dense(10)", ["add |> flatten"]),
        ("shape_transposed_matrix", "W @ x", ["write transpose(W) @ x"]),
        ("shape_prediction_against_target", "y", ["add |> as([1])"]),
        ("arguments_none_in_a_chain", "relu()", ["write |> relu"]),
        ("syntax_open_text", '"houses.csv', ['add "']),
        ("syntax_missing_comma", "5x5", ["add ,"]),
        ("syntax_operation_before_a_pipe", "x + x", ["write (x + x)"]),
        ("syntax_name_with_dash", "-", []),
        ("train_without_loss", "train on points", []),
    ],
)
def test_hints_become_mends_that_help(program: str, place: str, titles: list[str]) -> None:
    found = fixed(program)
    assert found.get(place, []) == titles, found


def test_a_mend_is_only_offered_where_it_mends() -> None:
    """Each text with a mend in it has fewer faults; behind a name that nobody declared there may be
    others, which were not looked for, but not at that name.
    """
    offered = 0
    for path in WRONG[::3]:
        found = analysed(path)
        for diagnostic in found.diagnostics:
            for fix in fixes(found, diagnostic):
                after = analyse(fix.applied(found.source.text), path).diagnostics
                if diagnostic.code == "E0201":
                    assert diagnostic.message not in {d.message for d in after}
                else:
                    assert len(after) < len(found.diagnostics)
                offered += 1
    assert offered >= 20


@pytest.mark.parametrize("path", [*SPECS[::5], *WRONG[::12]], ids=lambda path: path.stem)
def test_a_text_that_is_cut_anywhere_is_answered(path: Path) -> None:
    whole = analysed(path)
    text = whole.source.text
    for end in range(0, len(text), max(1, len(text) // 12)):
        cut = analyse(text[:end], path)
        starts = [one.span.start for one in token_kinds(cut)]
        assert starts == sorted(starts)
        completion(text[:end], end, whole)
        completion(text[:end], end, None)
        hover(cut, end)
        hover(whole, end)


def test_a_new_name_leaves_the_program_what_it_was() -> None:
    for path in SPECS[::6]:
        found = analysed(path)
        for one in found.occurrences:
            if not one.declares or one.declared is None or one.declared.kind == "index":
                continue
            text = found.source.text
            for span in sorted(renamed(found, one.span.start, "renamed_here"), key=_start)[::-1]:
                text = text[: span.start] + "renamed_here" + text[span.end :]
            after = analyse(text, path)
            said = {(d.code, d.severity) for d in after.diagnostics if d.severity == "error"}
            if one.declared.kind in ("field", "setting"):
                continue  # a field's name is that of a column of its source
            assert not said, (path.name, one.span.text, after.diagnostics[0].message)


def _start(span: object) -> int:
    return span.start  # type: ignore[attr-defined, no-any-return]


def test_a_parameter_is_renamed_where_it_is_trained() -> None:
    text = (
        "model net(x : [3]) -> scalar { param w : [3] = 1; sum(w * x) }\n"
        "data d(x : [3], y : scalar) = line(9)\n"
        "train on d { minimize (net(x) - y)^2 over net.w using sgd(lr = 0.1) }\n"
    )
    found = analyse(text, Path("a.nn"))
    spans = renamed(found, text.index("w :"), "weights")
    assert [span.line for span in spans] == [1, 1, 3]
    with pytest.raises(NotRenamed, match="function of the language"):
        renamed(found, text.index("sum"), "total")
    with pytest.raises(NotRenamed, match="no name here"):
        renamed(found, text.index("{"), "total")


def test_a_next_value_is_its_state() -> None:
    text = "optimizer o(p, g) { state m = 0; m' = 0.9 * m + g; p' = p - m' }\n"
    found = analyse(text, Path("a.nn"))
    spans = renamed(found, text.index("m'"), "momentum_so_far")
    assert [text[s.start : s.end] for s in spans] == ["m"] * 4


def test_names_of_an_author_are_no_markdown() -> None:
    text = "# ```\nmodel net(x : [3]) { x }\nmodel other(x : [3]) { net(x) }\n"
    found = analyse(text, Path("a.nn"))
    said = hover(found, text.rindex("net"))
    assert said is not None and said.text.startswith("```gradc\nmodel net(x : [3])\n```")


def test_a_constant_is_found_shown_renamed_and_proposed() -> None:
    text = "let width = 4\nmodel f(x : [width]) -> [3] { x |> dense(width) |> dense(3) }\n"
    found = analyse(text, ROOT / "constant.nn")
    read = text.index("[width") + 1
    here, said = found.at(read), hover(found, read)
    assert here is not None and here.declared is not None and said is not None
    assert here.declared.kind == "constant" and "let width = 4" in said.text
    assert here.declared.span is not None and here.declared.span.start == text.index("width")
    assert len(renamed(found, read, "wide")) == 3
    assert "width" in {one.label for one in completion(text, text.index("width)") , found)}
    assert "let" in {one.label for one in completion("", 0, None)}
    kinds = {one.span.text: one.kind for one in token_kinds(found)}
    assert (kinds["let"], kinds["width"]) == ("keyword", "variable")


def test_a_name_is_mended_wherever_it_is_misspelt() -> None:
    """At one of three places it left the others, with the same message."""
    found = analysed(next(path for path in WRONG if path.stem == "follows_model_misspelt"))
    (diagnostic,) = found.diagnostics
    (fix,) = fixes(found, diagnostic)
    assert fix.title == "write digti" and len(fix.spans) == 3
    assert not analyse(fix.applied(found.source.text), ROOT / "a.nn").diagnostics


def test_what_is_nested_too_deeply_has_no_colours() -> None:
    text = f"model f(x : [3]) -> [3] {{ {'(' * 201}x{')' * 201} }}"
    assert list(token_kinds(analyse(text, ROOT / "a.nn"))) == []
