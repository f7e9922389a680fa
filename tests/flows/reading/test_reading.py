"""Reading a dataset: planted classes rank by their attributes, the odd images of a class are found, pairs are counted."""

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.reading.hard_images import hard_images
from t2c.flows.reading.reading import class_ranks, concept_pairs
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.schemas.tables.tables import PREDICTIONS
from t2c.store.artifacts.dataset_tables import write_predictions
from t2c.store.disk.root import Store
from t2c.store.queries import resolve_scores
from t2c.store.queries.user_sql import run_user_sql
from tests.planted.attributes import World
from tests.planted.scored import scored


def test_classes_rank_by_mean_similarity_and_by_the_top_share(world: World) -> None:
    report = class_ranks(world.store, "photos", ["in snow", "shiny"], images=2)
    lines = report.table.to_pylist()
    assert [(row["concept"], row["rank"]) for row in lines] == [
        ("in snow", 1),
        ("in snow", 2),
        ("shiny", 1),
        ("shiny", 2),
    ]
    assert (lines[0]["label"], lines[0]["top_rank"]) == ("zebra", 1)
    assert lines[0]["z"] > 0.8 > 0 > lines[1]["z"]
    assert sum(row["share"] for row in lines[:2]) == pytest.approx(1)
    assert sum(row["top_share"] for row in lines[:2]) == pytest.approx(1)
    values = resolve_scores(world.store, "photos").values(2)
    zebras = np.flatnonzero(np.array(world.labels["photos"]) == "zebra")
    ordered = zebras[np.argsort(values[zebras])]
    assert (lines[0]["most"], lines[0]["least"]) == (ordered[::-1][:2].tolist(), ordered[:2].tolist())
    assert not class_ranks(world.store, "photos", ["in snow", "shiny"], images=2).new
    assert class_ranks(world.store, "photos").table.num_rows == 8


def test_an_attribute_may_be_the_class(world: World) -> None:
    lines = class_ranks(world.store, "photos", ["in snow"], labels="in snow").table.to_pylist()
    assert [(row["label"], row["count"]) for row in lines] == [
        (str(value), int((world.truth["photos"][:, 2] == value).sum())) for value in (1, 0)
    ]
    hard = hard_images(world.store, "photos", labels="striped", contexts=["striped"]).table
    assert set(hard["label"].to_pylist()) == {"1"}


def test_the_images_of_a_class_without_its_usual_context_are_the_hard_ones(world: World) -> None:
    report = hard_images(world.store, "photos", images=10)
    lines = report.table.to_pylist()
    assert {(row["label"], row["context"]) for row in lines} == {("zebra", "in snow")}
    assert report.notes == ()
    assert [row["rank"] for row in lines] == list(range(1, 11))
    assert all(world.truth["photos"][row["row"], 2] == 0 for row in lines)
    assert all(row["z"] < -1.5 for row in lines)
    assert lines[0]["usual_share"] > 0.9
    assert {row["predicted"] for row in lines} == {None}


def test_what_a_model_says_of_hard_images_stands_beside_them(own_world: World) -> None:
    rows = [{"model": "m", "row": row, "class": "horse", "score": None} for row in range(400)]
    write_predictions(own_world.store, "photos", pa.Table.from_pylist(rows, schema=PREDICTIONS))
    table = hard_images(own_world.store, "photos", model="m").table
    assert set(table["predicted"].to_pylist()) == {"horse"}
    with pytest.raises(UnknownName, match=r"model with predictions of photos: expected one of 'm', but got 'n'"):
        hard_images(own_world.store, "photos", model="n")


def test_contexts_may_be_named_and_a_bank_without_any_is_said(world: World, store: Store) -> None:
    report = hard_images(world.store, "photos", contexts=["shiny"])
    assert report.table.num_rows == 0
    assert report.notes == ("no class usually has any of these contexts",)
    rng = np.random.default_rng(0)
    labels = ["a" if row % 2 else "b" for row in range(60)]
    matrix = 0.05 * rng.normal(size=(60, 2)) + np.array([[0.3 if one == "a" else 0.1, 0.2] for one in labels])
    scored(store, matrix, ["red", "blue"], label=labels)
    plain = hard_images(store, "photos")
    assert "holds no contexts, so every concept was looked at" in plain.notes[0]
    assert {(row["label"], row["context"]) for row in plain.table.to_pylist()} == {("a", "red")}


def test_snow_and_stripes_come_together_where_they_were_planted_to(world: World) -> None:
    table = concept_pairs(world.store, "photos", k=0.0).table
    lines = {(row["concept"], row["other"]): row for row in table.to_pylist()}
    assert lines["striped", "in snow"]["phi"] > 0.4
    assert lines["striped", "in snow"]["lift"] > 1.3
    assert abs(lines["in snow", "shiny"]["phi"]) < 0.15
    assert lines["striped", "in snow"]["cosine"] == pytest.approx(0)
    sizes = [abs(row["phi"]) for row in table.to_pylist()]
    assert sizes == sorted(sizes, reverse=True)
    row = lines["striped", "round"]
    assert row["lift"] == pytest.approx(row["n_both"] * row["n"] / (row["n_concept"] * row["n_other"]))
    balanced = {
        (row["concept"], row["other"]): row for row in concept_pairs(world.store, "balanced", k=0.0).table.to_pylist()
    }
    assert abs(balanced["striped", "in snow"]["phi"]) < 0.15
    counted = run_user_sql(world.store, "select count(*) as n from cooccurrence where dataset = 'balanced'")
    assert counted["n"].to_pylist() == [6]


def test_constant_similarities_go_with_nothing(store: Store) -> None:
    matrix = np.random.default_rng(0).normal(0.2, 0.05, (60, 3))
    matrix[:, 1] = 0.25
    scored(store, matrix, ["red", "grey", "blue"])
    rows = [row for row in concept_pairs(store, "photos").table.to_pylist() if "grey" in (row["concept"], row["other"])]
    assert [(row["n_both"], row["phi"]) for row in rows] == [(0, 0.0), (0, 0.0)]


def test_what_cannot_be_read_is_said(world: World, store: Store) -> None:
    scored(store, np.random.default_rng(0).normal(0.2, 0.05, (20, 1)), ["red"])
    for step in (class_ranks, hard_images):
        with pytest.raises(InputError, match=r"label of photos: expected some labelled images, but got none"):
            step(store, "photos")
    with pytest.raises(InputError, match=r"co-occurrence: expected images, and two concepts or more, but got 20 and 1"):
        concept_pairs(store, "photos")
    with pytest.raises(SpecError, match=r"-k: expected a finite number of standard deviations, but got nan"):
        concept_pairs(store, "photos", k=float("nan"))
    with pytest.raises(SpecError, match=r"number of images: expected 0 or more, but got -1"):
        class_ranks(world.store, "photos", images=-1)
    with pytest.raises(SpecError, match=r"number of images: expected 1 or more, but got 0"):
        hard_images(world.store, "photos", images=0)
    with pytest.raises(UnknownName, match=r"Did you mean 'shiny'"):
        class_ranks(world.store, "photos", ["shin"])
