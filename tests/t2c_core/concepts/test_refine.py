"""Refined vectors: the mean of exemplars, a classifier that ignores what both sides share, and what is refused."""

import numpy as np
import pytest

from t2c.core.concepts.refine import linear_classifier, mean_of_exemplars
from t2c.schemas.errors import InputError


def test_the_mean_is_of_unit_features_and_has_length_1() -> None:
    found = mean_of_exemplars(np.array([[10.0, 0, 0], [0, 0.1, 0]]))
    assert found.tolist() == pytest.approx([2**-0.5, 2**-0.5, 0])
    assert found.dtype == np.float32


def test_a_classifier_finds_the_planted_direction_where_the_mean_finds_what_all_share() -> None:
    rng = np.random.default_rng(0)
    shared, planted = np.eye(6)[0], np.eye(6)[1]
    noise = 0.2 * rng.normal(size=(200, 6))
    positive, negative = 4 * shared + 1.5 * planted + noise[:60], 4 * shared + noise[60:]
    vector = linear_classifier(positive, negative)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert vector @ planted > 0.8 > mean_of_exemplars(positive) @ planted
    assert abs(vector @ shared) < 0.5 < mean_of_exemplars(positive) @ shared


def test_copies_on_one_side_change_little() -> None:
    rng = np.random.default_rng(1)
    away = 2 * np.eye(4)[0]
    positive, negative = rng.normal(size=(30, 4)) + away, rng.normal(size=(30, 4)) - away
    many = linear_classifier(positive, np.repeat(negative, 10, axis=0))
    assert many @ linear_classifier(positive, negative) > 0.97


def test_too_few_or_equal_exemplars_are_refused() -> None:
    one, two = np.ones((1, 3)), np.eye(3)[:2]
    with pytest.raises(InputError, match=r"positive exemplars: expected 2 or more with a feature, but got 1"):
        mean_of_exemplars(one)
    with pytest.raises(InputError, match=r"negative exemplars: expected 2 or more with a feature, but got 1"):
        linear_classifier(two, one)
    with pytest.raises(InputError, match=r"mean of the exemplars: expected a direction, but got a vector of length 0"):
        mean_of_exemplars(np.array([[1.0, 0], [-1.0, 0]]))
    with pytest.raises(InputError, match=r"exemplars: expected images that differ, but got one feature for all"):
        linear_classifier(np.repeat(one, 2, axis=0), np.repeat(one, 2, axis=0))
