"""Proposing questions on planted pictures: what vanished and what appeared is confirmed, equal sides confirm nothing."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.cli.app import run
from t2c.flows.concepts.propose import ProposeReport, propose_concepts
from t2c.flows.concepts.propose_sides import background_sets, open_both
from t2c.flows.data.table_imports import import_predictions
from t2c.flows.maps.align import align
from t2c.flows.rows.sides import Slice
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.spaces import Space
from t2c.store.artifacts.concepts import add_concepts
from t2c.store.artifacts.linear_maps import identity_map, list_maps
from t2c.store.disk.root import Store, open_store
from t2c.store.queries.user_sql import run_user_sql
from tests.planted.features import Planted

WORDS, WIDE = 150, 48
CLIP = Space("encoder", "open_clip:planted/wide", WIDE, "wide-weights")
OWN = Space("encoder", "timm:planted-wide", 2 * WIDE, "own-weights")
TOPICS = 20
"""Words that pictures are of; the others are never shown."""
JUDGED = np.random.default_rng(3).integers(0, TOPICS, 1200)
"""Topics of the pictures that a model judges."""


def words() -> tuple[list[str], np.ndarray]:
    """Names and unit vectors; `word-1b` is a near-synonym of `word-1`."""
    vectors = np.random.default_rng(5).normal(size=(WORDS, WIDE))
    vectors[-1] = vectors[1] + 0.3 * np.random.default_rng(6).normal(size=WIDE)
    names = [f"word-{number}" for number in range(WORDS - 1)] + ["word-1b"]
    return names, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def pictures(topics: np.ndarray, seed: int) -> np.ndarray:
    """Features of pictures of some topics, (images, WIDE)."""
    vectors = words()[1][topics]
    return vectors + 0.12 * np.random.default_rng(seed).normal(size=vectors.shape) + 0.2


def plant(store: Store, dataset: str, topics: np.ndarray, *, seed: int, **columns: list[str]) -> None:
    """A dataset whose CLIP features show topics and whose own features are a linear map of them."""
    planted, features = Planted(store), pictures(topics, seed)
    planted.images(dataset, len(topics), **columns)
    planted.features(dataset, CLIP, features)
    carried = features @ np.random.default_rng(8).normal(size=(WIDE, 2 * WIDE))
    planted.features(dataset, OWN, carried + 0.1 * np.random.default_rng(seed + 1).normal(size=carried.shape))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """`before` shows topics 0 to 19 alike; in `after` topic 0 is gone and topic 1 is three times as frequent."""
    store = open_store(tmp_path_factory.mktemp("propose") / "store", create=True)
    names, vectors = words()
    table = {
        "concept": names,
        "prompts": pa.array([[name] for name in names], pa.list_(pa.string())),
        "vector": pa.array(vectors.tolist(), pa.list_(pa.float32())),
        "averaging": ["normalise-then-average"] * WORDS,
        "kind": ["concept"] * WORDS,
    }
    add_concepts(store, "wide", pa.table(table), space=CLIP, text_encoder=CLIP.name)
    rng = np.random.default_rng(1)
    plant(store, "before", rng.integers(0, TOPICS, 1600), seed=10)
    chances = np.array([0, 3, *[1] * (TOPICS - 2)]) / (TOPICS + 1)
    plant(store, "after", rng.choice(TOPICS, 1600, p=chances), seed=20)
    plant(store, "again", rng.integers(0, TOPICS, 1600), seed=30)
    plant(store, "judged", JUDGED, seed=40, label=["right"] * len(JUDGED))
    return store


def ask(store: Store, *sides: str, **more: object) -> ProposeReport:
    return propose_concepts(store, *sides, **{"vocabulary": "bank:wide", "source": CLIP.name, **more})  # type: ignore[arg-type]


def test_what_vanished_and_what_appeared_is_confirmed_and_nothing_else(planted: Store) -> None:
    report = ask(planted, "before", "after")
    confirmed = {row["word"]: row for row in report.of("confirmed")}
    assert set(confirmed) == {"word-0", "word-1"}
    gone, more = confirmed["word-0"], confirmed["word-1"]
    assert (gone["direction"], more["direction"]) == ("fallen", "risen")
    assert (gone["before"], gone["after"]) == (pytest.approx(0.05, abs=0.03), 0)
    assert more["after"] - more["before"] == pytest.approx(2 / 21, abs=0.05)
    assert more["low"] < 0.09 < more["high"]
    assert set(more["family"]) == {"word-1", "word-1b"}, "one family of what no picture tells apart"
    assert {row["rank"] for row in confirmed.values()} == {1, 2}
    assert report.headline == (
        f"after against before: 2 of {report.table.num_rows} proposals confirmed: fallen word-0; risen word-1"
    )
    assert sum(report.searched) + sum(report.measured) == 3200


def test_equal_sides_confirm_nothing_and_the_answer_says_what_would_have_been_seen(planted: Store) -> None:
    report = ask(planted, "before", "again")
    assert report.of("confirmed") == []
    assert report.headline.startswith(
        f"again against before: none of {report.table.num_rows} proposals confirmed; a share"
    )
    assert 0.01 < report.visible < 0.06


def test_few_images_are_not_enough_to_confirm(planted: Store) -> None:
    report = ask(planted, "before", "after", where="row < 12", reference_where="row < 14")
    assert report.of("confirmed") == report.of("not confirmed") == []
    assert "not enough images to confirm anything; a share of 1 % that rises by" in report.headline
    tiny = ask(planted, "before", "after", where="row = 3", reference_where="row < 5")
    assert tiny.table.num_rows == 0
    assert "not enough images to confirm anything" in tiny.headline
    assert any("too few images to be a background of its own" in note for note in tiny.notes)


def test_through_a_map_both_sides_stand_under_one_rule_of_folds(planted: Store) -> None:
    digest = align(planted, "before", source=OWN.name, target=CLIP.name).digest
    report = ask(planted, "before", "after", source=OWN.name, target=CLIP.name)
    assert {row["word"] for row in report.of("confirmed")} == {"word-0", "word-1"}
    (linear_map,) = (stored for stored in list_maps(planted) if stored.digest == digest)
    sides = open_both(planted, *(Slice(parse_dataset_ref(name)) for name in ("before", "after")), linear_map)
    for side in sides:
        shares = np.bincount(side.fold + 1, minlength=6) / len(side.rows)
        assert shares[0] == pytest.approx(0.1, abs=0.04), "blocks that were held out go by the full map"
        assert shares[1:] == pytest.approx(np.full(5, 0.18), abs=0.06), "fresh images by the map of their block's fold"


def test_the_images_a_model_gets_wrong_against_the_rest(planted: Store, tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    wrong = (JUDGED == 7) & (rng.random(len(JUDGED)) < 0.8) | (rng.random(len(JUDGED)) < 0.1)
    lines = [f"img-{row:08d}.jpg,{'wrong' if bad else 'right'}\n" for row, bad in enumerate(wrong)]
    (tmp_path / "said.csv").write_text("image_id,class\n" + "".join(lines))
    import_predictions(planted, "judged", tmp_path / "said.csv", model="m")
    report = ask(planted, "judged", where="prediction('m') <> label")
    assert [(row["word"], row["direction"]) for row in report.of("confirmed")] == [("word-7", "risen")]
    assert report.reference == "the rest of judged"


def test_asked_again_nothing_is_computed_and_sql_reads_it(planted: Store) -> None:
    first, again = ask(planted, "before", "after"), ask(planted, "before", "after")
    assert not again.new
    assert again.table.equals(first.table)
    assert ask(planted, "before", "after", seed=3).new
    said = run_user_sql(
        planted, "select distinct word from proposals where verdict = 'confirmed' and \"current\" = 'after'"
    )
    assert {"word-0", "word-1"} <= set(said["word"].to_pylist())


def test_a_content_is_in_the_same_half_on_both_sides(planted: Store) -> None:
    sides = [Slice(parse_dataset_ref("before"), f"row % 2 = {part}") for part in (0, 1)]
    before, after = open_both(planted, *sides, identity_map(planted, CLIP))
    assert not set(before.rows) & set(after.rows)
    (whole,) = background_sets(planted, identity_map(planted, CLIP), ["before"])
    halves = dict(zip(whole.rows.tolist(), whole.searched(1).tolist(), strict=True))
    for side in (before, after):
        assert [halves[row] for row in side.rows.tolist()] == side.searched(1).tolist()
        assert side.part.max() == 4


@pytest.mark.parametrize(
    ("sides", "more", "error", "message"),
    [
        (("before",), {}, SpecError, "two sides to compare"),
        (
            ("before", "after"),
            {"alpha": 1.0},
            SpecError,
            r"alpha and min_share: expected rates between 0 and 1, but got 1",
        ),
        (("before", "after"), {"background": ["nowhere"]}, UnknownName, "nowhere"),
        (("before", "after"), {"where": "row < 0"}, InputError, r"after where row < 0: expected one image or more"),
        (("before", "after"), {"vocabulary": "bank:wider"}, UnknownName, "wider"),
    ],
)
def test_what_cannot_be_is_refused(
    planted: Store, sides: tuple[str, ...], more: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        ask(planted, *sides, **more)


def test_the_command_writes_the_confirmed_words_for_a_bank(
    planted: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words_file = tmp_path / "words.txt"
    options = ["--vocabulary", "bank:wide", "--source", CLIP.name, "--background", "again", "--store", planted.url]
    assert run(["concepts", "propose", "before", "after", *options, "-o", str(words_file)]) == 0
    text = capsys.readouterr().out
    assert "shares of images in which a word stands out" in text
    assert f"t2c concepts add proposed {words_file}" in text
    assert sorted(words_file.read_text().split()) == ["word-0", "word-1"]
    assert run(["concepts", "propose", "before", "again", *options, "-o", str(tmp_path / "all.parquet"), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"]["at large"] == "again"
    assert said["proposals"][0]["rank"] == 1
    assert "next" not in said
