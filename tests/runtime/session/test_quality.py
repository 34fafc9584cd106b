"""Precision, recall, F1, areas, errors and R squared are those of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from gradc_runtime.session.quality import ClassQuality, NumberQuality, area

metrics = pytest.importorskip("sklearn.metrics", reason="compares with scikit-learn")
GENERATOR = np.random.default_rng(3)


def classes(count: int, k: int, *, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that know something of their labels, some of them equal if asked."""
    labels = GENERATOR.integers(0, k, count)
    scores = GENERATOR.normal(size=(count, k)) + 1.5 * np.eye(k)[labels]
    found = np.exp(np.round(scores, 1 if ties else 9))
    return found / found.sum(axis=1, keepdims=True), labels


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("count", "k"), [(400, 2), (300, 5), (40, 3)])
def test_classes(count: int, k: int, ties: bool) -> None:
    probabilities, labels = classes(count, k, ties=ties)
    quality = ClassQuality.of(tuple(map(str, range(k))))
    for part in (slice(0, 7), slice(7, None)):
        quality.add(probabilities[part], labels[part])
    said = probabilities.argmax(axis=1)
    np.testing.assert_array_equal(quality.confusion, metrics.confusion_matrix(labels, said))
    wanted = metrics.precision_recall_fscore_support(labels, said, labels=range(k))
    found = (quality.precision, quality.recall, quality.f1, quality.examples)
    for own, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-12)
    assert quality.accuracy == pytest.approx(metrics.accuracy_score(labels, said))
    areas = quality.areas
    assert areas is not None
    for one in range(k):
        of_one = (labels == one).astype(int)
        assert areas[one] == pytest.approx(metrics.roc_auc_score(of_one, probabilities[:, one]))
        false, true, _ = metrics.roc_curve(of_one, probabilities[:, one], drop_intermediate=False)
        np.testing.assert_allclose(quality.curve(one), (false, true))
    mean = quality.as_data()["mean"]
    assert mean["f1"] == pytest.approx(metrics.f1_score(labels, said, average="macro"))
    if k > 2:
        expected = metrics.roc_auc_score(labels, probabilities, multi_class="ovr")
        assert mean["auc"] == pytest.approx(expected)


def test_a_class_that_is_never_seen_or_said_has_no_number() -> None:
    quality = ClassQuality.of(("a", "b", "c"))
    quality.add(np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]]), np.array([0, 1]))
    assert quality.precision.tolist()[0] == 0.5 and np.isnan(quality.precision[1:]).all()
    assert quality.recall.tolist()[:2] == [1, 0] and np.isnan(quality.recall[2])
    assert quality.f1[1] == 0 and np.isnan(quality.f1[2])
    assert quality.areas is not None and np.isnan(quality.areas[2])


def test_areas_are_left_out_where_too_many_would_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradc_runtime.session.quality.MOST_KEPT", 10)
    quality = ClassQuality.of(("a", "b"))
    for _ in range(4):
        quality.add(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1]))
    assert quality.areas is None and quality.accuracy == 1
    assert "auc" not in quality.as_data()["mean"]


def test_equal_scores_count_half() -> None:
    assert area(np.array([1.0, 1.0]), np.array([True, False])) == 0.5


@pytest.mark.parametrize("parts", [1, 7])
@pytest.mark.parametrize("constant", [0.1, 3.3, 1e6 + 0.1, 7.0])
def test_what_is_always_the_same_explains_nothing(constant: float, parts: int) -> None:
    """Its mean may be off by rounding, and the square of that is no spread."""
    targets = np.full((300, 1), constant)
    errors, quality = GENERATOR.normal(size=(300, 1)), NumberQuality()
    for part in np.array_split(np.arange(300), parts):
        quality.add(targets[part] + errors[part], targets[part])
    assert np.isnan(quality.r2) and quality.mae == pytest.approx(np.abs(errors).mean())
    varied = np.concatenate([targets, GENERATOR.normal(size=(300, 1))], axis=1)
    both = NumberQuality()
    both.add(varied + 0.1, varied)
    assert both.r2 == pytest.approx(1 - 0.01 * 2 / varied[:, 1].var())


@pytest.mark.parametrize("shape", [(), (3,), (4, 2)])
def test_numbers(shape: tuple[int, ...]) -> None:
    """Of several elements each has a mean of its own, as `variance_weighted` has."""
    targets = 1e6 + GENERATOR.normal(size=(200, *shape))
    estimates = targets + 0.3 * GENERATOR.normal(size=(200, *shape))
    quality = NumberQuality()
    for part in (slice(0, 1), slice(1, 60), slice(60, None)):
        quality.add(estimates[part], targets[part])
    flat = targets.reshape(200, -1), estimates.reshape(200, -1)
    assert quality.mae == pytest.approx(metrics.mean_absolute_error(*flat))
    assert quality.rmse == pytest.approx(metrics.mean_squared_error(*flat) ** 0.5)
    expected = metrics.r2_score(*flat, multioutput="variance_weighted")
    assert quality.r2 == pytest.approx(expected, rel=1e-6)


def test_r_squared_of_one_value_is_unknown() -> None:
    quality = NumberQuality()
    quality.add(np.array([1.0, 2.0]), np.array([3.0, 3.0]))
    assert np.isnan(quality.r2) and quality.mae == 1.5
