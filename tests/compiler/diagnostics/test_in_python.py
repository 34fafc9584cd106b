"""What Python shows of a wrong spec, and a notebook: lines, carets and hints, no inside."""

from __future__ import annotations

import pickle
import traceback

import pytest

import gradc

WRONG = "model f(x : [3]) -> [4] { x |> dens(4) }"
SHOWN = """\
error[E0201]: `dens` is not defined
  spec.nn:1:32
1 | model f(x : [3]) -> [4] { x |> dens(4) }
  |                                ^^^^ not found
hint: did you mean `dense`?"""


def fault_of(text: str) -> gradc.CompileError:
    with pytest.raises(gradc.CompileError) as caught:
        gradc.compile_source(text)
    return caught.value


def test_a_traceback_ends_with_the_lines_of_the_spec() -> None:
    fault = fault_of(WRONG)
    assert str(fault) == SHOWN
    printed = "".join(traceback.format_exception(fault))
    assert printed.endswith(f"gradc.CompileError: {SHOWN}\n")
    files = [frame.filename for frame in traceback.extract_tb(fault.__traceback__)]
    assert len(files) == 2 and files[0] == __file__, "the call, and where it is answered"
    assert fault.__suppress_context__


def test_all_faults_stand_in_one_text() -> None:
    text = str(fault_of(WRONG + "\nmodel g(x : [3]) -> [2] { y }"))
    assert "`dens` is not defined" in text and "`y` is not defined" in text
    assert text.endswith("2 errors")


def test_a_notebook_is_given_the_same_lines_and_nothing_else() -> None:
    lines = fault_of(WRONG)._render_traceback_()
    assert len(lines) == len(SHOWN.splitlines())
    assert "\x1b[31m^" in lines[3], "the caret has its colour"


def test_ipython_asks_for_these_lines(capsys: pytest.CaptureFixture[str]) -> None:
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell()
    shell.run_cell(f"import gradc\ngradc.compile_source({WRONG!r})")
    printed = capsys.readouterr().out
    assert "did you mean `dense`?" in printed and "Traceback" not in printed


def test_a_fault_goes_to_another_process_and_back() -> None:
    fault = fault_of(WRONG)
    assert str(pickle.loads(pickle.dumps(fault))) == str(fault)
