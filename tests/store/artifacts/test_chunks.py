"""Our chunk files and metadata are zarr's, byte for byte, and a chunk that is not whole is an error."""

from pathlib import Path

import numpy as np
import pytest
import zarr
from zarr.codecs import BytesCodec, Crc32cCodec

from t2c.schemas.errors import CorruptError, MismatchError
from t2c.store.artifacts import chunks
from t2c.store.artifacts.chunks import Layout
from t2c.store.disk.root import Store

ARTIFACT = "features/photos/x-0.zarr"
VALUES = np.arange(30, dtype=np.float32).reshape(10, 3) / 7


@pytest.mark.parametrize("dtype", chunks.DTYPES)
def test_metadata_and_chunks_are_the_bytes_that_zarr_writes(tmp_path: Path, dtype: str) -> None:
    theirs = zarr.create_array(
        tmp_path / "x.zarr",
        shape=(10, 3),
        chunks=(4, 3),
        dtype=dtype,
        fill_value=np.nan,
        serializer=BytesCodec(endian="little"),
        compressors=[Crc32cCodec()],
        attributes={"a": {"b": 1}},
        config={"write_empty_chunks": True},
    )
    theirs[:] = VALUES
    layout = Layout(3, dtype, 4)
    assert (tmp_path / "x.zarr/zarr.json").read_bytes() == chunks.metadata(layout, rows=10, attributes={"a": {"b": 1}})
    for index in range(3):
        start, stop = layout.bounds(index, 10)
        ours = chunks.encode(VALUES[start:stop].astype(dtype), layout)
        assert (tmp_path / "x.zarr" / "c" / str(index) / "0").read_bytes() == ours
        assert len(ours) == layout.chunk_bytes


def test_read_chunk_gives_back_what_was_encoded(store: Store) -> None:
    layout = Layout(3, "float32", 4)
    store.files.put(chunks.chunk_path(ARTIFACT, 2), chunks.encode(VALUES[8:], layout))
    into = layout.empty(4)
    chunks.read_chunk(store, ARTIFACT, 2, layout=layout, into=into)
    np.testing.assert_array_equal(into[:2], VALUES[8:])
    assert np.isnan(into[2:]).all()


def test_every_single_flipped_bit_is_found(store: Store) -> None:
    layout = Layout(3, "float16", 2)
    whole = bytearray(chunks.encode(VALUES[:2].astype("float16"), layout))
    path = chunks.chunk_path(ARTIFACT, 0)
    for bit in range(8 * len(whole)):
        whole[bit // 8] ^= 1 << bit % 8
        store.files.put(path, bytes(whole))
        with pytest.raises(CorruptError, match=f"{path}: expected crc32c"):
            chunks.read_chunk(store, ARTIFACT, 0, layout=layout, into=layout.empty(2))
        whole[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize("cut", [0, 1, 5, 12, 15])
def test_a_truncated_or_longer_chunk_is_found(store: Store, cut: int) -> None:
    layout = Layout(3, "float16", 2)
    whole = bytes(chunks.encode(VALUES[:2].astype("float16"), layout))
    for wrong in (whole[:cut], whole + b"x"):
        store.files.put(chunks.chunk_path(ARTIFACT, 0), wrong)
        with pytest.raises(
            CorruptError, match=rf"c/0/0: expected 16 bytes, but got {len(wrong)} bytes. The chunk is dam"
        ):
            chunks.read_chunk(store, ARTIFACT, 0, layout=layout, into=layout.empty(2))


def test_metadata_of_another_program_is_refused() -> None:
    ours = chunks.metadata(Layout(3, "float16", 4), rows=10, attributes={})
    assert chunks.parse_metadata(ours, "p") == (Layout(3, "float16", 4), 10, {})
    with pytest.raises(MismatchError, match=r"p, fill_value: expected 'NaN', but got 0.0. Another program wrote it"):
        chunks.parse_metadata(ours.replace(b'"NaN"', b"0.0"), "p")
    with pytest.raises(CorruptError, match="p: expected the metadata of a Zarr array"):
        chunks.parse_metadata(ours[:50], "p")
