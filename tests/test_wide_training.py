"""Wide: whole trainings against plain PyTorch, and killed ones against undisturbed ones."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

pytestmark = pytest.mark.wide
ROOT = Path(__file__).resolve().parents[1]
WITHIN = 1.25  # losses of two trainings from different starts; the better of three each


def gradc_loss(name: str, seed: int) -> tuple[float, dict[str, np.ndarray]]:
    """Final loss over all data after training as the spec says, and the data."""
    import gradc

    session = gradc.Session(gradc.compile_file(ROOT / "specs" / f"{name}.nn"), seed=seed)
    data = session.dataset()
    session.train()
    return session.evaluate(data)["loss"], data.arrays


def torch_loss(name: str, data: dict[str, np.ndarray], seed: int, epochs: int) -> float:
    """The same network, optimiser and batches of the same size, written plainly in PyTorch."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(seed)
    nn = torch.nn
    if name == "curve":
        net = nn.Sequential(
            nn.Linear(1, 10), nn.Tanh(), nn.Linear(10, 10), nn.Tanh(), nn.Linear(10, 10), nn.Tanh(),
            nn.Linear(10, 1),
        )  # fmt: skip
        x = torch.tensor(data["x"], dtype=torch.float32)[:, None]
        y, criterion = torch.tensor(data["y"], dtype=torch.float32)[:, None], nn.MSELoss()
        rate, batch = 1e-2, 32
    else:
        net = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 2))
        x = torch.tensor(data["p"], dtype=torch.float32)
        y, criterion = torch.tensor(data["label"], dtype=torch.int64), nn.CrossEntropyLoss()
        rate, batch = 2e-2, 64
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            optimiser.zero_grad()
            criterion(net(x[rows]), y[rows]).backward()
            optimiser.step()
    return float(criterion(net(x), y).detach())


@pytest.mark.parametrize(("name", "epochs"), [("curve", 300), ("circle", 200)])
def test_figures_train_to_the_loss_a_plain_script_reaches(name: str, epochs: int) -> None:
    ours = [gradc_loss(name, seed) for seed in range(3)]
    theirs = min(torch_loss(name, ours[0][1], seed, epochs) for seed in range(3))
    assert min(loss for loss, _ in ours) <= WITHIN * theirs


def command(folder: Path, *more: str) -> list[str]:
    spec = str(ROOT / "specs" / "mnist_cnn.nn")
    run = [sys.executable, "-m", "gradc_runtime.cli", "train", spec, "--out", str(folder)]
    return [*run, "--epochs", "60", "--save-every", "0.05", *more]


def final(folder: Path) -> dict[str, np.ndarray]:
    """The newest checkpoint of the run in a folder."""
    files = sorted(folder.rglob("*.safetensors"), key=lambda p: p.stat().st_mtime)
    return load_file(files[-1])


def finish(run: list[str], environment: dict[str, str]) -> None:
    found = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"{run}\n{found.stderr}"


def saved_steps(folder: Path) -> int:
    """The step of the newest checkpoint in a folder; 0 where there is none."""
    names = [path.stem for path in folder.rglob("step-*.safetensors")]
    return max((int(name.removeprefix("step-")) for name in names), default=0)


def killed_at(folder: Path, moment: float, environment: dict[str, str]) -> bool:
    """Start a run and kill it after so many seconds; whether it was still running then."""
    process = subprocess.Popen(
        command(folder, "--threads", "2"), env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def test_twenty_kills_change_no_bit(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    begin = time.perf_counter()
    finish(command(tmp_path / "calm", "--threads", "1"), environment)
    seconds, rng, kills, resumed = time.perf_counter() - begin, random.Random(3), 0, 0
    expected = final(tmp_path / "calm")
    while kills < 20:
        folder = tmp_path / f"killed{kills}"
        if not killed_at(folder, rng.uniform(0.3, 0.95) * seconds, environment):
            seconds *= 0.9
            shutil.rmtree(folder)
            continue
        kills += 1
        resumed += saved_steps(folder) > 0
        begun = (folder / "mnist_cnn").is_dir()
        more = ("--resume", str(folder / "mnist_cnn")) if begun else ()
        finish(command(folder, *more), environment)
        for name, value in final(folder).items():
            assert value.tobytes() == expected[name].tobytes(), name
    assert resumed >= 5, "too few kills fell between a checkpoint and the end"
