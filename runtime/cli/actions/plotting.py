"""What `--plot` needs."""

from __future__ import annotations

from importlib.util import find_spec

from gradc_runtime.cli.faults import Refused
from gradc_runtime.system.extras import advice


def require_plots() -> None:
    """Refuse to plot before a run, not after it.

    Raises `Refused` where matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise Refused(advice("matplotlib", "--plot"))
