"""The figures of `specs/comparison.md`, out of RESULTS.md: `python tests/bench/comparison.py`.

The page has them between two comments; everything else on it is written by hand.  `run.py` writes
them anew whenever it writes RESULTS.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from report import short, table

HERE = Path(__file__).parent
RESULTS, PAGE = HERE / "RESULTS.md", HERE.parents[1] / "specs" / "comparison.md"
BEGIN, END = "<!-- written by tests/bench/comparison.py -->", "<!-- end of what is written -->"
UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
PEERS = {  # a column, and the settings of which the faster counts
    "PyTorch": ("torch", "torch-last"),
    "compiled PyTorch": ("torch-compile",),
    "JAX": ("jax", "jax-scan"),
    "Keras": ("keras",),
    "PyTensor": ("pytensor",),
    "tinygrad": ("tinygrad",),
}
NETWORKS = {
    "W1": "a line: 2 parameters",
    "W2": "a curve: 1-10-10-10-1, tanh",
    "W3": "points of a plane: 2-8-2",
    "W4": "dense: 784-512-256-10",
    "W5": "convolutions of example D.3",
    "W6": "four convolutions of 64 to 128 channels on 32x32",
    "W7": "Elman's network: 50 steps, 128 units",
    "W8": "an LSTM: 50 steps, 128 units",
    "W9": "a GRU: 50 steps, 128 units",
    "W10": "an autoencoder: 784-256-64-2 and back",
    "W11": "a variational autoencoder of that size",
    "W12": "an adversarial pair: 16-128-256-784, 784-256-128-1",
    "W13": "a transformer block: 64 tokens, width 64",
    "odd-mlp": "dense, odd sizes: 37-113-51-7",
    "odd-cnn": "convolutions of odd sizes: 13 and 29 channels",
    "S1": "dense: 784-4096-4096-10",
    "S2": "two LSTMs of 512 units, 100 steps",
    "S3": "ResNet-18 on 32x32",
    "S4": "a GPT of 6 blocks, width 384, 128 tokens",
    "S5": "a GPT of 2 blocks, width 256, 512 tokens",
    "VGG11": "VGG-11 on 32x32",
    "WaveNet": "WaveNet on 512 samples",
    "DDPM": "the U-Net of a diffusion on 32x32",
}
NARROW = "\u00a0"  # between a number and its unit, so that they stay on one line
STARTS = ("W4-b32", "W5-b32", "S3-b32")  # a dense network, a small and a large convolutional one
Row = dict[str, float]


def section(text: str, head: str) -> dict[str, dict[str, str]]:
    """The first table below a heading: cells by row and column."""
    _, _, below = text.partition(f"\n## {head}\n")
    lines = [line for line in below.partition("\n## ")[0].split("\n") if line.startswith("|")]
    names, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {cells[0]: dict(zip(names[1:], cells[1:], strict=True)) for cells in rows}


def seconds(cell: str) -> float | None:
    """A time as it is written; None for `-`."""
    number, _, unit = cell.partition(" ")
    return float(number) * UNITS[unit] if unit else None


def times(text: str, head: str) -> dict[str, Row]:
    """Of each workload the time of gradc and of each peer that was measured."""
    settings = {"gradc": ("gradc",), **PEERS}
    found: dict[str, Row] = {}
    for name, cells in section(text, head).items():
        known = {n: s for n, cell in cells.items() if (s := seconds(cell)) is not None}
        best = {n: [known[s] for s in group if s in known] for n, group in settings.items()}
        found[name] = {n: min(values) for n, values in best.items() if values}
    return found


def ratio(row: Row) -> float:
    """How many times faster gradc is than the fastest peer of a row."""
    return min(time for name, time in row.items() if name != "gradc") / row["gradc"]


def described(name: str) -> tuple[str, str]:
    """What a workload is, and its batch."""
    kind, _, batch = name.rpartition("-b")
    return NETWORKS[kind], batch


def speed(rows: dict[str, Row]) -> Iterator[str]:
    """The table of a head, and the rows in which gradc is behind."""
    columns = [name for name in PEERS if any(name in row for row in rows.values())]
    cells = []
    for name, row in rows.items():
        times_faster = f"{ratio(row):.2f}"
        last = times_faster if ratio(row) >= 1 else f"**{times_faster}**"
        shown = [short(row.get(column)).replace(" ", NARROW) for column in ("gradc", *columns)]
        cells.append([*described(name), *shown, last])
    heads = ["network", "batch", "gradc", *columns, "fastest of these : gradc"]
    yield from table(heads, cells)
    behind = ["{} (batch {})".format(*described(n)) for n, r in rows.items() if ratio(r) < 1]
    yield ""
    yield (
        f"gradc is behind the fastest in {len(behind)} of {len(rows)} rows: {'; '.join(behind)}."
        if behind
        else f"gradc is the fastest in all {len(rows)} rows."
    )


def starts(text: str) -> Iterator[str]:
    """Starts and memory of some workloads."""
    known = section(text, "Starts (s) and peak memory (MB)")
    heads = [
        f"{name} {what}"
        for what in ("cold", "warm", "memory")
        for name in ("gradc", "torch", "jax")
    ]
    rows = [[*described(n), *(known[n][head] for head in heads)] for n in STARTS if n in known]
    yield from table(
        ["network", "batch", *(h.replace("torch", "PyTorch").replace("jax", "JAX") for h in heads)],
        rows,
    )


def figures(text: str) -> str:
    """What stands between the two comments."""
    machine = re.search(r"^\d{4}-\d\d-\d\d, .*$", text, re.MULTILINE)
    assert machine is not None, "RESULTS.md says when and where it was measured"
    lines = [
        machine[0], "", "### A step of training", "",
        *speed(times(text, "All settings, a training step")), "", "### An answer", "",
        *speed(times(text, "All settings, inference")), "", "### Starts and memory", "",
        "Seconds to the first finished step of a new process, with empty caches (cold) and filled",
        "ones (warm), and the most megabytes that it held.", "", *starts(text),
    ]  # fmt: skip
    return "\n".join(lines)


def written(page: str, results: str) -> str:
    """The page with the figures of these results."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{figures(results)}\n\n{END}{after}"


def write() -> None:
    """Write the page's figures anew."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(written(page, RESULTS.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write()
