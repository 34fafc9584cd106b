"""What programs are lowered for, by the names that users type."""

from __future__ import annotations

CPU, CUDA = "cpu", "cuda"
TARGETS = (CPU, CUDA)
