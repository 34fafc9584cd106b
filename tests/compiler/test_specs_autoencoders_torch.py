"""Wide: the autoencoders, the VAE and the regularised network against PyTorch, from one start.

Noise is gradc's own, computed by the reference from the graph's draws and handed to PyTorch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest

from gradc_runtime.data.arrays.shuffle import permutation
from gradc_runtime.session.session import Session
from tests.compiler.test_specs_autoencoders import SIZES, program_of

torch = pytest.importorskip("torch")
from tests.compiler.torch_autoencoders import LOSSES, RATES  # noqa: E402  (needs torch)
from tests.compiler.torch_twin import TorchTwin  # noqa: E402

pytestmark = pytest.mark.wide
STEPS, BATCH, EPOCHS = 50, 32, 8
BOUNDS = {"float64": 1e-8, "float32": 1e-4}
AFTER = {"float64": 1e-8, "float32": 1e-3}  # Adam divides small gradients by their own size
every_spec = pytest.mark.parametrize("name", SIZES)


class Twin(TorchTwin):
    """Learns from images and labels."""

    def __init__(self, name: str, session: Session, dtype: str) -> None:
        super().__init__(session, dtype, RATES.get(name, 2e-3))
        self.loss, self.dtype = LOSSES[name], dtype

    def of(self, batch: Mapping[str, np.ndarray], step: int) -> float:
        """The loss on a batch at a step from seed 0, with gradients left in `p`."""
        x = torch.tensor(batch["image"].astype(self.dtype))

        def draw(*shape: int) -> torch.Tensor:
            numbers = self.draws[shape].sample(0, step, np.arange(len(x)))
            return torch.tensor(numbers.astype(self.dtype))

        return self.backward(self.loss(self.p, x, torch.tensor(batch["label"]).long(), draw))


def batches(session: Session) -> Iterator[dict[str, np.ndarray]]:
    """As many as there are steps."""
    data = session.dataset()
    return (data.take(slice(k * BATCH, (k + 1) * BATCH)) for k in range(STEPS))


@pytest.mark.parametrize("dtype", BOUNDS)
@every_spec
def test_loss_and_gradients(name: str, dtype: str) -> None:
    session = Session(program_of(name), "cpu", dtype, 2, 0)
    twin, batch = Twin(name, session, dtype), next(batches(session))
    loss, gradients = session.gradients(**batch)
    assert loss == pytest.approx(twin.of(batch, 0), rel=BOUNDS[dtype])
    twin.assert_gradients(gradients, BOUNDS[dtype])


@pytest.mark.parametrize("dtype", BOUNDS)
@every_spec
def test_fifty_steps(name: str, dtype: str) -> None:
    session = Session(program_of(name), "cpu", dtype, 2, 0)
    twin = Twin(name, session, "float64")
    for step, batch in enumerate(batches(session)):
        wanted = twin.of(batch, step)
        twin.adam.step()
        assert session.step(**batch)["loss"] == pytest.approx(wanted, rel=BOUNDS[dtype])
    assert twin.away(session.parameters) < AFTER[dtype]


@pytest.mark.parametrize("name", ["autoencoder", "conv_autoencoder", "vae"])
def test_training_ends_within_two_percent(name: str) -> None:
    """In float64: where one rounding more makes another network, float32 would compare two."""
    session = Session(program_of(name), "cpu", "float64", 2, 0)
    twin, data = Twin(name, session, "float64"), session.dataset()
    session.train(data, epochs=EPOCHS, held_out=0.0)
    orders = (permutation(data.examples, 0, epoch) for epoch in range(EPOCHS))
    rows = (o[k : k + BATCH] for o in orders for k in range(0, data.examples, BATCH))
    for step, chosen in enumerate(rows):
        twin.of(data.take(chosen), step)
        twin.adam.step()
    found = session.evaluate(data)["loss"]
    for key, value in twin.p.items():
        session.parameters[key] = value.detach().numpy()
    assert found == pytest.approx(session.evaluate(data)["loss"], rel=0.02)
