"""Concepts, bottlenecks, heads and a user's own vectors come back as their words; what does not fit is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.decode.directions import head_scale
from t2c.flows.decode.images import open_decode_images
from t2c.flows.rows.features_of_rows import features_of
from t2c.schemas.bottleneck_certificate import BottleneckCertificate
from t2c.schemas.errors import InputError, MismatchError
from t2c.schemas.tables.tables import CONCEPTS
from t2c.store.artifacts.answers import list_answers
from t2c.store.artifacts.bottlenecks import CONCEPTS_SEEN, ROWS, BottleneckArrays, write_bottleneck
from t2c.store.artifacts.concepts import add_concepts
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.linear_maps import list_maps
from tests.planted.features import SOURCE, TARGET, Planted
from tests.planted.words import WORDS, along, ask, best, plant_words, rows_of


@pytest.fixture
def world(planted: Planted) -> Planted:
    """photos: 100 images along each of red, blue and green, labelled; a bank of five words; a map."""
    return plant_words(planted)


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
