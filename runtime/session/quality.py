"""How good predictions are.

Predicted classes are measured by the confusion matrix, the rates that follow from it, and the area
under each class's receiver operating characteristic; predicted numbers by their errors and by R
squared.  Every measure is added up part by part, so that data of any size can be measured.  Only
areas need all probabilities at once, which are kept unless there are more than MOST_KEPT.
"""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradc_compiler.records.fast_dataclass import dataclass

Reals = NDArray[np.float64]
Counts = NDArray[np.int64]
MOST_KEPT = 20_000_000  # probabilities
SAMPLE = 4000  # pairs of numbers, for a picture


@dataclass(kw_only=True)
class ClassQuality:
    """Predicted classes beside the true ones."""

    names: tuple[str, ...]
    confusion: Counts  # [true, predicted]
    _kept: list[tuple[Reals, Counts]] | None = field(default_factory=list)  # None: too many
    _count: int = 0

    @staticmethod
    def of(names: tuple[str, ...]) -> ClassQuality:
        """A measure that has seen no example yet."""
        return ClassQuality(names=names, confusion=np.zeros((len(names), len(names)), np.int64))

    def add(self, probabilities: Reals, labels: NDArray[Any]) -> None:
        """Add examples: probabilities [N, k] and labels [N]."""
        labels = labels.astype(np.int64)
        np.add.at(self.confusion, (labels, probabilities.argmax(axis=1)), 1)
        self._count += probabilities.size
        if self._kept is not None:
            self._kept.append((probabilities, labels))
            self._kept = self._kept if self._count <= MOST_KEPT else None

    @property
    def examples(self) -> Counts:
        """[k] how often each class is the true one."""
        found: Counts = self.confusion.sum(axis=1)
        return found

    @property
    def accuracy(self) -> float:
        """The share of examples whose predicted class is the true one; NaN of none."""
        return share(self.confusion.trace(), self.confusion.sum())

    @property
    def precision(self) -> Reals:
        """[k] the share of the examples predicted as a class that are of it; NaN of none."""
        return shares(self.confusion.diagonal(), self.confusion.sum(axis=0))

    @property
    def recall(self) -> Reals:
        """[k] the share of the examples of a class that were predicted as it; NaN of none."""
        return shares(self.confusion.diagonal(), self.examples)

    @property
    def f1(self) -> Reals:
        """[k] the harmonic mean of both, 2 TP / (2 TP + FP + FN); NaN where neither is known."""
        both = self.confusion.sum(axis=0) + self.examples
        return shares(2 * self.confusion.diagonal(), both)

    @property
    def areas(self) -> Reals | None:
        """[k] the area under each class's curve; NaN without examples, None if they were many."""
        if self._kept is None or not self._kept:
            return None
        probabilities, labels = self.seen()
        return np.array([area(probabilities[:, k], labels == k) for k in range(len(self.names))])

    def seen(self) -> tuple[Reals, Counts]:
        """The probabilities [N, k] and labels [N] that were kept."""
        kept = self._kept or []
        return np.concatenate([p for p, _ in kept]), np.concatenate([n for _, n in kept])

    def curve(self, k: int) -> tuple[Reals, Reals]:
        """The receiver operating characteristic of a class: false and true positives' shares."""
        probabilities, labels = self.seen()
        order = np.argsort(-probabilities[:, k], kind="stable")
        scores, right = probabilities[order, k], (labels == k)[order]
        last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)  # of equal scores
        hits = np.cumsum(right)[last].astype(float)
        misses = last + 1 - hits
        ends = (max(misses[-1], 1), max(hits[-1], 1))
        return np.append(0.0, misses / ends[0]), np.append(0.0, hits / ends[1])

    def as_data(self) -> dict[str, Any]:
        """The same as JSON has it."""
        areas = self.areas
        classes = {
            name: {
                "precision": float(p), "recall": float(r), "f1": float(f), "examples": int(n),
                **({} if areas is None else {"auc": float(areas[k])}),
            }
            for k, (name, p, r, f, n) in enumerate(
                zip(self.names, self.precision, self.recall, self.f1, self.examples, strict=True)
            )
        }  # fmt: skip
        means = {"precision": mean(self.precision), "recall": mean(self.recall)}
        means |= {"f1": mean(self.f1)} | ({} if areas is None else {"auc": mean(areas)})
        return {
            "accuracy": self.accuracy, "mean": means, "classes": classes,
            "confusion": self.confusion.tolist(),
        }  # fmt: skip


@dataclass(kw_only=True)
class NumberQuality:
    """Estimates beside the true numbers."""

    stride: int = 1  # one of so many elements is in the sample
    count: int = 0  # examples
    elements: int = 0
    absolute: float = 0.0  # sum of errors
    squared: float = 0.0  # sum of their squares
    centre: Reals | None = None  # mean of each element, and the squares about it
    spread: Reals | None = None
    ends: tuple[Reals, Reals] | None = None  # least and greatest of each element
    sample: list[tuple[Reals, Reals]] = field(default_factory=list)

    def add(self, estimates: Reals, targets: Reals) -> None:
        """Add examples: estimates and true numbers, both [N, ...]."""
        estimates, targets = (x.reshape(len(x), -1) for x in (estimates, targets))
        errors = estimates - targets
        self.absolute += float(np.abs(errors).sum())
        self.squared += float(np.square(errors).sum())
        self.elements += errors.size
        self.sample.append((estimates.ravel()[:: self.stride], targets.ravel()[:: self.stride]))
        self._spread(targets)

    def _spread(self, targets: Reals) -> None:
        """Update mean and sum of squares about it with more numbers (Chan et al., 1979)."""
        n, centre = len(targets), targets.mean(axis=0)
        low, high = self.ends or (targets[0], targets[0])
        self.ends = np.minimum(low, targets.min(0)), np.maximum(high, targets.max(0))
        squares = np.square(targets - centre).sum(axis=0)
        if self.centre is not None and self.spread is not None:
            far, total = centre - self.centre, self.count + n
            squares = self.spread + squares + np.square(far) * self.count * n / total
            centre = self.centre + far * n / total
        self.centre, self.spread, self.count = centre, squares, self.count + n

    @property
    def mae(self) -> float:
        """The mean absolute error."""
        return share(self.absolute, self.elements)

    @property
    def rmse(self) -> float:
        """The root of the mean squared error."""
        return float(np.sqrt(share(self.squared, self.elements)))

    @property
    def r2(self) -> float:
        """1 less the squared errors over the squares about each element's mean; NaN for these 0.

        The squares of an element that is always the same are 0, which rounding of its mean is not.
        """
        if self.spread is None or self.ends is None:
            return float("nan")
        about = float(self.spread[self.ends[0] < self.ends[1]].sum())
        return 1.0 - self.squared / about if about > 0 else float("nan")

    def pairs(self) -> tuple[Reals, Reals]:
        """The sample: some estimates, and the true numbers."""
        estimates, targets = zip(*self.sample, strict=True)
        return np.concatenate(estimates), np.concatenate(targets)

    def as_data(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {"mae": self.mae, "rmse": self.rmse, "r2": self.r2, "numbers": self.elements}


def area(scores: Reals, is_one: NDArray[np.bool_]) -> float:
    """How often an example of the class scores above one of another class; a tie counts half.

    By ranks, as in Mann & Whitney, 1947.
    """
    ones = int(is_one.sum())
    others = len(scores) - ones
    if not ones or not others:
        return float("nan")
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # equal scores share the mean of their ranks
    return float((ranks[places][is_one].sum() - ones * (ones + 1) / 2) / (ones * others))


def share(part: float, whole: float) -> float:
    """A part of a whole; NaN of nothing."""
    return float(part / whole) if whole else float("nan")


def shares(parts: Counts, wholes: Counts) -> Reals:
    """`share` of each part of an array and its whole."""
    found: Reals = np.full(len(parts), np.nan)
    np.divide(parts, wholes, out=found, where=wholes > 0)
    return found


def mean(values: Reals) -> float:
    """The mean of the values that are not NaN; NaN if all are."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
