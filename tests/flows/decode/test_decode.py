"""Planted classes, clusters and images come back as their own words; questions that are none are refused."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.decode.decoders import DecoderSpec
from t2c.flows.maps.align import align
from t2c.schemas.errors import SpecError, UnknownName
from t2c.schemas.tables.answers.decode import DECODED
from t2c.schemas.tables.answers.trust import TRUST
from t2c.schemas.tables.tables import ATTRIBUTES
from t2c.store.artifacts.answers import list_answers, write_answer
from t2c.store.artifacts.dataset_tables import write_attributes
from t2c.store.disk.root import Store
from tests.planted.features import SOURCE, TARGET, Planted
from tests.planted.words import IMAGES, WORDS, add_words, along, ask, best, plant_words, rows_of


@pytest.fixture
def world(planted: Planted) -> Planted:
    """photos: 100 images along each of red, blue and green, labelled; a bank of five words; a map."""
    return plant_words(planted)


def test_class_means_are_called_by_their_own_words(world: Planted) -> None:
    report = ask(world, "classes")
    assert report.table.schema.equals(DECODED)
    assert best(report) == {"red": "red", "blue": "blue", "green": "green"}
    first = rows_of(report, "blue")[0]
    assert (first["images"], first["own_rank"], first["word_rank"], first["trust"]) == (100, 1, 1, "not measured")
    assert first["auroc"] > 0.8, "a word tells classes apart, not the images inside of one: 0.86 is all there is"
    assert first["below_floor"] == ""
    assert {row % 3 for row in first["rows_of_vector"] + first["rows_of_word"]} == {1}
    assert (report.vectors, report.believed, report.words) == (3, 3, 5)
    assert report.headline.endswith("nothing speaks against the best word of 3")


def test_words_come_by_falling_cosine_with_margins(world: Planted) -> None:
    rows = rows_of(ask(world, "classes", decoder=DecoderSpec(k=4)), "red")
    cosines = [row["cosine"] for row in rows]
    assert [row["place"] for row in rows] == [row["word_rank"] for row in rows] == [1, 2, 3, 4]
    assert cosines == sorted(cosines, reverse=True)
    assert [row["margin"] for row in rows[:3]] == pytest.approx([-b for b in np.diff(cosines)], abs=1e-6)
    assert rows[-1]["below_floor"] != ""


def test_the_same_question_is_not_computed_again(world: Planted) -> None:
    first = ask(world, "classes")
    again = ask(world, "classes")
    assert (first.new, again.new) == (True, False)
    assert again.table.equals(first.table)
    (kept,) = list_answers(world.store, "decoded")
    assert [parent.kind for parent in kept.parents] == ["images", "features", "linear_maps", "concepts"]
    assert (kept.spec["what"], kept.spec["vocabulary"], kept.spec["source"]) == ("classes", "bank:words", SOURCE.name)
    assert ask(world, "classes", decoder=DecoderSpec("sparse")).new


def test_classes_of_an_attribute_rest_on_it(world: Planted) -> None:
    values = ["red" if row % 3 == 0 else "other" for row in range(IMAGES)]
    rows = [{"row": row, "name": "colour", "value": value} for row, value in enumerate(values)]
    write_attributes(world.store, "photos", pa.Table.from_pylist(rows, schema=ATTRIBUTES))
    report = ask(world, "classes:colour")
    assert best(report)["red"] == "red"
    assert rows_of(report, "other")[0]["own_rank"] is None
    assert "attributes" in [parent.kind for parent in list_answers(world.store, "decoded")[0].parents]


def test_clusters_are_those_that_were_planted(world: Planted) -> None:
    report = ask(world, "clusters:3")
    assert set(best(report).values()) == {"red", "blue", "green"}
    assert set(best(report)) == {"cluster 1", "cluster 2", "cluster 3"}
    assert sum(rows_of(report, f"cluster {i}")[0]["images"] for i in (1, 2, 3)) == IMAGES


def test_an_image_is_read_by_the_map_that_never_saw_it(world: Planted) -> None:
    report = ask(world, "row:img-00000004.jpg")
    assert best(report) == {"img-00000004.jpg": "blue"}
    assert ask(world, "row:4").table["cosine"].equals(report.table["cosine"])
    assert rows_of(report, "img-00000004.jpg")[0]["rows_of_vector"][0] == 4


def test_sparse_codes_say_what_they_reach_together(world: Planted) -> None:
    rows = rows_of(ask(world, "classes", decoder=DecoderSpec("sparse", k=2, penalty=0.05)), "green")
    assert rows[0]["word"] == "green"
    assert all(row["score"] > 0 for row in rows)
    assert rows[0]["reached"] >= rows[0]["cosine"] - 1e-6


def test_the_targets_own_features_need_no_map(world: Planted) -> None:
    report = ask(world, "classes", source=TARGET.name)
    assert best(report) == {"red": "red", "blue": "blue", "green": "green"}
    assert report.map.startswith("identity-")


def test_a_map_that_does_not_fit_is_refused(world: Planted) -> None:
    world.images("others", 20)
    world.features("others", TARGET, np.ones((20, 4)) + np.eye(20, 4))
    with pytest.raises(
        UnknownName, match=r"features of others \(by open_clip:planted/test\): expected features by timm:planted"
    ):
        ask(world, "classes", dataset="others", source=SOURCE.name)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("heads", "what to decode: expected one of head, classes, .*, but got 'heads'"),
        ("classes:", "what to decode: expected one of"),
        ("clusters", r"what to decode: clusters: expected clusters:K.*, but got nothing after it"),
        ("clusters:many", "clusters: expected a number, as in clusters:12, but got 'many'"),
        ("clusters:1", "clusters: expected 2 to 300, the images there are, but got 1"),
        ("shift", "shift: expected two sides to compare, but got only photos"),
        ("shift:photos", "shift: expected two sides that differ, but got photos twice"),
        ("shift:later..photos", "reference of the shift: expected photos, the dataset named first, but got 'later'"),
    ],
)
def test_a_question_that_is_none_says_what_to_type(world: Planted, what: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        ask(world, what)


def test_names_that_are_not_there_are_refused(world: Planted) -> None:
    with pytest.raises(UnknownName, match="image of photos: expected one of"):
        ask(world, "row:img-4.jpg")
    with pytest.raises(UnknownName, match="attribute of photos"):
        ask(world, "classes:colour")
    with pytest.raises(UnknownName, match="concept bank: expected one of 'words', but got 'word'"):
        ask(world, "concepts:word")
    with pytest.raises(UnknownName, match="bottleneck of photos: expected one that was fitted, but got none"):
        ask(world, "bottleneck")


def test_images_that_are_all_alike_make_no_clusters(planted: Planted) -> None:
    planted.images("photos", 60)
    planted.both("photos", np.repeat(planted.x(2), 30, axis=0))
    add_words(planted)
    align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    with pytest.raises(SpecError, match="clusters: expected 5 different images or more, but got fewer"):
        ask(planted, "clusters:5")


def test_few_images_say_nothing_of_agreement(planted: Planted) -> None:
    labels = [WORDS[row % 2] for row in range(16)]
    planted.images("photos", 16, label=labels)
    planted.both("photos", along(planted, labels))
    add_words(planted)
    align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    first = rows_of(ask(planted, "classes"), "red")[0]
    assert (first["overlap"], first["auroc"], first["compared"]) == (None, None, 16)


def marked(store: Store, linear_map: str, marks: list[str]) -> None:
    """Keep trust marks of the bank's concepts."""
    blank = {field.name: None for field in TRUST}
    fill: dict[Any, Any] = {pa.string(): "", pa.bool_(): False}
    plain = {one.name: [] if pa.types.is_list(one.type) else fill.get(one.type, 0) for one in TRUST if not one.nullable}
    rows = [{**blank, **plain, "key": key, "concept": WORDS[key], "mark": mark} for key, mark in enumerate(marks)]
    spec = {"dataset": "photos", "map": linear_map, "bank": "words"}
    write_answer(store, "trust", pa.Table.from_pylist(rows, schema=TRUST), spec=spec, parents=())


def test_an_untrusted_concept_puts_its_word_below_the_floor(world: Planted) -> None:
    before = ask(world, "classes")
    marked(world.store, before.map, ["untrusted", "trusted", "weak", "trusted", "trusted"])
    report = ask(world, "classes")
    assert report.new, "the marks are part of the question"
    first = {row["vector"]: row for row in report.table.to_pylist() if row["place"] == 1}
    assert {name: row["trust"] for name, row in first.items()} == {
        "red": "untrusted",
        "blue": "trusted",
        "green": "weak",
    }
    assert first["red"]["below_floor"] == "untrusted as a concept"
    assert report.believed == 2
