"""Retrying: only rows that now read and decode get a superseding row; the rest stay as they are."""

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from t2c.core.images.jpeg import sees_warnings
from t2c.flows.data.index import index
from t2c.flows.data.retry import retry
from t2c.schemas.errors import UnknownName
from t2c.schemas.tables.tables import OUTCOME_UPDATES
from t2c.store.artifacts.images import open_images, record_outcomes
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.root import Store
from tests.flows.data.test_index import picture
from tests.planted.image_files import PICTURE, encoded


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    root.mkdir()
    (root / "good.png").write_bytes(picture("red"))
    (root / "cut.jpg").write_bytes(picture("blue", (64, 64), "JPEG")[:500])
    (root / "empty.jpg").write_bytes(b"")
    (root / "page.jpg").write_bytes(b"<html>")
    os.mkfifo(root / "fifo.jpg")
    (root / "away.jpg").symlink_to(tmp_path / "outside.png")
    (tmp_path / "outside.png").write_bytes(picture("green"))
    return root


def outcomes(store: Store) -> dict[str, str]:
    table = open_images(store, "photos").table(["image_id", "outcome"])
    return dict(zip(table["image_id"].to_pylist(), table["outcome"].to_pylist(), strict=True))


def found_corrupt(store: Store, image_id: str) -> None:
    table = open_images(store, "photos").table(["row", "image_id"])
    row = table["row"][table["image_id"].to_pylist().index(image_id)].as_py()
    update: list[dict[str, Any]] = [{"row": row, "outcome": "corrupt", "error": "cut short"}]
    with lease(store, paths.images("photos"), purpose="test") as token:
        record_outcomes(store, "photos", pa.Table.from_pylist(update, schema=OUTCOME_UPDATES), token=token)


def test_what_still_does_not_read_commits_nothing(store: Store, photos: Path) -> None:
    index(store, photos, "photos")
    found_corrupt(store, "cut.jpg")
    report = retry(store, "photos")
    assert (report.snapshot, report.tried, report.recovered) == (2, 3, 0)
    assert {image_id: outcome for image_id, outcome, _ in report.problems} == {
        "cut.jpg": "corrupt",
        "empty.jpg": "corrupt",
        "page.jpg": "unsupported",
    }
    assert "image: expected a complete JPEG header, but got one that ends" in report.problems[0][2]


def test_mended_files_get_superseding_rows(store: Store, photos: Path) -> None:
    index(store, photos, "photos")
    found_corrupt(store, "cut.jpg")
    (photos / "cut.jpg").write_bytes(picture("blue", (64, 64), "JPEG"))
    (photos / "empty.jpg").write_bytes(picture("red"))
    report = retry(store, "photos")
    assert (report.tried, report.recovered, report.snapshot) == (3, 2, 3)
    assert outcomes(store) == {
        "away.jpg": "unsupported",
        "cut.jpg": "ok",
        "empty.jpg": "ok",
        "fifo.jpg": "unsupported",
        "good.png": "ok",
        "page.jpg": "unsupported",
    }
    rows = {row["image_id"]: row for row in open_images(store, "photos").table().to_pylist()}
    assert rows["empty.jpg"]["duplicate_of"] == rows["good.png"]["row"]
    assert (rows["cut.jpg"]["supersedes"], rows["cut.jpg"]["duplicate_of"], rows["cut.jpg"]["width"]) == (1, None, 64)
    assert index(store, photos, "photos").snapshot == report.snapshot


def test_a_passing_fault_is_forgotten(store: Store, photos: Path) -> None:
    index(store, photos, "photos")
    found_corrupt(store, "good.png")
    assert retry(store, "photos").recovered == 1
    assert outcomes(store)["good.png"] == "ok"
    assert retry(store, "photos").recovered == 0


def test_deleted_file_that_is_back_is_found(store: Store, photos: Path) -> None:
    (photos / "other.png").write_bytes(picture("green"))
    index(store, photos, "photos")
    data = (photos / "good.png").read_bytes()
    (photos / "good.png").unlink()
    index(store, photos, "photos")
    assert retry(store, "photos").recovered == 0
    (photos / "good.png").write_bytes(data)
    assert retry(store, "photos").recovered == 1


def test_larger_cap_recovers_what_was_too_large(store: Store, photos: Path) -> None:
    (photos / "large.png").write_bytes(picture(size=(200, 200)))
    index(store, photos, "photos", max_pixels=10_000)
    assert retry(store, "photos", max_pixels=10_000).recovered == 0
    assert retry(store, "photos", max_pixels=40_000).recovered == 1


def test_unknown_dataset_is_named(store: Store) -> None:
    with pytest.raises(UnknownName, match="Index it: t2c index"):
        retry(store, "photos")


@pytest.mark.parametrize("installed", [True, False])
def test_half_a_jpeg_is_not_mended_by_a_decoder_that_cannot_tell(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: bool
) -> None:
    whole = encoded("JPEG", PICTURE.resize((200, 150)))
    (tmp_path / "half").mkdir()
    (tmp_path / "half/cut.jpg").write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    index(store, tmp_path / "half", "photos")
    found_corrupt(store, "cut.jpg")
    if not installed:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    sees_warnings.cache_clear()
    try:
        report = retry(store, "photos")
        assert (report.tried, report.recovered, report.problems[0][1]) == (1, 0, "corrupt")
        (tmp_path / "half/cut.jpg").write_bytes(whole)
        assert retry(store, "photos").recovered == 1
    finally:
        sees_warnings.cache_clear()
