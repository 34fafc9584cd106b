"""The layers of the prelude as PyTorch writes them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

torch = pytest.importorskip("torch")
F = torch.nn.functional
BATCH = 4
BOUND = {"rtol": 1e-8, "atol": 1e-8}


def leaf(array: np.ndarray):
    return torch.tensor(array, dtype=torch.float64, requires_grad=True)


def images(x):
    """[N, h, w, c] to PyTorch's [N, c, h, w]."""
    return x.permute(0, 3, 1, 2)


def back(x):
    """[N, c, h, w] to ours."""
    return x.permute(0, 2, 3, 1)


def conv(pads=(0, 0, 0, 0), **settings) -> Callable:
    """`pads`: left, right, top, bottom."""

    def layer(x, p):
        W = p["W"].permute(0, 3, 1, 2)
        return back(F.conv2d(F.pad(images(x), pads), W, p["b"], **settings))

    return layer


def conv_transpose(cut=(0, 0), size=None, **settings) -> Callable:
    """The whole transpose, then `size` places after `cut` = (top, left)."""

    def layer(x, p):
        W = p["W"].permute(3, 0, 1, 2)
        y = back(F.conv_transpose2d(images(x), W, p["b"], **settings))
        (top, left), (h, w) = cut, size or y.shape[1:3]
        return y[:, top : top + h, left : left + w]

    return layer


def max_pool(window, pads=(0, 0, 0, 0), **settings) -> Callable:
    def layer(x, p):
        padded = F.pad(images(x), pads, value=-1e30)
        return back(F.max_pool2d(padded, window, **settings))

    return layer


def avg_pool(window, pads=(0, 0, 0, 0), **settings) -> Callable:
    """Zeros around the image are not counted: sums of numbers over sums of ones."""

    def layer(x, p):
        total, count = (
            F.avg_pool2d(F.pad(v, pads), window, **settings)
            for v in (images(x), torch.ones_like(images(x)))
        )
        return back(total / count)

    return layer


def batch_norm(x, p, momentum=0.1):
    y = F.batch_norm(x.reshape(-1, x.shape[-1]), None, None, p["gamma"], p["beta"], training=True)
    return y.reshape(x.shape)


def attention(heads: int, causal: bool = False) -> Callable:
    def layer(x, p):
        t, d = x.shape[1:]
        mask = torch.triu(torch.ones(t, t, dtype=torch.bool), 1) if causal else None
        rows, projections = x.transpose(0, 1), torch.cat([p["Q"], p["K"], p["V"]])
        y, _ = F.multi_head_attention_forward(
            rows,
            rows,
            rows,
            d,
            heads,
            projections,
            None,
            None,
            None,
            False,
            0.0,
            p["O"],
            None,
            need_weights=False,
            attn_mask=mask,
        )
        return y.transpose(0, 1)

    return layer


TORCH = {
    "dense": lambda x, p: F.linear(x, p["W"], p["b"]),
    "flatten": lambda x, p: x.flatten(1),
    "as": lambda x, p: x.reshape(-1, 3, 1, 2),
    "conv": conv(padding="same"),
    "conv even strided": conv((0, 1, 1, 2), stride=(2, 3)),
    "conv valid": conv(stride=2),
    "conv padded": conv(padding=1),
    "conv padded by pair": conv(padding=(1, 2)),
    "conv padded by four": conv((1, 3, 2, 0)),
    "conv dilated": conv(padding=2, dilation=(2, 3)),
    "conv grouped": conv(padding=1, stride=(1, 2), groups=2),
    "conv depthwise": conv(padding=1, groups=3),
    "conv_transpose": conv_transpose(padding=1),
    "conv_transpose same": conv_transpose((1, 0), (6, 8), stride=2),
    "conv_transpose valid": conv_transpose(stride=(2, 1)),
    "conv_transpose padded": conv_transpose(
        stride=(3, 2), padding=(1, 2), dilation=(2, 1), output_padding=(1, 0)
    ),
    "max_pool": max_pool((2, 3)),
    "max_pool same": max_pool((3, 2), (0, 1, 1, 1), stride=2),
    "max_pool padded": max_pool(3, stride=(2, 1), padding=1),
    "avg_pool": avg_pool((2, 3)),
    "avg_pool same": avg_pool((3, 2), (0, 1, 1, 1), stride=2),
    "avg_pool padded": lambda x, p: back(
        F.avg_pool2d(images(x), 3, (2, 1), 1, count_include_pad=False)
    ),
    "sigmoid": lambda x, p: torch.sigmoid(x),
    "tanh": lambda x, p: torch.tanh(x),
    "relu": lambda x, p: F.relu(x),
    "leaky_relu": lambda x, p: F.leaky_relu(x, 0.2),
    "softplus": lambda x, p: F.softplus(x),
    "swish": lambda x, p: F.silu(x),
    "silu": lambda x, p: F.silu(x),
    "gelu": lambda x, p: F.gelu(x),
    "elu": lambda x, p: F.elu(x, 1.5),
    "softsign": lambda x, p: F.softsign(x),
    "softmax": lambda x, p: F.softmax(x, dim=-1),
    "log_softmax": lambda x, p: F.log_softmax(x, dim=-1),
    "sort": lambda x, p: torch.sort(x, dim=-1).values,
    "logsumexp": lambda x, p: torch.logsumexp(x, dim=-1),
    "batch_norm": batch_norm,
    "batch_norm of an image": batch_norm,
    "layer_norm": lambda x, p: F.layer_norm(x, x.shape[-1:], p["gamma"], p["beta"]),
    "multi_head_attention": attention(2),
    "multi_head_attention causal": attention(3, causal=True),
}
