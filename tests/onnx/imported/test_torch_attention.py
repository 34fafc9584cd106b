"""What PyTorch makes of attention in its many spellings is `attention(...)`, equal, and trains.

pytest -m wide tests/onnx/imported/test_torch_attention.py
"""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradc
from tests.runtime.cli.calling import Caller

pytestmark = [pytest.mark.wide, pytest.mark.filterwarnings("ignore")]
torch = pytest.importorskip("torch")
from tests.onnx.imported.test_torch import export  # noqa: E402

nn = torch.nn
T, D, H = 12, 32, 4
LATER = torch.triu(torch.ones(T, T), 1).bool()
BIAS = torch.zeros(T, T).masked_fill(LATER, -torch.inf)


class Module(nn.Module):  # type: ignore[misc]
    """`MultiheadAttention` of x, by itself or by queries that are learnt, or with a mask."""

    def __init__(self, *, learnt: bool = False, causal: bool = False, bias: bool = True) -> None:
        super().__init__()
        self.inner = nn.MultiheadAttention(D, H, batch_first=True, bias=bias)
        self.asked = nn.Parameter(torch.randn(1, 5, D)) if learnt else None
        self.mask = BIAS if causal else None

    def forward(self, x: Any) -> Any:
        asked = x if self.asked is None else self.asked.expand(x.shape[0], -1, -1)
        return self.inner(asked, x, x, attn_mask=self.mask, need_weights=False)[0]


class Written(nn.Module):  # type: ignore[misc]
    """Attention written out, as minimal transformers do; or by PyTorch's function for it."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.packed, self.out, self.how = nn.Linear(D, 3 * D), nn.Linear(D, D), how

    def forward(self, x: Any) -> Any:
        parts = self.packed(x).split(D, dim=2)
        q, k, v = (p.view(x.shape[0], T, H, D // H).transpose(1, 2) for p in parts)
        if self.how == "function":
            y = nn.functional.scaled_dot_product_attention(q, k, v)
        elif self.how == "causal function":
            y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-2, -1) * (1 / sqrt(D // H))
            if self.how == "causal":
                scores = scores.masked_fill(LATER, -torch.inf)
            y = torch.softmax(scores, -1) @ v
        return self.out(y.transpose(1, 2).reshape(x.shape[0], T, D))


def layers(*, causal: bool) -> Any:
    """Two layers of an encoder, with norms before what they do."""
    one = nn.TransformerEncoderLayer(D, H, 64, batch_first=True, norm_first=True)
    made = nn.TransformerEncoder(one, 2, enable_nested_tensor=False)

    class Layers(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.inner = made

        def forward(self, x: Any) -> Any:
            return self.inner(x, mask=BIAS if causal else None, is_causal=causal)

    return Layers()


NETWORKS = {
    "module": lambda: Module(),
    "module without biases": lambda: Module(bias=False),
    "learnt queries": lambda: Module(learnt=True),
    "causal module": lambda: Module(causal=True),
    "function": lambda: Written("function"),
    "causal function": lambda: Written("causal function"),
    "written": lambda: Written("written"),
    "causal": lambda: Written("causal"),
    "encoder": lambda: layers(causal=False),
    "causal encoder": lambda: layers(causal=True),
}


@pytest.mark.parametrize("dynamo", [False, True], ids=["script", "dynamo"])
@pytest.mark.parametrize("name", NETWORKS)
def test_attention_is_recognised(call: Caller, tmp_path: Path, name: str, dynamo: bool) -> None:
    torch.manual_seed(0)
    network, x = NETWORKS[name]().eval(), torch.randn(3, T, D)
    export(network, x, tmp_path / "net.onnx", dynamo=dynamo)
    wanted = network(x).detach().numpy()
    done = call("import", "net.onnx", "-o", "net.nn", "--loss", "squared_error")
    assert done.code == 0, done.err
    text = (tmp_path / "net.nn").read_text()
    assert text.count(" attention(") + text.count("= attention(") >= 1, text
    assert "softmax" not in text and f"heads = {H}" in text, text
    assert ("causal = true" in text) == ("causal" in name), text
    session = gradc.Session(gradc.compile_file(tmp_path / "net.nn"))
    session.load(tmp_path / "net.safetensors")
    data = {"x": x.numpy(), "target": wanted + 1}
    np.testing.assert_allclose(session.run("net", x=data["x"]), wanted, rtol=1e-5, atol=1e-5)
    before = session.evaluate(data)["loss"]
    for _ in range(5):
        session.step(**data)
    assert session.evaluate(data)["loss"] < before
