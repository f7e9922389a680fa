"""CKA and Procrustes distance: 1 and 0 for rotations, near their null values for unrelated spaces, blind to scale."""

import math

import numpy as np
import pytest

from t2c.core.laboratory.joint import JointMoments, joint_centre
from t2c.core.laboratory.space_similarity import nuclear_norm, space_similarity


def of(*features: np.ndarray) -> JointMoments:
    return JointMoments.of(features, centre=joint_centre(features))


def rotation(size: int, *, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


@pytest.mark.parametrize(("dtype", "atol"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_a_rotated_scaled_and_shifted_space_is_the_same_space(dtype: type, atol: float) -> None:
    x = np.random.default_rng(0).normal(size=(400, 12)) * np.arange(1, 13)
    found = space_similarity(of(x.astype(dtype), (3 * x @ rotation(12) + 5).astype(dtype)), 0, 1)
    assert found.cka == pytest.approx(1, abs=atol)
    assert found.procrustes == pytest.approx(0, abs=atol)


def test_unrelated_spaces_are_near_their_null_values() -> None:
    rng = np.random.default_rng(0)
    n, d, e = 5000, 20, 12
    found = space_similarity(of(rng.normal(size=(n, d)), rng.normal(size=(n, e))), 0, 1)
    assert found.cka == pytest.approx(math.sqrt(d * e) / n, rel=0.25)
    assert found.procrustes == pytest.approx(2, abs=0.12)


def test_both_equal_their_formulas_on_the_rows_themselves() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5))
    y = x[:, :3] + 0.7 * rng.normal(size=(60, 3))
    found = space_similarity(of(x, y), 0, 1)
    a, b = x - x.mean(0), y - y.mean(0)
    kernel, other = a @ a.T, b @ b.T
    assert found.cka == pytest.approx((kernel * other).sum() / np.linalg.norm(kernel) / np.linalg.norm(other))
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    assert found.procrustes == pytest.approx(2 - 2 * np.linalg.svd(a.T @ b, compute_uv=False).sum())


def test_the_order_of_the_two_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4))
    moments = of(x, x @ rng.normal(size=(4, 6)))
    there, back = space_similarity(moments, 0, 1), space_similarity(moments, 1, 0)
    assert (there.cka, there.procrustes) == (pytest.approx(back.cka), pytest.approx(back.procrustes))


def test_a_space_that_does_not_vary_has_no_similarity() -> None:
    found = space_similarity(of(np.ones((20, 3)), np.random.default_rng(0).normal(size=(20, 2))), 0, 1)
    assert math.isnan(found.cka)
    assert math.isnan(found.procrustes)


def test_the_nuclear_norm_is_the_sum_of_singular_values() -> None:
    for shape in ((9, 4), (4, 9)):
        matrix = np.random.default_rng(0).normal(size=shape)
        assert nuclear_norm(matrix) == pytest.approx(np.linalg.svd(matrix, compute_uv=False).sum())
