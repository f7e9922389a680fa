"""Which rows a map is fitted on, which stay held out, and in what parts the moments are summed: decided by content."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from flows.rows.features_of_rows import in_parts, keys_of, ranges
from schemas.errors import InputError, SpecError, expected
from schemas.tables.tables import FITTED_ROWS, FOLD_IN_SAMPLE
from store.artifacts.features import Features
from store.artifacts.images import Images, content_hashes
from store.artifacts.selection import searchable
from store.queries.where import where_mask
from t2c_core.maps.row_keys import block_of, smallest_keys

BLOCKS = 64
"""Random row blocks; a block is held out or belongs to one fold as a whole, and copies of an image share a block."""
READ_ROWS = 4096
"""Rows read at a time by a worker."""
PARTS = 16
"""Runs of rows whose moments are summed apart and merged in order; more would only move more moments about."""
LEFT_OUT = -1
"""Group of a row that is neither fitted nor held out: superseded, unreadable, without a feature, past max_rows."""


@dataclass(frozen=True, slots=True)
class AlignOptions:
    """How a map is fitted; part of its digest."""

    ridge: float | None = None
    """Ridge strength; 0 is exact least squares, None chooses by cross-validation over the folds."""
    folds: int = 5
    """Folds for out-of-fold maps, 2 to 16; 0 fits no fold maps, for methods that read rows in every epoch."""
    holdout: float = 0.1
    """Share of the blocks that are never fitted, 0 to below 1."""
    seed: int = 0
    """Seed of the assignment of content to blocks and of blocks to folds."""
    max_rows: int | None = None
    """Rows used at most, fitted and held out together; None uses all."""
    held_out_where: str | None = None
    """SQL condition on the rows that are never fitted, such as "split = 'test'"; replaces the share."""

    @property
    def held(self) -> int:
        """Group of the held-out rows: the number after the last fold; fitted rows without folds are group 0."""
        return max(self.folds, 1)

    def spec(self) -> dict[str, Any]:
        """Return the options as JSON values, for the digest."""
        names = ("ridge", "folds", "holdout", "seed", "max_rows")
        where = {} if self.held_out_where is None else {"held_out_where": self.held_out_where}
        return {"algorithm": "closed-form", "blocks": BLOCKS, **{name: getattr(self, name) for name in names}, **where}


APART = BLOCKS
"""Block of the rows that a condition holds out: the one past the random ones, never fitted."""


def check_options(options: AlignOptions, *, foldless: bool = False) -> None:
    """Raise SpecError for an option out of its range; `foldless` allows no folds at all."""
    ridge = options.ridge
    if ridge is not None and not (np.isfinite(ridge) and ridge >= 0):
        raise SpecError(expected("--ridge", "a finite number of 0 or more", str(ridge)))
    if not 2 <= options.folds <= 16 and not (foldless and options.folds == 0):
        want = "2 to 16, or 0 for no fold maps" if foldless else "2 to 16"
        raise SpecError(expected("--folds", want, str(options.folds)))
    if not 0 <= options.holdout < 1 or held_out_blocks(options.holdout) > BLOCKS - options.folds:
        most = (BLOCKS - options.folds) / BLOCKS
        raise SpecError(expected("--holdout", f"a share of 0 to {most:.2f}", str(options.holdout)))
    check_max_rows(options.max_rows)


def check_max_rows(max_rows: int | None) -> None:
    """Raise SpecError for fewer rows than anything can be fitted on."""
    if max_rows is not None and max_rows < 2:
        raise SpecError(expected("--max-rows", "2 or more", str(max_rows)))


def held_out_blocks(holdout: float) -> int:
    """Return the number of blocks to hold out: at least one unless the share is 0."""
    return max(1, round(holdout * BLOCKS)) if holdout > 0 else 0


def group_of_blocks(options: AlignOptions) -> npt.NDArray[np.int8]:
    """Return the group of each block and of APART, (APART + 1,) int8: a fold, or `options.held`; shuffled by the seed."""
    order = np.random.default_rng(options.seed).permutation(BLOCKS)
    held = held_out_blocks(options.holdout) if options.held_out_where is None else 0
    groups = np.full(APART + 1, options.held, dtype=np.int8)
    groups[order[held:]] = np.arange(BLOCKS - held) % options.held
    return groups


def groups_of_rows(
    images: Images, source: Features, target: Features, *, options: AlignOptions
) -> npt.NDArray[np.int8]:
    """Return the group of every row that both features cover, (rows,) int8: a fold, held out, or LEFT_OUT.

    Raises InputError when no row has both features.
    """
    rows = min(images.rows, source.rows, target.rows)
    usable = searchable(images)[:rows] & source.present(0, rows) & target.present(0, rows)
    if not usable.any():
        both = f"rows with features of both {source.encoder} and {target.encoder}"
        todo = f"Extract both: t2c extract {images.dataset} --encoder {source.encoder} --encoder {target.encoder}"
        raise InputError(expected(f"{images.dataset}@{images.snapshot}", both, "none", todo))
    chosen, blocks = rows_and_blocks(
        images, usable, seed=options.seed, max_rows=options.max_rows, held_out_where=options.held_out_where
    )
    groups = np.full(rows, LEFT_OUT, dtype=np.int8)
    groups[chosen] = group_of_blocks(options)[blocks]
    return groups


def coverage_notes(images: Images, features: Sequence[Features]) -> tuple[str, ...]:
    """Return a note with each encoder's number of usable rows when some have features that others lack, else nothing."""
    found = searchable(images)
    usable = [found[: one.rows] & one.present(0, min(images.rows, one.rows)) for one in features]
    rows = min(len(one) for one in usable)
    common = int(np.logical_and.reduce([one[:rows] for one in usable]).sum())
    counts = [int(one.sum()) for one in usable]
    if max(counts) == common:
        return ()
    listed = ", ".join(f"{one.encoder} {count:,}" for one, count in zip(features, counts, strict=True))
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


def fitted_rows(images: Images, groups: npt.NDArray[np.int8], *, folds: int) -> pa.Table:
    """Return FITTED_ROWS of the rows in a fold, ascending; without folds they are in-sample."""
    rows = np.flatnonzero((groups >= 0) & (groups < max(folds, 1)))
    fold = groups[rows] if folds else np.full(len(rows), FOLD_IN_SAMPLE, np.int8)
    columns = [content_hashes(images).take(pa.array(rows)), pa.array(rows), pa.array(fold)]
    return pa.table(columns, names=FITTED_ROWS.names).cast(FITTED_ROWS)


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
