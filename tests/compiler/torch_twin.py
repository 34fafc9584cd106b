"""The parameters of a session in PyTorch, for wide tests that let both learn from one start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from gradc_compiler.ops.random import Random
from gradc_runtime.session.session import Session


class TorchTwin:
    """Parameters that Adam moves, and the draws of the session's graph."""

    def __init__(self, session: Session, dtype: str, rate: float) -> None:
        self.p = {
            key: torch.tensor(view.astype(dtype), requires_grad=True)
            for key, view in session.parameters.items()
        }
        self.adam = torch.optim.Adam(self.p.values(), lr=rate)
        graph = session.program.entries["gradients/train"].graph
        self.draws = {n.op.shape: n.op for n in graph.nodes if isinstance(n.op, Random)}

    def backward(self, loss: Any) -> float:
        """The number of a loss, with its gradients left in `p`."""
        self.adam.zero_grad()
        loss.backward()
        return float(loss.detach())

    def assert_gradients(self, found: Mapping[str, np.ndarray], bound: float) -> None:
        """The gradients left in `p` are those, up to a bound relative to the greatest number."""
        for key, gradient in found.items():
            assert apart(gradient, self.p[key].grad.numpy()) < bound, key

    def away(self, found: Mapping[str, np.ndarray]) -> float:
        """How far its parameters are from others, relative to the greatest of each tensor."""
        return max(apart(found[key], value.detach().numpy()) for key, value in self.p.items())


def apart(found: np.ndarray, wanted: np.ndarray) -> float:
    """The greatest difference, relative to the greatest number."""
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())
