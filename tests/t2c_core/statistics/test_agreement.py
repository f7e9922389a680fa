"""Rates and agreement of a human study, and the chance levels beside them, on counts worked out by hand."""

import numpy as np
import pytest

from t2c.core.statistics.agreement import GRAINS, RATES, agreement, pairs_of, rate
from t2c.core.statistics.proportions import wilson
from t2c.schemas.errors import InputError

ANSWERS = np.array([1, 1, 1, 2, 2, 3, 4, 4, 1, 1])


def test_rates_count_their_answers() -> None:
    counts = {which: rate(ANSWERS, which).count for which in RATES}
    assert counts == {"relevant": 8, "similar": 7, "main": 5}


def test_a_rate_has_wilsons_interval_and_the_uniform_chance() -> None:
    found = rate(ANSWERS, "similar")
    assert (found.low, found.high) == wilson(7, 10)
    assert (found.rate, found.chance, found.chance_observed) == (0.7, 0.5, None)


@pytest.mark.parametrize(("grain", "chance"), [("related or not", 0.625), ("three", 0.375), ("all four", 0.25)])
def test_chance_is_what_uniform_annotators_reach(grain: str, chance: float) -> None:
    everything = np.array([(one, two) for one in range(1, 5) for two in range(1, 5)])
    found = agreement(everything, grain)
    assert found.chance == chance
    assert found.rate == found.chance_observed == chance


def test_agreement_merges_answers_at_each_grain() -> None:
    pairs = np.array([(1, 1), (1, 2), (2, 3), (3, 4), (4, 4)])
    assert {grain: agreement(pairs, grain).count for grain in GRAINS} == {
        "related or not": 4,
        "three": 3,
        "all four": 2,
    }


def test_observed_chance_follows_the_marginals() -> None:
    pairs = np.array([(1, 1)] * 9 + [(4, 4)])
    assert agreement(pairs, "all four").chance_observed == pytest.approx(0.9**2 + 0.1**2)


def test_every_two_annotators_of_an_item_are_a_pair() -> None:
    assert pairs_of({"b": 2, "a": 1, "c": 3}) == [(1, 2), (1, 3), (2, 3)]
    assert pairs_of({"a": 1}) == []


def test_no_answers_are_refused() -> None:
    with pytest.raises(InputError, match="answers of a study: expected at least one, but got none"):
        rate(np.array([], np.int64), "main")


def test_another_answer_is_refused() -> None:
    with pytest.raises(InputError, match=r"answers of a study: expected numbers 1 to 4, but got \[1, 5\]"):
        agreement(np.array([(1, 5)]), "three")
