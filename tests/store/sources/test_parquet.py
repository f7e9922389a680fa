"""Parquet with image bytes: Hugging Face's layout and plain binary columns, read window by window."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest
from pyarrow import parquet

from t2c.schemas.errors import InputError, SpecError
from t2c.store.sources import parquet_cells
from t2c.store.sources.source import Fields, open_bytes, open_source

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])


def make_file(
    path: Path, n: int = 3, *, paths: bool = True, metadata: dict[bytes, bytes] | None = None, **columns: Any
) -> Path:
    cells = [{"bytes": f"bytes {i}".encode(), "path": f"{i}.jpg" if paths else None} for i in range(n)]
    table = pa.table({"image": pa.array(cells, IMAGE), **columns}).replace_schema_metadata(metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path, row_group_size=40)
    return path


def test_hugging_face_layout(tmp_path: Path) -> None:
    names = json.dumps({"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}).encode()
    make_file(tmp_path / "data/train-00000-of-00001.parquet", label=[1, 0, -1], metadata={b"huggingface": names})
    (tmp_path / "README.md").write_text("card")
    source = open_source(tmp_path)
    assert (source.kind, source.skipped) == ("parquet", 1)
    shard = "data/train-00000-of-00001.parquet"
    assert [(item.image_id, item.label, item.split) for item in source.items] == [
        (f"{shard}/0.jpg", "dog", "train"),
        (f"{shard}/1.jpg", "cat", "train"),
        (f"{shard}/2.jpg", None, "train"),
    ]
    assert open_bytes(source.items[2].uri) == b"bytes 2"


def test_rows_without_path_are_numbered(tmp_path: Path) -> None:
    make_file(tmp_path / "a.parquet", paths=False, label=["x", "", None], split=["s", None, None])
    items = open_source(tmp_path / "a.parquet").items
    assert [item.image_id for item in items] == ["a.parquet#000000", "a.parquet#000001", "a.parquet#000002"]
    assert [item.label for item in items] == ["x", None, None]
    assert items[0].split == "s"
    assert open_source(tmp_path, fields=Fields(split="folder")).items[0].split is None


def test_binary_column_and_columns_by_name(tmp_path: Path) -> None:
    when = pa.array([datetime(2026, 1, 2), None], pa.timestamp("ms"))
    table = pa.table(
        {"key": ["k\0ey", "../b"], "im'g": pa.array([b"x", b"y"], pa.large_binary()), "kind": [1, 2], "when": when}
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    items = open_source(tmp_path, fields=Fields(label="kind", captured_at="when", ids="key")).items
    assert [(item.image_id, item.label) for item in items] == [("k\0ey", "1"), ("../b", "2")]
    assert (items[0].captured_at, items[1].captured_at) == (datetime(2026, 1, 2, tzinfo=UTC), None)
    assert [open_bytes(item.uri) for item in items] == [b"x", b"y"]


def test_folder_labels_come_from_the_path(tmp_path: Path) -> None:
    cells = pa.array([{"bytes": b"x", "path": "dog/x.jpg"}], IMAGE)
    parquet.write_table(pa.table({"image": cells, "label": ["other"]}), tmp_path / "a.parquet")
    assert open_source(tmp_path, fields=Fields(label="folder")).items[0].label == "dog"
    assert open_source(tmp_path, fields=Fields(label="none")).items[0].label is None


def test_every_row_is_read_once_in_order_and_any_row_out_of_order(tmp_path: Path) -> None:
    make_file(tmp_path / "a.parquet", 150)
    items = open_source(tmp_path).items
    assert [open_bytes(item.uri) for item in items] == [f"bytes {i}".encode() for i in range(150)]
    for i in (149, 0, 77, 40, 39, 148, 1):
        assert open_bytes(items[i].uri) == f"bytes {i}".encode()
    assert len(parquet_cells._cursors) <= parquet_cells._KEPT_CURSORS


def test_rewritten_file_is_not_served_from_memory(tmp_path: Path) -> None:
    path = make_file(tmp_path / "a.parquet")
    uri = open_source(tmp_path).items[0].uri
    assert open_bytes(uri) == b"bytes 0"
    parquet.write_table(pa.table({"image": pa.array([{"bytes": b"new!", "path": "0.jpg"}], IMAGE)}), path)
    assert open_bytes(uri) == b"new!"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        open_bytes(uri)


def test_null_bytes_and_rows_that_are_gone_are_errors(tmp_path: Path) -> None:
    cells = pa.array([{"bytes": None, "path": "a.jpg"}], IMAGE)
    parquet.write_table(pa.table({"image": cells}), tmp_path / "a.parquet")
    uri = open_source(tmp_path).items[0].uri
    with pytest.raises(FileNotFoundError, match="row 0 of column 'image' holds no bytes"):
        open_bytes(uri)
    with pytest.raises(OSError, match="the file has 1 rows"):
        open_bytes(uri.replace("=0,", "=5,"))
    with pytest.raises(OSError, match="nope"):
        open_bytes(uri.replace(",image", ",nope"))


def test_broken_and_foreign_files_are_items_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 nothing")
    parquet.write_table(pa.table({"price": [1.0]}), tmp_path / "foreign.parquet")
    broken, foreign = open_source(tmp_path).items
    assert (broken.image_id, broken.outcome) == ("broken.parquet", "corrupt")
    assert (foreign.outcome, foreign.error) == (
        "unsupported",
        "expected a column of image bytes, but got columns price (double)",
    )


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        (
            Fields(label="sort"),
            SpecError,
            "column 'sort' of a.parquet: expected one of 'image', 'm', but got no such column",
        ),
        (Fields(ids="nope"), SpecError, "column 'nope'"),
        (
            Fields(image="m"),
            SpecError,
            "image column 'm' of a.parquet: expected bytes, or a struct with bytes, but got",
        ),
        (Fields(ids="m"), InputError, "id of row 0 of a.parquet: expected an id, but got none. Fill the column"),
        (Fields(captured_at="t"), SpecError, "column 't'"),
    ],
)
def test_wrong_columns_are_named(tmp_path: Path, fields: Fields, error: type[Exception], message: str) -> None:
    make_file(tmp_path / "a.parquet", m=pa.nulls(3, pa.string()))
    with pytest.raises(error, match=message):
        open_source(tmp_path, fields=fields)


def test_one_path_twice_is_refused_and_rows_help(tmp_path: Path) -> None:
    cells = pa.array([{"bytes": b"x", "path": "image.png"}] * 2, IMAGE)
    parquet.write_table(pa.table({"image": cells}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"'a.parquet/image.png' twice.*--ids row numbers the rows"):
        open_source(tmp_path)
    assert len(open_source(tmp_path, fields=Fields(ids="row")).items) == 2


def test_remote_parquet(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe("/t2c-parquet/a.parquet", make_file(tmp_path / "a.parquet").read_bytes())
    items = open_source("memory://t2c-parquet").items
    assert [open_bytes(item.uri) for item in items] == [b"bytes 0", b"bytes 1", b"bytes 2"]
    memory.rm("/t2c-parquet", recursive=True)


JPEG = b"\xff\xd8\xff\xe0 an image by its first bytes"


@pytest.mark.parametrize("order", [("md5", "jpg"), ("jpg", "md5"), ("thumb", "md5", "jpg")])
def test_the_column_of_images_is_found_by_its_bytes(tmp_path: Path, order: tuple[str, ...]) -> None:
    columns = {"md5": [b"0" * 16, b"1" * 16], "jpg": [None, JPEG], "thumb": [b"", b"none"]}
    parquet.write_table(
        pa.table({name: pa.array(columns[name], pa.binary()) for name in order}), tmp_path / "a.parquet"
    )
    assert [item.uri.rpartition(",")[2] for item in open_source(tmp_path).items] == ["jpg", "jpg"]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.array([[JPEG]], pa.list_(pa.binary())), "'x' holds several images a row: write one image a row"),
        (pa.array([[0.5, 1.0]], pa.list_(pa.float32())), "Vectors are brought in with: t2c features import"),
        (pa.array([[0.5, 1.0]], pa.list_(pa.float32(), 2)), "Vectors are brought in with: t2c features import"),
    ],
)
def test_a_table_without_image_bytes_says_what_to_do(tmp_path: Path, column: pa.Array, message: str) -> None:
    parquet.write_table(pa.table({"x": column}), tmp_path / "a.parquet")
    (item,) = open_source(tmp_path).items
    assert item.outcome == "unsupported"
    assert (item.error or "").endswith(message)


@pytest.mark.parametrize(
    ("values", "want"),
    [
        (pa.array([1.0, float("nan"), None]), ["1.0", None, None]),
        (pa.array(["None", "nan", "NA"]), ["None", "nan", "NA"]),
        (pa.array(["", "007", "true"]), [None, "007", "true"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([b"caf\xc3\xa9", b"", None]), ["caf\u00e9", None, None]),
        (pa.array(["a", None, "b"]).dictionary_encode(), ["a", None, "b"]),
        (pa.array([7, 8, None]), ["7", "8", None]),
    ],
)
def test_labels_are_what_is_written(tmp_path: Path, values: pa.Array, want: list[str | None]) -> None:
    parquet.write_table(pa.table({"image": [JPEG] * 3, "label": values}), tmp_path / "a.parquet")
    assert [item.label for item in open_source(tmp_path).items] == want


@pytest.mark.parametrize("values", [pa.array([b"caf\xe9"]), pa.array([[1, 2]]), pa.array([{"a": 1}])])
def test_what_is_no_text_is_no_label(tmp_path: Path, values: pa.Array) -> None:
    parquet.write_table(pa.table({"image": [JPEG], "label": values}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"label of 'a.parquet#000000': expected .*, but got "):
        open_source(tmp_path)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1_700_000_000_123_456_789], pa.timestamp("ns")),
        pa.array([1_700_000_000_123_456_789], pa.timestamp("ns", "America/New_York")),
        pa.array([1_700_000_000_123_456], pa.timestamp("us", "+05:30")),
        pa.array(["2023-11-14T22:13:20.123456789Z"]),
        pa.array(["2023-11-14T23:13:20.123456+01:00"]),
        pa.array(["2023:11:14 22:13:20.123456"]),
        pa.array([1_700_000_000_123_456]),
        pa.array(["1700000000.123456"]),
    ],
)
def test_times_of_every_kind_are_utc_to_the_microsecond(tmp_path: Path, values: pa.Array) -> None:
    parquet.write_table(pa.table({"image": [JPEG], "when": values}), tmp_path / "a.parquet")
    (item,) = open_source(tmp_path, fields=Fields(captured_at="when")).items
    assert item.captured_at == datetime(2023, 11, 14, 22, 13, 20, 123456, tzinfo=UTC)
