"""Webdataset tars: images are inputs, sidecars describe them, and nothing in a tar is ever a path."""

import gzip
import io
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pyarrow as pa
import pytest

from t2c.schemas.errors import InputError
from t2c.store.sources.source import Fields, open_bytes, open_source


def make_tar(path: Path, members: list[tuple[str, bytes]], *, links: tuple[str, ...] = ()) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for name in links:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            tar.addfile(info)
    return path


SAMPLE = [
    ("0001.jpg", b"one"),
    ("0001.cls", b"dog\n"),
    ("0001.txt", b"a caption"),
    ("0000.png", b"zero"),
    ("0000.json", b'{"label": "cat", "split": "dev", "when": "2026-01-02"}'),
    ("cow/0002.webp", b"two"),
    ("orphan.json", b"{}"),
]


def test_items_in_stored_order_with_labels_from_sidecars(tmp_path: Path) -> None:
    make_tar(tmp_path / "train-000.tar", SAMPLE)
    source = open_source(tmp_path)
    assert source.kind == "tar"
    assert [(item.image_id, item.label, item.split) for item in source.items] == [
        ("train-000.tar/0001.jpg", "dog", "train"),
        ("train-000.tar/0000.png", "cat", "dev"),
        ("train-000.tar/cow/0002.webp", "cow", "train"),
        ("train-000.tar/orphan.json", None, "train"),
    ]
    assert source.skipped == 3
    assert [open_bytes(item.uri) for item in source.items] == [b"one", b"zero", b"two", b"{}"]


def test_columns_come_from_json(tmp_path: Path) -> None:
    make_tar(tmp_path / "a.tar", SAMPLE)
    items = open_source(tmp_path / "a.tar", fields=Fields(label="label", split="none", captured_at="when")).items
    assert (items[0].label, items[1].label, items[1].split) == (None, "cat", None)
    assert str(items[1].captured_at) == "2026-01-02 00:00:00+00:00"
    assert open_source(tmp_path / "a.tar", fields=Fields(label="folder")).items[2].label == "cow"
    assert open_source(tmp_path / "a.tar", fields=Fields(split="folder")).items[1].split is None


def test_shards_in_name_order_beside_other_files(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("x")
    for name in ("b.tar", "a.tar"):
        make_tar(tmp_path / name, [("x.jpg", name.encode())])
    source = open_source(tmp_path)
    assert [item.image_id for item in source.items] == ["a.tar/x.jpg", "b.tar/x.jpg"]
    assert source.skipped == 1


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd.jpg", "/etc/passwd.jpg", "x'); DROP TABLE c;--.jpg", "🐕.jpg", "a\nb.jpg", "é" * 2500 + ".jpg"],
)
def test_hostile_member_names_are_data(tmp_path: Path, name: str) -> None:
    make_tar(tmp_path / "a.tar", [(name, b"x")])
    (item,) = open_source(tmp_path).items
    assert item.image_id == f"a.tar/{name}"
    assert open_bytes(item.uri) == b"x"


def test_links_inside_a_tar_are_unsupported(tmp_path: Path) -> None:
    make_tar(tmp_path / "a.tar", [("x.jpg", b"x")], links=("l.jpg",))
    assert [item.outcome for item in open_source(tmp_path).items] == [None, "unsupported"]


def test_shards_that_are_no_files_are_items_of_their_own(tmp_path: Path) -> None:
    make_tar(tmp_path / "a.tar", [("x.jpg", b"x")])
    os.mkfifo(tmp_path / "b.tar")
    (tmp_path / "c.tar").symlink_to(tmp_path / "nothing.tar")
    assert [(item.image_id, item.outcome) for item in open_source(tmp_path).items] == [
        ("a.tar/x.jpg", None),
        ("b.tar", "unsupported"),
        ("c.tar", "missing"),
    ]


def test_a_name_that_comes_again_is_an_outcome_of_its_own(tmp_path: Path) -> None:
    make_tar(tmp_path / "a.tar", [("x.jpg", b"x"), ("x.jpg", b"y"), ("z.jpg", b"z"), ("x.jpg", b"y")])
    make_tar(tmp_path / "b.tar", [("x.jpg", b"x")])
    items = open_source(tmp_path).items
    assert [(item.image_id, item.outcome) for item in items] == [
        ("a.tar/x.jpg", None),
        ("a.tar/x.jpg#2", "unsupported"),
        ("a.tar/z.jpg", None),
        ("a.tar/x.jpg#3", "unsupported"),
        ("b.tar/x.jpg", None),
    ]
    assert items[1].error == "expected each name once in a tar, but got 'x.jpg' for the 2. time"
    assert open_bytes(items[0].uri) == b"x"


def test_what_a_mac_leaves_behind_is_skipped(tmp_path: Path) -> None:
    names = ["./._0.jpg", "./0.jpg", "__MACOSX/._x.jpg", "a/.DS_Store", "Thumbs.db", "./1.jpg"]
    make_tar(tmp_path / "a.tar", [(name, b"x") for name in names])
    source = open_source(tmp_path)
    assert [item.image_id for item in source.items] == ["a.tar/./0.jpg", "a.tar/./1.jpg"]
    assert source.skipped == 4


def test_sidecars_may_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    make_tar(
        tmp_path / "a.tar",
        [("x.jpg", b"x"), ("x.json", mark + b'{"label": "dog"}'), ("y.jpg", b"y"), ("y.cls", mark + b"7")],
    )
    assert [item.label for item in open_source(tmp_path).items] == ["dog", "7"]


@pytest.mark.parametrize(("name", "data"), [("x.cls", b"caf\xe9"), ("x.json", b'{"label": [1, 2]}')])
def test_a_sidecar_without_a_text_label_names_it(tmp_path: Path, name: str, data: bytes) -> None:
    make_tar(tmp_path / "a.tar", [("x.jpg", b"x"), (name, data)])
    with pytest.raises(InputError, match=r"a.tar/x.*: expected .*, but got "):
        open_source(tmp_path)


def test_cut_tar_gives_what_is_whole_and_one_corrupt_item(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar", [("x.jpg", b"x" * 600), ("y.jpg", b"y" * 600)])
    path.write_bytes(path.read_bytes()[:2400])
    first, shard = open_source(tmp_path).items
    assert (first.image_id, first.outcome) == ("a.tar/x.jpg", None)
    assert (shard.image_id, shard.outcome) == ("a.tar", "corrupt")
    assert "expected a whole tar, but got one that ends inside 'y.jpg'" in (shard.error or "")


def test_what_is_no_tar_is_one_corrupt_item(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"no tar at all" * 100)
    (item,) = open_source(tmp_path).items
    assert (item.image_id, item.outcome) == ("a.tar", "corrupt")


def test_tar_cut_after_listing_is_an_error(tmp_path: Path) -> None:
    path = make_tar(tmp_path / "a.tar", [("x.jpg", b"x" * 600)])
    (item,) = open_source(tmp_path).items
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(OSError, match="the tar ends before byte"):
        open_bytes(item.uri)


def test_tars_beside_parquet_must_be_chosen(tmp_path: Path) -> None:
    make_tar(tmp_path / "a.tar", [("x.jpg", b"x")])
    (tmp_path / "b.parquet").write_bytes(b"")
    with pytest.raises(InputError, match=r"expected tars or Parquet files, but got both. Say which with --kind tar"):
        open_source(tmp_path)
    assert open_source(tmp_path, kind="tar").skipped == 1


def test_remote_tar(tmp_path: Path) -> None:
    data = make_tar(tmp_path / "a.tar", SAMPLE).read_bytes()
    memory = fsspec.filesystem("memory")
    memory.pipe("/t2c-tars/x/a.tar", data)
    source = open_source("memory://t2c-tars")
    assert source.items[0].image_id == "x/a.tar/0001.jpg"
    assert open_bytes(source.items[0].uri) == b"one"
    assert open_source("memory://t2c-tars/x/a.tar").items[0].image_id == "a.tar/0001.jpg"
    memory.rm("/t2c-tars", recursive=True)


def packed(data: bytes, name: str) -> bytes:
    return pa.compress(data, codec="zstd", asbytes=True) if "zst" in name else gzip.compress(data)


@pytest.mark.parametrize("name", ["a.tar.gz", "a.TGZ", "a.tar.zst"])
def test_compressed_tars_are_read_like_others(tmp_path: Path, name: str) -> None:
    members = [(f"{i:02d}.jpg", bytes([i]) * (1000 + i)) for i in range(40)] + [("00.json", b'{"label": "dog"}')]
    make_tar(tmp_path / "plain", members)
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / name).write_bytes(packed((tmp_path / "plain").read_bytes(), name))
    source = open_source(tmp_path / "shards")
    assert (source.kind, len(source.items), source.skipped) == ("tar", 40, 1)
    assert (source.items[0].image_id, source.items[0].label) == (f"{name}/00.jpg", "dog")
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda item: open_bytes(item.uri), reversed(source.items)))
    assert read == [data for _, data in reversed(members[:40])]
    assert open_source(tmp_path / "shards" / name).items[3].image_id == f"{name}/03.jpg"


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.zst"])
def test_a_compressed_tar_that_is_cut_gives_what_was_whole(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    make_tar(tmp_path / "plain", [(f"{i}.jpg", rng.bytes(300_000)) for i in range(8)])
    data = packed((tmp_path / "plain").read_bytes(), name)
    (tmp_path / name).write_bytes(data[: len(data) // 2])
    (tmp_path / "plain").unlink()
    items = open_source(tmp_path).items
    assert 2 <= len(items) <= 5
    assert (items[-1].image_id, items[-1].outcome) == (name, "corrupt")
    assert len(open_bytes(items[0].uri)) == 300_000


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tar.zst"])
def test_what_only_says_it_is_compressed_is_corrupt(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no such thing" * 100)
    (item,) = open_source(tmp_path).items
    assert (item.image_id, item.outcome) == (name, "corrupt")


def test_a_small_file_that_unpacks_without_end_is_stopped(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(bytes(80 << 20)))
    (item,) = open_source(tmp_path).items
    assert (item.error or "").endswith("one that unpacks to over 100 times its size")


def test_a_compressed_tar_that_changed_is_unpacked_again(tmp_path: Path) -> None:
    for data in (b"first", b"second, longer"):
        make_tar(tmp_path / "plain", [("x.jpg", data)])
        (tmp_path / "a.tar.gz").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
        (item,) = open_source(tmp_path / "a.tar.gz").items
        assert open_bytes(item.uri) == data
