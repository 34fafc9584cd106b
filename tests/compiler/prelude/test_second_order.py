"""Every definition of the prelude on the CPU as by the reference, to the second gradient."""

from __future__ import annotations

import pytest

from gradc_compiler.elaborate.names.library import prelude
from tests.compiler.prelude.cases import LAYERS, layer_module, loss_module, module_of
from tests.compiler.prelude.test_losses import LOSSES
from tests.support.second_order import assert_as_the_reference, of_model, of_step

OVER_TIME = {
    "elman": "xs |> scan(elman(3)) |> last",
    "lstm": "xs |> scan(lstm(2)) |> last",
    "gru": "xs |> scan(gru(2)) |> last",
    "gru_reset_after": "xs |> scan(gru_reset_after(2)) |> last",
    "both": "xs |> both(elman(2), elman(2)) |> time_mean",
    "time_max": "xs |> dense(3) |> tanh |> time_max",
    "before": "xs |> before(0) |> dense(3) |> time_mean",
    "embedding": "words |> embedding(5, 3) |> time_mean",
}
NO_NETWORK = ("optimizer", "initializer", "schedule")  # see their own tests


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer(name: str) -> None:
    assert_as_the_reference(of_step(layer_module(name).gradients("train")))


def test_all_losses_and_regularizers() -> None:
    assert_as_the_reference(of_step(loss_module(" + ".join(LOSSES.values())).gradients("train")))


@pytest.mark.parametrize("name", OVER_TIME)
def test_over_time(name: str) -> None:
    inputs = "words : seq class(5)" if name == "embedding" else "xs : seq [2]"
    module = module_of(f"model f({inputs}) {{ {OVER_TIME[name]} }}\n")
    assert_as_the_reference(of_model(module.forward("f")))


def test_softmax_sums_that_are_read_again_once_the_gradient_is_known() -> None:
    """A sum of each example that a later phase reads was added up twice in one kernel of lanes."""
    module = module_of("model f(p : [2]) { p |> dense(5) |> swish |> dense(2) |> softmax }\n")
    assert_as_the_reference(of_model(module.forward("f")))


def test_nothing_is_left_out() -> None:
    tried = " ".join([*LAYERS, *(text for _, text in LAYERS.values()), *LOSSES.values()])
    tried += " ".join(OVER_TIME.values())
    words = set("".join(c if c.isalnum() or c == "_" else " " for c in tried).split())
    texts = " ".join(source.text for source in prelude().sources)
    missing = {
        name
        for name in prelude().places
        if prelude().find(name).definition.kind not in NO_NETWORK and name not in words
    }
    helpers = {name for name in missing if texts.count(f"{name}(") > 1}  # of the prelude's own
    of_updates = {"clip_norm", "clip_value"}
    assert missing - helpers - of_updates == {"accuracy"}, "it has no slope"
