"""The report shows bottlenecks and readings that the store holds for its images, with pictures, and computes neither."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.bottleneck.fit import fit_bottleneck
from t2c.flows.bottleneck.page import cards
from t2c.flows.bottleneck.use import edit_bottleneck, explain_images
from t2c.flows.reading.hard_images import hard_images
from t2c.flows.reading.reading import class_ranks, concept_pairs
from t2c.flows.reading.slices import model_slices
from t2c.flows.report.write import report
from t2c.schemas.tables.tables import PREDICTIONS
from t2c.store.artifacts.bottlenecks import list_bottlenecks
from t2c.store.artifacts.dataset_tables import write_predictions
from t2c.store.disk.root import open_store
from tests.planted.attributes import World, plant
from tests.planted.photos import picture
from tests.planted.scored import add_images, image_table


@pytest.fixture
def world(tmp_path: Path) -> World:
    return plant(open_store(tmp_path / "store", create=True), count=400)


def page(world: World, folder: Path) -> str:
    made = report(world.store, "photos", output=folder / "r.html")
    return Path(made.path).read_text()


def section(text: str, key: str) -> str:
    """Return one section's part of the page."""
    return text.partition(f'<section id="{key}"')[2].partition("</section>")[0]


def test_nothing_is_shown_or_fitted_where_nothing_was(world: World, tmp_path: Path) -> None:
    text = page(world, tmp_path)
    assert '<section id="bottleneck"' not in text
    assert '<section id="reading"' not in text
    assert list(list_bottlenecks(world.store)) == []


def test_a_bottleneck_is_shown_with_its_peers_explanations_errors_and_edits(world: World, tmp_path: Path) -> None:
    fitted = fit_bottleneck(world.store, "photos")
    edit_bottleneck(world.store, "photos", off=["in snow"], model=fitted.name)
    text = section(page(world, tmp_path), "bottleneck")
    rows = {row["who"]: row for row in fitted.accuracy.to_pylist()}
    for who in ("concepts", "features", "attributes"):
        assert f"<b>{100 * rows[who]['accuracy']:.1f}\N{NO-BREAK SPACE}%</b>" in text
    assert "in snow × 0" in text
    assert "what speaks for" in text
    assert "✕ labelled" in text
    assert "Errors in" in text
    assert "mean AUROC 0.9" in text
    assert "trust was not measured" in text
    lines = explain_images(world.store, "photos", model=fitted.name).table.to_pylist()
    wrong = {one["row"] for one in lines if one["label"] != one["predicted"]}
    right = {one["row"] for one in lines} - wrong
    assert text.count('class="card explain wrong"') == min(len(wrong), 6)
    assert text.count('class="card explain"') == len(right)


def test_what_was_fitted_on_other_images_is_not_shown(world: World, tmp_path: Path) -> None:
    fit_bottleneck(world.store, "balanced")
    assert '<section id="bottleneck"' not in page(world, tmp_path)
    fit_bottleneck(world.store, "photos")
    assert '<section id="bottleneck"' in page(world, tmp_path)
    add_images(world.store, image_table(400, 401))  # the index went on: the answers are about an older snapshot
    assert '<section id="bottleneck"' not in page(world, tmp_path)


def test_slices_hard_images_and_pairs_are_shown(world: World, tmp_path: Path) -> None:
    there, labels = world.truth["photos"], world.labels["photos"]
    bad = (there[:, 2] == 0) & (there[:, 3] == 1)
    rows = [
        {"model": "prod-v7", "row": row, "class": "horse" if wrong else label, "score": None}
        for row, (label, wrong) in enumerate(zip(labels, bad, strict=True))
    ]
    rows += [{"model": "perfect", "row": row, "class": label, "score": None} for row, label in enumerate(labels)]
    write_predictions(world.store, "photos", pa.Table.from_pylist(rows, schema=PREDICTIONS))
    hard_images(world.store, "photos", images=3, model="prod-v7")
    concept_pairs(world.store, "photos")
    ranks = class_ranks(world.store, "photos").table.to_pylist()
    found = model_slices(world.store, "photos", model="prod-v7", k=0.3)
    model_slices(world.store, "photos", model="perfect")
    text = section(page(world, tmp_path), "reading")
    assert "Where <bdi>prod-v7</bdi> fails" in text
    assert "Where <bdi>perfect</bdi> fails" in text
    assert "No conjunction of concepts is worse than the rest." in text
    for row in found.table.to_pylist():
        assert f"<b>{100 * row['error_rate']:.0f}\N{NO-BREAK SPACE}%</b> wrong of" in text
    assert "<bdi>zebra</bdi> without <bdi>in snow</bdi>" in text
    assert "Concepts that come together" in text
    first = max((row for row in ranks if row["rank"] == 1), key=lambda row: row["z"])
    said = f"<bdi>{first['label']}</bdi> +{first['z']:.1f} ({100 * first['top_share']:.0f}\N{NO-BREAK SPACE}%)"
    assert f"<h4><bdi>{first['concept']}</bdi></h4>" in text
    assert said in text


def test_names_of_users_are_escaped(world: World, tmp_path: Path) -> None:
    rows = [{"model": "<b>x", "row": row, "class": "zebra", "score": None} for row in range(400)]
    write_predictions(world.store, "photos", pa.Table.from_pylist(rows, schema=PREDICTIONS))
    model_slices(world.store, "photos", model="<b>x")
    text = section(page(world, tmp_path), "reading")
    assert "&lt;b&gt;x" in text
    assert "<b>x" not in text


def test_a_card_holds_the_picture_and_what_was_said(world: World) -> None:
    fitted = fit_bottleneck(world.store, "photos")
    made = explain_images(world.store, "photos", rows=[5, 2], model=fitted.name)
    first, second = cards(made.table, made.images, read=lambda uri: picture(len(uri)))
    assert first.picture.data_uri.startswith("data:image/webp;base64,")
    assert (first.image_id, second.image_id) == ("img-00000005.jpg", "img-00000002.jpg")
    assert [bar.value for bar in first.shares] == sorted((bar.value for bar in first.shares), reverse=True)
    assert first.right == (first.label == first.predicted)
    assert len(first.shares) == len(first.differences) == 3
    assert np.isfinite([bar.z for bar in first.shares]).all()
    gone = cards(made.table, made.images, read=lambda uri: b"")
    assert gone[0].picture.data_uri == ""
