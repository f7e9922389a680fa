"""R2 from held-out moments equals R2 from held-out rows, by scikit-learn's definitions and the authors'."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.moments import Moments, estimate_centre
from t2c.core.maps.quality import quality
from t2c.core.maps.ridge import fit
from t2c.schemas.errors import InputError, MismatchError


def rows(n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(1, 1, (n, 10))
    y = x @ np.random.default_rng(9).normal(size=(10, 4)) * [1, 2, 0.1, 1] + rng.normal(0, 1, (n, 4)) + [5, 0, -3, 0]
    return x.astype(np.float32), y.astype(np.float32)


def r2_global(y: np.ndarray, predicted: np.ndarray) -> float:
    return 1 - ((y - predicted) ** 2).mean() / y.var()


def test_every_figure_equals_that_of_the_rows() -> None:
    x, y = rows(400)
    held_x, held_y = rows(150, seed=1)
    centre = estimate_centre(x, y)
    solution = fit(Moments.of(x, y, centre=centre), ridge=1.0)
    found = quality(Moments.of(held_x, held_y, centre=centre), solution.map, train_mean=y.mean(axis=0))
    predicted, mean = solution.map.apply(held_x), np.broadcast_to(y.mean(axis=0), held_y.shape)
    held_y = held_y.astype(np.float64)
    assert found.n == 150
    assert found.r2_variance_weighted == pytest.approx(
        r2_score(held_y, predicted, multioutput="variance_weighted"), abs=1e-6
    )
    assert found.r2_uniform == pytest.approx(r2_score(held_y, predicted), abs=1e-6)
    assert found.r2_global == pytest.approx(r2_global(held_y, predicted), abs=1e-6)
    assert found.mean_variance_weighted == pytest.approx(
        r2_score(held_y, mean, multioutput="variance_weighted"), abs=1e-6
    )
    assert found.mean_uniform == pytest.approx(r2_score(held_y, mean), abs=1e-6)
    assert found.mean_global == pytest.approx(r2_global(held_y, mean), abs=1e-6)
    assert found.mean_global > 0.3 > 0.01 > found.mean_variance_weighted


def test_the_centre_does_not_matter() -> None:
    x, y = rows(300)
    found = []
    for shift in (0, 3):
        centre = estimate_centre(x[:50] + shift, y[:50] - shift)
        moments = Moments.of(x, y, centre=centre)
        linear_map = LinearMap(np.full((10, 4), 0.1, np.float32), np.ones(4, np.float32))
        found.append(quality(moments, linear_map, train_mean=np.ones(4)).r2_variance_weighted)
    assert found[0] == pytest.approx(found[1], abs=1e-5)


def test_a_target_that_never_varies_scores_one_or_nothing() -> None:
    x, y = rows(100)
    y[:, 2] = 4.0
    moments = Moments.of(x, y, centre=estimate_centre(x, y))
    right = quality(moments, fit(moments, ridge=0).map, train_mean=moments.mean_y)
    wrong = quality(
        moments, LinearMap(np.zeros((10, 4), np.float32), np.zeros(4, np.float32)), train_mean=moments.mean_y
    )
    perfect_uniform = r2_score(y, fit(moments, ridge=0).map.apply(x).astype(np.float64).round(5))
    assert right.r2_uniform == pytest.approx(perfect_uniform, abs=1e-5)
    assert right.mean_uniform == pytest.approx(0.25, abs=1e-6)  # one of four dimensions is predicted exactly
    assert wrong.r2_uniform < 0


def test_targets_that_never_vary_at_all_are_defined() -> None:
    x, y = rows(20)
    moments = Moments.of(x, np.ones_like(y), centre=estimate_centre(x, np.ones_like(y)))
    found = quality(moments, LinearMap(np.zeros((10, 4), np.float32), np.ones(4, np.float32)), train_mean=np.ones(4))
    assert (found.r2_variance_weighted, found.r2_uniform, found.r2_global) == (1.0, 1.0, 1.0)


def test_what_cannot_be_judged_is_refused() -> None:
    x, y = rows(30)
    centre = estimate_centre(x, y)
    moments = Moments.of(x, y, centre=centre)
    linear_map = fit(moments, ridge=0).map
    with pytest.raises(InputError, match=r"held-out rows: expected 2 or more, but got 1\. Hold out more rows"):
        quality(Moments.of(x[:1], y[:1], centre=centre), linear_map, train_mean=np.zeros(4))
    with pytest.raises(MismatchError, match=r"map to judge: expected dimensions \(10, 4\) as in the moments"):
        quality(moments, LinearMap(linear_map.weight[:9], linear_map.bias), train_mean=np.zeros(4))
    with pytest.raises(MismatchError, match=r"map to judge: .* mean of shape \(3,\)"):
        quality(moments, linear_map, train_mean=np.zeros(3))
