"""A curve's maps are those of the rows they claim, its last point the plain fit, and its points grow to everything."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2c.core.laboratory.curves import curve, light_fit, point_counts
from t2c.core.laboratory.joint import JointMoments, fold_joint, joint_centre, merge_joint
from t2c.core.maps.ridge import fit
from t2c.schemas.errors import InputError


def planted(n: int = 1200, *, noise: float = 0.5, dtype: type = np.float32) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(1, 1, (n, 8))
    return [x.astype(dtype), (x @ rng.normal(size=(8, 3)) + noise * rng.normal(size=(n, 3))).astype(dtype)]


def parts_of(every: list[np.ndarray], parts: int) -> tuple[list[JointMoments], JointMoments, np.ndarray]:
    """Return the parts, the held-out rows, and the part of each row; the last part is held out."""
    part = np.arange(len(every[0])) % (parts + 1)
    centre = joint_centre([one[:100] for one in every])
    found = fold_joint([(every, part)], centre=centre, groups=parts + 1, dtype=every[0].dtype.type)
    return list(found[:-1]), found[-1], part


def test_every_point_is_the_fit_of_its_own_rows() -> None:
    every = planted(dtype=np.float64)
    parts, held, part = parts_of(every, 10)
    for point in curve(parts, held, counts=(1, 3, 10), seeds=(0, 1), ridge=0.5):
        rows = np.isin(part, point.parts)
        alone = JointMoments.of([one[rows] for one in every], centre=held.centre).pair(0, 1)
        assert point.n == rows.sum()
        np.testing.assert_allclose(point.linear_map.weight, fit(alone, ridge=0.5).map.weight, atol=1e-6)


def test_the_last_point_is_the_plain_fit_bit_for_bit_whatever_the_seed() -> None:
    parts, held, _ = parts_of(planted(), 10)
    plain = fit(merge_joint(parts, centre=held.centre).pair(0, 1), ridge=0.5).map
    last = [point for point in curve(parts, held, counts=(2, 10), seeds=(0, 1, 2), ridge=0.5) if len(point.parts) == 10]
    assert [point.seed for point in last] == [0, 1, 2]
    for point in last:
        np.testing.assert_array_equal(point.linear_map.weight, plain.weight)
        np.testing.assert_array_equal(point.linear_map.bias, plain.bias)


def test_seeds_differ_and_more_rows_are_better() -> None:
    parts, held, _ = parts_of(planted(400, noise=2.0), 40)
    found = list(curve(parts, held, counts=(2, 8, 40), seeds=(0, 1, 2), ridge=0.0))
    assert len({point.parts for point in found if len(point.parts) == 2}) == 3
    mean = [np.mean([p.quality.r2_variance_weighted for p in found if len(p.parts) == count]) for count in (2, 8, 40)]
    assert mean[0] < mean[1] < mean[2]


def test_nested_points_share_their_rows() -> None:
    parts, held, _ = parts_of(planted(400), 40)
    small, large = curve(parts, held, counts=(5, 20), seeds=(3,), ridge=1.0)
    assert large.parts[:5] == small.parts


def test_no_held_out_rows_leave_the_quality_open() -> None:
    parts, held, _ = parts_of(planted(100), 4)
    found = list(curve(parts, JointMoments.zero(held.centre), counts=(4,), seeds=(0,), ridge=1.0))
    assert [point.quality for point in found] == [None]


@pytest.mark.parametrize("n", [1, 5])
def test_fewer_rows_than_dimensions_are_solved_as_fit_solves_them(n: int) -> None:
    every = planted(n)
    pair = JointMoments.of(every, centre=joint_centre(every)).pair(0, 1)
    np.testing.assert_array_equal(light_fit(pair, ridge=0.0).weight, fit(pair, ridge=0.0).map.weight)


def test_counts_of_the_usual_curve() -> None:
    assert point_counts(58, 12) == (1, 2, 3, 4, 6, 8, 11, 15, 21, 29, 41, 58)
    assert point_counts(1, 12) == (1,)
    assert point_counts(58, 1) == (58,)
    with pytest.raises(InputError, match=r"parts and points of a curve: expected 1 or more of each, but got 0 and 3"):
        point_counts(0, 3)


@given(st.integers(1, 300), st.integers(1, 40))
def test_counts_grow_to_all_parts(parts: int, points: int) -> None:
    counts = point_counts(parts, points)
    assert len(counts) == min(parts, points)
    assert counts[-1] == parts
    assert all(a < b for a, b in pairwise(counts))
    assert counts[0] == 1 or points == 1
