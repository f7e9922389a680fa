"""Every pair's map from one Gram matrix is the map its own moments give, with the ridge that held-out rows prefer."""

import numpy as np
import pytest

from t2c.core.laboratory.joint import JointMoments, joint_centre
from t2c.core.laboratory.joint_fit import choose_ridges, fit_pairs, ordered_pairs
from t2c.core.maps.moments import Moments
from t2c.core.maps.ridge import choose_ridge, fit

WIDTHS = (9, 4, 6)


def planted(n: int, *, noise: float, seed: int = 0) -> list[np.ndarray]:
    """Return three noisy linear views of four hidden causes."""
    rng = np.random.default_rng(7)
    mixes = [rng.normal(size=(4, width)) for width in WIDTHS]
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(n, 4))
    return [(base @ mix + noise * rng.normal(size=(n, mix.shape[1])) + 2).astype(np.float32) for mix in mixes]


def split(n: int, *, noise: float):
    every = planted(n, noise=noise)
    centre = joint_centre(every)
    thirds = np.array_split(np.arange(n), 3)
    return every, [JointMoments.of([one[rows] for one in every], centre=centre) for rows in thirds]


def test_identity_pairs_are_left_out() -> None:
    assert ordered_pairs(3) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]


def test_maps_are_those_of_each_pairs_own_moments() -> None:
    every, (train, validation, held) = split(600, noise=0.3)
    ridges = choose_ridges(train, validation)
    for found in fit_pairs(train + validation, held, ridges=ridges):
        x, y = every[found.source][:400], every[found.target][:400]
        centre = train.pair(found.source, found.target).centre
        alone = fit(Moments.of(x, y, centre=centre), ridge=ridges[found.source, found.target])
        # the same rows in other blocks: float32 products round otherwise, and the solve amplifies that by its condition
        np.testing.assert_allclose(found.solution.map.weight, alone.map.weight, atol=5e-5)
        rest_x, rest_y = every[found.source][400:], every[found.target][400:]
        error = ((found.solution.map.apply(rest_x) - rest_y) ** 2).sum()
        assert found.quality is not None
        assert found.quality.r2_variance_weighted == pytest.approx(
            1 - error / ((rest_y - rest_y.mean(0)) ** 2).sum(), 1e-4
        )


def test_the_ridge_is_the_one_that_a_two_fold_search_rates_best_on_the_same_split() -> None:
    every, (train, validation, _) = split(60, noise=2.0)
    ridges = choose_ridges(train, validation)
    for (source, target), ridge in ridges.items():
        pair, other = train.pair(source, target), validation.pair(source, target)
        candidates = choose_ridge([pair, other]).candidates
        x, y = every[source][20:40], every[target][20:40]
        errors = [((fit(pair, ridge=one).map.apply(x) - y) ** 2).sum() for one in candidates]
        assert ridge == pytest.approx(candidates[int(np.argmin(errors))])


def test_perfectly_related_spaces_have_r2_of_one() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 5))
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    every = [x, 2 * x @ turn + 1]
    centre = joint_centre(every)
    parts = [JointMoments.of([one[rows] for one in every], centre=centre) for rows in np.array_split(np.arange(300), 3)]
    for found in fit_pairs(parts[0] + parts[1], parts[2], ridges=choose_ridges(*parts[:2])):
        assert found.quality is not None
        assert found.quality.r2_variance_weighted == pytest.approx(1, abs=1e-6)


def test_too_few_rows_to_choose_or_judge_are_defined() -> None:
    _, (train, *_) = split(300, noise=0.3)
    nothing = JointMoments.zero(train.centre)
    assert set(choose_ridges(train, nothing).values()) == {0.0}
    assert [one.quality for one in fit_pairs(train, nothing, ridges={(0, 1): 1.0})] == [None]


def test_fewer_rows_than_dimensions_and_constant_columns_are_solved() -> None:
    every = planted(12, noise=0.5)
    every[0][:, 2] = 1
    centre = joint_centre(every)
    train, validation, held = (
        JointMoments.of([one[rows] for one in every], centre=centre) for rows in np.array_split(np.arange(12), 3)
    )
    for found in fit_pairs(train + validation, held, ridges=dict.fromkeys(ordered_pairs(3), 0.0)):
        assert found.solution.rank <= 7
        assert np.isfinite(found.solution.map.weight).all()
    assert all(np.isfinite(ridge) for ridge in choose_ridges(train, validation).values())
