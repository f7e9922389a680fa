"""URIs: whatever a file is called, its URI is valid UTF-8 and leads back to it."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t2c.store.sources.uris import as_text, file_uri, is_remote, parquet_uri, parse_uri, tar_uri

ADDRESSES = st.binary(min_size=1, max_size=40).filter(lambda b: b"\0" not in b).map(lambda b: "/x/" + os.fsdecode(b))
URLS = st.text(min_size=1, max_size=40).map(lambda key: f"s3://bucket/{key}")


@given(ADDRESSES | URLS)
def test_file_uri_leads_back(address: str) -> None:
    uri = file_uri(address)
    uri.encode()
    place = parse_uri(uri)
    assert (place.address, place.remote, place.offset, place.row) == (address, is_remote(address), None, None)


@given(ADDRESSES | URLS, st.integers(0, 2**60), st.integers(0, 2**60))
def test_tar_uri_leads_back(address: str, offset: int, size: int) -> None:
    place = parse_uri(tar_uri(address, offset, size))
    assert (place.address, place.offset, place.size, place.row) == (address, offset, size, None)


@given(ADDRESSES | URLS, st.integers(0, 2**60), st.text(max_size=40))
def test_parquet_uri_leads_back(address: str, row: int, column: str) -> None:
    place = parse_uri(parquet_uri(address, row, column))
    assert (place.address, place.row, place.column, place.offset) == (address, row, column, None)


@pytest.mark.parametrize("path", ["/photos/a b.jpg", "/photos/🐕/שלום.jpg", "/photos/x'); DROP TABLE c;--"])
def test_plain_paths_stay_as_they_are(path: str) -> None:
    assert file_uri(path) == path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dog.jpg", "dog.jpg"),
        ("a\\b.jpg", "a\\b.jpg"),
        (os.fsdecode(b"d\xf6g.jpg"), "d\\xf6g.jpg"),
        (os.fsdecode(b"a\\d\xf6g.jpg"), "a\\\\d\\xf6g.jpg"),
    ],
)
def test_names_that_are_not_utf8_have_one_escape(name: str, text: str) -> None:
    assert as_text(name) == text
