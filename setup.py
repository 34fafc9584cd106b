"""What is installed: each folder of the repository under a name that no other project has.

`gradc` itself is one module, and the marker of PEP 561 (`py.typed`) lies in a folder; so its types
are a package of stubs beside it, which type checkers look for by that name.
"""

from __future__ import annotations

from collections.abc import Iterator

from setuptools import find_namespace_packages, setup

FOLDERS = {"gradc_compiler": "compiler", "gradc_runtime": "runtime"}
STUBS = {"gradc-stubs": "runtime/stubs"}


def packages() -> Iterator[str]:
    """The names by which packages are imported."""
    for name, folder in FOLDERS.items():
        inner = find_namespace_packages(folder, exclude=["*__pycache__*", "stubs"])
        yield from (name, *(f"{name}.{one}" for one in inner))
    yield from STUBS


setup(package_dir=FOLDERS | STUBS, packages=[*packages()])
