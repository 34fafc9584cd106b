"""`gradc doctor`: what this machine and installation can do."""

from __future__ import annotations

from gradc_runtime.cli.declare import act, as_json, declared


@declared("doctor", examples=[
    ("gradc doctor", "versions, processor, cache, extras, GPU and data files"),
    ("gradc doctor --json", "the same as data, for a bug report"),
])  # fmt: skip
@as_json
def command(as_json: bool) -> int:
    """Show what this machine and installation can do; code 2 if something is missing."""
    code: int = act("doctor:doctor", as_json=as_json)
    return code
