"""The package `onnx`, which only those need who exchange files."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from gradc_runtime.system.errors import RunError
from gradc_runtime.system.extras import advice


class OnnxMissing(RunError):
    """The package is not installed."""

    exit_code = 2


def onnx_package(part: str = "onnx") -> Any:
    """The package, or a module of it.

    Raises `OnnxMissing` where it is not installed.
    """
    try:
        return import_module(part)
    except ModuleNotFoundError:
        raise OnnxMissing(advice("onnx", "an ONNX file")) from None
