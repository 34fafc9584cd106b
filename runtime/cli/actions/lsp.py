"""What `gradc lsp` does: start the server, which needs pygls."""

from __future__ import annotations

import os
import sys
from contextlib import redirect_stdout
from importlib import import_module

from gradc_runtime.cli.faults import Refused
from gradc_runtime.system.extras import optional

SERVER = "gradc_runtime.cli.language_server.language_server"


def serve() -> int:
    """Answer until the editor ends it.

    Raises `Refused` where pygls is not installed.
    """
    optional("pygls", "gradc lsp", Refused)
    server = import_module(SERVER).server()
    with redirect_stdout(sys.stderr):  # where nothing is taken for an answer
        server.start_io(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb"))  # which it closes
    return 0
