"""Orthogonal Procrustes with scale: recovered whatever the shapes, better than its neighbours, honest about its steps."""

import re

import numpy as np
import pytest

from t2c.core.maps import rotation_search as module
from t2c.core.maps.aligners import procrustes
from t2c.core.maps.moments import Moments, estimate_centre
from t2c.core.maps.procrustes import fit_rotation, polar
from t2c.core.maps.quality import quality
from t2c.core.maps.rotation_search import search_rotation
from t2c.schemas.errors import InputError
from tests.planted.maps import evidence, paired, rotation


def falling(*, seed: int, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return x (4000, 512) whose spread falls as 1 / k, y (4000, 64) by a planted rotation with noise, y without it."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(4000, 512)) * (10 / np.arange(1, 513))
    planted = 1.7 * x @ np.linalg.qr(rng.normal(size=(512, 64)))[0] + 1
    y = planted + noise * rng.normal(size=planted.shape)
    return x.astype(np.float32), y.astype(np.float32), planted


def spectrum(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the eigenvalues of X'X about the mean, and X'Y along its eigenvectors."""
    x, y = ((part - part.mean(axis=0)).astype(np.float64) for part in (x, y))
    values, vectors = np.linalg.eigh(x.T @ x)
    return values, vectors.T @ (x.T @ y)


@pytest.mark.parametrize(("source", "target"), [(6, 6), (4, 9), (9, 4)])
def test_a_rotation_with_scale_is_recovered_whatever_the_shapes(source: int, target: int) -> None:
    weight = 0.6 * rotation(source, target)
    fitted = procrustes().fit(evidence(*paired(weight)))
    np.testing.assert_allclose(fitted.map.weight, weight, atol=1e-5)
    assert fitted.notes[0] == "one scale for all lengths: 0.6"


@pytest.mark.parametrize(("source", "target"), [(6, 6), (4, 9), (9, 4)])
def test_no_rotation_nearby_is_better(source: int, target: int) -> None:
    rng = np.random.default_rng(8)
    given = evidence(*paired(rng.normal(size=(source, target)), noise=0.5))
    found, mean = procrustes().fit(given).map, given.moments.mean_y
    best = quality(given.moments, found, train_mean=mean).r2_variance_weighted
    scale = np.linalg.norm(found.weight) / min(source, target) ** 0.5
    q = found.weight.astype(np.float64) / scale
    for _ in range(20):
        turned = np.linalg.svd(q + 0.03 * rng.normal(size=q.shape), full_matrices=False)
        other = scale * (turned[0] @ turned[2])
        moved = type(found)(other.astype(np.float32), (mean - given.moments.mean_x @ other).astype(np.float32))
        assert quality(given.moments, moved, train_mean=mean).r2_variance_weighted < best + 1e-6


@pytest.mark.parametrize(("source", "target", "method"), [(4, 9, "svd"), (6, 6, "svd"), (9, 4, "trust-region")])
def test_a_source_no_wider_than_its_target_has_a_closed_form(source: int, target: int, method: str) -> None:
    given = evidence(*paired(np.random.default_rng(8).normal(size=(source, target)), noise=0.5))
    assert procrustes().fit(given).method == method
    assert (fit_rotation(given.moments).steps == 0) == (method == "svd")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [0.3, 2.0])
def test_a_wide_source_of_falling_spread_is_fitted_better_than_by_the_planted_rotation(seed: int, noise: float) -> None:
    """Noise lets the best rotation fit a little better than the planted one; slow first steps must not end the search."""
    x, y, planted = falling(seed=seed, noise=noise)
    fitted = fit_rotation(Moments.of(x, y, centre=estimate_centre(x, y)))
    assert fitted.converged
    assert 0 < fitted.promise <= module.TOLERANCE
    assert ((fitted.map.apply(x) - y) ** 2).mean() < ((planted - y) ** 2).mean()


@pytest.mark.parametrize("seed", range(3))
def test_both_starts_end_at_the_same_error(seed: int) -> None:
    x, y, _ = falling(seed=seed)
    energy, cross = spectrum(x, y)
    starts = polar(cross), polar(cross / energy[:, None])
    ends = [search_rotation(start, energy, cross) for start in starts]
    assert all(end.converged for end in ends)
    assert ends[0].error == pytest.approx(ends[1].error, rel=10 * module.TOLERANCE)
    assert all(end.error < 0.99 * module.error_of(starts[0], energy, cross) for end in ends)


def test_a_search_ends_as_near_its_minimum_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searched on to a promise of 1e-9 the gradient along the constraint vanishes, and hardly any error was left to remove."""
    x, y, _ = falling(seed=0)
    energy, cross = spectrum(x, y)

    def slope(q: np.ndarray) -> float:
        gradient = module.scale_of(q, energy, cross) * energy[:, None] * q - cross
        inside = q.T @ gradient
        return float(np.linalg.norm(gradient - q @ (inside + inside.T) / 2))

    start = polar(cross)
    end = search_rotation(start, energy, cross)
    monkeypatch.setattr(module, "TOLERANCE", 1e-9)
    rest = search_rotation(end.q, energy, cross)
    assert rest.converged
    assert slope(rest.q) < 1e-3 * slope(start)
    assert rest.error <= end.error < (1 - 5e-5) * rest.error
    np.testing.assert_allclose(rest.q.T @ rest.q, np.eye(64), atol=1e-10)


def test_a_source_that_does_not_vary_is_mapped_to_the_mean() -> None:
    x, y = np.ones((20, 5), np.float32), np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    fitted = fit_rotation(Moments.of(x, y, centre=estimate_centre(x, y)))
    assert (fitted.scale, fitted.converged) == (0.0, True)
    np.testing.assert_allclose(fitted.map.apply(x), np.tile(y.mean(axis=0), (20, 1)), atol=1e-6)


def test_steps_that_did_not_suffice_say_how_far_from_rest_they_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    given = evidence(*paired(np.random.default_rng(8).normal(size=(9, 4)), noise=0.5))
    assert len(procrustes().fit(given).notes) == 1
    monkeypatch.setattr(module, "MOST_STEPS", 1)
    note = r"the rotation had not come to rest after 1 steps: the next promised 0\.\d+ of the squared error removed"
    assert re.fullmatch(note, procrustes().fit(given).notes[1])


def test_no_rows_are_refused() -> None:
    moments = evidence(*paired(rotation())).moments
    with pytest.raises(InputError, match="rows to fit: expected 1 or more, but got 0"):
        fit_rotation(moments - moments)
