"""Refining a concept: better on images not used, kept with what made it, the same when asked again; bad exemplars named."""

import io
import json

import numpy as np
import pytest

from t2c.flows.bottleneck.fit import fit_bottleneck
from t2c.flows.concepts.exemplar_rows import found_rows, read_rows
from t2c.flows.concepts.refine import refine_concept
from t2c.flows.concepts.refine_job import RefineOptions
from t2c.flows.rows.exemplars import exemplars
from t2c.flows.scores.score import score
from t2c.flows.trust.trust import trust
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.store.artifacts.concepts import add_concepts, open_concepts
from t2c.store.artifacts.images import open_images
from t2c.store.queries import resolve_scores
from t2c.store.queries.user_sql import run_user_sql
from tests.planted.attributes import SOURCE, TARGET, World


@pytest.fixture
def blurred(own_world: World) -> World:
    """A world whose bank also has a poor vector for stripes: half of it points to snow."""
    import pyarrow as pa

    vector = (np.eye(8)[0] + np.eye(8)[2]) / 2**0.5
    table = pa.table(
        {
            "concept": ["stripey"],
            "prompts": pa.array([["a stripey"]], pa.list_(pa.string())),
            "vector": pa.array([vector.tolist()], pa.list_(pa.float32())),
            "averaging": ["normalise-then-average"],
            "kind": ["concept"],
        }
    )
    add_concepts(own_world.store, "everyday", table, space=TARGET, text_encoder=TARGET.name)
    for dataset in ("photos", "balanced"):
        score(own_world.store, dataset, source=SOURCE.name, bank="everyday")
    return own_world


def striped(world: World, count: int, *, there: bool = True) -> list[int]:
    """Return rows of `balanced` with stripes, or without."""
    return np.flatnonzero(world.truth["balanced"][:, 0] == there)[:count].tolist()


def test_trust_is_measured_on_images_no_refined_concept_was_fitted_on(blurred: World) -> None:
    options = {"source": SOURCE.name, "bank": "everyday", "directions": 40}
    before = trust(blurred.store, "balanced", **options)
    positive, negative = striped(blurred, 60), striped(blurred, 60, there=False)
    refine_concept(blurred.store, "balanced", "stripey", positive=positive, negative=negative)
    score(blurred.store, "balanced", source=SOURCE.name, bank="everyday")
    fitted = len(exemplars(blurred.store, "everyday", "stripey (refined)"))
    after = trust(blurred.store, "balanced", **options)
    assert fitted > 60
    assert f"{fitted} images that refined concepts were fitted on are left out" in after.notes
    counted = [{row["concept"]: row["n"] for row in one.table.to_pylist()}["stripey"] for one in (before, after)]
    assert counted[0] - counted[1] == fitted


def test_a_classifier_tells_better_on_images_it_was_not_made_from(blurred: World) -> None:
    report = refine_concept(
        blurred.store,
        "balanced",
        "stripey",
        positive=striped(blurred, 60),
        negative=striped(blurred, 60, there=False),
        options=RefineOptions(attribute="striped"),
    )
    assert (report.name, report.method, report.bank) == ("stripey (refined)", "classifier", "everyday")
    assert (report.positives + report.aside[0], report.negatives + report.aside[1]) == (60, 60)
    assert report.aside == (18, 18)
    lines = {(row["measured_on"], row["vector"]): row for row in report.table.to_pylist()}
    assert set(lines) == {(where, which) for where in ("kept aside", "striped") for which in ("before", "after")}
    assert lines["striped", "after"]["low"] > lines["striped", "before"]["auroc"]
    assert lines["kept aside", "after"]["auroc"] > lines["kept aside", "before"]["auroc"]
    truth = blurred.truth["balanced"][:, 0]
    counted = lines["striped", "after"]
    assert counted["positives"] + counted["negatives"] == len(truth) - 120  # no exemplar is among them
    assert counted["positives"] == truth.sum() - 60
    assert {row["mark"] for row in report.table.to_pylist()} == {"not measured"}
    vectors = dict(
        zip(
            open_concepts(blurred.store, "everyday").names(),
            open_concepts(blurred.store, "everyday").vectors(),
            strict=True,
        )
    )
    assert vectors["stripey (refined)"] @ np.eye(8)[0] > 0.8 > vectors["stripey"] @ np.eye(8)[0]


def test_a_vector_that_tells_worse_is_warned_of(blurred: World) -> None:
    swapped = {"positive": striped(blurred, 40, there=False), "negative": striped(blurred, 40)}
    report = refine_concept(blurred.store, "balanced", "stripey", options=RefineOptions(attribute="striped"), **swapped)
    lines = {(row["measured_on"], row["vector"]): row["auroc"] for row in report.table.to_pylist()}
    before, after = lines["striped", "before"], lines["striped", "after"]
    assert after < 0.5 < before
    warning = f"warning: the new vector tells worse on images striped: AUROC {after:.3f}, before {before:.3f}"
    assert [note for note in report.notes if note.startswith("warning")] == [warning]
    good = refine_concept(
        blurred.store, "balanced", "stripey", positive=striped(blurred, 60), negative=striped(blurred, 60, there=False)
    )
    assert not any(note.startswith("warning") for note in good.notes)


def test_the_mean_needs_positives_alone(blurred: World) -> None:
    report = refine_concept(blurred.store, "balanced", "stripey", positive=striped(blurred, 40))
    assert (report.method, report.negatives) == ("mean", 0)
    assert [row["measured_on"] for row in report.table.to_pylist()] == ["kept aside, against a sample of the rest"] * 2
    assert any("a sample of the other images stands for them" in note for note in report.notes)
    table = open_concepts(blurred.store, "everyday").table().to_pylist()[-1]
    assert (table["kind"], table["averaging"], table["prompts"]) == ("refined", "mean of exemplars", [])


def test_provenance_is_kept_and_the_same_question_makes_nothing_new(blurred: World) -> None:
    asked = {"positive": striped(blurred, 30), "negative": striped(blurred, 30, there=False)}
    first = refine_concept(blurred.store, "balanced", "stripey", **asked)
    snapshot = open_concepts(blurred.store, "everyday").manifest.snapshot
    again = refine_concept(blurred.store, "balanced", "stripey", **asked)
    assert (first.new, again.new, again.name) == (True, False, first.name)
    bank = open_concepts(blurred.store, "everyday")
    assert bank.manifest.snapshot == snapshot
    assert [parent.name.split("/")[0] for parent in bank.manifest.parents] == ["refined"]
    rows = run_user_sql(blurred.store, "select * from refined")
    assert set(rows["row"].to_pylist()) == {*asked["positive"], *asked["negative"]}
    fitted = exemplars(blurred.store, "everyday", first.name)
    assert len(fitted) == first.positives + first.negatives
    other = refine_concept(blurred.store, "balanced", "stripey", positive=asked["positive"][:-1])
    assert other.name == "stripey (refined 2)"
    named = refine_concept(
        blurred.store, "balanced", "stripey", positive=asked["positive"], options=RefineOptions(name="stripes")
    )
    assert named.name == "stripes"
    with pytest.raises(SpecError, match=r"--name: expected a name that bank everyday lacks, but got 'stripes'"):
        refine_concept(
            blurred.store, "balanced", "stripey", positive=striped(blurred, 20), options=RefineOptions(name="stripes")
        )


def test_a_refined_concept_is_scored_alone_and_a_bottleneck_does_not_count_its_exemplars(blurred: World) -> None:
    refine_concept(
        blurred.store,
        "balanced",
        "striped",
        positive=striped(blurred, 60),
        negative=striped(blurred, 60, there=False),
        options=RefineOptions(name="STRIPES"),
    )
    report = score(blurred.store, "balanced", source=SOURCE.name, bank="everyday")
    assert (report.concepts, report.rows) == (1, 0)
    aurocs = fit_bottleneck(blurred.store, "balanced", means={"striped": "STRIPES"}).aurocs.to_pylist()
    mine = next(row for row in aurocs if row["concept"] == "STRIPES")
    used = exemplars(blurred.store, "everyday", "STRIPES")
    assert len(used) == 84
    assert mine["positives"] + mine["negatives"] == 400 - 84


def test_exemplars_come_from_files_numbers_queries_and_what_find_prints(
    world: World, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = open_images(world.store, "photos")
    (tmp_path / "ids.txt").write_text("img-00000007.jpg\nimg-00000003.jpg\n")
    assert read_rows(images, str(tmp_path / "ids.txt"), option="--positive") == [7, 3]
    assert read_rows(images, "3, 17", option="--positive") == [3, 17]
    printed = json.dumps({"command": "find", "matches": [{"row": 5, "image_id": "img-00000005.jpg"}]})
    (tmp_path / "found.json").write_text(printed)
    assert read_rows(images, str(tmp_path / "found.json"), option="--positive") == [5]
    monkeypatch.setattr("sys.stdin", io.StringIO('["img-00000009.jpg"]'))
    assert read_rows(images, "-", option="--positive") == [9]
    scores = resolve_scores(world.store, "photos")
    found = found_rows(scores, images, "'in snow' > 1", most=5)
    assert len(found) == 5
    assert all(world.truth["photos"][row, 2] == 1 for row in found)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", SpecError, r"--positive: expected images, but got nothing"),
        ("9999999", InputError, r"--positive: expected rows 0 to 1199 of photos, but got 9999999"),
        ("/nowhere.txt", InputError, r"ids /nowhere.txt: expected a file that can be read"),
    ],
)
def test_exemplars_that_are_none_are_named(world: World, text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        read_rows(open_images(world.store, "photos"), text, option="--positive")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"--negative: expected JSON, as t2c find --json prints it, but got Expecting"),
        ('{"a": 1}', r"but got no list of images"),
        ("[]", r"but got an empty list"),
        ("[1.5]", r"a row or an image_id for each image, but got 1.5"),
        ('["nowhere.jpg"]', r"ids for photos: expected image ids of the dataset.*'nowhere.jpg'"),
    ],
)
def test_json_that_names_no_image_is_refused(world: World, tmp_path, text: str, message: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_rows(open_images(world.store, "photos"), str(tmp_path / "bad.json"), option="--negative")


def test_a_query_without_an_answer_is_no_exemplar(world: World) -> None:
    scores = resolve_scores(world.store, "photos")
    with pytest.raises(InputError, match=r"images that satisfy .*: expected some, but got none. Loosen a constraint."):
        found_rows(scores, open_images(world.store, "photos"), "striped > 50", most=5)


def test_bad_exemplars_and_options_are_refused(world: World) -> None:
    ask = {"positive": [0, 1, 2, 3]}
    before = open_concepts(world.store, "everyday").names()
    with pytest.raises(InputError, match=r"positive exemplars of photos: expected 2 or more, but got 1"):
        refine_concept(world.store, "photos", "striped", positive=[0])
    with pytest.raises(InputError, match=r"negative exemplars of photos: expected 2 or more, but got 1"):
        refine_concept(world.store, "photos", "striped", negative=[5], **ask)
    with pytest.raises(
        InputError, match=r"exemplars: expected each image on one side, but got 'img-00000002.jpg' on both"
    ):
        refine_concept(world.store, "photos", "striped", negative=[2, 9], **ask)
    with pytest.raises(UnknownName, match=r"concept in bank everyday.*Did you mean 'striped'"):
        refine_concept(world.store, "photos", "stripes", **ask)
    for options, message in (
        (RefineOptions(method="magic"), r"--method: expected mean or classifier, but got 'magic'"),
        (RefineOptions(holdout=1.0), r"--holdout: expected a share of 0 to below 1, but got 1.0"),
    ):
        with pytest.raises(SpecError, match=message):
            refine_concept(world.store, "photos", "striped", options=options, **ask)
    with pytest.raises(UnknownName, match=r"labels of photos: expected one of .*, but got 'stripe'"):
        refine_concept(
            world.store, "photos", "striped", options=RefineOptions(attribute="stripe", name="never made"), **ask
        )
    with pytest.raises(UnknownName, match=r"value to map: expected one of .*, but got 'maybe'"):
        refine_concept(
            world.store,
            "photos",
            "striped",
            options=RefineOptions(attribute="striped", value="maybe", name="never made either"),
            **ask,
        )
    assert open_concepts(world.store, "everyday").names() == before
