"""Both sides of a comparison under one rule of folds: each row under the map that never saw its block, fitted or fresh.

A map's own rows are scored out of fold and fresh ones by the full map, which was fitted on more rows and of which the
fitted side's similarities know nothing: their distributions differ though the images do not. So where a map was fitted
on a row of either side, every row of both counts under the fold map of its content's block, and under the full map
where the block was held out.
"""

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from t2c.core.statistics.stats import concept_stats
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import SerialRunner
from t2c.flows.maps.plan import folds_by_block
from t2c.flows.rows.features_of_rows import features_of
from t2c.flows.rows.sides import Side
from t2c.flows.scores.blocks import score_blocks
from t2c.flows.scores.score import Watched
from t2c.schemas.errors import BusyError, StoreWriteError, UnknownName
from t2c.schemas.names import DatasetRef
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.images import Images, content_hashes, open_images
from t2c.store.artifacts.linear_maps import StoredMap, open_map
from t2c.store.artifacts.score_writer import write_scores
from t2c.store.artifacts.similarities import Scores, parent_of
from t2c.store.disk.root import Store, open_store

KIND = "comparable"
"""Kind of artifact: similarities in their own layout, every row's fold by the rule above."""

Folds = npt.NDArray[np.int8]


def comparable(one: Side, other: Side, *, progress: Progress | None = None) -> tuple[Side, Side]:
    """Return both sides with similarities under the rule; those stored serve where they follow it already.

    Only what is new is scored, and kept beside the similarities (in a temporary folder, where the store cannot be
    written or another run is writing it). A side without the features to score it again keeps what it has, and its notes
    say that fresh and fitted rows are then not quite alike.
    """
    scores = one.among.scores
    stored = [_stored_folds(side) for side in (one, other)]
    fitted = any((folds[side.rows()] >= 0).any() for side, folds in zip((one, other), stored, strict=True))
    if scores.identity or not fitted:
        return one, other
    linear_map, bar = open_map(scores.store, scores.map), progress or NoProgress()
    return _under_rule(one, stored[0], linear_map, bar), _under_rule(other, stored[1], linear_map, bar)


def _stored_folds(side: Side) -> Folds:
    """Return the fold that each row was scored with, (rows,)."""
    column = side.among.scores.column(0)
    folds = np.full(side.among.scores.rows, -1, dtype=np.int8)
    folds[column.rows] = column.fold
    return folds


def _under_rule(side: Side, stored: Folds, linear_map: StoredMap, progress: Progress) -> Side:
    scores = side.among.scores
    # as of the similarities: whatever was added since has none
    images = open_images(scores.store, DatasetRef(scores.dataset, scores.images_snapshot))
    folds = folds_by_block(linear_map, content_hashes(images))
    if folds is None or (folds[: scores.rows] == stored)[side.rows()].all():
        return side
    try:
        under_rule = _scored(scores, images, linear_map, folds, progress)
    except UnknownName:
        note = f"the features of {side.name} are gone, so its fresh rows stand under another map than fitted ones: "
        note += "p-values come out too small (t2c extract, or t2c features import)"
        return replace(side, notes=(*side.notes, note))
    return replace(side, among=side.among.under(under_rule))


def _scored(scores: Scores, images: Images, linear_map: StoredMap, folds: Folds, progress: Progress) -> Scores:
    """Return the similarities of the same rows to the same concepts, each row by its fold; what is new is scored."""
    features = features_of(images, scores.source.id)
    concepts = open_concepts(scores.store, scores.bank, snapshot=parent_of(scores.manifest, "concepts").snapshot)
    watched, run = Watched(progress, f"score {images.dataset} by folds"), SerialRunner()

    def write(store: Store) -> Scores:
        return write_scores(
            images,
            lambda region: watched.blocks(
                score_blocks(
                    region, features=features, linear_map=linear_map, concepts=concepts, fold=folds, runner=run
                ),
                region,
            ),
            linear_map=linear_map,
            concepts=concepts,
            rows=scores.rows,
            parents=[features.manifest.as_parent()],
            stats=concept_stats,
            kind=KIND,
            into=store,
        )

    try:
        return write(scores.store)
    except (StoreWriteError, BusyError):
        return write(_scratch(scores.store))


@lru_cache(maxsize=4)
def _scratch(store: Store) -> Store:  # noqa: ARG001 - one for each store
    """Return a temporary store, removed when the process ends."""
    folder = tempfile.mkdtemp(prefix="t2c-comparable-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return open_store(folder, create=True)
