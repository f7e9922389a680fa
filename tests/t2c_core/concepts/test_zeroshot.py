"""Zero-shot predictions take the nearest class, and accuracies come with an interval and what guessing gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from t2c.core.concepts.zeroshot import accuracy, accuracy_by_class, predict
from t2c.core.statistics.proportions import wilson
from t2c.schemas.errors import InputError, MismatchError

CLASSES = ("cat", "dog", "owl")


def test_the_nearest_class_wins() -> None:
    found = predict(np.array([[0.1, 0.3, 0.2], [0.5, 0.4, -0.1]], np.float32))
    assert found.index.tolist() == [1, 0]
    np.testing.assert_allclose(found.similarity, [0.3, 0.5], rtol=1e-6)
    np.testing.assert_allclose(found.margin, [0.1, 0.1], rtol=1e-5)
    assert found.similarity.dtype == found.margin.dtype == np.float32


def test_of_equal_classes_the_first_wins_with_no_margin() -> None:
    found = predict(np.array([[0.2, 0.3, 0.3]], np.float32))
    assert (found.index[0], found.margin[0]) == (1, 0)


def test_no_images_are_predicted_too() -> None:
    assert len(predict(np.zeros((0, 2), np.float32)).index) == 0


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("shape", [(3, 1), (3, 0), (3,)])
def test_fewer_than_two_classes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"similarities: expected shape \(images, classes\) with two classes or more"):
        predict(np.zeros(shape, np.float32))


def test_nan_is_refused() -> None:
    with pytest.raises(InputError, match="similarities: expected finite values, but got NaN or infinity"):
        predict(np.array([[0.1, np.nan]], np.float32))


def test_accuracy_counts_images_with_a_known_label() -> None:
    predicted = ["cat", "dog", "owl", "cat", "cat"]
    labels = ["cat", "dog", "dog", None, "zebra"]
    found = accuracy(predicted, labels, classes=CLASSES)
    assert (found.n, found.correct) == (3, 2)
    assert found.accuracy == pytest.approx(2 / 3)
    assert found.chance == pytest.approx(1 / 3)
    assert found.majority == pytest.approx(2 / 3)
    assert (found.low, found.high) == wilson(2, 3)


def test_each_class_has_its_own_accuracy() -> None:
    found = accuracy_by_class(["cat", "dog", "cat"], ["cat", "dog", "dog"], classes=CLASSES)
    assert {name: (part.correct, part.n) for name, part in found.items()} == {"cat": (1, 1), "dog": (1, 2)}
    assert found["cat"].majority == 1.0


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_scipys(pair: tuple[int, int]) -> None:
    wanted = binomtest(*pair).proportion_ci(0.95, method="wilson")
    assert wilson(*pair) == pytest.approx((wanted.low, wanted.high), abs=1e-12)


@pytest.mark.parametrize(("correct", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_an_impossible_share_is_refused(correct: int, n: int) -> None:
    with pytest.raises(InputError, match="share: expected 0 <= correct <= n with n of 1 or more"):
        wilson(correct, n)


def test_labels_must_match_predictions_and_classes() -> None:
    with pytest.raises(MismatchError, match="labels: expected 2, one a prediction, but got 1"):
        accuracy(["cat", "dog"], ["cat"], classes=CLASSES)
    with pytest.raises(InputError, match=r"labels: expected some of the classes, but got \['Cat'\]\. Name the classes"):
        accuracy(["cat"], ["Cat"], classes=CLASSES)
    with pytest.raises(InputError, match="labels: expected some of the classes, but got no labels"):
        accuracy(["cat"], [None], classes=CLASSES)
