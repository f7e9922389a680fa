"""Slices by step: the planted failing conjunction is named, and `find` finds its images; predictions that fit nothing are refused."""

import numpy as np
import pyarrow as pa
import pytest

from t2c.core.bottleneck.slices import SliceOptions
from t2c.flows.reading.slices import model_slices
from t2c.flows.rows.predicted import predicted_classes
from t2c.flows.scores.ask import find
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.schemas.tables.tables import PREDICTIONS
from t2c.store.artifacts.dataset_tables import write_predictions
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from t2c.store.queries.user_sql import run_user_sql
from tests.planted.attributes import World
from tests.planted.features import content
from tests.planted.scored import scored

NAMES = ["red", "round", "in snow", "wet", "old"]


def predict(store: Store, says: list[str | None], *, model: str = "prod-v7") -> None:
    """Import what a model says of photos."""
    rows = [{"model": model, "row": row, "class": one, "score": 0.9} for row, one in enumerate(says) if one is not None]
    write_predictions(store, "photos", pa.Table.from_pylist(rows, schema=PREDICTIONS))


@pytest.fixture
def failing(store: Store) -> np.ndarray:
    """3,000 photos on which a model fails where snow is high and red is low; returns the similarities."""
    rng = np.random.default_rng(0)
    matrix = rng.normal(0.2, 0.05, (3000, 5)).astype(np.float32)
    labels = [("cat", "dog")[one] for one in rng.integers(0, 2, 3000)]
    scored(store, matrix, NAMES, label=labels, content_hash=content(range(3000)))
    z = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    inside = (z[:, 2] > 0.5) & (z[:, 0] < -0.5)
    wrong = rng.random(3000) < np.where(inside, 0.75, 0.04)
    predict(store, [{"cat": "dog", "dog": "cat"}[one] if bad else one for one, bad in zip(labels, wrong, strict=True)])
    return matrix


def test_the_planted_failing_conjunction_is_named_with_an_honest_rate(store: Store, failing: np.ndarray) -> None:
    report = model_slices(store, "photos", model="prod-v7", k=0.5)
    first = report.table.to_pylist()[0]
    assert first["slice"] in ('"in snow" > 0.5 & red < -0.5', 'red < -0.5 & "in snow" > 0.5')
    assert first["confirmed"]
    assert first["low"] < 0.75 < first["high"]
    assert first["overall"] < 0.2 < first["low"]
    assert report.confirmed == 1
    assert f"{first['slice']}" in report.headline
    found = find(store, "photos", first["slice"], limit=0)
    assert found.total == first["n"] + first["found_n"]
    assert set(first["rows"]) <= set(find(store, "photos", first["slice"], limit=3000).matches["row"].to_pylist())
    assert not model_slices(store, "photos", model="prod-v7", k=0.5).new
    said = run_user_sql(store, "select model, slice from slices where confirmed")
    assert said.to_pylist() == [{"model": "prod-v7", "slice": first["slice"]}]


def test_a_model_that_errs_without_a_reason_has_no_confirmed_slice(store: Store, failing: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    labels = open_images(store, "photos").table(["label"])["label"].to_pylist()
    predict(store, [one if rng.random() > 0.1 else "cat" for one in labels], model="noise")
    report = model_slices(store, "photos", model="noise", options=SliceOptions(smallest=50))
    assert report.confirmed == 0
    assert "no slice by concepts is worse than the rest" in report.headline


def test_a_model_without_errors_is_said_so(store: Store, failing: np.ndarray) -> None:
    predict(store, open_images(store, "photos").table(["label"])["label"].to_pylist(), model="perfect")
    report = model_slices(store, "photos", model="perfect")
    assert (report.errors, report.table.num_rows) == (0, 0)
    assert report.notes == ("the model makes no error on these images",)


def test_labels_that_are_not_in_the_task_are_counted_or_refused(store: Store, failing: np.ndarray) -> None:
    labels = open_images(store, "photos").table(["label"])["label"].to_pylist()
    predict(store, ["cat"] * 3000, model="cats")
    report = model_slices(store, "photos", model="cats")
    assert report.notes == (
        f"{labels.count('dog'):,} images have a label that the model never names: they count as errors",
    )
    predict(store, ["n02123045"] * 3000, model="ids")
    with pytest.raises(InputError, match=r"label of photos: expected labels among 'n02123045', but got 'cat', 'dog'"):
        model_slices(store, "photos", model="ids")


def test_too_few_predictions_and_unknown_models_are_refused(store: Store, failing: np.ndarray) -> None:
    predict(store, ["cat"] * 30 + [None] * 2970, model="few")
    with pytest.raises(InputError, match=r"photos: expected 40 images or more that are labelled, predicted by few"):
        model_slices(store, "photos", model="few")
    with pytest.raises(UnknownName, match=r"Did you mean 'prod-v7'\? Import them: t2c predictions import photos FILE"):
        model_slices(store, "photos", model="prod-v8")
    with pytest.raises(SpecError, match=r"-k: expected a finite number of standard deviations, 0 or more, but got -1"):
        model_slices(store, "photos", model="prod-v7", k=-1)
    with pytest.raises(SpecError, match=r"options of the slices"):
        model_slices(store, "photos", model="prod-v7", options=SliceOptions(most=0))


def test_the_class_of_the_largest_score_is_what_a_model_says(own_world: World) -> None:
    rows = [
        {"model": "m", "row": 0, "class": "a", "score": 0.2},
        {"model": "m", "row": 0, "class": "b", "score": 0.8},
        {"model": "m", "row": 1, "class": "b", "score": 0.5},
        {"model": "m", "row": 1, "class": "a", "score": 0.5},
        {"model": "m", "row": 2, "class": "a", "score": None},
        {"model": "m", "row": 2, "class": "b", "score": 0.1},
    ]
    write_predictions(own_world.store, "photos", pa.Table.from_pylist(rows, schema=PREDICTIONS))
    says = predicted_classes(open_images(own_world.store, "photos"), "m")
    assert says[:4] == ["b", "a", "b", None]
