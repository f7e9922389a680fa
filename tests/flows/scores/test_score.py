"""Scoring: cosines of the right map for each row, only what is new, maps found by their spaces, fidelity in the certificate."""

import numpy as np
import pytest

from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.schemas.errors import MismatchError, SpecError, UnknownName
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.features import open_features
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.artifacts.similarities import open_similarities
from tests.planted.features import SOURCE, TARGET, Planted, content

SIDES = {"source": SOURCE.name, "target": TARGET.name}


def cosine(aligned: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """The definition, in float64."""
    a, b = aligned.astype(np.float64), vectors.astype(np.float64)
    return (a @ b.T) / np.linalg.norm(a, axis=1)[:, None] / np.linalg.norm(b, axis=1)


def test_fitted_rows_are_scored_out_of_fold_and_the_rest_with_the_full_map(planted: Planted) -> None:
    planted.dataset("photos", 300, noise=1.0)
    planted.bank()
    digest = align(planted.store, "photos", **SIDES).digest
    report = score(planted.store, "photos", source=SOURCE.name, bank="everyday")
    assert (report.rows, report.concepts, report.in_sample, report.new) == (300, 3, 0, True)
    stored = open_map(planted.store, digest)
    arrays, fitted = stored.arrays(), stored.fitted()
    fold = np.full(300, -1)
    fold[fitted["row"].to_numpy()] = fitted["fold"].to_numpy()
    x = planted.x(300).astype(np.float32)
    aligned = np.stack(
        [
            x[row] @ (arrays.weight if f < 0 else arrays.fold_weight[f])
            + (arrays.bias if f < 0 else arrays.fold_bias[f])
            for row, f in enumerate(fold)
        ]
    )
    want = cosine(aligned, open_concepts(planted.store, "everyday").vectors())
    scores = open_similarities(planted.store, "photos", linear_map=report.map, bank="everyday")
    for key in range(3):
        column = scores.column(key)
        assert np.array_equal(column.rows, np.arange(300))
        assert np.array_equal(column.fold, fold)
        assert np.abs(column.similarity - want[:, key]).max() < 1e-5


def test_a_copy_of_a_fitted_image_in_another_dataset_is_scored_out_of_fold_too(planted: Planted) -> None:
    planted.dataset("photos", 200)
    planted.dataset("copies", 200, content_hash=content(f"photos/{row}" for row in range(200)))
    planted.dataset("fresh", 200)
    planted.bank()
    fitted = open_map(planted.store, align(planted.store, "photos", **SIDES).digest).fitted()
    folds = {}
    for dataset in ("copies", "fresh"):
        report = score(planted.store, dataset, source=SOURCE.name, bank="everyday")
        scores = open_similarities(planted.store, dataset, linear_map=report.map, bank="everyday")
        folds[dataset] = scores.column(0).fold
    assert np.array_equal(folds["copies"][fitted["row"].to_numpy()], fitted["fold"].to_numpy())
    assert set(folds["fresh"]) == {-1}


def test_twice_does_nothing_new_rows_and_new_concepts_are_all_that_is_added(planted: Planted) -> None:
    planted.dataset("photos", 150)
    planted.bank()
    align(planted.store, "photos", **SIDES)
    first = score(planted.store, "photos", source=SOURCE.name, bank="everyday")
    again = score(planted.store, "photos", source=SOURCE.name, bank="everyday")
    assert (again.new, again.snapshot, again.rows, again.concepts) == (False, first.snapshot, 0, 0)
    before = open_similarities(planted.store, "photos", linear_map=first.map, bank="everyday").column(1)
    planted.images("photos", 70)
    planted.both("photos", np.concatenate([planted.x(150), planted.x(70, seed=3)]))
    planted.bank(names=("red", "blue", "in a tree", "at night"))
    grown = score(planted.store, "photos", source=SOURCE.name, bank="everyday")
    assert (grown.map, grown.rows, grown.concepts) == (first.map, 70, 1)
    assert (grown.total_rows, grown.total_concepts) == (220, 4)
    after = open_similarities(planted.store, "photos", linear_map=first.map, bank="everyday").column(1)
    assert np.array_equal(after.similarity[:150], before.similarity)


def test_rows_grown_in_steps_are_the_bytes_of_one_run(planted: Planted) -> None:
    x = planted.x(500)
    planted.bank()
    planted.images("steps", 333)
    planted.both("steps", x[:333])
    digest = align(planted.store, "steps", **SIDES).digest
    score(planted.store, "steps", source=SOURCE.name, bank="everyday")
    planted.images("steps", 167)
    planted.both("steps", x)
    grown = score(planted.store, "steps", source=SOURCE.name, bank="everyday", linear_map=digest)
    planted.images("once", 500, content_hash=content(f"steps/{row}" for row in range(500)))
    planted.both("once", x)
    once = score(planted.store, "once", source=SOURCE.name, bank="everyday", linear_map=digest)
    for key in range(3):
        one = open_similarities(planted.store, "steps", linear_map=grown.map, bank="everyday").column(key)
        other = open_similarities(planted.store, "once", linear_map=once.map, bank="everyday").column(key)
        assert one.similarity.tobytes() == other.similarity.tobytes()
        assert one.fold.tobytes() == other.fold.tobytes()


def test_rows_without_a_feature_are_left_out_and_the_target_needs_no_map(planted: Planted) -> None:
    planted.images("photos", 40)
    present = np.arange(40) % 3 > 0
    y = np.random.default_rng(1).normal(size=(40, TARGET.dimension))
    planted.features("photos", TARGET, y, present)
    planted.bank()
    report = score(planted.store, "photos", source=TARGET.name, bank="everyday")
    assert report.map == f"identity-{TARGET.short}"
    assert (report.rows, report.total_rows) == (26, 26)
    scores = open_similarities(planted.store, "photos", linear_map=report.map, bank="everyday")
    column = scores.column(2)
    assert np.array_equal(column.rows, np.flatnonzero(present))
    want = cosine(y[present], open_concepts(planted.store, "everyday").vectors())
    assert np.abs(column.similarity - want[:, 2]).max() < 1e-5
    assert report.fidelity == ()
    planted.images("photos", 10)
    present = np.append(present, np.arange(10) < 7)
    y = np.concatenate([y, np.random.default_rng(2).normal(size=(10, TARGET.dimension))])
    planted.features("photos", TARGET, y, present)
    grown = score(planted.store, "photos", source=TARGET.name, bank="everyday")
    assert (grown.rows, grown.total_rows) == (7, 33)


def test_fidelity_joins_the_certificate_and_equals_numpys_correlation(planted: Planted) -> None:
    planted.dataset("photos", 400, noise=0.5)
    planted.bank()
    digest = align(planted.store, "photos", **SIDES).digest
    report = score(planted.store, "photos", source=SOURCE.name, bank="everyday")
    assert open_map(planted.store, digest).certificate.fidelity == report.fidelity
    assert [row.concept for row in report.fidelity] == ["red", "blue", "in a tree"]
    column = open_similarities(planted.store, "photos", linear_map=report.map, bank="everyday").column(0)
    held = column.rows[column.fold == -1]
    own = open_features(planted.store, "photos", TARGET.name).take(held)
    own = cosine(own, open_concepts(planted.store, "everyday").vectors())[:, 0]
    assert report.fidelity[0].n == len(held)
    assert report.fidelity[0].correlation == pytest.approx(np.corrcoef(column.similarity[held], own)[0, 1], abs=1e-5)
    assert score(planted.store, "photos", source=SOURCE.name, bank="everyday").fidelity == report.fidelity


def test_a_missing_map_names_the_command_and_both_sides(planted: Planted) -> None:
    planted.dataset("photos", 100)
    planted.bank()
    with pytest.raises(UnknownName, match=r"expected a map from timm:planted .* to open_clip:planted/test .*t2c align"):
        score(planted.store, "photos", source=SOURCE.name, bank="everyday")


def test_a_target_that_is_not_the_banks_is_refused(planted: Planted) -> None:
    planted.dataset("photos", 100)
    planted.bank()
    with pytest.raises(
        MismatchError, match=r"target of bank everyday: expected open_clip:planted/test \(4 dim.*other:model"
    ):
        score(planted.store, "photos", source=SOURCE.name, bank="everyday", target="other:model")


def test_a_snapshot_is_not_scored_apart(planted: Planted) -> None:
    planted.dataset("photos", 10)
    with pytest.raises(SpecError, match=r"dataset to score: expected photos, without a snapshot, but got photos@1"):
        score(planted.store, "photos@1", source=SOURCE.name, bank="everyday")


def test_a_named_map_of_other_spaces_is_refused(planted: Planted) -> None:
    planted.dataset("photos", 100)
    planted.bank()
    digest = align(planted.store, "photos", **SIDES).digest
    with pytest.raises(
        MismatchError, match=r"source of map \w{12}: expected timm:planted .* but got open_clip:planted"
    ):
        score(planted.store, "photos", source=TARGET.name, bank="everyday", linear_map=digest)
