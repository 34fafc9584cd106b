"""What `train` shows while it runs, and what it returns."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import gradc
from tests.runtime import linear

DATA = {"x": np.random.default_rng(0).random((20, 2)), "y": np.arange(20.0)}


def trained(epochs: int = 3) -> gradc.History:
    return linear.session().train(DATA, epochs=epochs, quiet=True)


def test_progress_goes_to_standard_error_unless_it_is_quiet(
    capsys: pytest.CaptureFixture[str],
) -> None:
    linear.session().train(DATA, epochs=2)
    shown = capsys.readouterr()
    assert "epoch 2/2  loss" in shown.err and not shown.out
    trained()
    assert capsys.readouterr().err == ""


def test_a_history_has_a_value_an_epoch() -> None:
    history = trained()
    assert len(history) == 3 and history["epoch"] == [1, 2, 3]
    assert history["loss"] == [row["loss"] for row in history.rows]
    assert history["held_out.loss"][0] > history["held_out.loss"][-1]
    with pytest.raises(KeyError, match=r"nothing measured is called los; there are epoch, step"):
        history["los"]
    assert repr(history).startswith("<History: 3 epochs, loss ") and len(repr(history)) < 120
    assert "<td" in history._repr_html_() and "held_out.loss" in history._repr_html_()


def test_a_run_of_no_epochs_has_nothing_to_show() -> None:
    history = trained(epochs=0)
    assert repr(history) == "<History: 0 epochs>" and not len(history)
    assert history._repr_html_() == "<p><b>History: 0 epochs</b></p>"


def test_a_history_as_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas")
    frame = trained().frame()
    assert isinstance(frame, pandas.DataFrame) and list(frame.index) == [1, 2, 3]
    assert list(frame["loss"]) == trained()["loss"] and len(trained(epochs=0).frame()) == 0


def test_a_plot_is_a_figure_a_notebook_shows_and_a_file(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    figure = trained().plot(tmp_path / "curves.png")
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert {line.get_label() for line in figure.axes[0].lines} == {"in training", "held out"}
    with pytest.raises(gradc.RunError, match="no epoch has been trained"):
        trained(epochs=0).plot()


@pytest.mark.parametrize(("module", "call"), [("pandas", "frame"), ("matplotlib", "plot")])
def test_what_is_not_installed_is_said_with_a_command_that_works(
    module: str, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(gradc.RunError, match=f"needs {module}: pip install {module}"):
        getattr(trained(), call)()


def test_only_the_first_rank_shows_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    from gradc_runtime.session import history

    seen: list[Any] = []

    class Trainer:
        def __init__(self, *given: Any, display: Any, **named: Any) -> None:
            seen.append(display)

        def run(self) -> None:
            return None

    known = {history.TRAINER: SimpleNamespace(Trainer=Trainer)}
    known[history.PROGRESS] = SimpleNamespace(display=lambda: "shown")
    monkeypatch.setattr(history, "import_module", known.__getitem__)
    for first in (True, False):
        ranks = SimpleNamespace(first=first)
        monkeypatch.setattr(history, "imported", lambda ranks=ranks: ranks)
        history.run_training(None, None, None, quiet=False)
    assert seen == ["shown", None]
