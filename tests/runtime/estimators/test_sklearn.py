"""`gradc.sklearn`: what scikit-learn asks of an estimator, and specs of one's own in it."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra data is not installed: pip install scikit-learn")

from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

import gradc
from gradc.sklearn import Classifier, Regressor

MIXED = """
model net(size : [3], kind : class(2)) -> scalar {
    sum(size |> dense(4) |> tanh) + sum(embedding(2, 1)(kind))
}
data table(size : [3], kind : class(2), price : scalar) = npz("table.npz")
train on table {
    minimize (net(size, kind) - price)^2
    using adam(lr = 1e-2), batch 8, epochs 200
}
"""


@pytest.mark.parametrize("kind", [Classifier, pytest.param(Regressor, marks=pytest.mark.wide)])
def test_it_is_an_estimator_as_scikit_learn_wants_them(kind: type) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the checks themselves
        found = check_estimator(kind(epochs=30), on_skip=None)
    passed = [one["check_name"] for one in found if one["status"] == "passed"]
    assert len(passed) > 45 and len(passed) >= len(found) - 1, "one wants array-api-strict"


def test_a_pipeline_and_a_search_over_settings() -> None:
    X, y = load_iris(return_X_y=True)
    network = make_pipeline(StandardScaler(), Classifier(epochs=20, random_state=0))
    assert cross_val_score(network, X, y, cv=3).mean() > 0.9
    search = GridSearchCV(Classifier(epochs=3, random_state=0), {"batch": [16, 150]}, cv=2)
    assert search.fit(StandardScaler().fit_transform(X), y).best_params_ == {"batch": 16}


def test_two_classes_with_names_and_their_probabilities() -> None:
    X, y = load_breast_cancer(return_X_y=True)
    names = np.array(["malignant", "benign"])[y]
    X = StandardScaler().fit_transform(X)
    fitted = Classifier(epochs=10, random_state=0).fit(X, names)
    assert list(fitted.classes_) == ["benign", "malignant"] and fitted.score(X, names) > 0.97
    found = fitted.predict_proba(X[:5])
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert list(fitted.predict(X[:5])) == list(fitted.classes_[found.argmax(axis=1)])


def test_a_logit_of_its_own_spec_is_two_probabilities() -> None:
    spec = (
        "model net(x : [$features]) -> scalar { x |> dense(1) |> as(scalar) }\n"
        'data d(x : [$features], y : scalar) = npz("none.npz")\n'
        "train on d { minimize bce_logits(net(x), y) using adam(lr = 0.1), epochs 60 }\n"
    )
    X = np.linspace(-1, 1, 40)[:, None]
    fitted = Classifier(spec, random_state=0).fit(X, X[:, 0] > 0.1)
    assert fitted.score(X, X[:, 0] > 0.1) > 0.95 and fitted.predict_proba(X).shape == (40, 2)


def test_columns_go_to_the_fields_in_turn(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    X = np.column_stack([chance.random((60, 3)), chance.integers(0, 2, 60)])
    y = X[:, 0] + 2 * X[:, 3]
    path = tmp_path / "mixed.nn"
    path.write_text(MIXED)
    assert Regressor(path, random_state=0).fit(X, y).score(X, y) > 0.95
    with pytest.raises(gradc.RunError, match=r"are 4 columns, and X has 5; `\$features` stands"):
        Regressor(str(path)).fit(np.column_stack([X, y]), y)


def test_a_pickle_is_read_by_another_process(tmp_path: Path) -> None:
    X, y = load_diabetes(return_X_y=True)
    fitted = Regressor(epochs=5, random_state=0).fit(X, y)
    (tmp_path / "network.pkl").write_bytes(pickle.dumps(fitted))
    np.save(tmp_path / "X.npy", X)
    script = (
        "import pickle, numpy\n"
        "fitted = pickle.load(open('network.pkl', 'rb'))\n"
        "numpy.save('found.npy', fitted.predict(numpy.load('X.npy')))\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", script]
    subprocess.run(command, cwd=tmp_path, env=environment, check=True)
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), fitted.predict(X))


def test_a_wrong_spec_is_told_as_ever() -> None:
    with pytest.raises(gradc.CompileError, match="did you mean `dense`"):
        Classifier("model net(x : [$features]) -> [2] { x |> dens(2) }\n").fit([[1.0]], [0])
    assert gradc.sklearn.Classifier is Classifier and "gradc.sklearn" in sys.modules
