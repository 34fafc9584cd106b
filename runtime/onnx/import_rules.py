"""Imports every module of rules, which registers the rules."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from gradc_runtime.onnx.importer import rules
from gradc_runtime.onnx.importer.rule import RULES

for module in iter_modules(rules.__path__, f"{rules.__name__}."):
    import_module(module.name)

__all__ = ["RULES"]
