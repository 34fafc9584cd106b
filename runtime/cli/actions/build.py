"""What `gradc build` does: a model and its weights become files for other programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gradc_runtime.cli.actions.output import say, write
from gradc_runtime.cli.actions.request import Request, session_with_weights
from gradc_runtime.cli.actions.run import chosen
from gradc_runtime.embed.build_library import build


def build_model(spec: Path, given: Mapping[str, Any]) -> int:
    """Write the files, and say which."""
    if given["cpu"] != "native":
        os.environ["GRADC_LEVEL"] = given["cpu"]  # before anything asks what processor this is
    if given["weights"] is None:
        say("note: no --weights are given, so this is the network before training")
    _, session, _ = session_with_weights(Request.of(spec, given), given["weights"])
    named = [] if given["model"] is None else [given["model"]]
    for path in build(session, chosen(session, named), given["folder"]):
        write(str(path))
    return 0
