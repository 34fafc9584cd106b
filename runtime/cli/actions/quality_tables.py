"""The quality of predictions as tables for people."""

from __future__ import annotations

from collections.abc import Mapping
from math import isnan

import numpy as np

from gradc_runtime.cli.actions.output import console, counted, table, write
from gradc_runtime.session.predictions_measured import Quality
from gradc_runtime.session.quality import ClassQuality, NumberQuality, mean

LONGEST = 16  # characters of a class's name
MOST_MIXED = 8  # confusions, where the matrix is too wide
LARGE = 1e12  # from where on numbers have an exponent
MARGIN = 3  # columns between two of a table


def show_quality(good: Mapping[str, Quality]) -> None:
    """Each field's tables."""
    for name, quality in good.items():
        if isinstance(quality, NumberQuality):
            show_numbers(name, quality)
        else:
            show_classes(name, quality)


def show_numbers(name: str, quality: NumberQuality) -> None:
    """The errors of estimates."""
    rows = [
        ("mean absolute error", number(quality.mae)),
        ("root of the mean square", number(quality.rmse)),
        ("R²", number(quality.r2)),
    ]
    console().print(table([name, ""], rows, right=""))


def show_classes(name: str, quality: ClassQuality) -> None:
    """A line for each class, and the confusions."""
    areas = quality.areas
    columns = {
        "precision": quality.precision, "recall": quality.recall, "F1": quality.f1,
        **({} if areas is None else {"AUC": areas}),
    }  # fmt: skip
    lines = [
        [clipped(label), *(number(values[k]) for values in columns.values()),
         f"{quality.examples[k]:,}"]
        for k, label in enumerate(quality.names)
    ]  # fmt: skip
    total, rest = f"{quality.examples.sum():,}", [""] * (len(columns) - 3)
    lines.append(["mean", *(number(mean(v)) for v in columns.values()), total])
    lines.append(["accuracy", "", "", number(quality.accuracy), *rest, total])  # of all: F1's too
    right = " ".join([*columns, "examples"])
    console().print(table([clipped(name), *columns, "examples"], lines, right=right))
    show_confusion(name, quality)


def show_confusion(name: str, quality: ClassQuality) -> None:
    """The matrix, or its most frequent confusions where it is wider than the terminal."""
    labels = [clipped(label) for label in quality.names]
    cells = [[f"{n:,}" for n in row] for row in quality.confusion]
    first = f"{clipped(name)} is"
    widths = [max(map(len, column)) for column in zip(labels, *cells, strict=True)]
    if len(first) + sum(width + MARGIN for width in widths) + LONGEST > console().width:
        most_mixed(labels, quality)
        return
    result = table([first, *labels], [[n, *row] for n, row in zip(labels, cells, strict=True)])
    for column in result.columns[1:]:
        column.justify = "right"
    result.title, result.title_justify, result.title_style = "and is said to be", "right", "dim"
    console().print(result)


def most_mixed(labels: list[str], quality: ClassQuality) -> None:
    """The confusions that happen most."""
    wrong = quality.confusion - np.diag(quality.confusion.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_MIXED]
    rows = [divmod(int(place), len(labels)) for place in order]
    told = [(labels[i], labels[j], f"{wrong[i, j]:,}") for i, j in rows if wrong[i, j]]
    if told:
        console().print(table(["is", "said to be", "times"], told, right="times"))
    else:
        write(f"{counted(len(labels), 'class')} and no confusion")


def number(value: float) -> str:
    """Four digits, or whole thousands; a dash where there is nothing to say."""
    if isnan(value):
        return "-"
    return f"{value:,.0f}" if 1e3 <= abs(value) < LARGE else f"{value:.4g}"


def clipped(text: str) -> str:
    """A name that leaves room for others."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
