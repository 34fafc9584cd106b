"""Networks as estimators of scikit-learn: in pipelines, grid searches, cross-validation.

    from gradc.sklearn import Classifier
    Classifier("net.nn", epochs=20).fit(X, y).predict(X)

A spec has its sizes in its text, and an estimator meets tables of any size; so `$features` and
`$classes` in a spec stand for the columns of X and the classes of y.  The columns go to the fields
of its data in turn, a field of `[n]` takes n of them, and the last field is y.  What the loss
compares with that field is the prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from gradc_compiler.graph.types import Kind
from gradc_compiler.pipeline import compile_source
from gradc_compiler.program.program import Program
from gradc_runtime.session.session import Session
from gradc_runtime.system.errors import SessionError

NETWORK = """
model net(x : [$features]) -> $result {
    x |> dense(64) |> relu |> dense(64) |> relu |> dense($width)$last
}
data table(x : [$features], y : $label) = npz("table.npz")
train on table {
    minimize $loss(net(x), y)
    using adam(lr = 1e-2), batch 32, epochs 100
}
"""
CLASSES = Template(NETWORK).safe_substitute(
    result="[$classes]", width="$classes", last="", label="class($classes)", loss="cross_entropy"
)
NUMBERS = Template(NETWORK).safe_substitute(
    result="scalar", width="1", last=" |> as(scalar)", label="scalar", loss="squared_error"
)
LARGEST_SEED = 2**31 - 1


class NetworkEstimator(BaseEstimator):
    """What both kinds share: a spec made for a table, a session, and its way into a pickle."""

    default = ""

    def __init__(
        self, spec: str | Path | None = None, *, epochs: int | None = None,
        batch: int | None = None, overrides: Mapping[str, Any] | None = None,
        target: str = "cpu", dtype: str = "float32", threads: int | None = None,
        random_state: Any = None, verbose: bool = False,
    ) -> None:  # fmt: skip
        self.spec, self.epochs, self.batch, self.overrides = spec, epochs, batch, overrides
        self.target, self.dtype, self.threads = target, dtype, threads
        self.random_state, self.verbose = random_state, verbose

    def fitted_to(self, columns: NDArray[Any], answers: NDArray[Any], classes: int) -> Self:
        """Train a network on a table `[N, features]` and its answers [N]."""
        sizes = {"features": columns.shape[1], "classes": classes}
        text, name, directory = self.text()
        self.text_ = Template(text).safe_substitute({k: str(v) for k, v in sizes.items()})
        program = compile_source(
            self.text_, name, directory=directory, overrides=self.overrides or {}
        )
        self.seed_ = int(check_random_state(self.random_state).randint(LARGEST_SEED))
        self.session_ = self.session_of(program)
        answer = list(self.session_.fields)[-1]
        settings = {"epochs": self.epochs, "batch": self.batch}
        self.history_ = self.session_.train(
            {**self.inputs(columns), answer: answers}, quiet=not self.verbose, held_out=0.0,
            **{name: value for name, value in settings.items() if value is not None},
        )  # fmt: skip
        self.n_iter_ = max(len(self.history_), 1)
        return self

    def text(self) -> tuple[str, str, Path]:
        """The spec: a file, a text with newlines or braces, or the network of this module."""
        if self.spec is None:
            return self.default, "network.nn", Path(".")
        if isinstance(self.spec, Path) or not {"{", "\n"} & {*self.spec}:
            path = Path(self.spec)
            return path.read_text(encoding="utf-8"), str(path), path.parent
        return self.spec, "spec.nn", Path(".")

    def session_of(self, program: Program) -> Session:
        """A session of the program, as the parameters of the estimator say."""
        return Session(program, self.target, self.dtype, self.threads, self.seed_)

    def inputs(self, columns: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The columns of a table as the fields of the data, but for the last one.

        Raises `SessionError` where the fields have more or fewer elements than there are columns.
        """
        fields = dict(list(self.session_.fields.items())[:-1])
        wanted = sum(type.size for type in fields.values())
        if wanted != columns.shape[1]:
            raise SessionError(
                f"the fields {', '.join(f'{n} : {t}' for n, t in fields.items())} are"
                f" {wanted} columns, and X has {columns.shape[1]}; `$features` stands for that"
            )
        ends = np.cumsum([type.size for type in fields.values()])
        parts = np.split(columns, ends[:-1], axis=1)
        found = {}
        for (name, type), part in zip(fields.items(), parts, strict=True):
            shaped = part.reshape(len(part), *type.shape)
            found[name] = shaped.astype(np.int64) if type.kind is Kind.INDEX else shaped
        return found

    def answers(self, X: ArrayLike) -> NDArray[np.float64]:
        """What the network says of the last field, for each row of a table."""
        check_is_fitted(self)
        columns = validate_data(self, X, reset=False, dtype=np.float64)
        found = self.session_.predict(**self.inputs(columns))
        answers: NDArray[np.float64] = np.asarray(found, np.float64)
        return answers

    def __getstate__(self) -> dict[str, Any]:
        """A session lives in one process: a pickle has its text and its numbers."""
        state: dict[str, Any] = dict(super().__getstate__())
        if (session := state.pop("session_", None)) is not None:
            state["numbers_"] = {n: view.copy() for n, view in session.memory.views.items()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        numbers = state.pop("numbers_", None)
        super().__setstate__(state)
        if numbers is not None:
            _, name, directory = self.text()
            made = compile_source(
                self.text_, name, directory=directory, overrides=self.overrides or {}
            )
            self.session_ = self.session_of(made)
            self.session_.memory.assign(numbers)


class Classifier(ClassifierMixin, NetworkEstimator):  # type: ignore[misc, unused-ignore]
    """A network whose last field is a class."""

    default = CLASSES

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on rows X `[N, features]` of classes y `[N]`: numbers or texts."""
        columns, given = validate_data(self, X, y, dtype=np.float64)
        given = column_or_1d(given, warn=True)
        check_classification_targets(given)
        self.classes_, numbers = np.unique(given, return_inverse=True)
        return self.fitted_to(columns, numbers, len(self.classes_))

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """The probability of each class of `classes_`, `[N, classes]`."""
        found = self.answers(X)
        return np.stack([1 - found, found], axis=1) if found.ndim == 1 else found

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The likeliest class of each row, `[N]`."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[likeliest]
        return found


class Regressor(RegressorMixin, NetworkEstimator):  # type: ignore[misc, unused-ignore]
    """A network whose last field is a number."""

    default = NUMBERS

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Train on rows X `[N, features]` of numbers y `[N]`."""
        columns, given = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        return self.fitted_to(columns, column_or_1d(given, warn=True), 1)

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """The estimate for each row, `[N]`."""
        return self.answers(X)
