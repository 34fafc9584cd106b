"""What is installed only by those who want it: imported when asked for, or one line of advice.

The advice names the package itself and not an extra of gradc, so it holds however gradc was
installed.  A test compares this table with the extras in `pyproject.toml`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

PACKAGES = {  # what is imported -> what pip calls it
    "PIL": "pillow",
    "matplotlib": "matplotlib",
    "mpi4py": "mpi4py mpich",
    "numba": "numba",
    "numba.cuda": "'numba-cuda[cu13]'",
    "onnx": "onnx",
    "pandas": "pandas",
    "pyarrow": "pyarrow",
    "pygls": "pygls",
    "sklearn": "scikit-learn",
    "tensorboardX": "tensorboardx",
    "tokenizers": "tokenizers",
}

EXTRAS = {  # of pyproject.toml -> what is imported of it
    "arrow": "pyarrow",
    "cuda": "numba.cuda",
    "data": "sklearn",
    "images": "PIL",
    "lsp": "pygls",
    "mpi": "mpi4py",
    "onnx": "onnx",
    "plot": "matplotlib",
    "tensorboard": "tensorboardX",
    "texts": "tokenizers",
}


def package_of(module: str) -> str:
    """What the first of a module's packages is called."""
    return PACKAGES[module].split()[0].strip("'").partition("[")[0]


def advice(module: str, what: str) -> str:
    """What is missing, and the command that installs it."""
    return f"{what} needs {package_of(module)}: pip install {PACKAGES[module]}"


def optional(module: str, what: str, fault: type[Exception]) -> Any:
    """A module of an extra; raises `fault` with advice where it is not installed."""
    try:
        return import_module(module)
    except ImportError:
        raise fault(advice(module, what)) from None
