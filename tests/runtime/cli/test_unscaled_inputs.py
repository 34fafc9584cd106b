"""Inputs far from unit size are told with the mend, and others are not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.runtime.cli.calling import SPECS, Caller

REFERENCE = ("--target", "reference", "--epochs", "0")


def notes(call: Caller, *words: str) -> list[str]:
    """What is said of inputs, in training and before."""
    answer, checked = call("train", *words, *REFERENCE), call("check", words[0], "--json")
    assert (answer.code, checked.code) == (0, 0), answer.err
    lines = [line for line in answer.err.splitlines() if "warning[W0015]" in line]
    before = [one for one in checked.data["warnings"] if one["code"] == "W0015"]
    told = [f"{one['message']}; {one['hint']}" for one in before]
    assert [line.partition("[W0015]: ")[2] for line in lines] == told
    return lines


def test_a_column_of_thousands(call: Caller) -> None:
    rows = "".join(f"{k * 1e4},{k}\n" for k in range(8))
    (call.folder / "points.csv").write_text(f"x,y\n{rows}")
    text = call.spec.read_text().replace("held_out 0.25", "held_out 0")
    call.spec.write_text(text)
    assert notes(call, str(call.spec)) == [
        f"{call.spec}:8:39: warning[W0015]: `x` is about 42,000 in size, and networks learn best"
        ' from numbers about 1; say `standardised = "x"` in csv(...)'
    ]
    call.spec.write_text(text.replace('csv("points.csv")', 'csv("points.csv", standardised = "x")'))
    assert notes(call, str(call.spec)) == []


@pytest.mark.parametrize(("scale", "said"), [(255, "read `x / 255` in the model"), (1, ""),
                                             (1e-4, "subtract the mean of `x`")])  # fmt: skip
def test_arrays(call: Caller, scale: float, said: str) -> None:
    numbers = np.linspace(0, 1, 20) * scale
    np.savez(call.folder / "d.npz", x=numbers, y=1e6 * numbers)  # a target is no input
    text = call.spec.read_text().replace("held_out 0.25", "held_out 0")
    call.spec.write_text(text.replace('csv("points.csv")', 'npz("d.npz")'))
    found = notes(call, str(call.spec))
    assert len(found) == bool(said) and all(said in line for line in found)


@pytest.mark.parametrize("name", ["circle", "curve", "adding"])
def test_what_is_about_one_is_no_matter(call: Caller, name: str) -> None:
    path = call.folder / f"{name}.nn"
    path.write_bytes((SPECS / f"{name}.nn").read_bytes())
    assert notes(call, str(path)) == []
