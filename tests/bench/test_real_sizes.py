"""The real sizes: a peer computes the same network, forwards and backwards, on two examples."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradc_compiler.pipeline import compile_file
from gradc_runtime.session.session import Session
from tests.bench.test_workloads import WORKLOADS

ROWS = [name for name, row in WORKLOADS.items() if row.file().parent.name == "sizes"]
BOUND = 1e-4  # of a loss, and of a gradient's greatest number; each adds up in its own order
QUICK = {("S5-b8", "cpu"), ("S5-b8", "reference")}
SMALL = 1e-6  # what a gradient near 0 is measured by
BACK = {3: (0, 2, 1), 4: (0, 2, 3, 1)}  # from channels in the second place


def gradients_of(session: Session, row: Any) -> tuple[float, dict[str, np.ndarray]]:
    """The loss, and what each parameter gets, from the row's first values."""
    names = [p.name for p in session.program.persistents if p.role == "parameter"]
    for name, value in zip(names, row.start(), strict=True):
        session.parameters[name] = value
    loss, found = session.gradients(**row.data())
    zeros = {name: np.zeros(session.parameters[name].shape) for name in names}
    return loss, zeros | {name: np.asarray(value) for name, value in found.items()}


def pieces(theirs: list[Any], ours: dict[str, np.ndarray]) -> Iterator[tuple[str, np.ndarray]]:
    """Gradients of the peer, a parameter that it joins of several cut as they are here."""
    left = iter(ours.items())
    for parameter in theirs:
        gradient = parameter.grad  # none of what the loss does not depend on
        gradient = 0 * parameter.detach() if gradient is None else gradient
        turned = gradient.permute(BACK.get(parameter.ndim, tuple(range(parameter.ndim))))
        flat = turned.contiguous().numpy().ravel()
        while flat.size:
            name, own = next(left)
            yield name, flat[: own.size].reshape(own.shape)
            flat = flat[own.size :]


def test_the_issues_sizes_are_here() -> None:
    kinds = {name.split("-")[0] for name in ROWS}
    assert kinds == {"S1", "S2", "S3", "S4", "S5", "VGG11", "WaveNet", "DDPM"}


def cases() -> Iterator[Any]:
    """Every row on every target, most of them for `-m bench` as they take seconds each."""
    for name in ROWS:
        for target in ("cpu", "reference"):
            quick = (name, target) in QUICK
            yield pytest.param(name, target, marks=() if quick else pytest.mark.bench)


@pytest.mark.parametrize(("name", "target"), list(cases()))
def test_pytorch_computes_the_same(name: str, target: str) -> None:
    pytest.importorskip("torch")
    row = replace(WORKLOADS[name], batch=2)
    ours = Session(compile_file(row.file()), target=target)
    loss, found = gradients_of(ours, row)
    peer = importlib.import_module("with_torch").Run(row, "")
    peer.infer()
    theirs = peer.minimised()  # whatever inference kept
    theirs.backward()
    assert float(theirs.detach()) == pytest.approx(loss, rel=BOUND)
    seen = list(pieces(peer.parameters, found))
    assert [key for key, _ in seen] == list(found)
    for key, wanted in seen:
        assert np.abs(found[key] - wanted).max() <= BOUND * max(np.abs(wanted).max(), SMALL), key
