"""The images that proposals are sought among: both sides under one map, in halves and parts by content, streamed as unit vectors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from t2c.core.maps.row_keys import block_of, smallest_keys
from t2c.core.shift.background import Background
from t2c.flows.engine.progress import Progress
from t2c.flows.maps.plan import folds_by_block
from t2c.flows.prominence.prominent import FOLDS, SEED
from t2c.flows.rows.aligned import BLOCK_ROWS, aligned_units
from t2c.flows.rows.features_of_rows import features_of, find_features, folds_of, keys_of
from t2c.flows.rows.sides import Slice
from t2c.schemas.errors import InputError, MismatchError, expected
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.tables.tables import FOLD_IN_SAMPLE
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, content_hashes, list_datasets, open_images
from t2c.store.artifacts.linear_maps import StoredMap
from t2c.store.artifacts.selection import searchable
from t2c.store.disk.root import Store
from t2c.store.queries.where import where_mask

BACKGROUND_ROWS = 20_000
"""Images of a dataset at most that a background at large is summed over, chosen by content."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ImageSet:
    """Some images of a dataset, each content once, with the map that each is aligned by."""

    name: str
    """What it is, for people."""
    images: Images
    """The dataset."""
    features: Features
    """Its features in the map's source space."""
    linear_map: StoredMap
    """Into the text's space; the identity for the CLIP's own features."""
    rows: Rows
    """Image rows."""
    fold: npt.NDArray[np.int8]
    """(rows,) which map each is aligned by: -1 the full one, else that of the fold."""

    def keys(self, seed: int) -> npt.NDArray[np.uint64]:
        """Return the keys of the contents, (rows,)."""
        return keys_of(content_hashes(self.images), self.rows, seed=seed)

    @property
    def part(self) -> Rows:
        """(rows,) part of the background that a row is no part of, by content."""
        return block_of(self.keys(SEED), blocks=FOLDS).astype(np.int64)

    def searched(self, seed: int) -> npt.NDArray[np.bool_]:
        """(rows,) whether proposals are found on a row, by content, rather than measured."""
        return np.asarray(block_of(self.keys(seed), blocks=2) == 0)

    def blocks(self, progress: Progress) -> Iterator[tuple[slice, npt.NDArray[np.float32]]]:
        """Yield (places, unit aligned features) of the rows, in order."""
        for start in range(0, len(self.rows), BLOCK_ROWS):
            span = slice(start, min(start + BLOCK_ROWS, len(self.rows)))
            yield span, aligned_units(self.features, self.linear_map, self.rows[span], fold=self.fold[span])
            progress.advance(span.stop - span.start)

    def moments(self, progress: Progress) -> list[Background]:
        """Return the background of each part."""
        parts = [Background.zero(self.linear_map.target.dimension) for _ in range(FOLDS)]
        of_row = self.part
        for span, units in self.blocks(progress):
            for number in range(FOLDS):
                parts[number] += Background.of(units[of_row[span] == number])
        return parts


def open_both(store: Store, reference: Slice, current: Slice, linear_map: StoredMap) -> tuple[ImageSet, ImageSet]:
    """Return both sides, no image on both; a reference without a condition on the dataset of both is the rest.

    Where the map was fitted on images of either side, every image counts under the fold map of its content's block,
    fitted or fresh. Raises InputError for a side without images.
    """
    before, after = (_image_set(store, side, linear_map) for side in (reference, current))
    if reference.dataset.name == current.dataset.name:
        if reference.where is None and reference.dataset == current.dataset:
            rest = np.setdiff1d(before.rows, after.rows)
            before = replace(_only(before, rest), name=f"the rest of {reference.dataset}")
        else:
            after = _only(after, np.setdiff1d(after.rows, before.rows))
    for side in (before, after):
        if not len(side.rows):
            todo = f"Widen the condition, or extract more images: t2c extract {side.images.dataset}"
            raise InputError(expected(side.name, "one image or more with features", "none", todo))
    if (before.fold >= 0).any() or (after.fold >= 0).any():
        before, after = _by_block(before), _by_block(after)
    return before, after


def background_sets(store: Store, linear_map: StoredMap, named: Sequence[str]) -> list[ImageSet]:
    """Return the datasets that the background at large is summed over: those named, else all with features for the map.

    Raises UnknownName for one without such features.
    """
    names = list(named) or [
        name for name in list_datasets(store) if find_features(open_images(store, name), linear_map.source.id)
    ]
    sets = [_image_set(store, Slice(parse_dataset_ref(name)), linear_map) for name in names]
    return [_only(part, part.rows[smallest_keys(part.keys(SEED), most=BACKGROUND_ROWS)]) for part in sets]


def _image_set(store: Store, side: Slice, linear_map: StoredMap) -> ImageSet:
    images = open_images(store, side.dataset)
    features = features_of(images, linear_map.source.id)
    count = min(images.rows, features.rows)
    chosen = searchable(images, exclude_duplicates=True)[:count] & features.present(0, count)
    if side.where is not None:
        chosen &= where_mask(images, side.where)[:count]
    fold = folds_of(linear_map.fitted(), content_hashes(images))[:count]
    rows = np.flatnonzero(chosen & (fold != FOLD_IN_SAMPLE))
    if chosen.any() and not len(rows):
        want = "images that the map was not fitted on, or folds that leave each of them out"
        todo = f"Fit it with folds: t2c align {images.dataset} --source {features.encoder} --target {linear_map.target.name}"
        raise MismatchError(expected(f"map {linear_map.name}", want, f"a fit on all of {side}", todo))
    return ImageSet(str(side), images, features, linear_map, rows, fold[rows])


def _only(side: ImageSet, rows: Rows) -> ImageSet:
    kept = np.isin(side.rows, rows)
    return replace(side, rows=side.rows[kept], fold=side.fold[kept])


def _by_block(side: ImageSet) -> ImageSet:
    folds = folds_by_block(side.linear_map, content_hashes(side.images))
    return side if folds is None else replace(side, fold=folds[side.rows])
