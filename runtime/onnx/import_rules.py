"""All rules, by being imported."""

from __future__ import annotations

from gradc_runtime.onnx.importer.rule import RULES
from gradc_runtime.onnx.importer.rules import arithmetic_rules, elementwise_rules, product_rules

__all__ = ["RULES", "arithmetic_rules", "elementwise_rules", "product_rules"]
