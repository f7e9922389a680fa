"""Indexing: every input accounted for, a second run adds nothing, and only what changed is appended."""

import io
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyarrow import parquet

from t2c.flows.data.index import IndexReport, index
from t2c.schemas.errors import BusyError, InputError, MismatchError, SpecError
from t2c.schemas.tables.tables import OUTCOME_UPDATES
from t2c.store.artifacts.images import open_images, record_outcomes
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.root import Store
from tests.assets import assets


def picture(color: Any = "red", size: tuple[int, int] = (8, 6), kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with every outcome: 3 ok, 1 corrupt, 1 too large (at a cap of 1,000 pixels), 2 unsupported, 1 missing."""
    root = tmp_path / "photos"
    (root / "dog").mkdir(parents=True)
    (root / "cat").mkdir()
    (root / "dog/a.png").write_bytes(picture("red"))
    (root / "cat/a.png").write_bytes(picture("blue"))
    (root / "dog/copy.jpg").write_bytes(picture("red"))
    (root / "empty.jpg").write_bytes(b"")
    (root / "large.bmp").write_bytes(picture(size=(100, 100), kind="BMP"))
    (root / "page.jpg").write_bytes(b"<html>not found</html>")
    (root / "README.txt").write_text("read me")
    (root / "gone.jpg").symlink_to(root / "nothing.jpg")
    (root / ".DS_Store").write_bytes(b"x")
    return root


def run(store: Store, source: Path, **options: Any) -> IndexReport:
    return index(store, source, "photos", max_pixels=1000, **options)


def column(store: Store, name: str, *, current: bool = True) -> dict[str, Any]:
    table = open_images(store, "photos").table(["image_id", name], current=current)
    return dict(zip(table["image_id"].to_pylist(), table[name].to_pylist(), strict=True))


def test_outcomes_sum_to_the_inputs(store: Store, photos: Path) -> None:
    report = run(store, photos)
    assert dict(report.outcomes) == {"ok": 3, "corrupt": 1, "too_large": 1, "unsupported": 2, "missing": 1}
    assert sum(report.outcomes.values()) == report.inputs == report.new == 8
    assert (report.skipped, report.duplicates, report.snapshot, report.bad, report.beside) == (1, 1, 1, 4, 1)
    assert report.bad_rate == 4 / 7
    assert report.path == store.files.uri("datasets/photos/images")
    assert {image_id for image_id, _, _ in report.problems} == {
        "empty.jpg", "large.bmp", "page.jpg", "gone.jpg"
    }  # fmt: skip


def test_rows_are_in_sorted_id_order_with_all_their_columns(store: Store, photos: Path) -> None:
    run(store, photos)
    rows = open_images(store, "photos").table().to_pylist()
    assert [row["row"] for row in rows] == list(range(8))
    assert [row["image_id"] for row in rows] == sorted(row["image_id"] for row in rows)
    dog = next(row for row in rows if row["image_id"] == "dog/a.png")
    assert (dog["label"], dog["width"], dog["height"], dog["format"]) == ("dog", 8, 6, "png")
    assert dog["uri"] == str(photos / "dog/a.png")
    assert column(store, "duplicate_of")["dog/copy.jpg"] == dog["row"]
    assert column(store, "error")["page.jpg"].endswith("but got an HTML page")


@pytest.mark.parametrize("threads", [1, 3, 16])
def test_rows_do_not_depend_on_threads(tmp_path: Path, store: Store, threads: int) -> None:
    root = tmp_path / "many"
    root.mkdir()
    for i in range(150):
        (root / f"{i:03d}.png").write_bytes(picture((i % 7, 0, 0)))
    run(store, root, threads=threads)
    table = open_images(store, "photos").table(["image_id", "duplicate_of"])
    assert table["image_id"].to_pylist() == [f"{i:03d}.png" for i in range(150)]
    assert table["duplicate_of"].to_pylist() == [None if i < 7 else i % 7 for i in range(150)]


def test_second_run_commits_nothing(store: Store, photos: Path) -> None:
    first = run(store, photos)
    again = run(store, photos)
    assert (again.snapshot, again.unchanged, again.new, again.changed, again.deleted) == (1, 8, 0, 0, 0)
    assert (again.outcomes, again.duplicates) == (first.outcomes, first.duplicates)


def test_touching_a_file_changes_nothing(store: Store, photos: Path) -> None:
    run(store, photos)
    os.utime(photos / "dog/a.png", (1, 1))
    assert run(store, photos).snapshot == 1


def test_changed_bytes_supersede_only_their_row(store: Store, photos: Path) -> None:
    run(store, photos)
    old = column(store, "row")["cat/a.png"]
    (photos / "cat/a.png").write_bytes(picture("green"))
    report = run(store, photos)
    assert (report.snapshot, report.changed, report.unchanged, report.deleted) == (2, 1, 7, 0)
    assert column(store, "supersedes")["cat/a.png"] == old
    assert column(store, "row")["cat/a.png"] == 8


def test_deleted_file_becomes_missing_once_and_comes_back(store: Store, photos: Path) -> None:
    run(store, photos)
    (photos / "cat/a.png").unlink()
    report = run(store, photos)
    assert (report.deleted, report.inputs, report.outcomes["missing"]) == (1, 7, 1)
    assert column(store, "outcome")["cat/a.png"] == "missing"
    assert column(store, "error")["cat/a.png"] == f"expected a file, but got none: it is not in {photos} any more"
    assert run(store, photos).snapshot == 2
    (photos / "cat/a.png").write_bytes(picture("blue"))
    assert run(store, photos).changed == 1
    assert column(store, "outcome")["cat/a.png"] == "ok"


def test_a_copy_takes_the_place_of_a_first_that_is_gone(store: Store, photos: Path) -> None:
    (photos / "dog/third.png").write_bytes(picture("red"))
    run(store, photos)
    (photos / "dog/a.png").unlink()
    report = run(store, photos)
    assert (report.deleted, report.promoted, report.duplicates) == (1, 1, 2)
    copies = column(store, "duplicate_of")
    assert copies["dog/copy.jpg"] is None
    assert copies["dog/third.png"] is not None
    assert run(store, photos).snapshot == 2


def test_new_copy_of_an_old_picture_is_the_duplicate(store: Store, photos: Path) -> None:
    run(store, photos)
    (photos / "a-first-by-name.png").write_bytes(picture("blue"))
    assert run(store, photos).duplicates == 2
    assert column(store, "duplicate_of")["a-first-by-name.png"] == column(store, "row")["cat/a.png"]


def test_moved_folder_and_new_labels_supersede(store: Store, photos: Path, tmp_path: Path) -> None:
    run(store, photos)
    shutil.move(photos, tmp_path / "moved")
    assert run(store, tmp_path / "moved").changed == 8
    assert run(store, tmp_path / "moved", label_from="none").changed == 3


def test_larger_cap_rereads_what_was_too_large(store: Store, photos: Path) -> None:
    run(store, photos)
    report = index(store, photos, "photos", max_pixels=10_000)
    assert (report.changed, report.outcomes["too_large"]) == (1, 0)
    assert run(store, photos).outcomes["too_large"] == 1


def test_what_decoding_found_is_kept_while_the_bytes_are_the_same(store: Store, photos: Path) -> None:
    run(store, photos)
    row = column(store, "row")["cat/a.png"]
    table = pa.Table.from_pylist([{"row": row, "outcome": "corrupt", "error": "cut"}], schema=OUTCOME_UPDATES)
    with lease(store, paths.images("photos"), purpose="test") as token:
        record_outcomes(store, "photos", table, token=token)
    report = run(store, photos)
    assert (report.snapshot, report.outcomes["corrupt"], report.changed) == (2, 2, 0)


def test_times_from_exif_column_or_not_at_all(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "timed"
    root.mkdir()
    block = Image.Exif()
    block.get_ifd(0x8769)[0x9003] = "2026:11:14 10:00:00"
    (root / "a.jpg").write_bytes(picture(kind="JPEG", exif=block))
    run(store, root)
    assert column(store, "captured_at") == {"a.jpg": datetime(2026, 11, 14, 10, tzinfo=UTC)}
    run(store, root, captured_at="none")
    assert column(store, "captured_at") == {"a.jpg": None}
    (root / "metadata.csv").write_text("file_name,when\na.jpg,2020-01-01\n")
    run(store, root, captured_at="when")
    assert column(store, "captured_at") == {"a.jpg": datetime(2020, 1, 1, tzinfo=UTC)}


def test_parquet_is_indexed_and_hostile_ids_are_data(store: Store, tmp_path: Path) -> None:
    ids = ["../../etc/p", "x'); DROP TABLE c;--", "NUL\0", "<img onerror=x>", "🐕", "é" * 2500, "=cmd()"]
    cells = pa.array([{"bytes": picture((i, 0, 0)), "path": None} for i in range(len(ids))])
    parquet.write_table(pa.table({"image": cells, "id": ids}), tmp_path / "a.parquet")
    report = run(store, tmp_path / "a.parquet", ids="id")
    assert (report.kind, report.outcomes["ok"]) == ("parquet", len(ids))
    assert list(column(store, "row")) == ids
    assert run(store, tmp_path / "a.parquet", ids="id").snapshot == 1


def test_nothing_readable_is_an_error_and_commits_nothing(store: Store, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/a.jpg").write_bytes(b"")
    (tmp_path / "bad/b.jpg").write_bytes(b"<html>")
    message = (
        r"expected at least one readable image, but got 2 without one \(1 corrupt, 1 unsupported\); first 'a.jpg': "
    )
    with pytest.raises(InputError, match=message):
        run(store, tmp_path / "bad")
    assert not store.files.walk("datasets/photos/images/_snapshots")


def test_too_many_bad_files_are_an_error_after_the_commit(store: Store, photos: Path) -> None:
    message = (
        r"bad files of photos: expected at most 10.0%, but got 4 of 7 \(57.1%: 1 corrupt, 1 too_large, 1 unsupported, "
        r"1 missing\). They are recorded in photos@1; mend the files and run t2c retry photos."
    )
    with pytest.raises(InputError, match=message):
        run(store, photos, max_bad_rate=0.1)
    assert open_images(store, "photos").rows == 8


def test_another_folder_under_the_same_name_is_refused(store: Store, photos: Path, tmp_path: Path) -> None:
    run(store, photos)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/z.png").write_bytes(picture())
    with pytest.raises(MismatchError, match=r"expected some of the 8 images of photos, but got none of them. Index it"):
        run(store, tmp_path / "other")
    assert open_images(store, "photos").snapshot == 1


def test_missing_folder_leaves_no_dataset(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="but got nothing there"):
        run(store, tmp_path / "nowhere")
    assert not store.files.walk("datasets/photos/images/_snapshots")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_pixels": 0}, "max pixels: expected 1 or more, but got 0"),
        ({"max_bad_rate": 1.5}, "max bad rate: expected a share from 0 to 1, but got 1.5"),
    ],
)
def test_options_are_checked(store: Store, photos: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        index(store, photos, "photos", **options)


def test_dataset_name_is_checked(store: Store, photos: Path) -> None:
    with pytest.raises(SpecError, match="dataset name: expected"):
        index(store, photos, "../up")


def test_second_writer_is_told_who_is_at_work(store: Store, photos: Path) -> None:
    with lease(store, paths.images("photos"), purpose="index photos elsewhere"), pytest.raises(BusyError):
        run(store, photos)


class Counting:
    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def start(self, name: str, total: int | None, unit: str) -> None:
        self.calls.append(("start", total, unit))

    def advance(self, n: int) -> None:
        self.calls.append(("advance", n))

    def note(self, **counts: int | float | str) -> None:
        self.calls.append(("note", counts))

    def done(self) -> None:
        self.calls.append(("done",))


def test_progress_counts_every_file(store: Store, photos: Path) -> None:
    progress = Counting()
    run(store, photos, progress=progress)
    assert progress.calls[0] == ("start", 8, "files")
    assert sum(call[1] for call in progress.calls if call[0] == "advance") == 8
    assert progress.calls[-2][1]["ok"] == 3
    assert progress.calls[-1] == ("done",)


def test_memory_store_and_remote_folder(memory_store: Store) -> None:
    files = memory_store.files.filesystem
    files.pipe("/t2c-index/dog/a.png", picture())
    report = index(memory_store, "memory://t2c-index", "photos")
    assert (report.outcomes["ok"], report.source) == (1, "memory://t2c-index")
    assert index(memory_store, "memory://t2c-index", "photos").snapshot == 1
    files.rm("/t2c-index", recursive=True)


@pytest.mark.assets
def test_real_photographs_are_all_ok(store: Store) -> None:
    report = index(store, assets("photos/pacs"), "photos")
    assert report.outcomes["ok"] == report.inputs == 840
    assert len(set(column(store, "label").values())) == 7


def test_captions_and_tables_beside_images_are_no_bad_images(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "files"
    root.mkdir()
    for i in range(3):
        (root / f"{i}.jpg").write_bytes(picture((i, 9, 9)))
        (root / f"{i}.txt").write_text("a caption")
        (root / f"{i}.JSON").write_text("{}")
    (root / "README").write_text("read me")
    report = run(store, root, max_bad_rate=0.0)
    assert (report.bad, report.beside, report.outcomes["unsupported"], report.problems) == (0, 7, 7, ())
    (root / "named.jpg").write_text("a caption")
    with pytest.raises(InputError, match=r"at most 10.0%, but got 1 of 4 \(25.0%: 1 unsupported\)"):
        run(store, root, max_bad_rate=0.1)


def test_bytes_that_are_no_images_name_the_column_that_was_read(store: Store, tmp_path: Path) -> None:
    pq.write_table(pa.table({"digest": [b"0" * 16, b"1" * 16]}), tmp_path / "x.parquet")
    with pytest.raises(
        InputError, match=r"readable image, but got .* Column 'digest' was read; name another: --image-column"
    ):
        run(store, tmp_path)


def test_metadata_that_fits_in_part_is_told(store: Store, photos: Path) -> None:
    (photos / "metadata.csv").write_text("file_name,kind\ndog/a.png,x\ngone/away.png,y\n")
    report = run(store, photos, label_from="kind")
    assert report.notes == (
        "metadata: 1 of 2 rows match no image, first 'gone/away.png'. "
        "Names are paths relative to the metadata file; case counts.",
    )
    assert column(store, "label")["dog/a.png"] == "x"
