"""Principal components match one to one for rotations of one space, and no better than chance for unrelated ones."""

import numpy as np
import pytest

from t2c.core.laboratory.components import component_map, diagonal_share, principal_axes, random_share
from t2c.core.laboratory.joint import JointMoments, joint_centre
from t2c.schemas.errors import InputError


def of(*features: np.ndarray) -> JointMoments:
    return JointMoments.of(features, centre=joint_centre(features))


def spread(n: int = 600, d: int = 12, *, seed: int = 0) -> np.ndarray:
    """Return features whose principal variances are well apart."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) * 2.0 ** -np.arange(d) @ np.linalg.qr(rng.normal(size=(d, d)))[0]


def turned(x: np.ndarray, *, seed: int = 1) -> np.ndarray:
    return x @ np.linalg.qr(np.random.default_rng(seed).normal(size=(x.shape[1],) * 2))[0] + 3


def test_components_are_those_of_a_full_decomposition() -> None:
    x = spread()
    (axes,) = principal_axes(of(x), k=5)
    _, singular, right = np.linalg.svd(x - x.mean(0), full_matrices=False)
    np.testing.assert_allclose(axes.variance, singular[:5] ** 2, rtol=1e-8)
    np.testing.assert_allclose(np.abs(np.sum(axes.vectors * right[:5].T, axis=0)), 1, atol=1e-8)
    np.testing.assert_allclose(axes.share, singular[:5] ** 2 / (singular**2).sum(), rtol=1e-8)
    largest = axes.vectors[np.abs(axes.vectors).argmax(axis=0), np.arange(5)]
    assert (largest > 0).all()


def test_rotations_of_one_space_match_component_by_component() -> None:
    moments = of(spread(), turned(spread()), turned(spread(), seed=2))
    axes = principal_axes(moments, k=10)
    for source, target in ((0, 1), (1, 0), (1, 2)):
        rows = component_map(moments, axes, source, target)
        np.testing.assert_allclose(rows, np.eye(10), atol=1e-6)
        np.testing.assert_allclose(diagonal_share(rows, p=0), 1, atol=1e-6)


def test_signs_agree_so_that_an_average_over_pairs_does_not_cancel() -> None:
    rng = np.random.default_rng(3)
    views = [turned(spread() + 0.02 * rng.normal(size=(600, 12)), seed=seed) for seed in range(4)]
    moments = of(*views)
    axes = principal_axes(moments, k=5)
    mean = np.mean([component_map(moments, axes, s, t) for s in range(4) for t in range(4) if s != t], axis=0)
    assert (np.diag(mean) > 0.95).all()


def test_unrelated_spaces_are_near_the_random_share() -> None:
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(20):
        moments = of(rng.normal(size=(2000, 20)), rng.normal(size=(2000, 20)))
        shares.append(diagonal_share(component_map(moments, principal_axes(moments, k=20), 0, 1), p=2))
    np.testing.assert_allclose(np.mean(shares, axis=0), random_share(20, p=2), atol=0.12)
    assert np.mean(shares) == pytest.approx(random_share(20, p=2).mean(), abs=0.02)


def test_the_random_share_is_that_of_random_matrices() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(2000, 40, 40))
    rows /= np.linalg.norm(rows, axis=2, keepdims=True)
    drawn = np.mean([diagonal_share(one, p=5) for one in rows], axis=0)
    np.testing.assert_allclose(drawn, random_share(40, p=5), atol=0.01)
    assert random_share(40, p=5)[20] == 11 / 40
    assert random_share(40, p=5)[0] == 6 / 40


def test_fewer_components_than_asked_for_are_what_varies() -> None:
    flat = np.concatenate([spread(d=3), np.ones((600, 4))], axis=1)
    moments = of(flat, spread(d=6, seed=4))
    axes = principal_axes(moments, k=40)
    assert [len(one.variance) for one in axes] == [3, 6]
    assert component_map(moments, axes, 0, 1).shape == (6, 3)
    assert np.isfinite(component_map(moments, axes, 1, 0)).all()


def test_features_that_do_not_vary_are_refused() -> None:
    with pytest.raises(InputError, match=r"features of encoder 2: expected features that vary, but got one point"):
        principal_axes(of(spread(), np.ones((600, 3))), k=2)
    with pytest.raises(InputError, match=r"components: expected 1 or more, but got 0"):
        principal_axes(of(spread()), k=0)
    with pytest.raises(InputError, match=r"width of the diagonal: expected 0 or more, but got -1"):
        diagonal_share(np.eye(3), p=-1)
