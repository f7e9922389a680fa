"""Similarities of one aligned range of rows: what a worker computes, each row with the map that never saw it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from t2c.core.concepts.similarity import score
from t2c.core.maps.linear_map import LinearMap, Map, identity
from t2c.flows.engine.runner import Runner
from t2c.schemas.tables.tables import FOLD_FULL
from t2c.store.artifacts.concepts import Concepts, open_concepts
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.linear_maps import StoredMap, open_map
from t2c.store.artifacts.score_writer import Region, ScoreBlock
from t2c.store.disk.root import Store

BLOCK_ROWS = 16_384
"""Rows of a block. Blocks start at multiples of this, so that a row is computed in the same company on every run."""


@dataclass(frozen=True, slots=True)
class ScoreTask:
    """One block to score; handles only, so that it travels light: a worker reads and keeps the map and the vectors."""

    features: Features
    """Features to score."""
    linear_map: str
    """Digest of the map; empty for the identity."""
    concepts: Concepts
    """The bank."""
    keys: tuple[int, int]
    """Concept keys [first, last)."""
    start: int
    """First row of the block, a multiple of BLOCK_ROWS."""
    stop: int
    """Row after the last."""
    fold: npt.NDArray[np.int8]
    """Fold to score each row with, (stop - start,) int8."""
    keep: int
    """First row to return; rows before it were scored by an earlier run."""


def score_blocks(
    region: Region,
    *,
    features: Features,
    linear_map: StoredMap,
    concepts: Concepts,
    fold: npt.NDArray[np.int8],
    runner: Runner,
) -> Iterator[ScoreBlock]:
    """Yield the similarities of a region, block by block in row order; `fold` is (rows,) for all rows of the dataset."""
    digest = "" if linear_map.identity else linear_map.digest
    tasks = []
    for start in range(region.start - region.start % BLOCK_ROWS, region.stop, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, region.stop)
        keys = (region.first_key, region.last_key)
        tasks.append(ScoreTask(features, digest, concepts, keys, start, stop, fold[start:stop], region.start))
    yield from runner.map(score_block, tasks)


def score_block(task: ScoreTask) -> ScoreBlock:
    """Score one block: out-of-fold maps for fitted rows, the full map for the rest; rows without a feature left out."""
    vectors = _vectors(task.features.store, task.concepts.bank, task.concepts.manifest.snapshot)
    vectors = vectors[task.keys[0] : task.keys[1]]
    rows, similarities = similarities_of(
        task.features, (task.start, task.stop), linear_map=task.linear_map, vectors=vectors, fold=task.fold
    )
    selected = rows >= task.keep
    return ScoreBlock(rows[selected], similarities[selected], task.fold[rows[selected] - task.start])


def similarities_of(
    features: Features,
    span: tuple[int, int],
    *,
    linear_map: str,
    vectors: npt.NDArray[np.float32],
    fold: npt.NDArray[np.int8],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Return the rows of a span that have a feature, and their cosine (images, concepts) to vectors (concepts, target).

    `linear_map` is a digest, empty for the identity; `fold` (stop - start,) picks the map of each row.
    """
    start, stop = span
    present = np.flatnonzero(features.present(start, stop))
    values = features.read(start, stop)[present].astype(np.float32)
    maps = _maps(features.store, linear_map, features.dimension)
    similarities = np.zeros((len(values), len(vectors)), dtype=np.float32)
    for fold_number in np.unique(fold[present]):
        rows = np.flatnonzero(fold[present] == fold_number)
        # the full map is first, that of fold k at k + 1; in-sample rows get the full one
        similarities[rows] = score(values[rows], maps[max(int(fold_number), FOLD_FULL) + 1], vectors=vectors)
    return present + start, similarities


@lru_cache(maxsize=4)
def _maps(store: Store, digest: str, dimension: int) -> tuple[Map, ...]:
    """Return the full map, then that of each fold; kept in the process, because every block needs them."""
    if not digest:
        return (identity(dimension),)
    arrays = open_map(store, digest).arrays()
    if arrays is None:  # pragma: no cover - only the identity has no arrays
        return (identity(dimension),)
    by_fold = zip(arrays.fold_weight, arrays.fold_bias, strict=True)
    return (LinearMap(arrays.weight, arrays.bias), *(LinearMap(weight, bias) for weight, bias in by_fold))


@lru_cache(maxsize=4)
def _vectors(store: Store, bank: str, snapshot: int) -> npt.NDArray[np.float32]:
    return open_concepts(store, bank, snapshot=snapshot).vectors()
