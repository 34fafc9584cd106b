"""Certificates: wrong kernels cannot train unnoticed, and right ones are not suspected."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.op_registry import OPS
from gradc_compiler.memory import allocate
from gradc_compiler.pipeline import compile_source
from gradc_runtime.certificates import certificate, certifier, comparison
from gradc_runtime.certificates.certificate import AGREES, DIFFERS, TOO_LARGE
from gradc_runtime.certificates.certifying import Certifying
from gradc_runtime.cli.run_command import run
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import Disagreement

SPEC = """model net(x : [6]) -> [2] {
    inner = x |> dense(8)
    inner |> tanh |> dense(2)
}
data pairs(x : [6], y : [2]) = npz("pairs.npz")
train on pairs {
    minimize sum((net(x) - y)^2)
    using adam(lr = 1e-3), batch 16, epochs 2
}
"""
ADVISED = "--target reference.*--without NAME.*verify.*report"


@pytest.fixture(autouse=True)
def certified(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Certificates are wanted, in a cache of their own, and waited for."""
    monkeypatch.setenv("GRADC_CERTIFY", "wait")
    monkeypatch.setenv("GRADC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(certifier, "NICENESS", 0)


def pairs(count: int = 50) -> dict[str, np.ndarray]:
    draws = np.random.default_rng(3)
    return {"x": draws.standard_normal((count, 6)), "y": draws.standard_normal((count, 2))}


def session(text: str = SPEC, **where: Any) -> Session:
    return Session(compile_source(text), **{"threads": 1, **where})


def a_wrong_operator(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(OPS["tanh"], "text", "tanh({0} * real(1.01))")


def a_stale_buffer(patch: pytest.MonkeyPatch) -> None:
    lifetimes = allocate.liveness_of

    def shorter(*arguments: Any) -> allocate.Liveness:
        life = lifetimes(*arguments)
        return replace(life, last={key: max(0, unit - 1) for key, unit in life.last.items()})

    patch.setattr(allocate, "liveness_of", shorter)


@pytest.mark.parametrize(("dtype", "threads"), [("float32", 2), ("float64", 1)])
def test_right_kernels_are_certified_once(
    dtype: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    session(dtype=dtype, threads=threads).train(pairs())
    (kept,) = certificate.all_kept()
    assert (kept.state, kept.dtype, kept.examples) == (AGREES, dtype, certifier.EXAMPLES)
    monkeypatch.setattr(certifier, "start_copy", None)  # which would be called
    session(dtype=dtype, threads=threads).train(pairs())


def test_training_has_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    certified = session()
    certified.train(pairs())
    monkeypatch.setenv("GRADC_CERTIFY", "0")
    bare = session()
    bare.train(pairs())
    assert np.array_equal(certified.memory.words, bare.memory.words)


@pytest.mark.parametrize("batch", [16, 5000])
def test_a_wrong_operator_ends_the_run_and_is_named(
    batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_wrong_operator(monkeypatch)
    with pytest.raises(Disagreement, match=rf"tanh at .*:3:.*is off by .*{ADVISED}"):
        session().train(pairs(6000 if batch > 16 else 50), batch=batch)
    monkeypatch.setattr(certifier, "start_copy", None)
    with pytest.raises(Disagreement, match="tanh at"):  # at once, from what is kept
        session().train(pairs(6000 if batch > 16 else 50), batch=batch)
    session(target="reference").train(pairs(), epochs=1)


def test_a_fault_of_no_operator_ends_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    a_stale_buffer(monkeypatch)
    with pytest.raises(
        Disagreement,
        match=rf"are wrong: .* is off by .*{ADVISED}",
    ):
        session().train(pairs())
    assert [kept.state for kept in certificate.all_kept()] == [DIFFERS]


def test_the_command_fails_and_so_does_what_reads_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a_wrong_operator(monkeypatch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.nn").write_text(SPEC)
    np.savez(tmp_path / "pairs.npz", **pairs())
    monkeypatch.setenv("GRADC_CERTIFY", "1")  # the run is over before
    run(["train", "net.nn"])
    for process in list(certifier._copies):
        os.waitpid(process, 0)
    for arguments in (["eval", "net.nn", "--weights", "runs/net"], ["train", "net.nn"]):
        folder = next((tmp_path / "runs").iterdir())
        arguments = [str(folder) if a == "runs/net" else a for a in arguments]
        capsys.readouterr()
        assert run(arguments) == 1
        told = capsys.readouterr().err
        assert "tanh at net.nn:3:" in told and told.count("\n") <= 4
    run(["doctor"])
    assert "1 differs" in " ".join(capsys.readouterr().out.split())


def test_what_is_too_large_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certifier, "LARGEST_WORK", 10)
    session().train(pairs())
    (kept,) = certificate.all_kept()
    assert kept.state == TOO_LARGE


@pytest.mark.parametrize("limit", ["SECONDS", "BYTES"])
def test_a_copy_keeps_to_its_limits(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*arguments: Any, **named: Any) -> None:
        while True:
            np.ones(1 << 24) if limit == "BYTES" else sum(range(1000))
            np.zeros(1 << 28) + 1 if limit == "BYTES" else None

    monkeypatch.setattr(certifier, limit, 1)
    monkeypatch.setattr(comparison.Side, "results", busy)
    session().train(pairs())
    assert [kept.state for kept in certificate.all_kept()] == [TOO_LARGE]


@pytest.mark.parametrize(
    "written",
    [
        "(floor(1e6 * inner)) |>",  # a rounding decides
        "(exp(60 * inner) * exp(60 * inner) - 1e30) |>",  # float32 overflows alone
        "(log(inner)) |>",  # NaN on both sides
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_roundings_decide_is_no_fault(written: str, dtype: str) -> None:
    here = session(SPEC.replace("inner |> tanh |>", written), dtype=dtype)
    data = here.dataset(pairs())
    samples = [data.take(slice(start, start + 4)) for start in (0, 40)]
    assert comparison.Comparison(here, 16, samples).certificate().state == AGREES


@pytest.mark.parametrize("state", ["off", "there", "made"])
def test_no_run_waits_unless_asked(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end asks the copy once whether it has said anything, without a moment to wait."""
    if state == "there":
        session().train(pairs())
    monkeypatch.setenv("GRADC_CERTIFY", "0" if state == "off" else "1")
    asked: list[bool] = []
    look = Certifying.look

    def noted(self: Certifying, *, wait: bool = False) -> str:
        asked.append(wait)
        return look(self, wait=wait)

    monkeypatch.setattr(Certifying, "look", noted)
    trained = session()
    if state == "made":
        monkeypatch.setattr(comparison.Side, "results", lambda *_: signal.pause())  # never ends
    trained.train(pairs())
    assert asked and not any(asked)
    for process in list(certifier._copies):
        os.kill(process, signal.SIGKILL)


def test_nothing_is_made_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADC_CERTIFY", "0")
    session().train(pairs())
    assert not certificate.all_kept()


def test_the_key_tells_programs_widths_and_switches_apart() -> None:
    others = [session(), session(dtype="float64"), session(SPEC.replace("tanh", "erf"))]
    others += [session(SPEC.replace("lr = 1e-3", "lr = 1e-4"))]
    others += [Session(compile_source(SPEC, without=["fusion", "whole-step"]), threads=1)]
    keys = [certificate.key_for(one, 16) for one in others]
    assert len({*keys}) == len(keys)
    assert keys[0] == certificate.key_for(session(threads=2), 16)
