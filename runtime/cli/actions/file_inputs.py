"""Inputs on the command line that are files of one example: `image=photo.png`.

A picture is brought into the form that the model's input has, as the data of the spec are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.graph.types import TensorType
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data.folders.found_files import FoundFile
from gradc_runtime.data.folders.pictures import OTHERS, SUFFIXES, PictureForm, decoded
from gradc_runtime.session.session import Session


def file_inputs(
    texts: Mapping[str, str], types: Mapping[str, TensorType], session: Session
) -> dict[str, Any]:
    """Those of the inputs that are pictures, as numbers [1, *shape].

    Raises `Refused` for a file that is not there, `DataError` for one that is none.
    """
    wanted = {n: text for n, text in texts.items() if n in types and is_picture(text)}
    return {name: picture(name, text, types[name], session) for name, text in wanted.items()}


def is_picture(text: str) -> bool:
    """Whether a text is the name of a picture."""
    return Path(text).suffix.lower() in {*SUFFIXES, *OTHERS}


def picture(name: str, text: str, type: TensorType, session: Session) -> Any:
    """One picture, in the form of the input.

    Raises `Refused` for a file that is not there.
    """
    path = Path(text)
    if not path.is_file():
        raise Refused(f"{name}: there is no file {text}")
    form = PictureForm.of(type, name, fit_of(session))
    return decoded(FoundFile(path, text, 0).read(), text, form)[np.newaxis]


def fit_of(session: Session) -> str:
    """How the spec's pictures are brought into their form."""
    data = [s for s in session.program.data if s.function == "images"]
    found = [s.keywords.get("fit", s.arguments[1] if len(s.arguments) > 1 else "") for s in data]
    return next((str(fit) for fit in found if fit), "crop")
