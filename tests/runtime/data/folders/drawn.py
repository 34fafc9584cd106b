"""Folders of small pictures whose colour says their class."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gradc_compiler.graph.types import Kind, TensorType
from gradc_compiler.program.program import DataSource
from gradc_runtime.data import load

PICTURE, LABEL = TensorType((6, 8, 3)), TensorType((), Kind.INDEX, 3)
FIELDS = {"image": PICTURE, "label": LABEL}
NAMES = ("cats", "dogs", "owls")


def saved(array: np.ndarray, format: str = "PNG", **how: Any) -> bytes:
    """The bytes of a picture file."""
    stream = BytesIO()
    Image.fromarray(array).save(stream, format, **how)
    return stream.getvalue()


def pictures(folder: Path, each: int = 4, size: tuple[int, int] = (12, 16)) -> Path:
    """A folder for each class, with PNG and JPEG files in turn."""
    draw = np.random.default_rng(0)
    for place, name in enumerate(NAMES):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            array = draw.integers(0, 90, (*size, 3)).astype(np.uint8)
            array[..., place] += 120
            kind = ("PNG", "JPEG")[number % 2]
            (folder / name / f"{number:03}.{kind.lower()}").write_bytes(saved(array, kind))
    return folder


def loaded(
    directory: Path, *arguments: Any, fields: Any = None, how: Any = None, **said: Any
) -> Any:
    """What the source gives for `images(...)`."""
    source = DataSource(
        name="d", fields=tuple((fields or FIELDS).items()), function="images",
        arguments=arguments, keywords=said, directory=str(directory),
    )  # fmt: skip
    return load(source, **(how or {}))
