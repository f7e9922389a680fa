"""Extraction writes each readable image's features once, whatever is beside it, and picks up where a run was killed."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from t2c.core.encoders.pixels import decode
from t2c.core.encoders.resize import resize_and_crop
from t2c.flows.data.index import index
from t2c.flows.engine.progress import NoProgress
from t2c.flows.features import blocks as extract_blocks
from t2c.flows.features.extract import extract
from t2c.schemas.errors import BusyError, InputError, MismatchError, SpecError, UnknownName
from t2c.store.artifacts.features import list_features, open_features
from t2c.store.artifacts.images import open_images
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.root import Store, open_store
from tests.planted.encoders import FakeEncoder, NanEncoder, RaisingEncoder
from tests.planted.photos import fill, picture, run

FAKE = FakeEncoder()


def direct(encoder: FakeEncoder, data: bytes) -> np.ndarray:
    return encoder.encode(resize_and_crop(decode(data), encoder.preprocessing)[None])[0]


def test_each_row_holds_the_feature_of_its_own_image(indexed: Store) -> None:
    report = run(indexed)
    features = open_features(indexed, "photos", FAKE.name)
    images = open_images(indexed, "photos").table(["uri"])["uri"].to_pylist()
    want = np.stack([direct(FAKE, Path(uri).read_bytes()) for uri in images])
    np.testing.assert_allclose(features.read(0, 20), want, rtol=1e-5, atol=1e-5)
    assert (report.decoded, report.failed, report.outcomes) == (20, 0, {"ok": 20})
    assert report.plan.images == 20
    assert report.plan.chunks == report.chunks == 3
    assert report.images_per_s > 0
    assert report.path.endswith("features/photos")
    assert report.features[0].manifest.parents[0].kind == "images"


def test_two_encoders_share_one_decode_pass(indexed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    real = extract_blocks.open_bytes
    monkeypatch.setattr(extract_blocks, "open_bytes", lambda uri: reads.append(uri) or real(uri))
    other = FakeEncoder(seed=1, dimension=5, size=20, resize=24)
    run(indexed, FAKE, other)
    assert len(set(reads)) == 20
    assert len(reads) <= 20 + 16  # one look at a sample before the run
    together = [open_features(indexed, "photos", e.name).read(0, 20) for e in (FAKE, other)]
    assert together[1].shape == (20, 5)
    row = open_images(indexed, "photos").table(["uri"])["uri"][7].as_py()
    np.testing.assert_allclose(together[1][7], direct(other, Path(row).read_bytes()), rtol=1e-5, atol=1e-5)


def test_a_second_run_encodes_nothing_and_commits_nothing(indexed: Store) -> None:
    before = run(indexed).features[0]
    again = run(indexed, RaisingEncoder())
    assert (again.decoded, again.chunks, again.plan.images) == (0, 0, 0)
    assert again.images_per_s == 0
    assert again.features[0].manifest == before.manifest


def test_new_images_alone_are_decoded_and_old_rows_keep_their_bits(
    indexed: Store, photos: Path, tmp_path: Path
) -> None:
    old = run(indexed).features[0].read(0, 20)
    fill(photos, 7, start=20)
    index(indexed, str(photos), "photos")
    report = run(indexed)
    assert report.decoded == 7
    assert report.features[0].rows == 27
    assert report.features[0].read(0, 20).tobytes() == old.tobytes()
    whole = open_store(tmp_path / "whole", create=True)
    index(whole, str(photos), "photos")
    assert run(whole).features[0].read(0, 27).tobytes() == report.features[0].read(0, 27).tobytes()


@pytest.mark.parametrize("options", [{"workers": 1}, {"workers": 3}, {"chunk_rows": 12}])
def test_bytes_do_not_depend_on_workers_or_chunks(indexed: Store, tmp_path: Path, options: dict[str, Any]) -> None:
    want = run(indexed).features[0].read(0, 20)
    other = open_store(tmp_path / "other", create=True)
    index(other, str(tmp_path / "photos"), "photos")
    assert run(other, **options).features[0].read(0, 20).tobytes() == want.tobytes()


def test_a_truncated_photo_is_recorded_and_the_run_goes_on(store: Store, photos: Path) -> None:
    data = (photos / "0003.jpg").read_bytes()
    (photos / "0003.jpg").write_bytes(data[: len(data) // 2])
    index(store, str(photos), "photos")
    report = run(store)
    assert report.outcomes == {"ok": 19, "corrupt": 1}
    assert (report.decoded, report.failed) == (19, 1)
    table = open_images(store, "photos").table(["image_id", "outcome", "error"]).to_pylist()
    bad = [row for row in table if row["outcome"] != "ok"]
    assert [row["image_id"] for row in bad] == ["0003.jpg"]
    assert "JPEG" in bad[0]["error"]
    assert np.flatnonzero(~report.features[0].present(0, 20)).tolist() == [3]
    assert run(store).failed == 0


def test_a_file_that_changed_after_indexing_is_not_encoded(indexed: Store, photos: Path) -> None:
    (photos / "0005.jpg").write_bytes(picture(999))
    (photos / "0006.jpg").unlink()
    report = run(indexed)
    assert report.outcomes == {"ok": 18, "missing": 2}
    rows = open_images(indexed, "photos").table(["outcome", "error"]).to_pylist()
    assert "expected the bytes that were indexed" in rows[5]["error"]
    assert "0006.jpg" in rows[6]["error"]
    assert not report.features[0].present(5, 7).any()


def test_duplicates_keep_their_features(store: Store, photos: Path) -> None:
    (photos / "0019.jpg").write_bytes((photos / "0000.jpg").read_bytes())
    index(store, str(photos), "photos")
    report = run(store)
    assert report.duplicates == 1
    np.testing.assert_array_equal(report.features[0].read(0, 1), report.features[0].read(19, 20))


def test_too_many_bad_images_are_an_error_that_keeps_the_rest(store: Store, photos: Path) -> None:
    for number in range(5):
        (photos / f"{number:04d}.jpg").write_bytes(picture(number)[:200])
    index(store, str(photos), "photos")
    with pytest.raises(InputError, match=r"images of photos: expected at most 10.00% bad images, but got 5 of 20 \(25"):
        run(store, max_bad_rate=0.1)
    assert open_features(store, "photos", FAKE.name).present(0, 20).sum() == 15


def test_a_dataset_without_a_readable_image_leaves_no_array(store: Store, tmp_path: Path) -> None:
    folder = fill(tmp_path / "bad", 3)
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes()[:-40])
    index(store, str(folder), "photos")
    with pytest.raises(InputError, match="images of photos: expected at least one that can be read, but got 3 corrupt"):
        run(store)
    assert list_features(store, "photos") == []
    with pytest.raises(InputError, match="3 corrupt"):
        run(store, RaisingEncoder())


def test_files_that_are_all_gone_are_not_recorded_as_missing(indexed: Store, photos: Path) -> None:
    photos.rename(photos.with_name("elsewhere"))
    with pytest.raises(
        InputError, match="files of photos: expected image files where they were indexed, but got none of"
    ):
        run(indexed)
    photos.with_name("elsewhere").rename(photos)
    assert run(indexed).outcomes == {"ok": 20}


def test_nan_names_row_and_image_and_nothing_is_committed(store: Store, photos: Path) -> None:
    Image.new("RGB", (40, 40), "white").save(photos / "0011.jpg")
    index(store, str(photos), "photos")
    with pytest.raises(InputError, match=r"row 11 \('0011.jpg'\): expected finite numbers, but got NaN"):
        run(store, NanEncoder())
    assert list_features(store, "photos") == []


def test_large_features_are_refused_in_float16(indexed: Store) -> None:
    class Loud(FakeEncoder):
        def encode(self, batch: torch.Tensor) -> Any:
            return super().encode(batch) * 1e6

    with pytest.raises(InputError, match="expected numbers that fit float16"):
        run(indexed, Loud(), dtype="float16")


def test_other_weights_under_the_same_name_are_refused(indexed: Store) -> None:
    run(indexed)

    class Swapped(FakeEncoder):
        weights = "other"

    with pytest.raises(
        MismatchError, match=r"encoder fake:0-8-32 of photos: expected fake.* space .*, but got fake.* space"
    ):
        run(indexed, Swapped())


def test_features_of_an_index_that_was_made_anew_are_not_taken_for_these_rows(
    indexed: Store, photos: Path, tmp_path: Path
) -> None:
    run(indexed)
    shutil.rmtree(tmp_path / "store" / "datasets" / "photos")
    (photos / "0003.jpg").write_bytes(picture(99))
    index(indexed, str(photos), "photos")
    with pytest.raises(MismatchError, match=r"rows of fake.* features of photos: expected those of photos@1 .*Delete "):
        run(indexed)


def test_options_are_checked(indexed: Store) -> None:
    with pytest.raises(SpecError, match="encoders to extract with: expected at least one"):
        extract(indexed, "photos", [])
    with pytest.raises(SpecError, match="batch size: expected 1 or more, but got 0"):
        run(indexed, batch_size=0)
    with pytest.raises(SpecError, match="max bad rate: expected a fraction from 0 to 1"):
        run(indexed, max_bad_rate=2)
    with pytest.raises(SpecError, match="chunk seconds: expected a positive number"):
        run(indexed, chunk_rows=None, chunk_seconds=0)
    with pytest.raises(UnknownName, match="dataset"):
        extract(indexed, "fotos", [FAKE])


def test_a_plan_larger_than_memory_is_refused_with_both_numbers(
    indexed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("t2c.flows.engine.memory.available_bytes", lambda: 1000)
    with pytest.raises(MemoryError, match=r"memory for extract photos: expected .* free, but got 1000 bytes"):
        run(indexed)
    assert list_features(indexed, "photos") == []


def test_another_run_on_the_same_array_is_busy(indexed: Store) -> None:
    artifact = paths.features("photos", FAKE.name, FAKE.space)
    with lease(indexed, artifact, purpose="a test"), pytest.raises(BusyError, match="a test"):
        run(indexed)


def test_chunk_rows_are_measured_recorded_and_kept(indexed: Store) -> None:
    first = run(indexed, chunk_rows=None, chunk_seconds=0.05, batch_size=4).features[0]
    assert first.chunk_rows % 4 == 0
    again = run(indexed, FakeEncoder(), chunk_rows=None, chunk_seconds=500, batch_size=2).features[0]
    assert again.chunk_rows == first.chunk_rows


def test_progress_counts_every_image(store: Store, photos: Path) -> None:
    (photos / "0001.jpg").write_bytes(picture(1)[:100])

    class Seen(NoProgress):
        def __init__(self) -> None:
            self.calls: list[Any] = []

        def start(self, name: str, total: int | None, unit: str) -> None:
            self.calls.append((name, total, unit))

        def advance(self, n: int) -> None:
            self.calls.append(n)

        def note(self, **counts: int | float | str) -> None:
            self.last = counts

        def done(self) -> None:
            self.calls.append("done")

    (photos / "0001.jpg").write_bytes(picture(1)[:400])
    index(store, str(photos), "photos")
    seen = Seen()
    run(store, progress=seen)
    assert seen.calls[0] == ("extract photos", 20, "images")
    assert sum(call for call in seen.calls[1:-1]) == 20
    assert seen.calls[-1] == "done"
    assert seen.last == {"ok": 19, "bad": 1, "duplicates": 0}
