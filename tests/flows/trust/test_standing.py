"""What an answer stands on: the map and its measured quality, and what trust says of the names; each in words."""

from dataclasses import replace

import pytest

from t2c.core.shift.visible import visible_effect
from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.flows.shift.shift import shift
from t2c.flows.shift.verdict import verdict_of
from t2c.flows.trust.standing import NONE_PASSED, Standing, standing_of
from t2c.flows.trust.trust import Marks
from t2c.store.artifacts.linear_maps import add_quality, open_map
from t2c.store.artifacts.similarities import Scores, resolve_scores
from t2c.store.disk.root import Store
from tests.planted.features import SOURCE, TARGET, Planted


@pytest.fixture
def scored(store: Store) -> Planted:
    """Photos under a fitted map, and others that moved."""
    planted = Planted(store)
    for name, seed in (("photos", 0), ("moved", 5)):
        planted.images(name, 160)
        planted.both(name, planted.x(160, seed=seed) + (1.5 if seed else 0), seed=seed)
    planted.bank()
    align(store, "photos", source=SOURCE.name, target=TARGET.name)
    for name in ("photos", "moved"):
        score(store, name, source=SOURCE.name, bank="everyday")
    return planted


def marked(scores: Scores, *marks: str) -> Standing:
    return standing_of(scores, marks=Marks({key: {"mark": mark} for key, mark in enumerate(marks)}, ()))


def test_a_measured_map_says_its_r2_and_unmeasured_trust_is_said_not_punished(scored: Planted) -> None:
    standing = standing_of(resolve_scores(scored.store, "photos"))
    assert standing.quality == "R2 1.00 on 18 images it was not fitted on"
    assert standing.trust == "not measured: t2c trust photos"
    assert (standing.trusted, standing.poor_map, standing.refuted) == (None, "", "")
    assert standing.between == f"{SOURCE.name} to {TARGET.name}"


def test_the_identity_needs_no_measure(scored: Planted) -> None:
    score(scored.store, "photos", source=TARGET.name, bank="everyday")
    standing = standing_of(resolve_scores(scored.store, "photos", source=TARGET.name))
    assert standing.quality == "the features as they are: nothing to measure"
    assert standing.poor_map == ""


def test_a_map_no_better_than_the_mean_can_tell_nothing(scored: Planted) -> None:
    scores = resolve_scores(scored.store, "photos")
    linear_map = open_map(scored.store, scores.map)
    held = linear_map.certificate.held_out
    poor = replace(held, r2_variance_weighted=-0.1, mean_variance_weighted=0.0)
    add_quality(scored.store, linear_map.digest, poor, measured_on="photos@1", notes=[])
    report = shift(scored.store, "photos", "moved")
    assert report.standing.quality.endswith("no better than the mean predictor (0.00)")
    assert str(report.verdict) == "cannot tell: the map is no better than predicting the mean"
    assert (report.drift, report.unsure) == (False, True)
    assert report.flagged > 0


def test_a_map_fitted_on_every_row_was_never_measured(scored: Planted) -> None:
    stored = align(scored.store, "photos", source=SOURCE.name, target=TARGET.name, holdout=0.0)
    for name in ("photos", "moved"):
        score(scored.store, name, source=SOURCE.name, bank="everyday", linear_map=stored.digest)
    report = shift(scored.store, "photos", "moved", linear_map=stored.digest)
    assert report.verdict.word == "cannot tell"
    assert f"t2c maps measure {stored.digest[:12]} photos" in report.verdict.why


def test_refuted_names_can_tell_nothing_but_unverified_ones_are_as_if_not_measured(scored: Planted) -> None:
    scores = resolve_scores(scored.store, "photos")
    assert marked(scores, "untrusted", "unverified", "untrusted").refuted == NONE_PASSED
    assert marked(scores, "untrusted", "weak", "untrusted").refuted == ""
    assert marked(scores, "unverified", "unverified", "unverified").refuted == ""
    assert marked(scores, "trusted", "weak", "untrusted").trust == "1 of 3 concepts trusted (1 weak, 1 untrusted)"


def test_few_units_and_obstacles_outweigh_a_change_and_a_pass_carries_its_power() -> None:
    told = {"unit": "images", "changed": "2 of 3 concepts have risen", "power": "0.3 would have been seen"}
    assert str(verdict_of(units=(9, 400), obstacles=["no map"], **told)) == (
        "cannot tell: 9 images on a side, fewer than 10; no map"
    )
    assert str(verdict_of(units=(10, 400), obstacles=[""], **told)) == "changed: 2 of 3 concepts have risen"
    assert str(verdict_of(units=(10, 10), obstacles=[], **{**told, "changed": ""})) == "pass: 0.3 would have been seen"
    assert visible_effect(5, 5, alpha=0.05, concepts=1000) == float("inf")
