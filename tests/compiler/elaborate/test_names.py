"""What parameters and states are called from elsewhere."""

from __future__ import annotations

from gradc_compiler.graph.outputs import Role, of_role


def test_parameters_and_states_may_be_named_from_train(build):
    module = build(
        """
        model f(x : [3]) -> [3] { state m : [3] = 0; x |> dense(3) |> tanh }
        data d(x : [3], f : scalar) = csv("d.csv")
        train on d {
            param scale = 2
            state seen : scalar = 0
            seen' = f
            f.m' = x
            descend f.dense1.W along f.dense1.W, scale along seen - sum(f.m)
            using sgd()
        }
        """
    )
    outputs = module.step("train").outputs
    assert {"f.m", "train.seen", "train.scale"} <= of_role(Role.UPDATE, outputs).keys()
    assert module.train.steps[0].over == ("f.dense1.W", "train.scale")
