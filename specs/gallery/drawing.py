"""What every figure needs: the list of figures, a trained spec, colours, and tiles of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image

import gradc

HERE = Path(__file__).resolve().parent
GAP = 2  # pixels between tiles
DOTS = 220  # an inch: twice what a page shows, for screens of twice the resolution
SHADES = 256  # of a picture: enough for ink, colours and the blends between them
INK, WARM, COOL = "#22313f", "#d1495b", "#2e86ab"
FIGURES: dict[str, Callable[[], None]] = {}
matplotlib.use("Agg")
matplotlib.rcParams.update({"font.size": 10, "axes.spines.top": False, "axes.spines.right": False})

import matplotlib.pyplot as plt  # noqa: E402  (after the choice of a back end)


def figure(draw: Callable[[], Any]) -> Callable[[], Any]:
    """File a function that gives a figure, to be saved under the function's name."""

    def save() -> None:
        made = draw()
        write(made, HERE / f"{draw.__name__}.png")

    FIGURES[draw.__name__] = save
    return draw


def write(made: Any, path: Path) -> None:
    """Save a figure as a file of few bytes."""
    raw = BytesIO()
    made.savefig(raw, dpi=DOTS)
    plt.close(made)
    picture = Image.open(raw).convert("RGB").quantize(SHADES, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


@cache
def trained(name: str) -> tuple[gradc.Session, gradc.Dataset]:
    """A spec of the collection, trained from seed 0, and its data."""
    session = gradc.Session(gradc.compile_file(HERE.parent / f"{name}.nn"), seed=0)
    data = session.dataset()
    session.train()
    return session, data


def tiles(images: np.ndarray) -> np.ndarray:
    """[rows, columns, h, w] side by side, with white between."""
    rows, columns, h, w = images.shape
    sheet = np.zeros((rows * (h + GAP) - GAP, columns * (w + GAP) - GAP))
    for y in range(rows):
        for x in range(columns):
            sheet[y * (h + GAP) :, x * (w + GAP) :][:h, :w] = images[y, x]
    return sheet


def show(
    axes: Any,
    images: np.ndarray,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    **text: str,
) -> None:
    """Tiles [rows, columns, h, w] in ink on white, with a name for each row and column."""
    axes.imshow(tiles(images), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
    h, w = images.shape[2:]
    axes.set_yticks([(h + GAP) * y + h / 2 for y in range(len(rows))], rows)
    axes.set_xticks([(w + GAP) * x + w / 2 for x in range(len(columns))], columns)
    axes.tick_params(length=0, labelsize=8)
    axes.set(**text)
    for spine in axes.spines.values():
        spine.set_visible(False)
