"""`gradc train --memory`: what is chosen is told, too little is refused before anything runs."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_runtime.cli.options import Size
from tests.runtime.cli.calling import Caller

SPEC = """
model net(x : [64]) -> [3] {
    x |> dense(512) |> batch_norm |> tanh |> dense(512) |> batch_norm |> tanh |> dense(3)
}
data points(x : [64], label : class(3)) = npz("points.npz")
train on points {
    minimize cross_entropy(net(x), label)
    using sgd(lr = 0.01), batch 96, epochs 1
}
"""


@pytest.fixture
def spec(call: Caller) -> str:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(96, 64)).astype("f4")
    np.savez(call.folder / "points.npz", x=x, label=rng.integers(0, 3, 96))
    (call.folder / "net.nn").write_text(SPEC)
    return str(call.folder / "net.nn")


def test_a_limit_that_is_far_away_changes_nothing(call: Caller, spec: str) -> None:
    answer = call("train", spec, "--memory", "2 GB")
    assert answer.code == 0 and "of 2.0 GB; as without a limit" in answer.err


def test_room_is_bought_with_work(call: Caller, spec: str) -> None:
    needed = least(call, spec)
    answer = call("train", spec, "--memory", f"{needed + 1}MB", "--json")
    assert answer.code == 0 and "computed again for the derivative, blocks of" in answer.err
    plain = call("train", spec, "--json")
    found, wanted = (float(a.out.split('"loss": ')[1].split(",")[0]) for a in (answer, plain))
    assert found == pytest.approx(wanted, rel=1e-5)


def least(call: Caller, spec: str) -> int:
    """The megabytes that a refusal asks for."""
    answer = call("train", spec, "--memory", "1MB")
    assert answer.code != 0 and answer.err.count("\n") == 1 and "Traceback" not in answer.err
    assert "1 MB are allowed" in answer.err
    assert not (call.folder / "runs").exists()
    return int(answer.err.split("needs ")[1].split(" MB")[0])


@pytest.mark.parametrize("written", ["1e6", "1MB", "0.001GB"])
def test_a_limit_in_the_spec(call: Caller, spec: str, written: str) -> None:
    (call.folder / "net.nn").write_text(SPEC.replace("epochs 1", f"epochs 1, memory {written}"))
    assert "1 MB are allowed" in call("train", spec).err
    assert call("train", spec, "--memory", "1GB").code == 0


@pytest.mark.parametrize("text", ["much", "12 parsecs", "-3MB", "0", "nan GB", "1e99"])
def test_what_is_no_size(call: Caller, spec: str, text: str) -> None:
    answer = call("train", spec, f"--memory={text}")
    assert answer.code == 2 and "is no size: 500MB, 1.5GB, or a number of bytes" in answer.err


def test_only_on_the_cpu(call: Caller, spec: str) -> None:
    answer = call("train", spec, "--memory", "1GB", "--target", "reference")
    assert answer.code == 2 and answer.err.count("\n") == 1 and "target cpu" in answer.err


def test_sizes() -> None:
    texts = {"500MB": 500_000_000, "1.5 GB": 1_500_000_000, "2e6": 2_000_000, "3KiB": 3072}
    assert {text: Size().convert(text, None, None) for text in texts} == texts
