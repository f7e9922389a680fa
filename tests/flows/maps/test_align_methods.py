"""Every method of `align`: what it needs is found, its certificate says so, folds stay out of fold, quality is measured."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from t2c.core.maps.gradient.options import PRESETS
from t2c.core.maps.gradient.sgd import fit_sgd
from t2c.flows.maps.align import AlignReport, align
from t2c.flows.scores.score import score
from t2c.flows.zeroshot.zeroshot import zeroshot
from t2c.schemas.errors import InputError, MismatchError, PlanError, SpecError, UnknownName
from t2c.schemas.specs.align import MethodSpec
from t2c.schemas.tables.tables import ATTRIBUTES
from t2c.store.artifacts.dataset_tables import write_attributes
from t2c.store.artifacts.features import open_features
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.artifacts.similarities import resolve_scores
from tests.planted.features import CONCEPTS, SOURCE, TARGET, Planted
from tests.planted.scored import add_bank

SIDES = {"source": SOURCE.name, "target": TARGET.name}
ROWS = 600


@pytest.fixture
def labelled(planted: Planted) -> Planted:
    """Photos whose label is the concept nearest to their target feature, and a bank of those concepts."""
    x = planted.x(ROWS)
    vectors = np.stack([planted.vector(name) for name in CONCEPTS])
    nearest = ((x @ planted.weight + 1) @ vectors.T).argmax(axis=1)
    planted.images("photos", ROWS, label=[CONCEPTS[index] for index in nearest])
    planted.both("photos", x, noise=0.05)
    planted.bank()
    return planted


def fit(planted: Planted, method: str, **options: Any) -> AlignReport:
    rows = {name: options.pop(name) for name in ("folds", "holdout", "max_rows", "seed") if name in options}
    wanted = MethodSpec(method=method, **options)
    return align(planted.store, "photos", method=wanted, device="cpu", **rows, **SIDES)


BANK = {"head": "zeroshot:everyday", "source_head": "probe"}
OPTIONS: dict[str, dict[str, Any]] = {
    "least-squares": {},
    "procrustes": {},
    "low-rank": {"rank": 3},
    "sgd": {"learning_rate": 0.1, "epochs": 20},
    "cross-entropy": {"head": "zeroshot:everyday", "epochs": 30},
    "self-labels": {**BANK, "epochs": 30},
    "data-free": BANK,
}


@pytest.mark.parametrize("method", OPTIONS)
def test_a_method_says_what_it_needed_and_is_measured_on_rows_it_never_saw(labelled: Planted, method: str) -> None:
    report = fit(labelled, method, **OPTIONS[method])
    stored, certificate = open_map(labelled.store, report.digest), report.certificate
    assert certificate.aligner == method
    assert certificate.objective
    assert certificate.needed
    assert certificate.held_out is not None
    assert certificate.held_out.n + certificate.fitted == ROWS
    assert (certificate.held_out.mean_cosine is None) == (method in ("least-squares", "procrustes", "low-rank"))
    assert certificate.folds == 5
    assert stored.arrays().fold_weight.shape == (5, SOURCE.dimension, TARGET.dimension)
    assert set(stored.fitted()["fold"].to_pylist()) == {0, 1, 2, 3, 4}
    again = fit(labelled, method, **OPTIONS[method])
    assert (again.new, again.digest) == (False, report.digest)


@pytest.mark.parametrize(("method", "least"), [("low-rank", 0.75), ("sgd", 0.98), ("least-squares", 0.99)])
def test_regressions_predict_the_target(labelled: Planted, method: str, least: float) -> None:
    assert fit(labelled, method, **OPTIONS[method]).certificate.held_out.r2_variance_weighted > least


@pytest.mark.parametrize("method", ["cross-entropy", "self-labels", "data-free"])
def test_a_head_is_enough_to_name_the_classes(labelled: Planted, method: str) -> None:
    digest = fit(labelled, method, **OPTIONS[method]).digest
    report = zeroshot(labelled.store, "photos", linear_map=digest, classes=CONCEPTS, bank="everyday")
    (aligned,) = (one for one in report.scores if one.role == "aligned")
    assert aligned.n == ROWS
    assert aligned.accuracy > (0.75 if method == "data-free" else 0.85)


def test_least_squares_is_the_ridge_regression_of_strength_0(labelled: Planted) -> None:
    assert fit(labelled, "least-squares").digest == align(labelled.store, "photos", ridge=0, **SIDES).digest
    chosen = fit(labelled, "ridge")
    assert chosen.digest == align(labelled.store, "photos", **SIDES).digest
    assert (chosen.certificate.aligner, chosen.certificate.needed) == (
        "ridge",
        ("features of both encoders on the same images",),
    )


def test_a_fold_map_of_sgd_is_the_fit_without_that_folds_rows(labelled: Planted) -> None:
    stored = open_map(labelled.store, fit(labelled, "sgd", preset="authors").digest)
    fitted = stored.fitted()
    others = fitted.filter(pc.not_equal(fitted["fold"], 2))["row"].to_numpy()
    x, y = (open_features(labelled.store, "photos", SIDES[side]).take(others) for side in ("source", "target"))
    want = fit_sgd(x, y, options=PRESETS["authors"], device="cpu").map
    np.testing.assert_array_equal(stored.arrays().fold_weight[2], want.weight)
    np.testing.assert_array_equal(stored.arrays().fold_bias[2], want.bias)


def test_a_folds_map_never_saw_its_labels_not_even_through_the_probe(labelled: Planted) -> None:
    stored = open_map(labelled.store, fit(labelled, "data-free", **BANK).digest)
    arrays = stored.arrays()
    spread = [np.abs(one - arrays.weight).max() for one in arrays.fold_weight]
    assert min(spread) > 0
    assert any("for each fold without it" in note for note in stored.certificate.notes)


def test_two_heads_that_no_row_was_fitted_for_are_judged_on_every_row(labelled: Planted) -> None:
    add_bank(labelled.store, CONCEPTS, bank="words", space=SOURCE)
    report = fit(labelled, "data-free", head="zeroshot:everyday", source_head="zeroshot:words", classes=CONCEPTS)
    certificate = report.certificate
    assert (certificate.fitted, certificate.folds, certificate.held_out.n) == (0, 0, ROWS)
    assert abs(certificate.held_out.mean_variance_weighted) < 1e-6
    settings = {"classes": "3 named", "source_head": "zeroshot:words", "head": "zeroshot:everyday"}
    assert dict(certificate.settings) == settings
    assert certificate.notes[0].startswith("no row was fitted: every row is scored with the full map")
    scored = score(labelled.store, "photos", source=SOURCE.name, bank="everyday", linear_map=report.digest)
    assert (scored.in_sample, scored.total_rows) == (0, ROWS)


def test_without_folds_fitted_rows_are_left_out_of_every_comparison(labelled: Planted) -> None:
    report = fit(labelled, "sgd", folds=0)
    assert report.certificate.folds == 0
    assert "no fold maps: fitted rows are left out of every comparison" in report.certificate.notes
    scored = score(labelled.store, "photos", source=SOURCE.name, bank="everyday", linear_map=report.digest)
    assert scored.in_sample == report.certificate.fitted
    with pytest.raises(SpecError, match="--folds: expected 2 to 16, but got 0"):
        fit(labelled, "procrustes", folds=0)


def test_the_regression_is_scored_with_unless_another_map_is_named(labelled: Planted) -> None:
    ridge = fit(labelled, "ridge").digest
    turned = fit(labelled, "procrustes").digest
    assert score(labelled.store, "photos", source=SOURCE.name, bank="everyday").map == ridge[:12]
    named = score(labelled.store, "photos", source=SOURCE.name, bank="everyday", linear_map=turned)
    assert named.map == turned[:12]
    assert resolve_scores(labelled.store, "photos").map == ridge[:12]
    assert resolve_scores(labelled.store, "photos", linear_map=turned).map == turned[:12]


def test_options_and_seed_make_another_map(labelled: Planted) -> None:
    digests = {
        fit(labelled, "sgd", **options).digest
        for options in ({}, {"preset": "authors"}, {"epochs": 2}, {"weight_decay": 0.0}, {"seed": 3}, {"folds": 2})
    }
    assert len(digests) == 6
    certificate = fit(labelled, "sgd", preset="authors").certificate
    assert dict(certificate.settings)["epochs"] == "5"
    assert dict(certificate.settings)["decay_bias"] == "True"
    assert certificate.ridge > 0


def test_heads_of_other_classes_are_refused_naming_both(labelled: Planted) -> None:
    labels = open_images(labelled.store, "photos").table(["label"])["label"].to_pylist()
    kinds = ["outside" if name == "in a tree" else name for name in labels]
    lines = [{"row": row, "name": "kind", "value": kind, "number": None} for row, kind in enumerate(kinds)]
    write_attributes(labelled.store, "photos", pa.Table.from_pylist(lines, schema=ATTRIBUTES))
    message = (
        r"classes of the target head: expected 'in a tree' at position 1, as in the source head, but got 'outside'"
    )
    for method in ("data-free", "self-labels"):
        with pytest.raises(MismatchError, match=message):
            fit(labelled, method, source_head="probe", head="probe:kind")


def test_rows_whose_label_is_no_class_of_the_head_are_counted(labelled: Planted) -> None:
    first, second, third = CONCEPTS
    label = open_images(labelled.store, "photos").table(["label"], current=False)["label"].to_pylist()
    report = fit(labelled, "cross-entropy", head="probe", classes=(first, second), epochs=2, folds=0, holdout=0.0)
    outside = label.count(third)
    count = f"{outside} of {ROWS} rows to fit have no label among the head's classes: they were not fitted"
    assert report.certificate.fitted == ROWS - outside
    assert f"{count}; labels outside the classes: {third!r} ({outside})" in report.certificate.notes
    whole = fit(labelled, "cross-entropy", head="probe", epochs=2, folds=0, holdout=0.0)
    assert not any("no label among" in note for note in whole.certificate.notes)
    with pytest.raises(UnknownName, match=r"class of a probe on label of photos: .* but got 'rad'. Did you mean 'red'"):
        fit(labelled, "cross-entropy", head="probe", classes=("rad", second), epochs=2)


def test_a_method_without_what_it_needs_is_refused_saying_what(labelled: Planted) -> None:
    with pytest.raises(UnknownName, match=r"attribute of photos: expected one of 'label', but got 'colour'"):
        fit(labelled, "cross-entropy", head="zeroshot:everyday", labels="colour")
    with pytest.raises(SpecError, match=r"head: expected classifier, probe.*but got 'linear'"):
        fit(labelled, "cross-entropy", head="linear")
    labelled.dataset("plain", 100)
    plain = MethodSpec(method="cross-entropy", head="zeroshot:everyday", classes=("red", "blue"))
    with pytest.raises(InputError, match="classes among the rows: expected two or more, but got 0"):
        align(labelled.store, "plain", method=plain, device="cpu", **SIDES)


def test_rows_that_do_not_fit_into_memory_are_refused_with_both_numbers(
    labelled: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("t2c.flows.engine.memory.available_bytes", lambda: 4096)
    with pytest.raises(PlanError, match=r"memory for align: expected .* free, but got 4.0 KiB\. Fit fewer rows: --max"):
        fit(labelled, "sgd")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"method": "ridge", "rank": 3},
            r"--rank: expected a method that takes it \(low-rank\), but got --method ridge",
        ),
        (
            {"method": "procrustes", "ridge": 1.0},
            r"--ridge: expected a method that takes it \(ridge, low-rank, data-free\)",
        ),
        (
            {"method": "sgd", "temperature": 1.0},
            r"--temperature: expected a method that takes it \(cross-entropy, self",
        ),
        ({"method": "cross-entropy", "source_head": "probe"}, r"--source-head: .* \(self-labels, data-free\)"),
        ({"method": "low-rank"}, r"--rank: expected a number of dimensions for --method low-rank, but got none"),
    ],
)
def test_options_of_another_method_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MethodSpec(**options)
