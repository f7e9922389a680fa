"""Which concept stands out in each image: at large as a stored answer a dataset, within against a frozen reference."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.maps.row_keys import block_of
from t2c.core.shift.background import FEWEST, Spread
from t2c.core.shift.prominence import NOBODY, Leaders, z_of
from t2c.flows.engine.answers import stored_once
from t2c.flows.prominence.candidates import Candidates, columns, similarity_to_mean
from t2c.flows.prominence.standards import Standards
from t2c.flows.rows.features_of_rows import keys_of
from t2c.schemas.tables.answers.prominence import PROMINENCE
from t2c.store.artifacts.images import Images, content_hashes
from t2c.store.artifacts.similarities import Scores

FOLDS = 5
"""Parts of a reference by content: a row is held against the other four, so that no row is part of its own background."""
SEED = 0
"""Seed of those parts."""


@dataclass(frozen=True, slots=True, eq=False)
class Prominent:
    """What stands out in each row of one dataset."""

    rows: npt.NDArray[np.int64]
    """Rows that have a similarity to every candidate."""
    to_mean: npt.NDArray[np.float32]
    """(rows,) similarity to the mean vector."""
    number: npt.NDArray[np.int32]
    """(rows,) number of the candidate; -1 where none may stand out."""

    def of(self, rows: npt.NDArray[np.int64]) -> "Prominent":
        """Return the same for some of the rows."""
        places = np.searchsorted(self.rows, rows)
        return Prominent(rows, self.to_mean[places], self.number[places])


def prominent_at_large(by_bank: tuple[Scores, ...], candidates: Candidates, standards: Standards) -> Prominent:
    """Return the candidate that stands out in each row of a dataset held against the background at large; stored once."""
    scores = by_bank[0]
    spec: dict[str, Any] = {
        "dataset": scores.dataset,
        "map": scores.map,
        "bank": "+".join(candidates.banks),
        "background": standards.background,
        "counts": list(candidates.counts),
    }
    parents = [*(part.manifest.as_parent() for part in by_bank), *candidates.parents, *standards.parents]

    def computed() -> pa.Table:
        rows = _scored_rows(by_bank)
        to_mean = similarity_to_mean(by_bank, candidates, rows)
        leaders = Leaders(len(rows))
        for number, values in columns(by_bank, candidates, rows):
            if candidates.eligible[number]:
                leaders.offer(number, z_of(values - to_mean, number, standards.spread))
        return pa.table({"row": rows, "to_mean": to_mean, "number": leaders.key}, schema=PROMINENCE)

    table = stored_once(scores.store, "prominence", computed, spec=spec, parents=parents).table
    return Prominent(*(table[name].to_numpy() for name in ("row", "to_mean", "number")))


@dataclass(frozen=True, slots=True, eq=False)
class ComparedSide:
    """One side of a comparison, or the one set that is described."""

    by_bank: tuple[Scores, ...]
    """Its similarities, a bank each."""
    rows: npt.NDArray[np.int64]
    """Rows compared."""
    to_mean: npt.NDArray[np.float32]
    """(rows,) similarity to the mean vector."""
    fold: npt.NDArray[np.int64]
    """(rows,) part of the reference's background that a row is no part of, by its content."""


def compared_side(images: Images, prominent: Prominent, by_bank: tuple[Scores, ...]) -> ComparedSide:
    """Return a side of the rows of `prominent`."""
    keys = keys_of(content_hashes(images), prominent.rows, seed=SEED)
    return ComparedSide(by_bank, prominent.rows, prominent.to_mean, block_of(keys, blocks=FOLDS))


def prominent_within(
    reference: ComparedSide, current: ComparedSide | None, candidates: Candidates
) -> tuple[npt.NDArray[np.int32], ...] | None:
    """Return what stands out in each row of both sides held against the reference, or None for a reference of few rows.

    A row of fold k, of either side, is standardised by the reference without fold k: a row that is part of its own
    background stands out less, and fresh ones would then seem to stand out more.
    """
    sides = [reference] if current is None else [reference, current]
    counts = np.bincount(reference.fold, minlength=FOLDS)
    others = counts.sum() - counts
    if len(reference.rows) < FEWEST or (others < FEWEST // 2).any():
        return None
    leaders = [Leaders(len(side.rows)) for side in sides]
    streams = [columns(side.by_bank, candidates, side.rows) for side in sides]
    for parts in zip(*streams, strict=True):
        number = parts[0][0]
        if not candidates.eligible[number]:
            continue
        values = [values - side.to_mean for (_, values), side in zip(parts, sides, strict=True)]
        spread = _without_fold(values[0], reference.fold, others)
        for leader, side, of_side in zip(leaders, sides, values, strict=True):
            leader.offer(number, z_of(of_side, 0, spread, side.fold))
    return tuple(leader.key for leader in leaders)


def _without_fold(
    values: npt.NDArray[np.float32], fold: npt.NDArray[np.int64], others: npt.NDArray[np.int64]
) -> Spread:
    """Return mean and spread of one concept's centred similarities (rows,) over the rows outside of each fold."""
    wide = values.astype(np.float64)
    centre = wide.mean()  # so that squares of what varies little keep their digits
    wide -= centre
    sums = np.bincount(fold, weights=wide, minlength=FOLDS)
    squares = np.bincount(fold, weights=wide * wide, minlength=FOLDS)
    mean = (sums.sum() - sums) / others
    variance = (squares.sum() - squares) / others - mean * mean
    return Spread((mean + centre)[:, None], np.sqrt(np.maximum(variance, 0.0))[:, None])


def counts_of(number: npt.NDArray[np.int32], concepts: int) -> npt.NDArray[np.int64]:
    """Return in how many rows each concept stands out, (concepts,)."""
    return np.bincount(number[number != NOBODY], minlength=concepts)


def _scored_rows(by_bank: tuple[Scores, ...]) -> npt.NDArray[np.int64]:
    """Return the rows that have a similarity to every bank that may be compared."""
    shared: npt.NDArray[np.int64] | None = None
    for part in by_bank:
        rows = np.flatnonzero(~np.isnan(part.values(0)))
        shared = rows if shared is None else np.intersect1d(shared, rows)
    return np.empty(0, np.int64) if shared is None else shared
