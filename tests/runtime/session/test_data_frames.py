"""Data frames where arrays go: columns are fields, words are classes, gaps are filled."""

from __future__ import annotations

import numpy as np
import pytest

import gradc

pandas = pytest.importorskip("pandas")
SPEC = """
model net(age : scalar, size : [2], city : class(3)) -> [2] {
    concat(stack(age), size, one_hot(city, 3)) |> dense(2)
}
data people(age : scalar, size : [2], city : class(3), bought : class(2)) = csv("people.csv", SAID)
train on people {
    minimize cross_entropy(net(age, size, city), bought)
    using adam(lr = 1e-2), batch 16, epochs 30
}
"""


def frame(count: int = 80):
    chance = np.random.default_rng(0)
    table = pandas.DataFrame({
        "Age": chance.uniform(18, 80, count), "size_0": chance.random(count),
        "size_1": chance.random(count) > 0.5, "city": chance.choice(["Bonn", "Köln", "Ulm"], count),
        "note": "nothing reads this",
    })  # fmt: skip
    table["bought"] = np.where(table["Age"] > 50, "yes", "no")
    return table


def session(said: str = 'standardised = "all", missing = "mean"') -> gradc.Session:
    return gradc.Session(gradc.compile_source(SPEC.replace("SAID", said)), seed=0)


def test_a_frame_trains_and_is_measured_in_the_same_classes() -> None:
    known, table = session(), frame()
    table.loc[3, "Age"] = None
    history = known.train(table, quiet=True)
    assert history["loss"][-1] < history["loss"][0] / 2
    assert known.encoding is not None and known.encoding.classes["bought"] == ("no", "yes")
    only_yes = table[table["bought"] == "yes"]
    wrong = only_yes.assign(bought="no")
    assert known.evaluate(only_yes)["loss"] < 0.5 < known.evaluate(wrong)["loss"]


def test_what_is_standardised_is_so_by_the_part_that_trains() -> None:
    known = session()
    known.train(frame(), quiet=True, epochs=1)
    assert known.encoding is not None and 30 < known.encoding.centres["age"][0] < 70
    before = known.encoding
    known.train(frame().assign(Age=0.0), quiet=True, epochs=1)
    assert known.encoding == before, "weights go on, and so does what their inputs mean"


def test_columns_are_inputs_of_a_model() -> None:
    known, table = session(), frame()
    sizes = table[["size_0", "size_1"]].astype(float)
    found = known.run("net", age=table["Age"], size=sizes, city=np.zeros(len(table), int))
    assert found.shape == (80, 2)
    plain = known.run("net", age=table["Age"].to_numpy(), size=sizes.to_numpy(), city=[0] * 80)
    np.testing.assert_array_equal(found, plain)


def test_a_column_by_another_name_is_one_that_the_spec_names() -> None:
    known = session('age = "Years"')
    table = frame().rename(columns={"Age": "Years"})
    assert len(known.train(table, quiet=True, epochs=1)) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="city"), "data frame: no column city"),
        (lambda t: t.iloc[:0], "data frame: it has no rows"),
        (lambda t: t.assign(Age="old"), 'data frame:0: column Age: "old" is not a number'),
        (lambda t: t.assign(city=[f"c{k}" for k in range(len(t))]), "city has 80 categories"),
    ],
)
def test_what_does_not_fit_is_said(change, message: str) -> None:
    with pytest.raises(gradc.RunError, match=message):
        session().train(change(frame()), quiet=True)


def test_new_rows_without_labels_are_answered_in_the_words_of_the_table() -> None:
    known, table = session(), frame()
    known.train(table, quiet=True)
    found = known.predict(table.drop(columns="bought"))
    assert found.shape == (80, 2)
    right = known.encoding.classes["bought"].index("yes") == found.argmax(axis=1)
    assert (right == (table["bought"] == "yes")).mean() > 0.9
    with pytest.raises(gradc.RunError, match="none of the categories that were trained on"):
        known.predict(table.assign(city="Rome"))
    with pytest.raises(gradc.RunError, match="new rows are a data frame, or arrays by name"):
        known.predict([1, 2])
