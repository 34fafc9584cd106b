"""A training step of example D.3: gradc against PyTorch eager, interleaved, same start, two
threads.

    python tests/bench/mnist_cnn.py [--batch 128] [--rounds 5]

Each measurement is a process of its own, the two taking turns, as the machine drifts; the table
shows the median over the rounds of each process's median, and the ratio.  The first losses must
agree to 1e-3. PyTorch must be installed (`pip install torch`); it is asked for its best of two
memory layouts.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SPEC = Path(__file__).resolve().parents[2] / "specs" / "mnist_cnn.nn"
PEERS = ("gradc", "torch", "torch-channels-last")
SECONDS = 2.0
LOSSES_AGREE = 1e-3


def start(batch: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """The same parameters, images and labels for every peer."""
    rng = np.random.default_rng(7)
    sizes = [(8, 5, 1), (16, 3, 8), (32, 3, 16), (32, 3, 32), (32, 2, 32)]
    parameters: dict[str, np.ndarray] = {}
    for i, (filters, k, channels) in enumerate(sizes, 1):
        scale = np.sqrt(2 / (k * k * channels))
        weights = rng.normal(size=(filters, k, k, channels)) * scale
        parameters[f"digit.conv{i}.W"] = weights.astype(np.float32)
        parameters[f"digit.conv{i}.b"] = np.zeros(filters, np.float32)
    parameters["digit.dense1.W"] = (rng.normal(size=(10, 32)) / np.sqrt(32)).astype(np.float32)
    parameters["digit.dense1.b"] = np.zeros(10, np.float32)
    images = rng.random((batch, 28, 28, 1)).astype(np.float32)
    return parameters, images, rng.integers(0, 10, batch)


def gradc_step(batch: int) -> Callable[[], float]:
    """One step of the compiled spec."""
    import gradc

    session = gradc.Session(gradc.compile_file(SPEC), threads=2)
    parameters, images, labels = start(batch)
    for name, value in parameters.items():
        session.parameters[name] = value
    return lambda: float(session.step(image=images, label=labels)["loss"])


def torch_step(batch: int, channels_last: bool) -> Callable[[], float]:
    """The same network, penalty and optimiser in PyTorch."""
    import torch
    import torch.nn.functional as F

    torch.set_num_threads(2)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    values, images, labels = start(batch)
    weights = []
    for value in values.values():
        tensor = torch.tensor(value)
        if tensor.ndim == 4:
            tensor = tensor.permute(0, 3, 1, 2).contiguous(memory_format=layout)
        weights.append(tensor.requires_grad_())
    x = torch.tensor(images).permute(0, 3, 1, 2).contiguous(memory_format=layout)
    y = torch.tensor(labels)
    optimiser = torch.optim.Adam(weights, lr=1e-3)
    paddings = [
        (1, 2, 1, 2),
        (0, 1, 0, 1),
        (1, 1, 1, 1),
        (0, 1, 0, 1),
        None,
    ]  # "same", as TensorFlow

    def step() -> float:
        optimiser.zero_grad(set_to_none=True)
        h = x
        for i, padding in enumerate(paddings):
            h = F.pad(h, padding) if padding else h
            h = F.relu(F.conv2d(h, weights[2 * i], weights[2 * i + 1], stride=2 if padding else 1))
        loss = F.cross_entropy(F.linear(h.flatten(1), weights[-2], weights[-1]), y)
        loss = loss + 1e-6 * sum((w * w).sum() for w in weights)
        loss.backward()
        optimiser.step()
        return float(loss)

    return step


def measure(peer: str, batch: int) -> dict[str, float]:
    """First loss, and the median time of a step in milliseconds."""
    step = gradc_step(batch) if peer == "gradc" else torch_step(batch, peer.endswith("last"))
    first = step()
    for _ in range(5):
        step()
    times = []
    stop = time.perf_counter() + SECONDS
    while time.perf_counter() < stop:
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    return {"loss": first, "ms": 1e3 * statistics.median(times)}


def main() -> int:
    """Take turns, print the table; 1 if the losses differ or gradc is slower."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer", choices=PEERS)
    options = parser.parse_args()
    if options.peer:
        print(json.dumps(measure(options.peer, options.batch)))
        return 0
    found: dict[str, list[dict[str, float]]] = {peer: [] for peer in PEERS}
    for _ in range(options.rounds):
        for peer in PEERS:
            command = [sys.executable, __file__, "--peer", peer, "--batch", str(options.batch)]
            found[peer].append(
                json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            )
    medians = {p: statistics.median(r["ms"] for r in rows) for p, rows in found.items()}
    for peer, ms in medians.items():
        ratio = ms / medians["gradc"]
        loss = found[peer][0]["loss"]
        print(f"{peer:20s} {ms:8.2f} ms a step  {ratio:6.2f} x gradc  first loss {loss:.5f}")
    losses = [rows[0]["loss"] for rows in found.values()]
    same = max(losses) - min(losses) < LOSSES_AGREE
    fastest = min(ms for peer, ms in medians.items() if peer != "gradc")
    return 0 if same and medians["gradc"] <= fastest else 1


if __name__ == "__main__":
    sys.exit(main())
