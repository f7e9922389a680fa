"""A shift splits exactly into class mix and what changed inside; the test of the inside keeps its level and finds shifts."""

import math

import numpy as np
import pytest

from t2c.core.shift.class_shift import FEWEST, ClassShift, class_mix, class_shift

MEANS = np.linspace(-1.5, 1.5, 8)
EVEN = np.full(8, 1 / 8)
SKEWED = np.arange(1, 9) / 36


def side(rng: np.random.Generator, rows: int, shares: np.ndarray, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    codes = rng.choice(8, rows, p=shares)
    return (MEANS[codes] + rng.normal(size=rows) + shift).astype(np.float32), codes


def split(reference: tuple[np.ndarray, np.ndarray], current: tuple[np.ndarray, np.ndarray]) -> ClassShift:
    mix = class_mix(reference[1], current[1], classes=8)
    return class_shift(reference[0], current[0], mix=mix, scale=float(reference[0].std()))


def test_the_two_parts_add_up_to_the_effect() -> None:
    rng = np.random.default_rng(0)
    before, after = side(rng, 3000, EVEN), side(rng, 1000, SKEWED, 0.3)
    found = split(before, after)
    effect = (after[0].mean(dtype=float) - before[0].mean(dtype=float)) / before[0].std(dtype=float)
    assert found.effect_mix + found.effect_within == pytest.approx(effect, abs=1e-5)
    assert found.effect_within == pytest.approx(0.3 / before[0].std(), abs=0.05)
    assert found.effect_mix == pytest.approx((SKEWED - EVEN) @ MEANS / before[0].std(), abs=0.06)
    assert found.log10_p_within < -6


@pytest.mark.parametrize(("rows", "shares"), [((2000, 400), (EVEN, SKEWED)), ((300, 300), (SKEWED, SKEWED))])
def test_under_another_mix_alone_the_inside_is_called_changed_no_more_often_than_said(
    rows: tuple[int, int], shares: tuple[np.ndarray, np.ndarray]
) -> None:
    rng = np.random.default_rng(1)
    p = np.array(
        [10 ** split(side(rng, rows[0], shares[0]), side(rng, rows[1], shares[1])).log10_p_within for _ in range(300)]
    )
    for level in (0.05, 0.2):
        assert np.mean(p <= level) <= level + 2 * math.sqrt(level * (1 - level) / len(p))
    assert np.mean(p <= 0.5) > 0.35


def test_the_halves_of_a_class_sorted_set_differ_by_class_mix_alone() -> None:
    values, codes = side(np.random.default_rng(2), 4000, EVEN)
    order = np.argsort(codes, kind="stable")
    values, codes = values[order], codes[order]
    halves = ((values[:2100], codes[:2100]), (values[2100:], codes[2100:]))
    found = split(*halves)
    assert found.effect_mix > 1
    assert abs(found.effect_within) < 0.05
    assert found.log10_p_within > math.log10(0.05)


def test_without_a_shared_class_everything_is_class_mix() -> None:
    rng = np.random.default_rng(3)
    one = (rng.normal(size=50), np.zeros(50, dtype=int))
    other = (rng.normal(size=50) + 3, np.ones(50, dtype=int))
    found = split(one, other)
    assert (found.effect_within, found.d_within, found.log10_p_within) == (0.0, 0.0, 0.0)
    assert found.effect_mix > 2


def test_classes_with_few_images_and_images_without_a_class_say_nothing_about_the_inside() -> None:
    rng = np.random.default_rng(4)
    codes = np.array([0] * 60 + [1] * (FEWEST - 1) + [-1] * 30)
    values = rng.normal(size=len(codes))
    moved = np.where(codes == 0, values, values + 50)
    mix = class_mix(codes, codes, classes=2)
    assert mix.shared.tolist() == [True, False]
    assert (mix.outside(), mix.unknown()) == ((FEWEST - 1, FEWEST - 1), (30, 30))
    found = class_shift(values, moved, mix=mix, scale=1.0)
    assert found.effect_within == 0.0
    assert found.effect_mix == pytest.approx(50 * (FEWEST - 1) / (60 + FEWEST - 1))
    assert found.log10_p_within == 0.0


def test_constants_and_sides_without_any_class_are_defined() -> None:
    flat, codes = np.zeros(40), np.zeros(40, dtype=int)
    assert class_shift(flat, flat, mix=class_mix(codes, codes, classes=1), scale=0.0) == ClassShift(0, 0, 0, 0)
    none = np.full(40, -1)
    assert class_shift(flat, flat, mix=class_mix(none, codes, classes=1), scale=1.0) == ClassShift(0, 0, 0, 0)


def test_a_p_value_beyond_all_simulations_goes_on_falling_with_the_distance() -> None:
    rng = np.random.default_rng(5)
    before = side(rng, 4000, EVEN)
    p = [split(before, (before[0] + shift, before[1])).log10_p_within for shift in (0.05, 0.2, 0.5, 2.0)]
    assert p == sorted(p, reverse=True)
    assert p[-1] < -200
    assert all(math.isfinite(one) for one in p)
