"""A word agrees with a vector when it finds the same images; a word that finds others, or any, is told apart from it."""

import numpy as np
import pytest

from t2c.core.statistics.auroc import auroc
from t2c.core.words.fidelity import (
    FEWEST,
    NEAREST,
    Separation,
    agreement,
    images_compared,
    nearest_images,
    separation,
    separation_floor,
)
from t2c.schemas.errors import InputError, MismatchError

RNG = np.random.default_rng(8)
BY_VECTOR = RNG.normal(size=500)


def test_the_same_order_agrees_wholly() -> None:
    found = agreement(BY_VECTOR, 3 * BY_VECTOR + 1, k=20)
    assert (found.images, found.k, found.overlap, found.auroc) == (500, 20, 1.0, 1.0)


def test_the_opposite_order_does_not_agree_at_all() -> None:
    found = agreement(BY_VECTOR, -BY_VECTOR, k=20)
    assert (found.overlap, found.auroc) == (0.0, 0.0)


def test_an_order_of_its_own_agrees_by_chance() -> None:
    areas = [agreement(BY_VECTOR, RNG.normal(size=500), k=20).auroc for _ in range(50)]
    overlaps = [agreement(BY_VECTOR, RNG.normal(size=500), k=20).overlap for _ in range(50)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.04)
    assert np.mean(overlaps) == pytest.approx(20 / 500, abs=0.03)


def test_the_area_is_that_of_the_roc_curve_ties_counted_half() -> None:
    by_word = RNG.integers(0, 6, 500).astype(float)
    near = np.isin(np.arange(500), nearest_images(BY_VECTOR, k=30))
    assert agreement(BY_VECTOR, by_word, k=30).auroc == pytest.approx(auroc(by_word, near).auroc, abs=1e-12)


def test_overlap_counts_the_images_that_both_have() -> None:
    by_vector, by_word = np.arange(10.0), np.array([0, 0, 0, 0, 0, 0, 5, 6, 7, 8.0])
    assert agreement(by_vector, by_word, k=4).overlap == 1.0
    by_word[6] = -1
    assert agreement(by_vector, by_word, k=4).overlap == 0.75


def test_nearest_images_come_nearest_first_and_ties_in_order() -> None:
    values = np.array([1.0, 3, 3, 2, 3, 0])
    assert [nearest_images(values, k=k).tolist() for k in (1, 2, 4, 6)] == [
        [1],
        [1, 2],
        [1, 2, 4, 3],
        [1, 2, 4, 3, 0, 5],
    ]


@pytest.mark.parametrize(("images", "k"), [(FEWEST - 1, 0), (FEWEST, 2), (100, 10), (10_000, NEAREST)])
def test_a_tenth_of_few_images_is_compared_and_too_few_not_at_all(images: int, k: int) -> None:
    assert images_compared(images) == k


@pytest.mark.parametrize("k", [0, 500])
def test_no_images_or_all_of_them_are_refused(k: int) -> None:
    with pytest.raises(InputError, match=f"nearest images: expected 1 to 499 of 500, but got {k}"):
        agreement(BY_VECTOR, BY_VECTOR, k=k)


@pytest.mark.usefixtures("unchecked_shapes")
def test_two_numbers_of_images_are_refused() -> None:
    with pytest.raises(MismatchError, match=r"expected \(500,\), one an image, but got \(499,\)"):
        agreement(BY_VECTOR, BY_VECTOR[1:], k=3)


def test_sets_that_are_alike_differ_by_standard_errors() -> None:
    z = [separation(RNG.normal(size=80), RNG.normal(size=120)).z for _ in range(300)]
    assert np.mean(z) == pytest.approx(0, abs=0.2)
    assert np.std(z) == pytest.approx(1, abs=0.12)


def test_a_shift_up_is_above_and_a_shift_down_below() -> None:
    up = separation(RNG.normal(size=300), RNG.normal(size=300) + 0.5)
    down = separation(RNG.normal(size=300), RNG.normal(size=300) - 0.5)
    assert up.auroc > 0.6
    assert up.z > separation_floor(1000)
    assert down.auroc < 0.4
    assert down.z < -separation_floor(1000)


def test_a_share_that_has_fallen_is_seen_although_most_images_stay_alike() -> None:
    reference = np.where(np.arange(3000) < 500, 3.0, 0.0) + RNG.normal(size=3000) * 0.5
    current = np.where(np.arange(1000) < 100, 3.0, 0.0) + RNG.normal(size=1000) * 0.5
    assert separation(reference, current).z < -separation_floor(26)


def test_single_images_and_constants_have_no_z() -> None:
    assert separation(np.ones(1), np.zeros(1)).z == 0
    assert separation(np.ones(5), np.ones(4)) == Separation(0.5, 0.0)


def test_more_words_to_choose_from_ask_for_a_larger_shift() -> None:
    assert separation_floor(1) == pytest.approx(1.96, abs=0.01)
    assert separation_floor(1) < separation_floor(26) < separation_floor(7_600) < 5
