"""Small problems made up on the spot, for learning and for pictures: a function of the seed alone.

`sine` is the curve and `circle` the region of figures D.3 and D.4 of the course's appendix;
`shapes` are images with a mask beside each.
"""

from __future__ import annotations

import numpy as np

from gradc_runtime.data.arrays.columns import Columns
from gradc_runtime.data.readers.reader_context import Context


def line(
    context: Context, n: int = 100, slope: float = 2.0, intercept: float = 1.0, noise: float = 0.1
) -> Columns:
    """Points (x, y) about a straight line, x from -1 to 1."""
    draw = context.generator()
    x = draw.uniform(-1.0, 1.0, n)
    y = slope * x + intercept + draw.normal(0.0, 1.0, n) * noise
    return Columns(origin="line()", arrays={"x": x, "y": y})


def sine(
    context: Context, n: int = 200, low: float = -3.0, high: float = 3.0, noise: float = 0.1
) -> Columns:
    """Points (x, y) about y = sin(2 x), x from low to high."""
    draw = context.generator()
    x = draw.uniform(low, high, n)
    y = np.sin(2.0 * x) + draw.normal(0.0, 1.0, n) * noise
    return Columns(origin="sine()", arrays={"x": x, "y": y})


def circle(context: Context, n: int = 500, radius: float = 0.8) -> Columns:
    """Points of the square [-1, 1] x [-1, 1]; class 1 inside the circle, 0 outside."""
    p = context.generator().uniform(-1.0, 1.0, (n, 2))
    inside = (np.hypot(p[:, 0], p[:, 1]) < radius).astype(np.int64)
    return Columns(origin="circle()", arrays={"p": p, "inside": inside})


def spirals(
    context: Context, n: int = 300, classes: int = 2, turns: float = 1.5, noise: float = 0.02
) -> Columns:
    """Points of the plane on interleaved spiral arms, one arm a class."""
    draw = context.generator()
    label = np.arange(n) % classes
    radius = np.sqrt(draw.uniform(0.01, 1.0, n))
    angle = 2.0 * np.pi * (turns * radius + label / classes)
    p = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    p += draw.normal(0.0, 1.0, p.shape) * noise
    return Columns(origin="spirals()", arrays={"p": p, "arm": label})


def blobs(
    context: Context, n: int = 300, classes: int = 3, features: int = 2, spread: float = 0.3
) -> Columns:
    """Clouds of points about random centres, one cloud a class."""
    draw = context.generator()
    label = np.arange(n) % classes
    centres = draw.uniform(-2.0, 2.0, (classes, features))
    p = centres[label] + draw.normal(0.0, 1.0, (n, features)) * spread
    return Columns(origin="blobs()", arrays={"p": p, "blob": label})


def shapes(context: Context, n: int = 500, size: int = 32, noise: float = 0.2) -> Columns:
    """Images of discs, squares and crosses in noise; `discs` is 1 on the pixels of a disc."""
    draw = context.generator()
    rows, columns = np.mgrid[:size, :size]
    image, discs = np.zeros((2, n, size, size))
    for k in range(n):
        for kind in (1, 2, 0):  # the disc last, so that nothing hides it
            radius = draw.uniform(size / 8, size / 5)
            y, x = draw.uniform(radius, size - radius, 2)
            inside = drawn(kind, np.abs(rows - y), np.abs(columns - x), radius)
            image[k][inside] = draw.uniform(0.5, 1.0)
            discs[k][inside] = kind == 0
    image += draw.normal(0.0, 1.0, image.shape) * noise
    return Columns(origin="shapes()", arrays={"image": image[..., None], "discs": discs[..., None]})


def drawn(kind: int, y: np.ndarray, x: np.ndarray, radius: float) -> np.ndarray:
    """Which pixels at these distances from its centre a disc (0), square (1) or cross (2) has."""
    found: np.ndarray
    if kind == 0:
        found = np.hypot(y, x) <= radius
    elif kind == 1:
        found = np.maximum(y, x) <= 0.85 * radius
    else:
        found = (np.maximum(y, x) <= radius) & (np.minimum(y, x) <= radius / 3)
    return found
