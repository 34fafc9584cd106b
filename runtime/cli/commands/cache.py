"""`gradc cache`: the compiled kernels kept on disk."""

from __future__ import annotations

import click

from gradc_runtime.cli.declare import act, as_json, declared

JOBS = ("info", "verify", "clear")


@declared("cache", examples=[
    ("gradc cache", "where it is and how large"),
    ("gradc cache verify", "look for damaged or untrusted entries; exit code 1 if there are any"),
    ("gradc cache clear", "remove every entry; kernels are built again when needed"),
])  # fmt: skip
@click.argument("job", type=click.Choice(JOBS), default="info")
@as_json
def command(job: str, as_json: bool) -> int:
    """Show, check or clear the compiled kernels kept on disk."""
    code: int = act(f"cache:{job}", as_json=as_json)
    return code
