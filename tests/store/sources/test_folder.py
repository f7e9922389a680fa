"""Folders: every file that is not hidden is one item, sorted by id; nothing in a folder can make listing hang."""

import os
import shutil
import socket
from datetime import UTC, datetime
from pathlib import Path

import fsspec
import pytest

from t2c.schemas.errors import InputError, MissingExtra, SpecError
from t2c.store.sources.folder import _slashed, walk_local
from t2c.store.sources.source import Fields, open_bytes, open_source, open_stream

HOSTILE = [
    "x'); DROP TABLE c;--",
    "<img src=x onerror=alert(1)>",
    "=cmd()",
    "{0.__class__}",
    "🐕‍🦺.jpg",
    "\u202eshalom.jpg",
    "new\nline.jpg",
    "a#tar=0,5",
    "100%.jpg",
    "~root.jpg",
    'quo"te.jpg',
    "n" * 250,
]


def fill(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return root


def test_ids_are_sorted_relative_paths_with_folder_labels(tmp_path: Path) -> None:
    fill(tmp_path, "dog/b.jpg", "dog/a.jpg", "cat/a.jpg", "top.png", "train/x.jpg", "test/cat/y.jpg")
    source = open_source(tmp_path)
    assert source.kind == "folder"
    assert [(item.image_id, item.label, item.split) for item in source.items] == [
        ("cat/a.jpg", "cat", None),
        ("dog/a.jpg", "dog", None),
        ("dog/b.jpg", "dog", None),
        ("test/cat/y.jpg", "cat", "test"),
        ("top.png", None, None),
        ("train/x.jpg", None, "train"),
    ]


def test_labels_and_splits_can_be_left_out(tmp_path: Path) -> None:
    fill(tmp_path, "train/dog/a.jpg")
    item = open_source(tmp_path, fields=Fields(label="none", split="none")).items[0]
    assert (item.label, item.split) == (None, None)


def test_hidden_files_are_skipped_and_counted_others_are_inputs(tmp_path: Path) -> None:
    fill(
        tmp_path,
        "a.jpg",
        ".DS_Store",
        ".git/config",
        "Thumbs.db",
        "__MACOSX/a.jpg",
        "README.txt",
        "notes",
        "metadata.csv",
    )
    source = open_source(tmp_path)
    assert [item.image_id for item in source.items] == ["README.txt", "a.jpg", "notes"]
    assert source.skipped == 5


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_data(tmp_path: Path, name: str) -> None:
    fill(tmp_path, f"sub dir/{name}")
    (item,) = open_source(tmp_path).items
    assert item.image_id == f"sub dir/{name}"
    assert open_bytes(item.uri) == f"sub dir/{name}".encode()


def test_name_that_is_not_utf8_is_escaped_and_read(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xf6g.jpg")).write_bytes(b"woof")
    (item,) = open_source(tmp_path).items
    assert item.image_id == "d\\xf6g.jpg"
    assert open_bytes(item.uri) == b"woof"


def test_two_names_with_one_escape_are_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xf6g.jpg")).write_bytes(b"woof")
    (tmp_path / "d\\xf6g.jpg").write_bytes(b"bark")
    with pytest.raises(InputError, match=r"image ids of .*: expected one image an id, but got .*xf6g.jpg' twice"):
        open_source(tmp_path)


def test_special_files_and_links_have_their_outcome(tmp_path: Path) -> None:
    root, outside = fill(tmp_path / "root", "ok.jpg", "sub/in.jpg"), fill(tmp_path / "outside", "secret.jpg")
    os.mkfifo(root / "fifo.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(root)
        server.bind("socket.jpg")
        os.chdir(here)
        (root / "away.jpg").symlink_to(outside / "secret.jpg")
        (root / "up.jpg").symlink_to("../outside/secret.jpg")
        (root / "folder").symlink_to(outside)
        (root / "loop").symlink_to(root / "sub")
        (root / "dangling.jpg").symlink_to(root / "gone.jpg")
        (root / "device.jpg").symlink_to("/dev/zero")
        (root / "pipe.jpg").symlink_to(root / "fifo.jpg")
        (root / "inside.jpg").symlink_to(root / "ok.jpg")
        found = {
            item.image_id: (item.outcome, (item.error or "").partition("got ")[2]) for item in open_source(root).items
        }
    assert found == {
        "ok.jpg": (None, ""),
        "sub/in.jpg": (None, ""),
        "inside.jpg": (None, ""),
        "fifo.jpg": ("unsupported", "a FIFO"),
        "socket.jpg": ("unsupported", "a socket"),
        "away.jpg": ("unsupported", "a link that leaves the folder"),
        "up.jpg": ("unsupported", "a link that leaves the folder"),
        "folder": ("unsupported", "a link that leaves the folder"),
        "device.jpg": ("unsupported", "a link that leaves the folder"),
        "loop": ("unsupported", "a link to a folder (its files are indexed where they are)"),
        "dangling.jpg": ("missing", "a link to nothing"),
        "pipe.jpg": ("unsupported", "a link to a FIFO"),
    }


def test_a_file_that_became_a_fifo_is_an_error_not_a_hang(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    (item,) = open_source(tmp_path).items
    (tmp_path / "a.jpg").unlink()
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(OSError, match="not a regular file"):
        open_stream(item.uri)


def test_a_file_that_is_gone_is_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_bytes(str(tmp_path / "a.jpg"))
    with pytest.raises(OSError, match="null"):
        open_bytes("a\0b")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        ("", r"source .*nowhere: expected a folder, .tar or .parquet, but got nothing there. Try: t2c index photos/"),
        ("dir", r"source .*nowhere: expected images, but got no files. Try: t2c index"),
        ("hidden", r"expected images, but got no files"),
        (
            "photo.jpg",
            r"photo.jpg: expected a folder, .tar or .parquet, but got a .jpg file. Index the folder it lies in",
        ),
        ("all.tar.xz", r"expected a folder, .tar or .parquet, but got a .xz file. Unpack it"),
        ("plain", r"but got a plain file"),
    ],
)
def test_what_is_no_source_says_what_to_type(tmp_path: Path, make: str, message: str) -> None:
    path = tmp_path / (make if make not in ("", "dir", "hidden") else "nowhere")
    if make in ("dir", "hidden"):
        path.mkdir()
        fill(path, *([".hidden"] if make == "hidden" else []))
    elif make:
        path.write_bytes(b"x")
    with pytest.raises(InputError, match=message):
        open_source(path)


def test_columns_come_from_the_metadata_file(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "b.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,kind,part,when\na.jpg,dog,x,2026-11-14T01:00:00+02:00\n")
    source = open_source(tmp_path, fields=Fields(label="kind", split="part", captured_at="when"))
    first, second = source.items
    assert (first.label, first.split, first.captured_at) == ("dog", "x", datetime(2026, 11, 13, 23, tzinfo=UTC))
    assert (second.label, second.split, second.captured_at) == (None, None, None)


def test_metadata_lines_are_read_too(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "a.jpg", "kind": 7}\n')
    assert open_source(tmp_path, fields=Fields(label="kind")).items[0].label == "7"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (None, InputError, "expected metadata.csv or metadata.jsonl .*, but got no such file, and the columns 'kind'"),
        ("name,kind\n", InputError, "expected a column file_name, but got name, kind"),
        (
            "file_name,sort\n",
            SpecError,
            "column 'kind' of .*: expected one of 'file_name', 'sort', but got no such column",
        ),
        ("file_name\na,b\n", InputError, "expected a table, but got an error"),
    ],
)
def test_missing_columns_are_named(tmp_path: Path, text: str | None, error: type[Exception], message: str) -> None:
    fill(tmp_path, "a.jpg")
    if text is not None:
        (tmp_path / "metadata.csv").write_text(text)
    with pytest.raises(error, match=message):
        open_source(tmp_path, fields=Fields(label="kind"))


def test_bad_time_names_the_image(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    (tmp_path / "metadata.csv").write_text("file_name,when\na.jpg,soon\n")
    with pytest.raises(InputError, match=r"captured_at of 'a.jpg': expected a time such as .*, but got 'soon'"):
        open_source(tmp_path, fields=Fields(captured_at="when"))


def test_remote_folder_lists_and_reads() -> None:
    memory = fsspec.filesystem("memory")
    for name in ("dog/a#1%.jpg", "dog/b.jpg", ".hidden/x", "c.jpg"):
        memory.pipe(f"/t2c-folder/{name}", name.encode())
    source = open_source("memory://t2c-folder")
    assert [item.image_id for item in source.items] == ["c.jpg", "dog/a#1%.jpg", "dog/b.jpg"]
    assert [open_bytes(item.uri) for item in source.items] == [b"c.jpg", b"dog/a#1%.jpg", b"dog/b.jpg"]
    assert source.skipped == 1
    memory.rm("/t2c-folder", recursive=True)
    with pytest.raises(OSError, match=r"c\.jpg"):
        open_bytes(source.items[0].uri)


def test_remote_file_that_is_no_container_and_fifo_say_so(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/t2c-single/a.jpg", b"x")
    with pytest.raises(
        InputError, match=r"source memory:///t2c-single/a.jpg: expected a folder, .tar or .parquet, but got a .jpg"
    ):
        open_source("memory://t2c-single/a.jpg")
    fsspec.filesystem("memory").rm("/t2c-single", recursive=True)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InputError, match=r"expected a folder, .tar or .parquet, but got no regular file"):
        open_source(tmp_path / "fifo")


def test_folder_that_vanishes_while_it_is_listed_is_missing(tmp_path: Path) -> None:
    fill(tmp_path, "a/x.jpg", "b/y.jpg")
    walked = walk_local(tmp_path)
    first = next(walked)
    gone = "a" if first is not None and first.image_id.startswith("b") else "b"
    shutil.rmtree(tmp_path / gone)
    (last,) = walked
    assert last is not None
    assert (last.image_id, last.outcome) == (gone, "missing")
    assert last.error == "expected a folder that can be listed, but got: No such file or directory"


def test_remote_address_without_driver_or_keys_says_what_to_do() -> None:
    with pytest.raises(InputError, match="expected keys under this prefix, but got none"):
        open_source("memory://t2c-nothing-there")
    with pytest.raises(InputError, match=r"source: expected a folder or an fsspec URL .* but got 'quux://bucket"):
        open_source("quux://bucket/prefix")


def test_driver_that_is_not_installed_is_named() -> None:
    with pytest.raises(
        MissingExtra,
        match=r"gcs://bucket/prefix: expected the fsspec driver for gcs, but got .*gcsfs.* Install the driver that is named",
    ):
        open_source("gcs://bucket/prefix")


def test_addresses_have_slashes_on_windows_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _slashed("/photos/a\\b") == "/photos/a\\b"
    monkeypatch.setattr(os, "sep", "\\")
    assert _slashed("C:\\photos\\a") == "C:/photos/a"
