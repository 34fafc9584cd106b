"""The autoencoders, the VAE and the regularised network written in PyTorch.

Each loss is a function of `p`, the parameters by gradc's names, of images x [N, 28, 28, 1] and
their labels, and of `draw`, which gives standard draws [N, ...] of a shape.  It is a mean over
examples.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F


def dense(p, name, x):
    return F.linear(x, p[f"{name}.W"], p[f"{name}.b"])


def conv(p, name, x, stride=1, same=True):
    """[N, c, h, w]; `same` puts an odd zero at the end."""
    W = p[f"{name}.W"].permute(0, 3, 1, 2)
    size, reach = x.shape[-1], W.shape[-1]
    more = max((-(-size // stride) - 1) * stride + reach - size, 0) if same else 0
    before, after = more // 2, more - more // 2
    return F.conv2d(F.pad(x, (before, after, before, after)), W, p[f"{name}.b"], stride)


def conv_transpose(p, name, x, size, stride=1):
    """`size` places each way, an odd one cut off at the end."""
    y = F.conv_transpose2d(x, p[f"{name}.W"].permute(3, 0, 1, 2), p[f"{name}.b"], stride)
    cut = (y.shape[-1] - size) // 2
    return y[..., cut : cut + size, cut : cut + size]


def length(x):
    return torch.linalg.vector_norm(x.flatten(1), dim=1).mean()


def encode(p, x, layers):
    """Affine layers, with relu between."""
    h = x.flatten(1)
    for k in range(1, layers):
        h = F.relu(dense(p, f"encode.dense{k}", h))
    return dense(p, f"encode.dense{layers}", h)


def decode(p, z, layers):
    for k in range(1, layers):
        z = F.relu(dense(p, f"decode.dense{k}", z))
    return torch.sigmoid(dense(p, f"decode.dense{layers}", z)).reshape(-1, 28, 28, 1)


def autoencoder(p, x, label, draw):
    return length(decode(p, encode(p, x, 3), 3) - x)


def denoising(p, x, label, draw):
    return length(decode(p, encode(p, x + 0.1 * draw(28, 28, 1), 2), 2) - x)


def conv_autoencoder(p, x, label, draw):
    h = x.permute(0, 3, 1, 2)
    for k in range(1, 5):
        h = F.relu(conv(p, f"encode.conv{k}", h, 2))
    h = F.relu(conv(p, "encode.conv5", h, same=False)).flatten(1)
    h = F.relu(dense(p, "decode.dense1", dense(p, "encode.dense1", h)))
    h = F.relu(conv_transpose(p, "decode.conv_transpose1", h[:, :, None, None], 2))
    for k, size in ((2, 4), (3, 7), (4, 14)):
        h = F.relu(conv_transpose(p, f"decode.conv_transpose{k}", h, size, 2))
    y = torch.sigmoid(conv_transpose(p, "decode.conv_transpose5", h, 28, 2))
    return length(y.permute(0, 2, 3, 1) - x)


def vae(p, x, label, draw):
    h = F.relu(encode(p, x, 2))
    mu, log_var = dense(p, "encode.dense3", h), dense(p, "encode.dense4", h)
    z = mu + draw(2) * torch.exp(log_var / 2)
    divergence = (mu**2 + torch.exp(log_var) - log_var - 1).sum(1) / 2
    return length(decode(p, z, 3) - x) + 0.1 * divergence.mean()


def regularised(p, x, label, draw):
    h = (x + 0.1 * draw(28, 28, 1)).flatten(1)
    h = F.relu(dense(p, "digit.dense1", h)) * (draw(128) >= 0.5) / 0.5
    h = F.relu(dense(p, "digit.dense2", h)) * (draw(64) >= 0.2) / 0.8
    l1 = sum(p[f"digit.dense1.{n}"].abs().sum() for n in ("W", "b"))
    l2 = sum((v**2).sum() for v in p.values())
    return F.cross_entropy(dense(p, "digit.dense3", h), label) + 1e-5 * l1 + 1e-4 * l2


LOSSES = {f.__name__: f for f in (autoencoder, denoising, conv_autoencoder, vae, regularised)}
RATES = {"regularised": 1e-3}  # of Adam; 2e-3 for the others
