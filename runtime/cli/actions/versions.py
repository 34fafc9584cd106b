"""Which libraries are installed, read from their metadata without importing them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

LIBRARIES = ("numba", "llvmlite", "numpy", "lark", "networkx", "click", "rich", "safetensors")


def version_of(name: str) -> str | None:
    """The installed version of a library."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def of_libraries() -> dict[str, str]:
    """The version of each library that gradc always needs."""
    return {name: version_of(name) or "missing" for name in LIBRARIES}
