"""One Gram matrix holds every pair's moments: the same numbers as each pair's own, added and subtracted freely."""

import numpy as np
import pytest

from t2c.core.laboratory import joint
from t2c.core.laboratory.joint import JointMoments, fold_joint, joint_centre, merge_joint
from t2c.core.maps.moments import Moments
from t2c.core.maps.ridge import fit
from t2c.schemas.errors import InputError, MismatchError

WIDTHS = (7, 3, 5)


def features(n: int, *, seed: int = 0, dtype: type = np.float32) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    base = rng.normal(2, 1, (n, 4))
    return [(base @ rng.normal(size=(4, d)) + rng.normal(size=(n, d))).astype(dtype) for d in WIDTHS]


def same(left: JointMoments, right: JointMoments, *, atol: float) -> None:
    assert left.n == right.n
    np.testing.assert_allclose(left.sums, right.sums, atol=atol)
    np.testing.assert_allclose(left.gram, right.gram, atol=atol)


def test_a_pair_is_what_its_own_moments_are() -> None:
    every = features(500)
    total = JointMoments.of(every, centre=joint_centre(every))
    for s in range(3):
        for t in range(3):
            pair = total.pair(s, t)
            want = Moments.of(every[s], every[t], centre=pair.centre)
            for name in ("sum_x", "sum_y", "xx", "xy", "yy"):
                np.testing.assert_allclose(getattr(pair, name), getattr(want, name), rtol=1e-5, atol=1e-2)
            assert np.shares_memory(pair.xy, total.gram)
    x, y = every[0].astype(float), every[2].astype(float)
    want = (x - x.mean(0)).T @ (y - y.mean(0))
    np.testing.assert_allclose(total.covariance(0, 2), want, rtol=1e-4, atol=1e-2)


def test_merge_equals_the_union_and_subtracting_equals_never_having_had() -> None:
    every = features(900, dtype=np.float64)
    centre = joint_centre([one[:50] for one in every])
    whole = JointMoments.of(every, centre=centre)
    one, two = (JointMoments.of([f[rows] for f in every], centre=centre) for rows in (slice(300), slice(300, None)))
    same(one + two, whole, atol=1e-9)
    same(whole - two, one, atol=1e-9)
    same(merge_joint([one, two], centre=centre), whole, atol=1e-9)
    assert merge_joint([], centre=centre).n == 0


@pytest.mark.parametrize("waiting", [10, 131_072])
def test_groups_of_a_stream_are_those_of_their_rows(monkeypatch: pytest.MonkeyPatch, waiting: int) -> None:
    monkeypatch.setattr(joint, "WAITING_AT_MOST", waiting)
    every = features(400, dtype=np.float64)
    group = np.random.default_rng(1).integers(-1, 3, 400)
    centre = joint_centre(every)
    blocks = [([f[start : start + 70] for f in every], group[start : start + 70]) for start in range(0, 400, 70)]
    found = fold_joint(blocks, centre=centre, groups=4)
    for index, one in enumerate(found):
        same(one, JointMoments.of([f[group == index] for f in every], centre=centre), atol=1e-9)
    assert found[3].n == 0


def test_float32_groups_lose_nothing_that_a_float32_product_had() -> None:
    every = features(3000)
    centre = joint_centre(every)
    group = np.arange(3000) % 2
    exact = fold_joint([(every, group)], centre=centre, groups=2)
    small = fold_joint([(every, group)], centre=centre, groups=2, dtype=np.float32)
    assert small[0].gram.dtype == np.float32
    for one, other in zip(exact, small, strict=True):
        np.testing.assert_array_equal(one.gram.astype(np.float32), other.gram)
    assert merge_joint(small, centre=centre).pair(0, 1).xx.dtype == np.float64


def test_subtracting_a_class_equals_never_having_had_it() -> None:
    every = features(300, dtype=np.float64)
    label = np.random.default_rng(2).integers(0, 3, 300)
    centre = joint_centre(every)
    by_class = fold_joint([(every, label)], centre=centre, groups=3)
    without = JointMoments.of([one[label != 1] for one in every], centre=centre)
    same(merge_joint(by_class, centre=centre) - by_class[1], without, atol=1e-9)


def test_few_rows_left_of_a_subtraction_have_the_rank_that_they_alone_had() -> None:
    rng = np.random.default_rng(4)
    every = [rng.normal(size=(20_000, width)).astype(np.float32) for width in (32, 8)]
    centre = joint_centre([one[:500] for one in every])
    few = np.arange(20_000) >= 10
    rest, whole = (JointMoments.of([one[rows] for one in every], centre=centre) for rows in (few, slice(None)))
    for left in (whole - rest, merge_joint([whole - rest], centre=centre), (whole - rest) + JointMoments.zero(centre)):
        assert fit(left.pair(0, 1), ridge=0.0).rank == 9
        assert left.pair(1, 0).summed < left.pair(0, 1).summed


@pytest.mark.parametrize("place", [0, 2])
def test_numbers_whose_squares_overflow_are_refused(place: int) -> None:
    every = features(50)
    every[place][7, 2] = 1e25
    centre = joint_centre([one[10:] for one in every])
    match = (
        rf"features of encoder {place + 1} of 3: expected numbers of up to about 2e\+16.*in dimension 2 first. Scale"
    )
    with pytest.raises(InputError, match=match):
        fold_joint([(every, np.zeros(50, np.int8))], centre=centre, groups=1)


def test_a_row_that_is_not_finite_is_refused_unless_it_is_left_out() -> None:
    every = features(50)
    centre = joint_centre(every)
    every[1][7, 2] = np.nan
    group = np.zeros(50, np.int8)
    with pytest.raises(
        InputError, match=r"features of encoder 2 of 3: expected finite numbers in every row used, but go"
    ):
        fold_joint([(every, group)], centre=centre, groups=1)
    group[7] = -1
    assert fold_joint([(every, group)], centre=centre, groups=1)[0].n == 49


def test_features_of_different_images_or_widths_are_refused() -> None:
    every = features(20)
    centre = joint_centre(every)
    with pytest.raises(MismatchError, match=r"joint features: expected the same images by each encoder.*\(19, 3\)"):
        JointMoments.of([every[0], every[1][:19], every[2]], centre=centre)
    with pytest.raises(MismatchError, match=r"dimensions \(7, 3, 5\), but got shapes \(\(20, 7\), \(20, 3\)\)"):
        JointMoments.of(every[:2], centre=centre)


def test_parts_about_two_centres_are_refused() -> None:
    every = features(20)
    one = JointMoments.of(every, centre=joint_centre(every))
    other = JointMoments.of(every, centre=joint_centre([part[:3] for part in every]))
    for combine in (lambda: one + other, lambda: one - other, lambda: merge_joint([other], centre=one.centre)):
        with pytest.raises(MismatchError, match=r"joint moments: expected one shared centre, but got two"):
            combine()
    with pytest.raises(InputError, match=r"moments to subtract: expected at most 0 rows, but got 20 rows"):
        JointMoments.zero(one.centre) - one
