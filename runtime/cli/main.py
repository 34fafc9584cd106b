"""Where a process of `gradc` begins and ends.

Signals are answered from its first moment on: all that takes a while to be imported is imported
under that watch (`run_command.py`).
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import NoReturn

from gradc_runtime.system.stop_signals import ignore_signals, interrupt_on_signals

INTERRUPTED = 130  # as `faults.py` has it


def main() -> NoReturn:
    """The console script."""
    interrupt_on_signals()
    try:
        code = import_module("gradc_runtime.cli.run_command").run()
    except KeyboardInterrupt:  # while it was imported, or a fault was answered
        sys.stderr.write("gradc: interrupted\n")
        code = INTERRUPTED
    ignore_signals()  # all is done and told, and the process ends
    sys.exit(code)
