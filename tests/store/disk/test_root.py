"""A store is opened where one is, made only where nothing else is, and refused when it is newer than the code."""

import pickle
from pathlib import Path

import pytest

from t2c.schemas.errors import MissingExtra, SpecError, StoreError
from t2c.store.disk.paths import MARKER
from t2c.store.disk.root import Store, open_store


def test_create_then_open_gives_the_same_handle(tmp_path: Path) -> None:
    made = open_store(tmp_path / "new" / "store", create=True)
    assert open_store(made.url) == made == open_store(f"file://{made.url}")
    assert open_store(made.url, create=True) == made
    assert made.files is made.files
    assert pickle.loads(pickle.dumps(made)) == made


def test_missing_store_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"expected a folder with t2c-store.json, but got nothing there. .*t2c index"):
        open_store(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_with_something_else_is_neither_opened_nor_taken_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(StoreError, match="but got a folder that holds something else"):
        open_store(tmp_path)
    with pytest.raises(StoreError, match=r"expected a store or an empty folder.*Choose a new or empty folder"):
        open_store(tmp_path, create=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_newer_format_is_refused_with_both_numbers(store: Store) -> None:
    store.files.put(MARKER, b'{"format": 7}')
    with pytest.raises(StoreError, match=r"expected format 1 or older, but got format 7. Upgrade"):
        open_store(store.url)


@pytest.mark.parametrize("marker", [b"", b"[]", b"{}", b'{"format": "one"}', b"\xff"])
def test_a_damaged_marker_is_refused(store: Store, marker: bytes) -> None:
    store.files.put(MARKER, marker)
    with pytest.raises(StoreError, match='expected JSON with a "format" number'):
        open_store(store.url)


def test_unknown_keys_of_the_marker_are_tolerated(store: Store) -> None:
    store.files.put(MARKER, b'{"format": 1, "colour": "red"}')
    assert open_store(store.url) == store


def test_an_unknown_protocol_or_missing_package_says_so() -> None:
    with pytest.raises(SpecError, match="expected a folder or an fsspec URL"):
        open_store("nonsense://bucket/x")
    with pytest.raises(
        MissingExtra,
        match=r"expected the fsspec driver for gcs, but got .*gcsfs.* Install the driver that is named there: .* install DRIVER",
    ):
        open_store("gcs://bucket/x")


def test_options_that_hold_dictionaries_make_a_usable_handle() -> None:
    store = open_store("memory://options/store", create=True, storage_options={"client_kwargs": {"a": 1}})
    assert store.files is store.files
    assert hash(store) == hash(Store(store.url))
    store.files.filesystem.rm("/options", recursive=True)


def test_an_address_that_is_a_file_or_empty_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for place in (file, file / "deeper" / "store"):
        for create in (False, True):
            with pytest.raises(StoreError, match=rf"expected a folder, but got {file}, which is none"):
                open_store(place, create=create)
    with pytest.raises(SpecError, match=r"store: expected a folder or an fsspec URL .* but got nothing"):
        open_store("")
