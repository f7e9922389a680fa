"""Planted classes, images, heads, vectors and shifts come back as their own words; what does not fit is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from flows.steps.align import align
from flows.steps.decodable_directions import head_scale
from flows.steps.decode import DecodeReport, decode
from flows.steps.decode_images import open_decode_images
from flows.steps.decoders import DecoderSpec, language_settings
from flows.steps.rows import features_of
from schemas.answers.decode import DECODED
from schemas.answers.trust import TRUST
from schemas.bottleneck_certificate import BottleneckCertificate
from schemas.errors import InputError, MismatchError, SpecError, UnknownName
from schemas.tables import ATTRIBUTES, CONCEPTS
from store.answers import list_answers, write_answer
from store.attributes import write_attributes
from store.bottlenecks import CONCEPTS_SEEN, ROWS, BottleneckArrays, write_bottleneck
from store.concepts import add_concepts
from store.images import open_images
from store.linear_maps import list_maps
from store.root import Store
from tests.planted_features import SOURCE, TARGET, Planted

WORDS = ("red", "blue", "green", "in a tree", "old")
IMAGES = 300


VECTORS = dict(zip(WORDS, np.vstack([np.eye(4), np.full((1, 4), -0.5)]), strict=True))
"""Unit vectors that have as little to do with each other as five can in four dimensions."""


def along(planted: Planted, words: list[str], *, seed: int = 0, strength: float = 4.0) -> np.ndarray:
    """Return source features (images, 6) whose aligned features lie along each image's word."""
    rng = np.random.default_rng(seed)
    units = np.stack([VECTORS[word] for word in words])
    return strength * units @ np.linalg.pinv(planted.weight) + 0.2 * rng.normal(size=(len(words), SOURCE.dimension))


def add_words(planted: Planted) -> None:
    """Add the five words as a bank."""
    count = len(WORDS)
    table = {
        "concept": WORDS,
        "prompts": [[f"a {word}"] for word in WORDS],
        "vector": [VECTORS[word].tolist() for word in WORDS],
    }
    kinds = {"averaging": ["normalise-then-average"] * count, "kind": ["concept"] * count}
    rows = [
        dict(zip((*table, *kinds), values, strict=True))
        for values in zip(*table.values(), *kinds.values(), strict=True)
    ]
    schema = pa.schema([CONCEPTS.field(name) for name in (*table, *kinds)])
    add_concepts(
        planted.store, "words", pa.Table.from_pylist(rows, schema=schema), space=TARGET, text_encoder=TARGET.name
    )


@pytest.fixture
def world(planted: Planted) -> Planted:
    """photos: 100 images along each of red, blue and green, labelled; a bank of five words; a map."""
    labels = [WORDS[row % 3] for row in range(IMAGES)]
    planted.images("photos", IMAGES, label=labels)
    planted.both("photos", along(planted, labels))
    add_words(planted)
    align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    return planted


def ask(world: Planted, what: str, **options: Any) -> DecodeReport:
    return decode(world.store, options.pop("dataset", "photos"), what, **{"vocabulary": "bank:words", **options})


def best(report: DecodeReport) -> dict[str, str]:
    return {row["vector"]: row["word"] for row in report.table.to_pylist() if row["place"] == 1}


def rows_of(report: DecodeReport, vector: str) -> list[dict[str, Any]]:
    return [row for row in report.table.to_pylist() if row["vector"] == vector]


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


def test_concept_vectors_are_their_own_words(world: Planted) -> None:
    report = ask(world, "concepts:words")
    assert best(report) == {word: word for word in WORDS}
    assert min(row["cosine"] for row in report.table.to_pylist() if row["place"] == 1) > 0.999


def plant_bottleneck(world: Planted, bank: str = "words") -> str:
    """Keep a bottleneck whose class `warm` wants red and no blue, and whose class `tree` wants in a tree."""
    weight = np.array([[2.0, -2.0, 0.0], [0.0, 0.0, 1.0]], np.float32)
    arrays = BottleneckArrays(weight, np.zeros(2, np.float32), np.zeros(3), np.array([0.1, 0.1, 0.05]))
    seen = {"key": [0, 1, 3], "concept": ["red", "blue", "in a tree"], "mark": ["not measured"] * 3}
    facts = ("label", ("warm", "tree"), bank, "0" * 12, SOURCE.name, "sgd", "", 3, 3, (), 10, 2, 0, 0)
    rows = {"row": [0], "content_hash": ["aa"], "side": ["fitted"], "label": ["warm"]}
    concepts = pa.table(seen, schema=CONCEPTS_SEEN)
    kept = write_bottleneck(
        world.store,
        arrays,
        BottleneckCertificate("photos", 1, *facts),
        concepts=concepts,
        rows=pa.table(rows, schema=ROWS),
        spec={"bank": bank},
        parents=(),
    )
    return kept.name


def test_classes_of_a_bottleneck_are_what_they_look_for(world: Planted) -> None:
    name = plant_bottleneck(world)
    report = ask(world, "bottleneck")
    assert best(report) == {"warm": "red", "tree": "in a tree"}
    assert {row % 3 for row in rows_of(report, "warm")[0]["rows_of_vector"]} == {0}
    assert ask(world, f"bottleneck:{name}").table.equals(report.table)
    assert "bottlenecks" in [parent.kind for parent in list_answers(world.store, "decoded")[0].parents]


def test_a_bottleneck_or_a_bank_of_another_space_is_refused_with_both_sides(world: Planted) -> None:
    other = replace(TARGET, weights="others")
    table = pa.Table.from_pylist(
        [
            {
                "concept": "red",
                "prompts": ["red"],
                "vector": [1.0, 0, 0, 0],
                "averaging": "normalise-then-average",
                "kind": "concept",
            }
        ],
        schema=pa.schema([CONCEPTS.field(name) for name in ("concept", "prompts", "vector", "averaging", "kind")]),
    )
    add_concepts(world.store, "foreign", table, space=other, text_encoder="others")
    plant_bottleneck(world, bank="foreign")
    for what in ("bottleneck", "concepts:foreign"):
        with pytest.raises(MismatchError, match=r"expected open_clip:planted/test .*, but got open_clip:planted/test"):
            ask(world, what)
    with pytest.raises(MismatchError, match="vocabulary bank:foreign: expected open_clip:planted/test"):
        ask(world, "classes", vocabulary="bank:foreign")


def test_a_heads_rows_are_rescaled_unless_asked_not_to_and_both_are_told(world: Planted) -> None:
    report = ask(world, "head:probe")
    first = [row for row in report.table.to_pylist() if row["place"] == 1]
    assert [row["vector"] for row in first] == ["blue", "green", "red"]
    assert sum(row["own_rank"] == 1 for row in first) >= 2
    plain = ask(world, "head:probe", rescale=False)
    then = [row for row in plain.table.to_pylist() if row["place"] == 1]
    assert [row["word"] for row in then] == [row["plain_word"] for row in first]
    assert [row["own_rank"] for row in then] == [row["plain_rank"] for row in first]
    assert {(row["plain_word"], row["plain_rank"]) for row in then} == {(None, None)}


def test_the_rescaled_head_has_the_variance_of_the_fitted_features(world: Planted) -> None:
    images = open_images(world.store, "photos")
    linear_map = next(iter(list_maps(world.store)))
    here = open_decode_images(images, features_of(images, SOURCE.id), linear_map)
    weight = np.random.default_rng(1).normal(size=(3, 6)) * 0.01 + 0.5
    fitted = here.features.take(np.flatnonzero(here.fold >= 0)).astype(np.float64)
    assert (weight * head_scale(weight, here)).var() == pytest.approx(fitted.var(), rel=1e-9)


def test_the_targets_own_features_need_no_map(world: Planted) -> None:
    report = ask(world, "classes", source=TARGET.name)
    assert best(report) == {"red": "red", "blue": "blue", "green": "green"}
    assert report.map.startswith("identity-")


def shifted(world: Planted, *, count: int = 300, dataset: str = "later") -> None:
    """Plant a dataset with more red and less blue than photos."""
    labels = ["red"] * (count // 2) + ["green"] * (count // 3) + ["blue"] * (count - count // 2 - count // 3)
    world.images(dataset, count, label=labels)
    world.both(dataset, along(world, labels, seed=9), seed=9)


def test_what_has_changed_is_named_risen_and_fallen_apart(world: Planted) -> None:
    shifted(world)
    report = ask(world, "shift:later", decoder=DecoderSpec(k=2))
    assert best(report) == {"risen": "red", "fallen": "blue"}
    risen, fallen = rows_of(report, "risen")[0], rows_of(report, "fallen")[0]
    assert risen["auroc"] > 0.5 > fallen["auroc"]
    assert risen["below_floor"] == fallen["below_floor"] == ""
    assert (risen["shown"], fallen["shown"]) == ("later", "photos")
    assert max(risen["rows_of_word"]) < 150, "the red images of the later set"
    assert {row % 3 for row in fallen["rows_of_word"]} == {1}, "the blue images of the first"
    assert "later (300 images) less photos (300 images)" in risen["origin"]
    assert ask(world, "shift:photos..later", decoder=DecoderSpec(k=2)).table["word"].equals(report.table["word"])


def test_a_slice_is_compared_with_the_rest(world: Planted) -> None:
    report = ask(world, "shift", where="label = 'green'")
    assert best(report)["risen"] == "green"
    assert "(200 images)" in rows_of(report, "fallen")[0]["origin"]
    both = ask(world, "shift", where="label = 'green'", reference_where="label = 'red'")
    assert best(both) == {"risen": "green", "fallen": "red"}


def test_a_shift_that_is_none_is_below_the_floor(world: Planted) -> None:
    report = ask(world, "shift", where="row % 2 = 0")
    assert report.believed == 0
    first = rows_of(report, "risen")[0]
    assert "not surely risen" in first["below_floor"]


def test_no_image_is_on_both_sides(world: Planted) -> None:
    with pytest.raises(InputError, match="photos where label = 'red': expected at least one image with a feature"):
        ask(world, "shift", where="label = 'red'", reference_where="label in ('red', 'blue')")


def test_a_users_own_vectors_are_read_as_features_or_as_directions(world: Planted, tmp_path: Path) -> None:
    vectors = along(world, ["red", "blue"])
    np.save(tmp_path / "own.npy", vectors.astype(np.float32))
    report = ask(world, f"file:{tmp_path / 'own.npy'}")
    assert best(report) == {"vector 0": "red", "vector 1": "blue"}
    np.save(tmp_path / "own.npy", (vectors[:1] - vectors[1:]).astype(np.float32))
    assert best(ask(world, f"file:{tmp_path / 'own.npy'}", direction=True)) == {"vector 0": "red"}
    table = pa.table({"image_id": ["mine", "yours"], "vector": pa.array(vectors.tolist(), pa.list_(pa.float32()))})
    from pyarrow import parquet

    parquet.write_table(table, tmp_path / "own.parquet")
    assert best(ask(world, f"file:{tmp_path / 'own.parquet'}")) == {"mine": "red", "yours": "blue"}


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        (np.ones((2, 4)), MismatchError, r"expected 6 numbers a row, as timm:planted.* got 4\. If they are open_clip"),
        (np.ones((2, 5)), MismatchError, r"expected 6 numbers a row, as timm:planted.* but got 5\. Name their encoder"),
        (np.array([[1.0] * 6, [np.nan] * 6]), InputError, r"finite numbers, but got NaN or infinity in row 1"),
        (np.ones(6), InputError, r"shape \(rows, dimension\)"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(
    world: Planted, tmp_path: Path, values: np.ndarray, error: type[Exception], message: str
) -> None:
    np.save(tmp_path / "own.npy", values.astype(np.float32))
    with pytest.raises(error, match=message):
        ask(world, f"file:{tmp_path / 'own.npy'}")


def test_a_file_that_is_not_there_is_named(world: Planted, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"vectors .*gone.npy: expected a .npy or .parquet file, but got no such file"):
        ask(world, f"file:{tmp_path / 'gone.npy'}")


def test_a_vector_that_is_the_mean_image_has_no_direction(world: Planted, tmp_path: Path) -> None:
    np.save(tmp_path / "own.npy", np.zeros((1, 6), np.float32))
    with pytest.raises(InputError, match="expected a vector with a direction, but got a zero vector"):
        ask(world, f"file:{tmp_path / 'own.npy'}", direction=True)


def test_a_map_that_does_not_fit_is_refused(world: Planted) -> None:
    world.images("others", 20)
    world.features("others", TARGET, np.ones((20, 4)) + np.eye(20, 4))
    with pytest.raises(UnknownName, match="encoder with features of others: expected one of 'open_clip:planted/test'"):
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


def test_a_condition_is_for_shifts_alone(world: Planted) -> None:
    with pytest.raises(SpecError, match="--where: expected a shift to decode, but got classes"):
        ask(world, "classes", where="label = 'red'")


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


def test_decoders_and_their_settings_are_checked_by_name() -> None:
    with pytest.raises(UnknownName, match=r"decoder: expected one of 'rescore', 'sparse', .*, but got 'clip'"):
        DecoderSpec("clip")
    with pytest.raises(SpecError, match="-k: expected 1 or more words a vector, but got 0"):
        DecoderSpec(k=0)
    with pytest.raises(SpecError, match="expected no language model for decoder sparse, but got a model"):
        DecoderSpec("sparse", model="gpt2")
    with pytest.raises(SpecError, match=r"expected no language model .*, but got a setting, 'beams'"):
        DecoderSpec(settings={"beams": "3"})
    with pytest.raises(SpecError, match="expected no language model for decoder vocabulary, but got --raw"):
        DecoderSpec(raw=True)
    with pytest.raises(
        UnknownName, match=r"setting of zerocap: expected one of .* but got 'beam'. Did you mean 'beams'"
    ):
        language_settings(DecoderSpec("zerocap", settings={"beam": "3"}))
    with pytest.raises(SpecError, match=r"setting beams: expected a whole number, but got '3.5'"):
        language_settings(DecoderSpec("zerocap", settings={"beams": "3.5"}))


def test_settings_are_read_as_their_types() -> None:
    typed = {"guidance": "0.5", "length": "3", "prompt": "A photo of", "forbidden": "a,b"}
    found = language_settings(DecoderSpec("rescore", k=7, settings=typed))
    assert (found.guidance, found.length, found.prompt, found.forbidden) == (0.5, 3, "A photo of", ("a", "b"))
    assert (found.top, found.beams) == (7, 7)
