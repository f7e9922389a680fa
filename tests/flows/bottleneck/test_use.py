"""Asking a bottleneck: shares of images, the planted spurious concept named, an edit that restores accuracy elsewhere."""

import pytest

from t2c.flows.bottleneck.fit import fit_bottleneck
from t2c.flows.bottleneck.use import bottleneck_errors, bottleneck_table, edit_bottleneck, explain_images
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.store.artifacts.bottlenecks import open_bottleneck
from t2c.store.artifacts.images import Images, open_images
from t2c.store.disk.manifest import read_manifest
from t2c.store.disk.paths import artifact
from t2c.store.queries.user_sql import run_user_sql
from tests.planted.attributes import World
from tests.planted.features import content
from tests.planted.scored import add_images, image_table


@pytest.fixture(scope="module")
def model(world: World) -> str:
    """A bottleneck fitted on the dataset in which snow goes with zebras."""
    return fit_bottleneck(world.store, "photos").name


def test_an_explanation_lists_three_shares_and_three_differences(world: World, model: str) -> None:
    report = explain_images(world.store, "photos", ["img-00000007.jpg"], rows=[3], model=model)
    lines = report.table.to_pylist()
    assert [(one["row"], one["part"], one["rank"]) for one in lines] == [
        (row, part, rank) for row in (7, 3) for part in ("share", "difference") for rank in (1, 2, 3)
    ]
    assert report.images.to_pylist()[0] == {"row": 7, "image_id": "img-00000007.jpg", "uri": "/photos/img-00000007.jpg"}
    first = lines[0]
    assert first["label"] == world.labels["photos"][7]
    assert {first["predicted"], first["runner_up"]} == {"zebra", "horse"}
    assert first["margin"] > 0
    shares = [one["share"] for one in lines[:3]]
    assert shares == sorted(shares, reverse=True)
    assert sum(abs(one) for one in shares) <= 1 + 1e-9
    differences = [one["share"] - one["runner_up_share"] for one in lines[3:6]]
    assert differences == sorted(differences, reverse=True)


def test_raw_shares_are_another_answer_about_the_same_class(world: World, model: str) -> None:
    plain, raw = (explain_images(world.store, "photos", rows=[3], model=model, raw=raw) for raw in (False, True))
    assert [one["part"] for one in raw.table.to_pylist()] == ["raw share"] * 3 + ["raw difference"] * 3
    assert plain.table["predicted"].equals(raw.table["predicted"])
    assert plain.table["share"].to_pylist() != raw.table["share"].to_pylist()
    assert plain.path != raw.path


def test_whether_the_head_was_fitted_on_the_image_is_said(world: World, model: str) -> None:
    sides = {row["row"]: row["side"] for row in open_bottleneck(world.store, model).rows().to_pylist()}
    table = explain_images(world.store, "photos", rows=list(range(10)), model=model).table
    assert {(one["row"], one["side"]) for one in table.to_pylist()} == {(row, sides[row]) for row in range(10)}
    elsewhere = explain_images(world.store, "balanced", rows=[0], model=model).table
    assert set(elsewhere["side"].to_pylist()) == {"held out"}


def test_without_images_the_surest_errors_come_first(world: World, model: str) -> None:
    lines = explain_images(world.store, "photos", model=model).table.to_pylist()
    rows = list(dict.fromkeys(one["row"] for one in lines))
    wrong = [any(one["row"] == row and one["label"] != one["predicted"] for one in lines) for row in rows]
    assert wrong == sorted(wrong, reverse=True)
    assert 0 < sum(wrong) <= 8
    assert 0 < len(wrong) - sum(wrong) <= 4


@pytest.mark.parametrize("dataset", ["photos", "balanced"])
def test_the_planted_spurious_concept_is_named_first(world: World, model: str, dataset: str) -> None:
    report = bottleneck_errors(world.store, dataset, model=model)
    assert report.wrong == sum(report.table["errors"].to_pylist())
    first = report.table.to_pylist()[0]
    assert first["concept"] == "in snow"
    assert first["gap"] > 0.2
    assert first["pushed_accuracy"] <= first["pushed_high"] < first["other_accuracy"]
    assert {first["label"], first["predicted"]} == {"zebra", "horse"}
    assert first["lean"] == ("more" if first["predicted"] == "zebra" else "less")
    assert 0 < len(first["rows"]) <= 24
    labels = world.labels[dataset]
    assert {labels[row] for row in first["rows"]} == {first["label"]}
    assert max(row["gap"] for row in report.table.to_pylist() if row["concept"] != "in snow") < first["gap"]


def test_switching_the_spurious_concept_off_restores_accuracy_where_it_misleads(world: World, model: str) -> None:
    report = edit_bottleneck(world.store, "balanced", off=["in snow"], model=model)
    rows = {row["who"]: row for row in report.accuracy.to_pylist()}
    assert rows["concepts"]["low"] > rows["before"]["high"]
    assert rows["concepts"]["accuracy"] > 0.8
    changes = report.changed.to_pylist()
    assert all(row["before"] != row["after"] for row in changes)
    better = sum(row["after"] == row["label"] for row in changes) - sum(
        row["before"] == row["label"] for row in changes
    )
    assert better == rows["concepts"]["correct"] - rows["before"]["correct"]
    at_home = edit_bottleneck(world.store, "photos", off=["in snow"], model=model)
    assert at_home.name == report.name
    here = {row["who"]: row["accuracy"] for row in at_home.accuracy.to_pylist()}
    assert here["concepts"] < here["before"]  # where it goes with the class, it helped


def test_an_edit_is_an_artifact_with_its_lineage_and_can_be_edited_again(world: World, model: str) -> None:
    report = edit_bottleneck(world.store, "photos", scale={"in_snow": 0.5}, model=model)
    stored = open_bottleneck(world.store, report.name)
    before = open_bottleneck(world.store, model)
    assert [parent.kind for parent in stored.manifest.parents] == ["bottlenecks"]
    assert stored.manifest.parents[0].name == before.manifest.name
    place = stored.concepts()["concept"].to_pylist().index("in snow")
    assert stored.arrays().weight[:, place].tolist() == (before.arrays().weight[:, place] * 0.5).tolist()
    again = edit_bottleneck(world.store, "photos", off=["shiny"], model=report.name)
    assert [(one.concept, one.factor) for one in again.certificate.edits] == [("in snow", 0.5), ("shiny", 0.0)]
    assert not edit_bottleneck(world.store, "photos", off=["shiny"], model=report.name).new
    table = {row["model"]: row for row in bottleneck_table(world.store).to_pylist()}
    assert table[again.name]["edits"] == "in snow x 0.5, shiny x 0"
    counted = run_user_sql(world.store, f"select count(*) as n from bottleneck where model = '{again.name}'")
    assert counted["n"].to_pylist() == [2]


def test_edits_that_make_no_sense_are_refused(world: World, model: str) -> None:
    with pytest.raises(SpecError, match=r"edits: expected one or more, but got none. Switch one off \(--off"):
        edit_bottleneck(world.store, "photos", model=model)
    with pytest.raises(SpecError, match=r"edits: expected each concept once, but got 'in snow' twice"):
        edit_bottleneck(world.store, "photos", off=["in snow"], scale={"In Snow": 2.0}, model=model)
    with pytest.raises(UnknownName, match=r"concept in bank everyday.*Did you mean 'striped'"):
        edit_bottleneck(world.store, "photos", off=["stripes"], model=model)
    with pytest.raises(InputError, match=r"edit of the bottleneck: expected a finite factor"):
        edit_bottleneck(world.store, "photos", scale={"round": float("inf")}, model=model)


def test_images_and_datasets_that_are_not_there_are_named(world: World, model: str) -> None:
    with pytest.raises(InputError, match=r"ids for photos: expected image ids of the dataset.*'nowhere.jpg'"):
        explain_images(world.store, "photos", ["nowhere.jpg"], model=model)
    with pytest.raises(InputError, match=r"row 99999 of photos: expected a similarity to explain, but got none"):
        explain_images(world.store, "photos", rows=[99999], model=model)
    with pytest.raises(UnknownName, match=r"Did you mean 'photos'"):
        explain_images(world.store, "photoz", model=model)


def test_only_what_was_not_fitted_is_counted(own_world: World) -> None:
    name = fit_bottleneck(own_world.store, "photos").name
    stored = open_bottleneck(own_world.store, name)
    report = bottleneck_errors(own_world.store, "photos", model=name)
    assert report.measured == stored.certificate.held_out
    fitted = [row["row"] for row in stored.rows().to_pylist() if row["side"] == "fitted"]
    images = copy_of(own_world, "photos", fitted)
    assert images.rows == len(fitted)
    with pytest.raises(InputError, match=r"images to measure accuracy on: expected 1 or more, but got none"):
        bottleneck_errors(own_world.store, "again", model=name)


def copy_of(world: World, dataset: str, rows: list[int]) -> Images:
    """Make `again`: the same content as some rows of a dataset, scored under the same map."""
    from t2c.flows.scores.score import score
    from t2c.store.artifacts.features import open_features
    from tests.planted.attributes import SOURCE
    from tests.planted.features import Planted

    hashes = [content([f"{dataset}/{row}"])[0] for row in rows]
    labels = [world.labels[dataset][row] for row in rows]
    add_images(world.store, image_table(0, len(rows), content_hash=hashes, label=labels), dataset="again")
    values = open_features(world.store, dataset, SOURCE.name).take(rows)
    Planted(world.store).features("again", SOURCE, values)
    score(world.store, "again", source=SOURCE.name, bank="everyday")
    return open_images(world.store, "again")


def test_an_answer_says_what_it_rests_on(world: World, model: str) -> None:
    report = bottleneck_errors(world.store, "balanced", model=model)
    manifest = read_manifest(world.store, artifact("answers", report.path.split("answers/")[1]))
    assert {parent.kind for parent in manifest.parents} == {"bottlenecks", "images", "similarities"}
