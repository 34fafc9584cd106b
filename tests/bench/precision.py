"""Loss curves in bf16 beside float32: python tests/bench/precision.py [mnist_cnn s3 s4] [--steps N]

Each spec is trained from several seeds in both precisions, on the same batches.  Of every tenth of
a run the mean loss is printed: over the seeds in float32, how far those are apart (the greatest
less the least), and the same in bf16.  A curve holds where the two means are no further apart than
the seeds are.  S3 and S4 are the real sizes of `tests/bench/sizes`, on the bundled digits and on
Python's reference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any

import numpy as np

import gradc

ROOT = Path(__file__).parents[2]
PRECISIONS = ("float32", "bf16")
SEEDS, TENTHS = (0, 1, 2), 10
Batch = Mapping[str, Any]


@dataclass(frozen=True)
class Curve:
    """A spec, and for how many steps it is trained here."""

    path: Path
    steps: int
    batch: int


CURVES = {
    "mnist_cnn": Curve(ROOT / "specs/mnist_cnn.nn", 450, 32),
    "s3": Curve(ROOT / "tests/bench/sizes/s3_resnet18.nn", 20, 32),
    "s4": Curve(ROOT / "tests/bench/sizes/s4_gpt.nn", 20, 16),
}


def batches(curve: Curve, seed: int) -> Iterator[Batch]:
    """As many batches as a run has steps; the same for every precision."""
    rng = np.random.default_rng(seed)
    if "gpt" in curve.path.name:
        text = "".join(topics.values()).encode("ascii", "ignore")
        codes = np.frombuffer(text, np.uint8) % 96
        for _ in range(curve.steps):
            starts = rng.integers(0, len(codes) - 129, curve.batch)
            rows = [codes[s : s + 129].astype(np.int64) for s in starts]
            yield {"x": [r[:-1] for r in rows], "y": [r[1:] for r in rows]}
        return
    images, labels = pictures(32 if "resnet" in curve.path.name else 28)
    for _ in range(curve.steps):
        some = rng.integers(0, len(images), curve.batch)
        fields = ("x", "y") if "resnet" in curve.path.name else ("image", "label")
        yield dict(zip(fields, (images[some], labels[some]), strict=True))


def pictures(size: int) -> tuple[np.ndarray, np.ndarray]:
    """The bundled digits, as large as a network wants them, in as many colours."""
    from sklearn.datasets import load_digits

    found = load_digits()
    at = np.arange(size) * 8 // size
    grey = (found.images / 16.0)[:, at][:, :, at, None].astype(np.float32)
    return (np.repeat(grey, 3, 3) if size == 32 else grey), found.target.astype(np.int64)


def run(curve: Curve, precision: str, seed: int) -> np.ndarray:
    """The mean loss of every tenth of a run."""
    program = gradc.compile_file(curve.path, precision=precision)
    session = gradc.Session(program, seed=seed)
    losses = [session.step(**given)["loss"] for given in batches(curve, seed)]
    return np.array([part.mean() for part in np.array_split(np.array(losses), TENTHS)])


def compare(name: str, curve: Curve) -> bool:
    """Print both curves of a spec; whether they hold."""
    found = {p: np.array([run(curve, p, seed) for seed in SEEDS]) for p in PRECISIONS}
    single, rounded = (found[p] for p in PRECISIONS)
    spread, apart = np.ptp(single, 0), np.abs(rounded.mean(0) - single.mean(0))
    print(f"{name}: {curve.steps} steps of {curve.batch}, {len(SEEDS)} seeds")
    print("  tenth  float32   seeds apart     bf16   means apart   same seed, most")
    paired = np.abs(rounded - single).max(0)
    for k in range(TENTHS):
        print(
            f"  {k + 1:5} {single[:, k].mean():8.4f} {spread[k]:13.4f} {rounded[:, k].mean():8.4f}"
            f" {apart[k]:13.5f} {paired[k]:17.5f}"
        )
    holds = bool(np.all(apart <= spread))
    print(f"  {'within' if holds else 'NOT within'} the spread of seeds", flush=True)
    return holds


def main() -> int:
    """Compare the curves that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", choices=[[], *CURVES], default=[*CURVES])
    parser.add_argument("--steps", type=int, help="of a run, where not as many as usual")
    given = parser.parse_args()
    curves = {name: CURVES[name] for name in given.names}
    if given.steps:
        curves = {name: replace(curve, steps=given.steps) for name, curve in curves.items()}
    held = [compare(name, curve) for name, curve in curves.items()]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
