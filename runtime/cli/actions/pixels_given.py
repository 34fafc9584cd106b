"""Pixels from 0 to 255, given to a network whose pictures are from 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradc_compiler.graph.types import Kind, TensorType
from gradc_runtime.cli.actions.output import say
from gradc_runtime.session.session import Session

OF_UNIT = ("images", "digits", "mnist", "fashion_mnist", "cifar10")  # sources: see specs/data.md
LARGEST = 16.0  # beyond any noise that stands for a picture


def with_pixels_looked_at(
    given: Mapping[str, Any], types: Mapping[str, TensorType], session: Session
) -> dict[str, Any]:
    """The same inputs [N, ...]; a warning where pictures are far from 0 to 1, as trained on."""
    if any(source.function in OF_UNIT for source in session.program.data):
        for name, value in given.items():
            type = types.get(name)
            if type is None or type.kind is Kind.INDEX or type.rank < 2 or not len(value):
                continue
            largest = max(float(np.max(one, initial=0.0)) for one in value)
            if largest > LARGEST:
                say(
                    f"warning: {name} goes up to {largest:g}, and what was trained on is from 0 to"
                    " 1: divide pixels by 255"
                )
    return dict(given)
