"""Reduced-rank regression: the best map of its rank, the ridge solution at full rank, ranks that cannot be refused."""

import numpy as np
import pytest

from t2c.core.maps.aligners import least_squares, low_rank
from t2c.core.maps.low_rank import fit_low_rank
from t2c.core.maps.quality import quality
from t2c.schemas.errors import InputError
from tests.planted.maps import FREE, SOURCE, TARGET, evidence, low, paired


def test_a_rank_that_is_too_small_is_worse_than_the_planted_one_and_a_full_one_is_the_ridge_solution() -> None:
    given = evidence(*paired(low(3), noise=0.1))
    scores = {}
    for rank in (1, 2, 3, TARGET):
        fitted = low_rank(rank, ridge=2.0).fit(given)
        assert np.linalg.matrix_rank(fitted.map.weight, tol=1e-4) <= rank
        scores[rank] = quality(given.moments, fitted.map, train_mean=given.moments.mean_y).r2_variance_weighted
    assert scores[1] < scores[2] < scores[3] - 0.01
    full = least_squares(2.0).fit(given)
    np.testing.assert_allclose(low_rank(TARGET, ridge=2.0).fit(given).map.weight, full.map.weight, atol=1e-5)


def test_a_low_rank_map_is_the_best_of_its_rank() -> None:
    given = evidence(*paired(FREE, noise=0.5))
    best = low_rank(2).fit(given).map
    rng = np.random.default_rng(2)
    left, values, right = np.linalg.svd(best.weight.astype(np.float64), full_matrices=False)
    mean = given.moments.mean_y
    for _ in range(20):
        other = (left[:, :2] + 0.05 * rng.normal(size=(SOURCE, 2))) @ np.diag(values[:2]) @ right[:2]
        bias = mean - given.moments.mean_x @ other
        moved = type(best)(other.astype(np.float32), bias.astype(np.float32))
        kept, lost = (quality(given.moments, one, train_mean=mean).r2_variance_weighted for one in (best, moved))
        assert lost < kept


@pytest.mark.parametrize("rank", [0, 6])
def test_a_rank_that_cannot_be_is_refused_naming_both_sides(rank: int) -> None:
    message = rf"rank: expected 1 to 5, the smaller of 8 -> 5 dimensions, but got {rank}"
    with pytest.raises(InputError, match=message):
        fit_low_rank(evidence(*paired(FREE)).moments, rank=rank)
