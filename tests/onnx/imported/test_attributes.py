"""Attributes that an operator does not have are refused; with others, numbers are onnxruntime's.

pytest -m "wide or not wide" tests/onnx/imported/test_attributes.py
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper

from gradc_runtime.onnx.backend import GradcRep
from gradc_runtime.onnx.importer.attribute_check import FLAGS, WORDS
from gradc_runtime.system.errors import DataError
from tests.onnx.imported.node_cases import array_of, cases, has_kinds

INTEGERS = (0, 1, 2, 3, -1, -2, 5)
EVERY_WORD = sorted({w for known in WORDS.values() for words in known.values() for w in words})
UNDEFINED = ("scatter", "softcap")  # what repeated places give without a reduction; caps below 0


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("test_reduce_sum_keepdims_example", {"keepdims": 5}, "keepdims is 5, and is 0 or 1"),
        ("test_depthtospace_example", {"mode": "CDR"}, "mode is `CDR`, and is one of CRD, DCR"),
        ("test_bitshift_right_uint32", {"direction": "right"}, "direction is `right`"),
        ("test_gelu_default_1", {"approximate": "sigmoid"}, "an approximation by `sigmoid`"),
        ("test_basic_conv_with_padding", {"auto_pad": "SAME"}, "auto_pad is `SAME`"),
        ("test_basic_conv_with_padding", {"dilation": [2, 2]}, "there is no attribute dilation"),
        ("test_basic_conv_with_padding", {"group": 1.0}, "attribute group is of another kind"),
        ("test_softmax_axis_0", {"axis": "last"}, "attribute axis is of another kind"),
        ("test_concat_1d_axis_0", {"axis": None}, "it lacks its attribute axis"),
        ("test_l2normalization_axis_0", {"p": 3}, "p is 3, which is no norm of LpNormalization"),
        ("test_lppool_2d_default", {"p": 0}, "p is 0, which is no norm of LpPool"),
        ("test_compress_0", {"axis": 1}, "it keeps part 2 of 2"),
    ],
)
def test_what_an_operator_does_not_have(name: str, change: dict[str, Any], said: str) -> None:
    """All of these were passed over: the numbers were those of another network."""
    model = changed(name)
    (node,) = model.graph.node
    kept = [one for one in node.attribute if one.name not in change]
    del node.attribute[:]
    node.attribute.extend(kept)
    made = {key: value for key, value in change.items() if value is not None}
    node.attribute.extend(helper.make_attribute(key, value) for key, value in made.items())
    with pytest.raises(DataError, match=said):
        GradcRep(model, "reference").run(inputs_of(name))


def changed(name: str) -> Any:
    """A copy of a case's model, whose outputs may have any shape."""
    model = onnx.ModelProto()
    model.CopyFrom(cases()[name].model)
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    return model


def inputs_of(name: str) -> list[np.ndarray]:
    return [array_of(one) for one in cases()[name].data_sets[0][0]]


def mutate(attribute: Any, draw: random.Random) -> None:
    """Another value of the same kind."""
    kinds = onnx.AttributeProto
    if attribute.type == kinds.INT:
        attribute.i = draw.choice([*INTEGERS, attribute.i + 1, attribute.i - 1])
    elif attribute.type == kinds.INTS and attribute.ints:
        at, other = (draw.randrange(len(attribute.ints)) for _ in range(2))
        if draw.random() < 0.3:
            attribute.ints[at], attribute.ints[other] = attribute.ints[other], attribute.ints[at]
        else:
            attribute.ints[at] = draw.choice([*INTEGERS, attribute.ints[at] + 1])
    elif attribute.type == kinds.FLOAT:
        attribute.f = draw.choice([0.0, 1.0, -1.0, 0.5, 3 * attribute.f, -attribute.f])
    elif attribute.type == kinds.STRING:
        attribute.s = draw.choice(EVERY_WORD).encode()


def theirs(model: Any, inputs: list[np.ndarray]) -> list[Any] | None:
    """What onnxruntime gives; None where it refuses."""
    try:
        runner = onnxruntime.InferenceSession(
            model.SerializeToString(), providers=["CPUExecutionProvider"]
        )
        given = {one.name: array for one, array in zip(model.graph.input, inputs, strict=False)}
        found: list[Any] = runner.run(None, given)
        return found
    except Exception:  # of its own kinds
        return None


def agrees(seed: int, names: list[str]) -> bool:
    """Whether a changed case is run alike by both; False where one of them refuses it."""
    draw = random.Random(seed)
    name = draw.choice(names)
    model = changed(name)
    mutate(draw.choice(model.graph.node[0].attribute), draw)
    inputs = inputs_of(name)
    wanted = theirs(model, inputs)
    try:
        found = GradcRep(model, "reference").run(inputs)
    except DataError as fault:
        assert "\n" not in str(fault), (seed, name)
        return False
    if wanted is None:
        return False
    for one, other in zip(found, wanted, strict=True):
        message = f"{seed} {name} {model.graph.node[0].attribute}"
        np.testing.assert_allclose(
            np.asarray(one, float), np.asarray(other, float), 1e-3, 1e-4, err_msg=message
        )
    return True


def names_with_attributes() -> list[str]:
    """Cases of one node with attributes, whose numbers are defined for all of them."""
    return [
        name for name, case in sorted(cases().items())
        if has_kinds(case) and len(case.model.graph.node) == 1
        and case.model.graph.node[0].attribute and not any(u in name for u in UNDEFINED)
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("first", [0, *(pytest.param(k, marks=pytest.mark.wide)
                                        for k in range(60, 1500, 240))])  # fmt: skip
def test_other_attributes(first: int) -> None:
    onnxruntime.set_default_logger_severity(4)
    names = names_with_attributes()
    count = 60 if first == 0 else 240
    assert sum(agrees(seed, names) for seed in range(first, first + count)) > count // 5


def test_flags_and_words_are_attributes_of_onnx() -> None:
    """A name that no operator has any longer would check nothing."""
    known = {(about.name, name) for about in onnx.defs.get_all_schemas_with_history()
             if not about.domain for name in about.attributes}  # fmt: skip
    names = {name for _, name in known}
    assert names >= FLAGS and names >= WORDS.keys()
    for name, by_operator in WORDS.items():
        assert {(op, name) for op in by_operator if op} <= known, name
