"""Which rows go together, and which are drawn: decided by content, so that copies of an image always share their lot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Int64, Shaped, UInt64

Array = NDArray[Any]

_HEX_DIGITS = 64
_NIBBLE = np.full(256, 255, dtype=np.uint8)
_NIBBLE[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)


def row_keys(
    content_hashes: Sequence[str] | Shaped[np.ndarray, " images"], *, seed: int
) -> UInt64[np.ndarray, " images"]:
    """Return one well-mixed 64-bit key a row from its content hash (sha256, 64 lower-case hex digits) and a seed.

    Equal content gives equal keys on every machine, in any order and in any company.
    """
    text = np.asarray(content_hashes, dtype=np.str_) if len(content_hashes) else np.empty(0, dtype="U64")
    if (bad := np.flatnonzero(np.char.str_len(text) != _HEX_DIGITS)).size:
        raise _not_a_hash(content_hashes, int(bad[0]))
    codes = np.ascontiguousarray(text).view(np.uint32).reshape(len(text), _HEX_DIGITS)
    digits = _NIBBLE[np.minimum(codes, 255)]
    if (bad := np.flatnonzero((digits > 15).any(axis=1))).size:
        raise _not_a_hash(content_hashes, int(bad[0]))
    octets = (digits[:, 0::2] << 4) | digits[:, 1::2]
    keys = _mix(np.full(len(text), seed % 2**64, dtype=np.uint64))
    for word in np.ascontiguousarray(octets).view(">u8").astype(np.uint64).T:
        keys = _mix(keys ^ word)
    return keys


def _not_a_hash(content_hashes: Sequence[str] | Array, row: int) -> InputError:
    return InputError(expected(f"content hash of row {row}", "64 hex digits (sha256)", repr(str(content_hashes[row]))))


def block_of(keys: UInt64[np.ndarray, " images"], *, blocks: int) -> Int64[np.ndarray, " images"]:
    """Return the random block, 0 to blocks - 1, of each row key; equal keys share a block."""
    if blocks < 1:
        raise InputError(expected("number of blocks", "1 or more", str(blocks)))
    return (keys % np.uint64(blocks)).astype(np.int64)


def smallest_keys(keys: UInt64[np.ndarray, " images"], *, most: int) -> Int64[np.ndarray, " _images"]:
    """Return the places of the `most` smallest keys, ascending; of all, where there are fewer.

    As keys are random that is a random draw, and whether it takes a row follows from contents alone.
    """
    places: Array = np.sort(np.argsort(keys, kind="stable")[:most])
    return places


def _mix(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return splitmix64 of each key (Steele, Lea and Flood 2014): every input bit moves every output bit."""
    keys = keys + np.uint64(0x9E37_79B9_7F4A_7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58_476D_1CE4_E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D0_49BB_1331_11EB)
    return keys ^ (keys >> np.uint64(31))
