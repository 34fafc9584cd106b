"""The specs of sequences written in PyTorch, on padded and packed batches.

Each loss is a function of `p`, the parameters by gradc's names, of `batch`, arrays and `Ragged`s
by field, and of `draw`, which gives standard draws of each example, or each element of a `Ragged`.
It is a mean over examples, of the mean over each one's elements.  What PyTorch has a module for is
done by it, packed; a reset before the product (`gru`) is written out.
"""

from __future__ import annotations

import torch
from torch.func import functional_call
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def padded(ragged, like):
    """[N, T, ...] of a ragged batch, as wide as `like`, or as labels."""
    array = torch.tensor(ragged.padded())
    return array.to(like.dtype) if array.is_floating_point() else array.long()


def dense(p, name, x):
    return F.linear(x, p[f"{name}.W"], p[f"{name}.b"])


def module(kind, p, name, weights):
    """A recurrent module of PyTorch, and a function that applies it with gradc's parameters."""
    units, inputs = p[f"{name}.W"].shape[1], p[f"{name}.U"].shape[1]
    made = kind(inputs, units, batch_first=True).to(p[f"{name}.W"].dtype)
    return lambda x: functional_call(made, weights, (x,))


def packed(kind, p, name, x, lengths):
    """The states [N, T, units] of a module along sequences, and the last ones."""
    bias = p[f"{name}.b"]
    kept = torch.zeros_like(bias)
    if f"{name}.c" in p:  # the bias of the product that is reset
        kept = torch.cat([kept[: -len(p[f"{name}.c"])], p[f"{name}.c"]])
    weights = {
        "weight_ih_l0": p[f"{name}.U"],
        "weight_hh_l0": p[f"{name}.W"],
        "bias_ih_l0": bias,
        "bias_hh_l0": kept,
    }
    steps = pack_padded_sequence(x, torch.tensor(lengths), batch_first=True, enforce_sorted=False)
    states, last = module(kind, p, name, weights)(steps)
    last = last[0] if isinstance(last, tuple) else last
    return pad_packed_sequence(states, batch_first=True)[0], last[0]


def gru_step(p, name, h, x):
    """Cho et al., 2014, equations 5 to 8."""
    units = h.shape[-1]
    seen = F.linear(x, p[f"{name}.U"], p[f"{name}.b"])
    gates = torch.sigmoid(F.linear(h, p[f"{name}.W"]) + seen[:, : 2 * units])
    r, z = gates[:, :units], gates[:, units:]
    made = torch.tanh(F.linear(r * h, p[f"{name}.V"]) + seen[:, 2 * units :])
    return z * h + (1 - z) * made


def gru(p, name, x, start=None):
    """The states [N, T, units] along padded sequences."""
    h = x.new_zeros(len(x), p[f"{name}.V"].shape[0]) if start is None else start
    states = []
    for t in range(x.shape[1]):
        h = gru_step(p, name, h, x[:, t])
        states.append(h)
    return torch.stack(states, 1)


def ends(states, lengths):
    return states[torch.arange(len(states)), torch.tensor(lengths) - 1]


def mean_of_steps(each, lengths):
    """The mean over examples of the mean over each one's own steps."""
    lengths = torch.tensor(lengths)
    inside = torch.arange(each.shape[1])[None] < lengths[:, None]
    return ((each * inside).sum(1) / lengths).mean()


def row_digits(p, batch, draw):
    rows = batch["rows"]
    x = padded(rows, p["digit.dense1.W"])
    _, last = packed(torch.nn.LSTM, p, "digit.lstm1", x, rows.lengths)
    return F.cross_entropy(dense(p, "digit.dense1", last), torch.tensor(batch["label"]).long())


def adding(p, batch, draw):
    x = padded(batch["xs"], p["add.dense1.W"])
    _, last = packed(torch.nn.LSTM, p, "add.lstm1", x, batch["xs"].lengths)
    y = torch.tensor(batch["y"]).to(x.dtype)
    return ((dense(p, "add.dense1", last)[:, 0] - y) ** 2).mean()


def tagging(p, batch, draw):
    columns = batch["columns"]
    h = gru(p, "digit.gru1", padded(columns, p["digit.dense1.W"]))
    h = h * (padded(draw(48, ragged=columns), h) >= 0.2) / 0.8
    logits = dense(p, "digit.dense1", gru(p, "digit.gru2", h))
    label = torch.tensor(batch["label"]).long()[:, None].expand(logits.shape[:2])
    each = F.cross_entropy(logits.transpose(1, 2), label, reduction="none")
    return mean_of_steps(each, columns.lengths)


def characters(p, batch, draw):
    embedded = p["read.embedding1.W"][padded(batch["xs"], p["guess.dense1.W"])]
    logits = dense(p, "guess.dense1", gru(p, "read.gru1", embedded))
    ys = padded(batch["ys"], logits)
    each = F.cross_entropy(logits.transpose(1, 2), ys, reduction="none")
    return mean_of_steps(each, batch["xs"].lengths)


def translate(p, batch, draw):
    like = p["guess.dense1.W"]
    states = gru(p, "read.gru1", p["read.embedding1.W"][padded(batch["xs"], like)])
    told = p["say.embedding1.W"][padded(batch["before"], like)]
    said = gru(p, "say.gru1", told, ends(states, batch["xs"].lengths))
    logits = dense(p, "guess.dense1", said)
    each = F.cross_entropy(logits.transpose(1, 2), padded(batch["ys"], like), reduction="none")
    return mean_of_steps(each, batch["ys"].lengths)


def normed(p, name, x):
    return F.layer_norm(x, x.shape[-1:], p[f"{name}.gamma"], p[f"{name}.beta"])


def attended(p, name, x, heads):
    """Causal attention of `heads` heads: Vaswani et al., 2017, section 3.2."""
    split = (*x.shape[:2], heads, -1)
    q, k, v = (F.linear(x, p[f"{name}.{n}"]).reshape(split).transpose(1, 2) for n in "QKV")
    found = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    return F.linear(found.transpose(1, 2).reshape(x.shape), p[f"{name}.O"])


def transformer(p, batch, draw):
    like = p["next.dense1.W"]
    x = p["next.embedding1.W"][padded(batch["xs"], like)] + p["next.positions"]
    for k in (1, 2):
        name = f"next.block{k}"
        seen = normed(p, f"{name}.layer_norm1", x)
        x = x + attended(p, f"{name}.multi_head_attention1", seen, 4)
        inner = F.gelu(dense(p, f"{name}.dense1", normed(p, f"{name}.layer_norm2", x)))
        x = x + dense(p, f"{name}.dense2", inner)
    logits = dense(p, "next.dense1", normed(p, "next.layer_norm1", x))
    return F.cross_entropy(logits.flatten(0, 1), padded(batch["ys"], like).flatten())


def caption(p, batch, draw):
    label = torch.tensor(batch["label"]).long()
    like = p["draw.dense1.W"]
    image = torch.tensor(batch["image"]).to(like.dtype)[..., 0]
    seen = F.relu(dense(p, "encode.dense1", image.flatten(1)))
    h = torch.cat([seen, F.one_hot(label, 10).to(like.dtype)], 1)
    mu, log_var = dense(p, "encode.dense2", h), dense(p, "encode.dense3", h)
    z = mu + torch.tensor(draw(4)).to(like.dtype) * torch.exp(log_var / 2)
    x = torch.cat([p["draw.embedding1.W"][label], z], 1)[:, None].expand(-1, 28, -1)
    states, _ = packed(torch.nn.LSTM, p, "draw.lstm1", x, [28] * len(x))
    drawn = torch.sigmoid(dense(p, "draw.dense1", states))
    divergence = (mu**2 + torch.exp(log_var) - log_var - 1).sum(1) / 2
    return (((drawn - image) ** 2).sum((1, 2)) + 0.5 * divergence).mean()


def _alone(kind, name):
    """A scan of one cell, read from its states and from the last one."""

    def loss(p, batch, draw):
        xs = batch["xs"]
        states, last = packed(kind, p, name, padded(xs, p[f"{name}.W"]), xs.lengths)
        each = (states**2).sum(2)
        return mean_of_steps(each, xs.lengths) + torch.sin(last).sum(1).mean()

    return loss


LOSSES = {
    "row_digits": row_digits,
    "tagging": tagging,
    "caption": caption,
    "adding": adding,
    "characters": characters,
    "translate": translate,
    "transformer": transformer,
}
CELLS = {
    "elman": _alone(torch.nn.RNN, "f.elman1"),
    "lstm": _alone(torch.nn.LSTM, "f.lstm1"),
    "gru_reset_after": _alone(torch.nn.GRU, "f.gru_reset_after1"),
}
