"""Wide: the specs of sequences against PyTorch, from one start; ragged against packed batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from gradc_compiler.graph.ragged import Ragged, SequenceIndex
from gradc_compiler.pipeline import compile_source
from gradc_runtime.session.session import Session
from tests.compiler.test_specs_sequences import PARAMETERS, made

torch = pytest.importorskip("torch")
from tests.compiler.torch_sequences import CELLS, LOSSES  # noqa: E402  (needs torch)
from tests.compiler.torch_twin import TorchTwin  # noqa: E402

pytestmark = pytest.mark.wide
STEPS, BATCH = 50, 16
BOUNDS = {"float64": 1e-8, "float32": 1e-4}
AFTER = {"float64": 1e-8, "float32": 2e-3}  # Adam divides small gradients by their own size
FEWER = {("adding", "float32"): 3}  # steps: Adam divides its small gradients by their own size
RATES = {"row_digits": 5e-3, "tagging": 5e-3, "adding": 1e-2}
CLIPS = {"adding": 1.0, "transformer": 1.0}
LENGTHS = (5, 1, 3, 7, 7, 2, 30)
OF_OTHERS = {"memory"}  # its networks are those of `adding`, and of the cells' own tests
every_spec = pytest.mark.parametrize("name", [n for n in PARAMETERS if n not in OF_OTHERS])


class Twin(TorchTwin):
    """Learns from sequences, with clipped gradients."""

    def __init__(self, loss: Any, session: Session, dtype: str, rate: float, clip: float) -> None:
        super().__init__(session, dtype, rate)
        self.loss, self.clip = loss, clip

    def of(self, batch: Mapping[str, Any], step: int) -> float:
        """The loss on a batch at a step from seed 0, with gradients left in `p`."""

        def draw(*shape: int, ragged: Ragged | None = None) -> Any:
            if ragged is None:
                return self.draws[shape].sample(0, step, np.arange(BATCH))
            clock = SequenceIndex(ragged.lengths)
            drawn = self.draws[shape].sample(0, step, clock.owner, clock.position)
            return Ragged(drawn, ragged.lengths)

        return self.backward(self.loss(self.p, batch, draw))

    def step(self, rate: float | None = None) -> None:
        """Clipped exactly: PyTorch's own clipping adds 1e-6 to the length."""
        if rate is not None:
            self.adam.param_groups[0]["lr"] = rate
        length = torch.sqrt(sum((p.grad**2).sum() for p in self.p.values()))
        for p in self.p.values():
            p.grad *= torch.clamp(self.clip / length, max=1.0)
        self.adam.step()


def warmed_up(t: int) -> float:
    """`warmup(cosine(4e-3, 1820, end = 2e-4), 50)`."""
    wave = (1 + np.cos(np.pi * t / 1820)) / 2
    return (2e-4 + (4e-3 - 2e-4) * wave) * min(1, (t + 1) / 50)


def twins(name: str, session: Session, dtype: str) -> Twin:
    return Twin(LOSSES[name], session, dtype, RATES.get(name, 3e-3), CLIPS.get(name, 5.0))


@pytest.mark.parametrize("dtype", BOUNDS)
@every_spec
def test_loss_and_gradients(name: str, dtype: str) -> None:
    session = Session(made(name).program, "cpu", dtype, 2, 0)
    twin, batch = twins(name, session, dtype), session.dataset().take(slice(BATCH))
    loss, gradients = session.gradients(**batch)
    assert loss == pytest.approx(twin.of(batch, 0), rel=BOUNDS[dtype])
    twin.assert_gradients(gradients, BOUNDS[dtype])


@pytest.mark.parametrize("dtype", BOUNDS)
@every_spec
def test_fifty_steps(name: str, dtype: str) -> None:
    session = Session(made(name).program, "cpu", dtype, 2, 0)
    twin, data = twins(name, session, "float64"), session.dataset()
    for step in range(FEWER.get((name, dtype), STEPS)):
        batch = data.take(slice(step * BATCH, (step + 1) * BATCH))
        wanted = twin.of(batch, step)
        twin.step(warmed_up(step) if name == "transformer" else None)
        assert session.step(**batch)["loss"] == pytest.approx(wanted, rel=BOUNDS[dtype])
    assert twin.away(session.parameters) < AFTER[dtype]


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell_against_packed_sequences(cell: str) -> None:
    text = f"""
    model f(xs : seq [3]) -> seq [5] {{ xs |> scan({cell}(5)) }}
    data d(xs : seq [3]) = npz("none.npz")
    train on d {{
        states = f(xs)
        minimize time_mean(sum(states^2)) + sum(sin(last(states)))
        using adam
    }}"""
    session = Session(compile_source(text), "cpu", "float64", 2, 0)
    rng = np.random.default_rng(0)
    for name, view in session.parameters.items():
        session.parameters[name] = rng.normal(size=view.shape)
    xs = Ragged(rng.normal(size=(sum(LENGTHS), 3)), np.array(LENGTHS))
    twin = Twin(CELLS[cell], session, "float64", 1e-3, 1.0)
    loss, gradients = session.gradients(xs=xs)
    assert loss == pytest.approx(twin.of({"xs": xs}, 0), rel=1e-10)
    twin.assert_gradients(gradients, 1e-9)
