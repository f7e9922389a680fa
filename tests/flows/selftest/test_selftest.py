"""Selftest: honest halves keep the rate by the unit that is named, and clips counted image by image do not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import t2c
from t2c.flows.cli.app import app
from t2c.flows.selftest import selftest as module
from t2c.flows.selftest.selftest import SelftestReport
from t2c.schemas.errors import InputError, SpecError
from t2c.schemas.tables.answers.rows import ANSWERS
from t2c.store.disk.root import Store
from tests.planted.pairs import CONCEPTS, clips, drawn_alike


def selftest(store: Store, dataset: str, **options: Any) -> SelftestReport:
    """Test as a user does, each option by its name."""
    return t2c.open(store.url).selftest(dataset, **options)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """`clips` (40 of 8 frames) and `single` (120 images)."""
    rng = np.random.default_rng(0)
    return drawn_alike(tmp_path, {"clips": clips(rng, 40, 8, 0.5), "single": clips(rng, 120, 1, 1)})


def rows(table) -> list[tuple[str, str]]:
    return list(zip(table["split_by"].to_pylist(), table["judged_by"].to_pylist(), strict=True))


def test_single_images_keep_the_rate(store: Store) -> None:
    report = selftest(store, "single", splits=200)
    assert report.table.schema.equals(ANSWERS["selftest"].schema)
    assert (report.unit, report.units, report.images, report.concepts) == ("image", 120, 120, CONCEPTS)
    (row,) = report.table.to_pylist()
    assert row["tests"] == 200 * CONCEPTS
    assert row["low"] <= 0.05 <= row["high"] + 0.02  # the exact test's steps leave it a little below
    assert row["any_low"] <= 0.05
    assert report.headline.startswith(f"of {200 * CONCEPTS:,} tests of honest halves")


def test_clips_keep_it_by_clip_and_not_by_image(store: Store) -> None:
    report = selftest(store, "clips", cluster="path", splits=200)
    assert (report.unit, report.units, report.images) == ("name", 40, 320)
    assert rows(report.table) == [("name", "name"), ("name", "image")]
    by_clip, by_image = report.table.to_pylist()
    assert by_clip["low"] <= 0.05 <= by_clip["high"] + 0.01
    assert by_image["low"] > 0.15
    assert by_image["any_flag"] > 0.3


def test_clips_that_nobody_named_are_dealt_whole_and_show(store: Store) -> None:
    report = selftest(store, "clips", splits=100)
    assert rows(report.table) == [("image", "image"), ("path", "image")]
    plain, whole = report.table.to_pylist()
    assert plain["low"] <= 0.05
    assert whole["low"] > 0.15
    assert any("--cluster path counts by group" in note for note in report.notes)


def test_it_is_answered_once(store: Store) -> None:
    first = selftest(store, "single", splits=20)
    assert selftest(store, "single", splits=20).path == first.path != ""
    assert selftest(store, "single", splits=20, seed=1).path != first.path


def test_large_sets_and_banks_are_drawn_from(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_IMAGES", 200)
    monkeypatch.setattr(module, "MOST_CONCEPTS", 5)
    report = selftest(store, "clips", cluster="path", splits=20)
    assert (report.units, report.images, report.concepts) == (25, 200, 5)
    assert "200 of 320 images are split, a random draw of whole observations" in report.notes
    assert "5 of 26 concepts are tested, spread over the bank" in report.notes


def test_too_few_and_wrong_options_are_refused(store: Store) -> None:
    with pytest.raises(
        InputError, match=r"independent observations of single where row < 9: expected 20 or more, but got 9"
    ):
        selftest(store, "single", where="row < 9")
    with pytest.raises(InputError, match=r"of clips where row < 80: expected 20 or more, but got 10 \(one a name\)"):
        selftest(store, "clips", where="row < 80", cluster="path")
    with pytest.raises(SpecError, match=r"--splits: expected 20 or more, but got 3"):
        selftest(store, "single", splits=3)
    with pytest.raises(SpecError, match=r"--alpha: expected a rate between 0 and 1, but got 2"):
        selftest(store, "single", alpha=2)


def test_the_command_says_the_rate(store: Store) -> None:
    arguments = ["selftest", "clips", "--cluster", "path", "--splits", "40", "--store", store.url]
    text = CliRunner().invoke(app, arguments)
    assert text.exit_code == 0
    assert max(len(line) for line in text.output.splitlines() if store.url not in line) <= 80
    assert "tests of honest halves" in text.output
    body = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    assert body["about"]["unit"] == "name"
    assert body["selftest"][0]["judged_by"] == "name"
    assert body["next"] == "t2c shift clips OTHER --cluster path"
