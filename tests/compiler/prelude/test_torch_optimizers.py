"""The prelude against PyTorch in float64: some steps of every optimizer, schedule and clipping."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest

from tests.compiler.prelude.cases import loss_module, numbers
from tests.compiler.prelude.in_torch import BATCH, BOUND, F, leaf, torch
from tests.compiler.prelude.test_optimizers import STEPS, train

pytestmark = [pytest.mark.wide, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SGD = torch.optim.SGD
OPTIMIZERS = {
    "sgd": lambda p: SGD(p, 0.01),
    "momentum": lambda p: SGD(p, 0.01, momentum=0.9),
    "nesterov(lr = 0.1, beta = 0.8)": lambda p: SGD(p, 0.1, momentum=0.8, nesterov=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.01),
    "adam": lambda p: torch.optim.Adam(p, 1e-3),
    "adamw(lr = 0.1)": lambda p: torch.optim.AdamW(p, 0.1, weight_decay=0.01),
}


def torch_steps(values, optimizer, scheduler=None, clip=None):
    """`net.w` after some steps on the squared error."""
    w = leaf(values["net.w"])
    s, y = torch.tensor(values["s"])[:, None], torch.tensor(values["y"])
    rule = optimizer([w])
    rates = scheduler(rule) if scheduler else None
    for _ in range(STEPS):
        rule.zero_grad()
        (F.mse_loss(s * w, y, reduction="sum") / BATCH).backward()
        if clip:
            clip(w)
        rule.step()
        if rates:
            rates.step()
    return w.detach().numpy()


@pytest.mark.parametrize("using", OPTIMIZERS)
def test_optimizer(using):
    module = loss_module("squared_error(net(s), y)", using=using)
    values = numbers(module.step("train"), BATCH)
    wanted = torch_steps(values, OPTIMIZERS[using])
    np.testing.assert_allclose(train(module, values)["net.w"], wanted, **BOUND)


rates = torch.optim.lr_scheduler
SCHEDULES = {
    "steady(0.1)": lambda o: rates.ConstantLR(o, factor=1),
    "step_decay(0.1, 2)": lambda o: rates.StepLR(o, 2),
    "exponential_decay(0.1, 0.8)": lambda o: rates.ExponentialLR(o, 0.8),
    "cosine(0.1, 4, end = 0.02)": lambda o: rates.LambdaLR(
        o, lambda t: 0.2 + 0.4 * (1 + np.cos(pi * min(t / 4, 1)))
    ),
    "cosine(0.1, 9)": lambda o: rates.CosineAnnealingLR(o, 9),
    "linear(0.1, 0.02, 3)": lambda o: rates.LinearLR(o, 1, 0.2, 3),
    "warmup(0.1, 3)": lambda o: rates.LinearLR(o, 1 / 3, 1, 2),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedule(schedule):
    module = loss_module("squared_error(net(s), y)", using=f"sgd(lr = {schedule})")
    values = numbers(module.step("train"), BATCH)
    wanted = torch_steps(values, lambda p: SGD(p, 0.1), SCHEDULES[schedule])
    np.testing.assert_allclose(train(module, values)["net.w"], wanted, **BOUND)


def test_clip_value():
    module = loss_module("squared_error(net(s), y)", using="sgd(lr = 0.1), clip(value = 0.4)")
    values = numbers(module.step("train"), BATCH)
    wanted = torch_steps(
        values, lambda p: SGD(p, 0.1), clip=lambda w: torch.nn.utils.clip_grad_value_(w, 0.4)
    )
    np.testing.assert_allclose(train(module, values)["net.w"], wanted, **BOUND)


def test_clip_norm():
    """PyTorch divides by the norm + 1e-6."""
    module = loss_module("squared_error(net(s), y)", using="sgd(lr = 0.1), clip(norm = 0.4)")
    values = numbers(module.step("train"), BATCH)
    wanted = torch_steps(
        values, lambda p: SGD(p, 0.1), clip=lambda w: torch.nn.utils.clip_grad_norm_(w, 0.4)
    )
    np.testing.assert_allclose(train(module, values)["net.w"], wanted, rtol=1e-5)
