"""Images that belong together are one observation: near-copies and clips raise no alarm, and all that is done is told."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import t2c
from t2c.core.statistics.proportions import wilson
from t2c.flows.cli.app import app
from t2c.flows.data.table_imports import import_attributes
from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.flows.shift.shift import ShiftReport
from t2c.schemas.errors import SpecError, UnknownName
from t2c.store.disk.root import Store, open_store
from tests.planted.features import SOURCE, TARGET, Planted
from tests.planted.pairs import clips, drawn_alike

Draw = Callable[[np.random.Generator], tuple[Any, Any]]
PAIRS: dict[str, tuple[Draw, dict[str, str]]] = {
    "3 near-copies each": (lambda rng: (clips(rng, 100, 4, 0.99), clips(rng, 100, 4, 0.99)), {}),
    "33 clips": (lambda rng: (clips(rng, 100, 1, 1), clips(rng, 33, 30, 0.3)), {"cluster": "path"}),
    "33 clips, shuffled": (
        lambda rng: (clips(rng, 100, 1, 1), clips(rng, 33, 30, 0.95, shuffled=True)),
        {"cluster": "path"},
    ),
    "one clip against ten": (lambda rng: (clips(rng, 1, 300, 0.95), clips(rng, 10, 300, 0.95)), {"cluster": "path"}),
}


def shift(store: Store, *sides: str, **options: Any) -> ShiftReport:
    """Compare as a user does, each option by its name."""
    return t2c.open(store.url).shift(*sides, **options)


def compared(folder: Path, draw: int, name: str, **options: Any) -> ShiftReport:
    pair, own = PAIRS[name]
    one, other = pair(np.random.default_rng([20_261_205, draw]))
    return shift(drawn_alike(folder / f"{draw}", {"one": one, "other": other}), "one", "other", **(own | options))


@pytest.mark.parametrize("name", PAIRS)
def test_honest_pairs_are_seldom_flagged_and_image_by_image_often(tmp_path: Path, name: str) -> None:
    reports = [compared(tmp_path, draw, name) for draw in range(3)]
    assert wilson(sum(report.drift for report in reports), 3)[0] <= 0.05
    naive = [compared(tmp_path / "naive", draw, name, near_copies="off", cluster=None) for draw in range(3)]
    # at a correlation of 0.3 a hundred images beside the clips are too few to be misled in three draws
    assert name == "33 clips" or any(report.flagged for report in naive)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_of_400_honest_pairs_no_more_than_5_per_cent_are_flagged(tmp_path: Path, name: str) -> None:
    flags = sum(compared(tmp_path, draw, name).drift for draw in range(400))
    assert wilson(flags, 400)[0] <= 0.05


def test_near_copies_are_left_out_counted_and_shown(tmp_path: Path) -> None:
    report = compared(tmp_path, 0, "3 near-copies each")
    # 100 images with 3 near-copies each; a few lie farther off than the threshold and stay
    assert 100 <= report.n_reference < 130
    assert 100 <= report.n_current < 130
    notes = [note for note in report.notes if "near-copies are left out of one" in note]
    assert notes[0].startswith(f"{400 - report.n_reference} near-copies are left out of one (cosine 0.98 or more; ")
    assert notes[0].count(" ~ ") == 5
    store = open_store(tmp_path / "0")
    assert shift(store, "one", "other", near_copies="off").n_reference == 400
    assert shift(store, "one", "other", duplicates=True).n_reference == 400


def _store(folder: Path) -> Store:
    return Store(str(folder))


def test_a_cosine_below_098_is_refused(tmp_path: Path) -> None:
    store = drawn_alike(tmp_path, {"one": clips(np.random.default_rng(0), 40, 1, 1)})
    for wrong in ("0.5", "1.5", "often"):
        with pytest.raises(
            SpecError, match=rf"--near-copies: expected auto, off, or a cosine of 0\.98 to 1, but got {wrong}"
        ):
            shift(store, "one", where="row < 20", near_copies=wrong)


def test_clips_are_counted_tested_as_wholes_and_never_by_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    one, other = clips(rng, 40, 5, 0.5), clips(rng, 30, 5, 0.5)
    store = drawn_alike(tmp_path, {"one": one, "other": (other[0] + 2, other[1])})
    report = shift(store, "one", "other", cluster="path", classes="none")
    assert (report.n_reference, report.n_current, report.unit) == (40, 30, "clusters: one a name")
    assert report.drift
    table = report.table
    assert set(table["n_reference"].to_pylist()) == {40}
    assert min(table["log10_p"].to_pylist()) >= -4  # what draws can give, never a large-sample value
    assert shift(store, "one", "other", cluster="path", classes="none").digest == report.digest


def test_a_cluster_can_be_a_column_a_burst_or_a_pattern(planted: Planted, tmp_path: Path) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    times = [start + timedelta(minutes=10 * (row // 4), seconds=row % 4) for row in range(200)]
    planted.images("photos", 200, captured_at=times, label=[f"class {row % 20}" for row in range(200)])
    planted.both("photos", planted.x(200))
    planted.dataset("fresh", 80, seed=1)
    planted.bank()
    align(planted.store, "photos", source=SOURCE.name, target=TARGET.name)
    for dataset in ("photos", "fresh"):
        score(planted.store, dataset, source=SOURCE.name, bank="everyday")
    lines = {"image_id": [f"img-{row:08d}.jpg" for row in range(150)], "clip": [f"{row // 10}" for row in range(150)]}
    pq.write_table(pa.table(lines), tmp_path / "clips.parquet")
    import_attributes(planted.store, "photos", tmp_path / "clips.parquet")
    halves = {"where": "row >= 100", "classes": "none"}
    for cluster, counts in {
        "clip": (10, 5 + 50),
        "label": (20, 20),
        "captured_at": (25, 25),
        "captured_at:0.5": (100, 100),
        "captured_at:7200": (1, 1),
        r"path:img-\d{6}": (1, 1),
        r"path:(\d)\.jpg": (10, 10),
    }.items():
        report = shift(planted.store, "photos", cluster=cluster, **halves)
        assert (report.n_reference, report.n_current) == counts, cluster
        assert report.unsure == (min(counts) < 10)
    clip = shift(planted.store, "photos", cluster="clip", **halves)
    assert "50 images of photos where row >= 100 have no clip: each counts as its own" in clip.notes
    assert clip.new is False
    lines["clip"][0] = "another"
    pq.write_table(pa.table(lines), tmp_path / "clips.parquet")
    import_attributes(planted.store, "photos", tmp_path / "clips.parquet")
    assert shift(planted.store, "photos", cluster="clip", **halves).new
    with pytest.raises(UnknownName, match=r"attribute of photos: expected .* but got 'clop'"):
        shift(planted.store, "photos", cluster="clop", **halves)
    with pytest.raises(SpecError, match=r"--cluster captured_at:often: expected seconds above 0, but got 'often'"):
        shift(planted.store, "photos", cluster="captured_at:often", **halves)
    with pytest.raises(SpecError, match=r"--cluster path:\(: expected a regular expression"):
        shift(planted.store, "photos", cluster="path:(", **halves)


def test_below_ten_observations_nothing_is_told_however_far_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    few, many = clips(rng, 9, 40, 0.5), clips(rng, 60, 1, 1)
    store = drawn_alike(tmp_path, {"few": (few[0] + 5, few[1]), "many": many})
    report = shift(store, "many", "few", cluster="path")
    assert (report.unsure, report.flagged, report.drift) == (True, 0, False)
    assert set(report.table["verdict"].to_pylist()) == {"none"}
    assert "few has 9 independent observations (one a name): below 10 nothing can be told" in report.notes
    assert not shift(store, "many", "few").unsure
    alone = shift(store, "many", where="row < 9", reference_where="row >= 9")
    assert alone.unsure
    assert "many where row < 9 has 9 independent observations (one a image)" not in alone.notes


def test_what_names_and_times_reveal_is_told_though_nobody_named_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    store = drawn_alike(tmp_path / "clips", {"one": clips(rng, 40, 10, 0.4), "other": clips(rng, 40, 10, 0.0)})
    notes = [note for note in shift(store, "one", "other").notes if "resemble each other" in note]
    assert len(notes) == 1
    assert notes[0].startswith("images of one whose names differ in their last number alone resemble each other")
    assert notes[0].endswith("--cluster path counts by group")


def test_the_command_says_what_counts_as_one(tmp_path: Path) -> None:
    from click.testing import CliRunner

    rng = np.random.default_rng(6)
    store = drawn_alike(tmp_path, {"one": clips(rng, 40, 5, 0.5), "other": clips(rng, 30, 5, 0.5)})
    done = CliRunner().invoke(app, ["shift", "one", "other", "--cluster", "path", "--json", "--store", store.url])
    assert done.exit_code == 0
    assert json.loads(done.output)["sides"] == {
        "reference": "one (40 clusters: one a name)",
        "current": "other (30 clusters: one a name)",
    }
