"""Inputs on the command line that are files of one example: `image=photo.png`, `sound=word.wav`.

Each is brought into the form that the model's input has, as the data of the spec are.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradc_compiler.graph.types import TensorType
from gradc_runtime.cli.faults import Refused
from gradc_runtime.data.folders import pictures, sounds
from gradc_runtime.data.folders.found_files import FoundFile
from gradc_runtime.data.folders.pictures import PictureForm
from gradc_runtime.data.folders.pictures import decoded as picture
from gradc_runtime.data.folders.sounds import decoded as sound
from gradc_runtime.data.readers.sound_folder import fitted, require_samples
from gradc_runtime.session.session import Session

PICTURES = {*pictures.SUFFIXES, *pictures.OTHERS}
SOUNDS = {*sounds.SUFFIXES, *sounds.OTHERS}


def file_inputs(
    texts: Mapping[str, str], types: Mapping[str, TensorType], session: Session
) -> dict[str, Any]:
    """Those of the inputs that are pictures or sounds, as one example each.

    Raises `Refused` for a file that is not there, `DataError` for one that is none.
    """
    found = dict[str, Any]()
    for name, text in texts.items():
        kind = Path(text).suffix.lower()
        if name in types and kind in PICTURES:
            form = PictureForm.of(types[name], name, str(said(session, "images", "fit", "crop")))
            found[name] = picture(bytes_of(name, text), text, form)[np.newaxis]
        elif name in types and kind in SOUNDS:
            require_samples(name, types[name])
            rate = int(said(session, "audio", "rate", 16_000))
            found[name] = [fitted(sound(bytes_of(name, text), text, rate), types[name])]
    return found


def is_example(text: str) -> bool:
    """Whether a text is the name of a file that is one example."""
    return Path(text).suffix.lower() in PICTURES | SOUNDS


def bytes_of(name: str, text: str) -> bytes:
    """What a file holds.

    Raises `Refused` for a file that is not there.
    """
    if not Path(text).is_file():
        raise Refused(f"{name}: there is no file {text}")
    return FoundFile(Path(text), text, 0).read()


def said(session: Session, function: str, setting: str, default: Any) -> Any:
    """What the spec's data say of a setting, which is their second argument if it has no name."""
    data = [s for s in session.program.data if s.function == function]
    for source in data:
        given = source.arguments[1] if len(source.arguments) > 1 else default
        return source.keywords.get(setting, given)
    return default
