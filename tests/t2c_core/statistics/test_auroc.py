"""AUROC: scikit-learn's areas with ties, chance for constants, intervals that cover and never collapse."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from t2c.core.statistics.auroc import auroc, newcombe
from t2c.schemas.errors import InputError, MismatchError


@pytest.mark.parametrize("digits", [1, 6])
def test_the_area_is_scikit_learns_also_with_ties(digits: int) -> None:
    rng = np.random.default_rng(digits)
    truth = rng.random(300) < 0.3
    scores = np.round(rng.normal(size=300) + truth, digits)
    found = auroc(scores, truth)
    assert found.auroc == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    assert (found.positives, found.negatives) == (truth.sum(), (~truth).sum())
    assert found.low < found.auroc < found.high


def test_a_constant_is_chance_and_a_perfect_order_is_one() -> None:
    truth = np.array([True, False, True, False])
    assert auroc(np.zeros(4), truth).auroc == 0.5
    perfect = auroc(np.array([2.0, 0.0, 3.0, 1.0]), truth)
    assert (perfect.auroc, perfect.high) == (1.0, 1.0)
    assert perfect.low < 0.9


def test_the_interval_holds_the_truth_in_about_95_of_100_draws() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(120) < 40
    area = 0.7602  # of two normals one standard deviation apart: Phi(1 / sqrt 2)
    held = 0
    for _ in range(400):
        found = auroc(rng.normal(size=120) + truth, truth)
        held += found.low <= area <= found.high
    assert 0.92 <= held / 400 <= 0.99


def test_more_images_make_it_narrower() -> None:
    few, many = newcombe(0.8, 20, 20), newcombe(0.8, 200, 200)
    assert few[0] < many[0] < 0.8 < many[1] < few[1]


def test_one_class_only_and_bad_scores_are_refused(unchecked_shapes: None) -> None:
    with pytest.raises(InputError, match=r"truth: expected positives and negatives, but got 3 and 0"):
        auroc(np.arange(3.0), np.ones(3, dtype=bool))
    with pytest.raises(InputError, match=r"scores: expected finite values, but got NaN or infinity"):
        auroc(np.array([np.nan, 1.0]), np.array([True, False]))
    with pytest.raises(MismatchError, match=r"scores: expected one a truth, but got \(2,\) and \(3,\)"):
        auroc(np.arange(2.0), np.ones(3, dtype=bool))
