"""Rows dealt into blocks by their content: which are fitted, which are held out, and the parts a runner reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from t2c.core.maps.row_keys import block_of, smallest_keys
from t2c.flows.rows.features_of_rows import in_parts, keys_of, ranges
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, content_hashes
from t2c.store.artifacts.selection import searchable
from t2c.store.queries.where import where_mask

BLOCKS = 64
"""Random row blocks; a block is held out or belongs to one fold as a whole, and copies of an image share a block."""


READ_ROWS = 4096
"""Rows read at a time by a worker."""


PARTS = 16
"""Runs of rows whose moments are summed apart and merged in order; more would only move more moments about."""


LEFT_OUT = -1
"""Group of a row that is neither fitted nor held out: superseded, unreadable, without a feature, past max_rows."""


APART = BLOCKS
"""Block of the rows that a condition holds out: the one past the random ones, never fitted."""


def check_max_rows(max_rows: int | None) -> None:
    """Raise SpecError for fewer rows than anything can be fitted on."""
    if max_rows is not None and max_rows < 2:
        raise SpecError(expected("--max-rows", "2 or more", str(max_rows)))


def held_out_blocks(holdout: float) -> int:
    """Return the number of blocks to hold out: at least one unless the share is 0."""
    return max(1, round(holdout * BLOCKS)) if holdout > 0 else 0


def coverage_notes(images: Images, features: Sequence[Features]) -> tuple[str, ...]:
    """Return a note with each encoder's number of usable rows when some have features that others lack, else nothing."""
    searchable_rows = searchable(images)
    usable = [searchable_rows[: array.rows] & array.present(0, min(images.rows, array.rows)) for array in features]
    rows = min(len(mask) for mask in usable)
    common = int(np.logical_and.reduce([mask[:rows] for mask in usable]).sum())
    counts = [int(mask.sum()) for mask in usable]
    if max(counts) == common:
        return ()
    listed = ", ".join(f"{array.encoder} {count:,}" for array, count in zip(features, counts, strict=True))
    return (f"encoders cover different images ({listed}): only the {common:,} that all cover are used",)


def rows_and_blocks(
    images: Images,
    usable: npt.NDArray[np.bool_],
    *,
    seed: int,
    max_rows: int | None = None,
    held_out_where: str | None = None,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the rows used, ascending, and the block of each by its content: all usable ones, or a random `max_rows` of them.

    The subset is that of the smallest keys: the same rows whichever encoders or methods are asked for. Rows that a
    condition holds out are in the block APART. Raises InputError when it holds out none of the rows used, or all.
    """
    chosen = np.flatnonzero(usable)
    keys = keys_of(content_hashes(images), chosen, seed=seed)
    if max_rows is not None:
        drawn = smallest_keys(keys, most=max_rows)
        chosen, keys = chosen[drawn], keys[drawn]
    blocks = block_of(keys, blocks=BLOCKS)
    if held_out_where is not None:
        apart = held_apart(images, held_out_where)[chosen]
        if apart.all() or not apart.any():
            which = "all" if apart.all() else "none"
            subject = f"rows of {images.dataset}@{images.snapshot} where {held_out_where}"
            raise InputError(
                expected(subject, f"some of the {len(apart):,} used, not all", which, "Mend --held-out-where.")
            )
        blocks[apart] = APART
    return chosen, blocks


def held_apart(images: Images, where: str) -> npt.NDArray[np.bool_]:
    """Return the rows (rows,) whose content a condition matches anywhere: a copy of a held-out image is held out too."""
    hashes = content_hashes(images)
    return np.asarray(pc.is_in(hashes, hashes.filter(pa.array(where_mask(images, where)))))


@dataclass(frozen=True, slots=True)
class Part:
    """A run of rows whose moments are summed in one go."""

    source: Features
    """Features to map from."""
    target: Features
    """Features to map to."""
    spans: tuple[tuple[int, int], ...]
    """Row ranges [start, stop), ascending and adjoining."""
    groups: npt.NDArray[np.int8]
    """Group of each row of the spans, (rows,) int8."""


def parts_of(source: Features, target: Features, groups: npt.NDArray[np.int8]) -> list[Part]:
    """Return the parts, in order; the same whatever runs them."""
    return [
        Part(source, target, tuple(spans), groups[spans[0][0] : spans[-1][1]])
        for spans in in_parts(ranges(len(groups), READ_ROWS), PARTS)
    ]
