"""Heads classify as their formula says; the probe from moments equals scikit-learn's ridge on one-hot labels."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from t2c.core.concepts.heads import compose, label_moments, probe_from_moments, zeroshot_head
from t2c.core.maps.heads import UNLABELLED, Head, check_same_classes
from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.moments import merge
from t2c.schemas.errors import InputError, MismatchError

CLASSES = ("ant", "bee", "cat")


def labelled(n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return x (n, 5) about three centres, and the codes of the centres."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 3, n)
    return (4 * rng.normal(size=(3, 5))[codes] + rng.normal(size=(n, 5))).astype(np.float32), codes


def moments_of(x: np.ndarray, codes: np.ndarray, *, folds: int = 3, classes: int = 3):
    fold = np.arange(len(x)) % folds
    return label_moments([(x, codes, fold)], centre=x.mean(axis=0), classes=classes, folds=folds)


def test_logits_are_weight_times_features_plus_bias() -> None:
    rng = np.random.default_rng(0)
    weight, bias, x = rng.normal(size=(3, 5)), rng.normal(size=3), rng.normal(size=(4, 5))
    head = Head(CLASSES, weight.astype(np.float32), bias.astype(np.float32), "classifier")
    np.testing.assert_allclose(head.logits(x), x @ weight.T + bias, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(head.predict(x), (x @ weight.T + bias).argmax(axis=1))
    assert head.dimension == 5


def test_logits_of_class_vectors_are_cosines_whatever_the_lengths() -> None:
    rng = np.random.default_rng(0)
    vectors, x = rng.normal(size=(3, 5)).astype(np.float32), rng.normal(size=(4, 5)).astype(np.float32)
    head = zeroshot_head(CLASSES, 7 * vectors)
    cosine = (x @ vectors.T) / np.linalg.norm(x, axis=1)[:, None] / np.linalg.norm(vectors, axis=1)
    np.testing.assert_allclose(head.logits(100 * x), cosine, atol=1e-6)
    np.testing.assert_array_equal(head.logits(np.zeros((1, 5), np.float32)), np.zeros((1, 3)))


@pytest.mark.parametrize("normalise", [False, True])
def test_a_head_over_a_map_predicts_what_it_predicts_of_aligned_features(normalise: bool) -> None:
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(3, 5)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    head = zeroshot_head(CLASSES, weight) if normalise else Head(CLASSES, weight, bias, "classifier")
    linear_map = LinearMap(rng.normal(size=(7, 5)).astype(np.float32), rng.normal(size=5).astype(np.float32))
    x = rng.normal(size=(200, 7)).astype(np.float32)
    over = compose(head, linear_map)
    np.testing.assert_array_equal(over.predict(x), head.predict(linear_map.apply(x)))
    if not normalise:
        np.testing.assert_allclose(over.logits(x), head.logits(linear_map.apply(x)), rtol=1e-4, atol=1e-4)
    with pytest.raises(MismatchError, match=r"map under a head: expected a target of 7 dimensions.*but got 5"):
        compose(over, linear_map)


@pytest.mark.parametrize("ridge", [0.0, 1.0, 1e3])
def test_the_probe_is_ridge_regression_on_one_hot_labels(ridge: float) -> None:
    x, codes = labelled(400)
    head = probe_from_moments(merge(moments_of(x, codes)), CLASSES, ridge=ridge)
    model = Ridge(ridge).fit(x.astype(np.float64), np.eye(3)[codes])
    np.testing.assert_allclose(head.weight, model.coef_, atol=2e-5)
    np.testing.assert_allclose(head.bias, model.intercept_, atol=2e-5)
    assert (head.predict(x) == codes).mean() > 0.95


def test_unlabelled_rows_take_no_part() -> None:
    x, codes = labelled(300)
    half = np.where(np.arange(300) % 2, codes, UNLABELLED)
    some = merge(moments_of(x, half))
    alone = label_moments([(x[1::2], codes[1::2], np.zeros(150, np.int64))], centre=x.mean(axis=0), classes=3, folds=1)[
        0
    ]
    assert some.n == alone.n == 150
    np.testing.assert_allclose(some.xy, alone.xy, atol=1e-3)


def test_a_single_class_is_always_predicted() -> None:
    x, _ = labelled(50)
    head = probe_from_moments(merge(moments_of(x, np.zeros(50, np.int64), classes=1)), ("ant",), ridge=0.0)
    np.testing.assert_allclose(head.logits(x), 1.0, atol=1e-5)
    assert set(head.predict(x)) == {0}


def test_fewer_rows_than_dimensions_are_solved_with_least_norm() -> None:
    x, codes = labelled(4)
    head = probe_from_moments(merge(moments_of(x, codes, folds=1)), CLASSES, ridge=0.0)
    np.testing.assert_array_equal(head.predict(x), codes)


def test_codes_outside_the_classes_are_refused() -> None:
    x, codes = labelled(10)
    with pytest.raises(InputError, match=r"class codes: expected -1 \(unlabelled\) to 2, but got 0 to 3"):
        moments_of(x, np.where(np.arange(10) == 0, 3, np.zeros(10, np.int64)))
    with pytest.raises(MismatchError, match=r"moments of a probe: expected 2 classes, as named, but got 3"):
        probe_from_moments(merge(moments_of(x, codes)), ("ant", "bee"), ridge=0.0)


def test_shapes_that_do_not_fit_are_refused(unchecked_shapes: None) -> None:
    weight = np.ones((3, 5), np.float32)
    with pytest.raises(
        MismatchError, match=r"head: expected weight \(3, target\) and bias \(3,\).*got \(3, 5\) and \(2,\)"
    ):
        Head(CLASSES, weight, np.zeros(2, np.float32), "probe")
    head = Head(CLASSES, weight, np.zeros(3, np.float32), "probe")
    with pytest.raises(MismatchError, match=r"features to classify: expected shape \(images, 5\).*but got \(2, 4\)"):
        head.logits(np.ones((2, 4), np.float32))


def test_classes_are_distinct_and_vectors_have_a_direction() -> None:
    weight, bias = np.ones((2, 5), np.float32), np.zeros(2, np.float32)
    with pytest.raises(InputError, match=r"classes of a head: expected one or more, each once, but got 'ant' twice"):
        Head(("ant", "ant"), weight, bias, "probe")
    with pytest.raises(InputError, match=r"class vectors: expected finite vectors with a direction"):
        zeroshot_head(("ant", "bee"), weight * np.array([[1.0], [0.0]], np.float32))


def test_another_class_order_is_refused_naming_both_sides() -> None:
    check_same_classes(CLASSES, list(CLASSES), sides=("a", "b"))
    with pytest.raises(
        MismatchError,
        match=r"classes of mine: expected 'bee' at position 1, as in yours, but got 'cat'\. Reorder one of them",
    ):
        check_same_classes(CLASSES, ("ant", "cat", "bee"), sides=("yours", "mine"))
    message = r"classes of mine: expected the 3 classes of yours, but got 2\. Give both the same classes, in one order"
    with pytest.raises(MismatchError, match=message):
        check_same_classes(CLASSES, CLASSES[:2], sides=("yours", "mine"))
