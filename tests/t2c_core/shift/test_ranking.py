"""Backgrounds, exact tests of shares, families and the ranking: against scipy, by hand, and on sides that are alike."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from t2c.core.shift.background import Background, centred, joined, without_each
from t2c.core.shift.clusters import Clusters
from t2c.core.shift.families import MOST, Families, families_of
from t2c.core.shift.judges import ByCluster, ByImage, Standouts
from t2c.core.shift.prominence import Leaders, most_prominent, z_of
from t2c.core.shift.ranking import FamilyLens, rank_families, worth_a_line
from t2c.core.shift.shares import (
    log10_fisher,
    log10_smallest,
    newcombe,
    standardised_difference,
    visible_share,
    within_reach,
)
from t2c.schemas.errors import InputError, MismatchError

CONCEPTS = 40


def alone(concepts: int) -> Families:
    every = np.arange(concepts, dtype=np.int32)
    return Families(every, every)


def test_moments_give_mean_and_spread_of_any_direction_and_parts_add_and_subtract() -> None:
    rng = np.random.default_rng(0)
    units = rng.normal(size=(300, 8))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    directions = centred(rng.normal(size=(5, 8)))
    similarity = units @ directions.T
    parts = [Background.of(units[start::5]) for start in range(5)]
    whole = sum(parts[1:], start=parts[0])
    spread = whole.spread(directions)
    np.testing.assert_allclose(spread.mean[0], similarity.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(spread.std[0], similarity.std(axis=0), rtol=1e-9)
    np.testing.assert_allclose(whole.correlation(directions), np.corrcoef(similarity.T), atol=1e-9)
    rest = joined([part.spread(directions) for part in without_each(parts)])
    for fold in range(5):
        others = np.delete(similarity, np.s_[fold::5], axis=0)
        np.testing.assert_allclose(rest.std[fold], others.std(axis=0), rtol=1e-9)
    again = Background.from_moments(whole.n, whole.mean, whole.covariance).spread(directions)
    np.testing.assert_allclose(again.std, spread.std, rtol=1e-9)
    with pytest.raises(MismatchError, match="background: expected an axis of 8, but got 3"):
        whole + Background.zero(3)
    with pytest.raises(InputError, match="background: expected one image or more"):
        _ = Background.zero(3).mean


def test_one_concept_after_the_other_leads_as_in_the_whole_matrix_and_ties_go_to_the_lower_key() -> None:
    rng = np.random.default_rng(1)
    similarity = rng.normal(size=(50, 6)).astype(np.float32)
    similarity[:, 3] = similarity[:, 1]
    background = Background.of(rng.normal(size=(90, 6)))
    spread = background.spread(np.eye(6))
    spread.std[0, 3], spread.mean[0, 3] = spread.std[0, 1], spread.mean[0, 1]
    spread.std[0, 5] = 1e-9
    leaders = Leaders(50)
    for key in range(6):
        leaders.offer(key, z_of(similarity[:, key], key, spread))
    assert 3 not in leaders.key
    assert 5 not in leaders.key
    np.testing.assert_array_equal(leaders.key, most_prominent(similarity.astype(np.float64), spread))


def test_p_values_are_those_of_fisher_and_the_smallest_is_reached() -> None:
    rng = np.random.default_rng(2)
    for n, m in ((30, 47), (824, 810), (100, 1500)):
        before, after = rng.integers(0, 25, 20), rng.integers(0, 25, 20)
        want = [fisher_exact([[a, n - a], [b, m - b]])[1] for a, b in zip(before, after, strict=True)]
        np.testing.assert_allclose(log10_fisher(before, n, after, m), np.log10(want), atol=1e-9)
        for hits, smallest in zip((0, 3, 9), log10_smallest(np.array([0, 3, 9]), n, m), strict=True):
            splits = np.arange(max(0, hits - m), min(hits, n) + 1)
            assert smallest == pytest.approx(log10_fisher(splits, n, hits - splits, m).min(), abs=1e-9)
    assert log10_fisher(np.array([0, 30_000]), 1_000_000, np.array([0, 45_000]), 500_000)[1] < -300


def test_what_cannot_reach_significance_is_dropped_by_tarone_s_rule() -> None:
    # with k = 2 two tests reach 0.025; a third that reaches only 0.03 does not count against them
    kept = within_reach(np.log10([0.001, 0.02, 0.03, 0.2, 1.0]), alpha=0.05)
    assert kept.tolist() == [True, True, False, False, False]
    assert not within_reach(np.log10([0.2, 1.0]), alpha=0.05).any()


def test_intervals_have_a_width_at_zero_and_fewer_observations_widen_them() -> None:
    low, high = newcombe(0, 100, 0, 100, size=(100, 100))
    assert low < 0 < high
    wide = newcombe(10, 20, 30, 20, size=(200, 200))
    narrow = newcombe(10, 200, 30, 200, size=(200, 200))
    assert wide[0] < narrow[0] < 0.1 < narrow[1] < wide[1]
    # Newcombe 1998, table II, case (a): 56/70 against 48/80
    assert newcombe(48, 80, 56, 70, size=(80, 70)) == pytest.approx((0.0524, 0.3339), abs=5e-4)
    assert standardised_difference(np.array([0]), 10, np.array([0]), 10)[0] == 0
    assert visible_share(10_000, 10_000, alpha=0.05, tests=10) < visible_share(200, 200, alpha=0.05, tests=10)


def test_families_are_close_in_text_and_pictures_bounded_and_never_across_answers_to_one_question() -> None:
    close = np.full((3, 3), 0.9)
    families = families_of(close, close)
    assert families.family.tolist() == [0, 0, 0]
    assert families_of(close, np.eye(3)).family.tolist() == [0, 1, 2]
    assert families_of(close, close, groups=["colour", "colour", None]).family.tolist() == [0, 1, 2]
    many = np.full((2 * MOST, 2 * MOST), 0.9)
    assert np.bincount(families_of(many, many).family).max() <= MOST
    assert families.sums(np.array([1, 2, 4])).tolist() == [7]


def test_sides_that_are_alike_are_seldom_flagged_and_a_vanished_concept_leads() -> None:
    rng = np.random.default_rng(3)
    flagged = 0
    for _ in range(120):
        shown = rng.integers(0, CONCEPTS, (2, 900)).astype(np.int32)
        lenses = {
            "within": Standouts(shown[0, :800], shown[0, 800:]),
            "at large": Standouts(shown[1, :800], shown[1, 800:]),
        }
        ranked = rank_families(lenses, alone(CONCEPTS), ByImage(800, 100), alpha=0.05, min_share=0.0)
        flagged += any(entry.verdict in ("risen", "fallen") for entry in ranked)
    assert flagged <= 120 * 0.05 + 3 * (120 * 0.05 * 0.95) ** 0.5
    before, after = rng.integers(0, CONCEPTS, (2, 2000)).astype(np.int32)
    after[after == 7] = 8
    ranked = rank_families(
        {"within": Standouts(before, after)}, alone(CONCEPTS), ByImage(2000, 2000), alpha=0.05, min_share=0.01
    )
    assert {(entry.head, entry.verdict) for entry in ranked[:2]} == {(7, "fallen"), (8, "risen")}


def test_lenses_that_disagree_give_two_lines_and_unconfirmed_ones_high_up_cannot_tell() -> None:
    before, after = np.zeros(2000, dtype=np.int32), np.zeros(2000, dtype=np.int32)
    before[:200] = after[:20] = 1
    up, down = Standouts(after, before), Standouts(before, after)
    ranked = rank_families({"within": up, "at large": down}, alone(2), ByImage(2000, 2000), alpha=0.05, min_share=0.01)
    assert sorted((entry.head, entry.lens, entry.verdict) for entry in ranked if entry.head == 1) == [
        (1, "at large", "fallen"),
        (1, "within", "risen"),
    ]
    few = Standouts(np.array([1, 1] + [0] * 18, dtype=np.int32), np.zeros(20, dtype=np.int32))
    ranked = rank_families({"within": few}, alone(2), ByImage(20, 20), alpha=0.05, min_share=0.01)
    assert {entry.verdict for entry in ranked} == {"cannot tell"}
    assert not worth_a_line(FamilyLens(0.010, 0.014, 0, 0, 0), min_share=0.01)
    assert worth_a_line(FamilyLens(0.001, 0.004, 0, 0, 0), min_share=0.01)


def test_clusters_are_moved_as_wholes() -> None:
    rng = np.random.default_rng(4)
    clips = np.repeat(np.arange(30), 20)
    flags = {"images": 0, "clips": 0}
    for _ in range(12):
        shown = np.repeat(rng.integers(0, 6, (2, 30)), 20, axis=1).astype(np.int32)
        lenses = {"within": Standouts(shown[0], shown[1])}
        for name, judge in (("images", ByImage(600, 600)), ("clips", ByCluster(Clusters(clips, clips), 0.05))):
            ranked = rank_families(lenses, alone(6), judge, alpha=0.05, min_share=0.0)
            flags[name] += any(entry.verdict in ("risen", "fallen") for entry in ranked)
    assert flags["images"] == 12
    assert flags["clips"] <= 3
