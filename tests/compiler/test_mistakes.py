"""Mistakes of people from other frameworks: numbered, each answered by a hint; and no mistakes."""

from __future__ import annotations

import pytest

from gradc_compiler.diagnostics.source import CompileError, Diagnostic, Source
from gradc_compiler.pipeline import compilation
from gradc_compiler.syntax.parse.training_words import INSTEAD, RENAMED, plain
from tests.compiler.mistakes import SECTIONS, SPECS, mistakes, page

FEWEST = 100
RIGHT = {  # what others write, and may here
    "a window in brackets": "model f(x : [8, 8, 1]) -> [2] "
    "{ x |> conv(8, (3, 3)) |> flatten |> dense(2) }",
    "sort": "model f(x : [4]) -> [3] { x |> sort |> dense(3) }",
    "cumsum": "model f(x : [4]) -> [3] { x |> cumsum |> dense(3) }",
}
SPEC = """model net(x : [4]) -> [3] { x |> dense(3) }
data d(x : [4], label : class(3)) = iris()
train on d {
    minimize cross_entropy(net(x), label) using adam
    %s
}
"""


def said(text: str) -> tuple[Diagnostic, ...]:
    """Errors, or else warnings."""
    try:
        return compilation(Source("a.nn", text), SPECS, {}, ()).program.warnings
    except CompileError as error:
        return error.diagnostics


def test_they_are_numbered_one_by_one() -> None:
    found = mistakes()
    assert [one.number for one in found] == [*range(1, len(found) + 1)] and len(found) >= FEWEST
    assert len({one.written for one in found}) == len(found)
    assert set(SECTIONS) <= {one.path.stem for one in found}


def test_each_is_answered_by_a_way_out() -> None:
    assert [one.path.stem for one in mistakes() if one.hint is None] == []


def test_the_page_is_current() -> None:
    assert (SPECS / "mistakes.md").read_text(encoding="utf-8") == page() + "\n"


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_others_write_and_may_here_compiles(text: str) -> None:
    assert said(text) == ()


@pytest.mark.parametrize("name", sorted({*RENAMED, *INSTEAD} - {"with"}))
def test_a_word_of_another_training_gets_its_own_hint(name: str) -> None:
    """`batch_size 32` on a line of its own."""
    (found,) = said(SPEC % f"{name} 3")
    wanted = f"write `{RENAMED[name]} 3`" if name in RENAMED else INSTEAD[name].format(value="3")
    assert (found.code, found.hint) == ("E0121", wanted)
    assert found.primary.span.text == name and f"`{name}`" in found.message


@pytest.mark.parametrize("written", ["using sgd, batch_size 32", "using sgd, batch_size = 32",
                                     "Batch_Size 32"])  # fmt: skip
def test_wherever_it_stands(written: str) -> None:
    (found,) = said(SPEC.replace(" using adam", "") % written)
    assert found.hint == "write `batch 32`" and plain(found.primary.span.text) == "batchsize"


def test_such_a_word_is_a_name_everywhere_else() -> None:
    text = "model f(x : [4], loss : [4]) -> [4] { steps = x + loss; target = steps; target }"
    assert said(text) == ()
