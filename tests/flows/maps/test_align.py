"""Aligning: the planted map is found, rows are split by content, the certificate tells the truth, twice does nothing."""

import numpy as np
import pyarrow.compute as pc
import pytest

from t2c.flows.maps.align import align
from t2c.schemas.errors import InputError, MismatchError, SpecError, UnknownName
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.features import open_features
from t2c.store.artifacts.images import append_images, open_images
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import snapshots
from tests.planted.features import SOURCE, TARGET, Planted, content
from tests.planted.scored import image_table

SIDES = {"source": SOURCE.name, "target": TARGET.name}


def test_the_planted_map_is_found_and_certified_on_rows_it_never_saw(planted: Planted) -> None:
    planted.dataset("photos", 600, noise=0.01)
    report = align(planted.store, "photos", ridge=0, **SIDES)
    arrays = open_map(planted.store, report.digest).arrays()
    assert np.abs(arrays.weight - planted.weight).max() < 0.01
    assert np.abs(arrays.bias - 1).max() < 0.01
    assert report.new
    certificate = report.certificate
    assert certificate.held_out.n + certificate.fitted == 600
    assert certificate.held_out.n > 20
    assert certificate.held_out.r2_variance_weighted > 0.99
    assert abs(certificate.held_out.mean_variance_weighted) < 0.2
    assert (certificate.dataset, certificate.snapshot, certificate.ridge) == ("photos", 1, 0)


def test_a_fold_map_is_the_fit_without_that_folds_rows(planted: Planted) -> None:
    planted.dataset("photos", 400, noise=1.0)
    stored = open_map(planted.store, align(planted.store, "photos", ridge=0, **SIDES).digest)
    fitted, arrays = stored.fitted(), stored.arrays()
    others = fitted.filter(pc.not_equal(fitted["fold"], 2))["row"].to_numpy()
    x = planted.x(400)[others].astype(np.float32)
    y = open_features(planted.store, "photos", SIDES["target"]).take(others)
    design = np.c_[x, np.ones(len(x))]
    want = np.linalg.lstsq(design, y, rcond=None)[0]
    assert np.abs(arrays.fold_weight[2] - want[:-1]).max() < 1e-4
    assert np.abs(arrays.fold_bias[2] - want[-1]).max() < 1e-4


def test_twice_does_nothing_and_other_options_make_another_map(planted: Planted) -> None:
    planted.dataset("photos", 200)
    first = align(planted.store, "photos", **SIDES)
    again = align(planted.store, "photos", **SIDES)
    assert (again.new, again.digest) == (False, first.digest)
    assert again.certificate == first.certificate
    assert len(list(snapshots(planted.store, open_map(planted.store, first.digest).manifest.artifact))) == 1
    assert align(planted.store, "photos", seed=1, **SIDES).digest != first.digest


def test_a_frozen_snapshot_gives_the_same_map_after_the_dataset_has_grown(planted: Planted) -> None:
    planted.dataset("photos", 200)
    first = align(planted.store, "photos", **SIDES)
    planted.images("photos", 100)
    planted.both("photos", np.concatenate([planted.x(200), planted.x(100, seed=5)]))
    assert align(planted.store, "photos@1", **SIDES).digest == first.digest
    assert not align(planted.store, "photos@1", **SIDES).new
    grown = align(planted.store, "photos", **SIDES)
    assert grown.digest != first.digest
    assert grown.certificate.fitted > first.certificate.fitted


def test_copies_of_an_image_share_a_fold_and_superseded_rows_are_left_out(planted: Planted) -> None:
    hashes = content(row // 2 for row in range(400))
    planted.images("photos", 400, content_hash=hashes, supersedes=[None] * 399 + [0], image_id=_ids(400, same=(0, 399)))
    planted.both("photos", planted.x(400))
    fitted = open_map(planted.store, align(planted.store, "photos", **SIDES).digest).fitted()
    rows = fitted["row"].to_pylist()
    assert 0 not in rows
    folds = {}
    for copy, fold in zip(fitted["content_hash"].to_pylist(), fitted["fold"].to_pylist(), strict=True):
        assert folds.setdefault(copy, fold) == fold
    assert set(folds.values()) == {0, 1, 2, 3, 4}


def test_max_rows_takes_rows_by_content_and_nothing_held_out_is_said(planted: Planted) -> None:
    planted.dataset("photos", 300)
    certificate = align(planted.store, "photos", max_rows=100, holdout=0, **SIDES).certificate
    assert certificate.fitted == 100
    assert certificate.held_out is None
    assert "no rows held out: quality on unseen rows is not known" in certificate.notes


def test_fewer_rows_than_dimensions_is_said(planted: Planted) -> None:
    planted.dataset("photos", 9)
    certificate = align(planted.store, "photos", ridge=0, holdout=0, max_rows=5, **SIDES).certificate
    assert any(note.startswith("fewer rows (5) than source dimensions (6)") for note in certificate.notes)
    assert any("minimum-norm" in note for note in certificate.notes)


def test_the_chosen_ridge_does_not_hide_fewer_rows_than_dimensions(planted: Planted) -> None:
    planted.dataset("photos", 9)
    certificate = align(planted.store, "photos", holdout=0, max_rows=5, **SIDES).certificate
    assert certificate.ridge > 0
    assert certificate.rank == 4
    assert "fewer rows (5) than source dimensions (6)" in certificate.notes
    assert "source features span 4 of 6 dimensions: the ridge gives the others no weight" in certificate.notes


def test_the_chosen_ridge_does_not_hide_columns_that_repeat_others(planted: Planted) -> None:
    x = planted.x(300)
    x[:, 2], x[:, 5] = x[:, 0], x[:, 1]
    planted.images("photos", 300)
    planted.both("photos", x)
    certificate = align(planted.store, "photos", **SIDES).certificate
    assert (certificate.ridge > 0, certificate.rank) == (True, 4)
    assert "source features span 4 of 6 dimensions: the ridge gives the others no weight" in certificate.notes
    planted.dataset("varied", 300)
    varied = align(planted.store, "varied", **SIDES).certificate
    assert varied.rank == 6
    assert not any("span" in note for note in varied.notes)


def test_float16_storage_changes_held_out_r2_by_less_than_a_thousandth(planted: Planted) -> None:
    x = planted.x(800)
    y = x @ planted.weight + 1 + 0.5 * np.random.default_rng(1).normal(size=(800, TARGET.dimension))
    found = []
    for dtype in ("float32", "float16"):
        planted.images(dtype, 800, content_hash=content(range(800)))
        planted.features(dtype, SOURCE, x, dtype=dtype)
        planted.features(dtype, TARGET, y, dtype=dtype)
        found.append(align(planted.store, dtype, **SIDES).certificate.held_out.r2_variance_weighted)
        assert open_features(planted.store, dtype, SOURCE.name).dtype == dtype
    assert 0 < abs(found[0] - found[1]) < 1e-3


def test_missing_features_name_the_command(planted: Planted) -> None:
    planted.images("photos", 10)
    with pytest.raises(
        UnknownName, match=r"but got none at all\. Extract them: t2c extract photos --encoder timm:planted"
    ):
        align(planted.store, "photos", **SIDES)


def test_one_space_on_both_sides_is_refused(planted: Planted) -> None:
    planted.dataset("photos", 100)
    with pytest.raises(
        MismatchError, match=r"--target: expected another space than timm:planted \(6 dim.*One space needs"
    ):
        align(planted.store, "photos", source="timm:planted", target="timm:planted")


def test_features_of_other_rows_are_refused_naming_both_sides(planted: Planted) -> None:
    planted.dataset("photos", 100)
    artifact = open_images(planted.store, "photos").manifest.artifact
    planted.store.files.delete(f"{artifact}/_snapshots/00000001.json")
    planted.store.files.delete(f"{artifact}/_head")
    with lease(planted.store, artifact, purpose="index photos") as token:
        other = image_table(0, 100, image_id=[f"b/{row}.png" for row in reversed(range(100))])
        append_images(planted.store, "photos", other, spec={}, token=token)
    with pytest.raises(MismatchError, match=r"rows of timm:planted features of photos: expected those of photos@1 \("):
        align(planted.store, "photos", **SIDES)


def test_features_of_another_dataset_are_refused_naming_the_first_image_that_differs(planted: Planted) -> None:
    planted.images("photos", 100)
    hashes = content(f"{'others' if row == 7 else 'photos'}/{row}" for row in range(100))
    planted.images("others", 100, content_hash=hashes)
    x = planted.x(100).astype(np.float32)
    planted.features("photos", SOURCE, x)
    writer = FeatureWriter.open(planted.store, "photos", encoder=TARGET.name, space=TARGET, dtype="float32")
    with lease(planted.store, writer.artifact, purpose="extract photos") as token:
        (task,) = writer.pending(100)
        writer.write_chunk(task, x[:, :4], np.ones(100, np.bool_))
        writer.commit(100, parents=[open_images(planted.store, "others").manifest.as_parent()], token=token)
    message = (
        r"rows of open_clip:planted/test features of photos: expected those of photos@1 \(.*"
        r"but got those of others@1 \(.*\); the first that differs is row 7: 'img-00000007.jpg' \(.* there\. Delete /"
    )
    with pytest.raises(MismatchError, match=message):
        align(planted.store, "photos", **SIDES)


def test_no_row_with_both_features_is_refused(planted: Planted) -> None:
    planted.images("photos", 10)
    x, half = planted.x(10), np.arange(10) < 5
    planted.features("photos", SOURCE, x, half)
    planted.features("photos", TARGET, x[:, :4], ~half)
    with pytest.raises(InputError, match=r"photos@1: expected rows with features of both timm:planted and .*got none"):
        align(planted.store, "photos", **SIDES)


def test_too_few_images_are_refused(planted: Planted) -> None:
    planted.images("photos", 3, content_hash=["0" * 64] * 3)
    planted.both("photos", planted.x(3))
    with pytest.raises(
        InputError, match=r"images to align: expected different images in 2 folds or more, but got 3 in all"
    ):
        align(planted.store, "photos", **SIDES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ridge": -1.0}, "--ridge: expected a finite number of 0 or more, but got -1.0"),
        ({"folds": 1}, "--folds: expected 2 to 16, but got 1"),
        ({"holdout": 0.95}, "--holdout: expected a share of 0 to 0.92, but got 0.95"),
        ({"max_rows": 1}, "--max-rows: expected 2 or more, but got 1"),
    ],
)
def test_options_out_of_range_are_refused(planted: Planted, options: dict[str, float], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        align(planted.store, "photos", **SIDES, **options)


def _ids(count: int, *, same: tuple[int, int]) -> list[str]:
    names = [f"{row}.png" for row in range(count)]
    names[same[1]] = names[same[0]]
    return names
