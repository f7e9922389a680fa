"""The images that vectors are decoded among: which rows count, their means in both spaces, and a sample to compare on.

Every row is aligned with a map that never saw it. Means need no second pass: a map is linear, so the mean aligned
feature of a group follows from its mean features, fold by fold.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from t2c.core.maps.row_keys import smallest_keys
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.rows.blocks import READ_ROWS
from t2c.flows.rows.features_of_rows import find_features, folds_of, keys_of, ranges
from t2c.schemas.errors import InputError, MismatchError, expected
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.tables import FOLD_FULL, FOLD_IN_SAMPLE
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, content_hashes, list_datasets, open_images
from t2c.store.artifacts.linear_maps import StoredMap
from t2c.store.artifacts.map_files import MapArrays
from t2c.store.artifacts.selection import searchable

Array = npt.NDArray[np.float64]

COMPARED = 20_000
"""Images at most that words and vectors are compared on: a share of them is known to 0.4 % then."""


@dataclass(frozen=True, slots=True, eq=False)
class GroupMeans:
    """Means of groups of images."""

    count: npt.NDArray[np.int64]
    """(groups,) images."""
    source: Array
    """(groups, source) mean feature; zero for a group without images."""
    aligned: Array
    """(groups, target) mean aligned feature, each image aligned by a map that never saw it."""


@dataclass(frozen=True, slots=True, eq=False)
class DecodeImages:
    """A dataset's usable rows under a map: current, readable, each content once, with a feature, not in-sample."""

    images: Images
    """The dataset, as of a snapshot."""
    features: Features
    """Its features in the map's source space."""
    linear_map: StoredMap
    """Into the CLIP space; the identity for the target's own features."""
    fold: npt.NDArray[np.int8]
    """(rows,) which map each row is aligned with: -1 the full one, else that of the fold."""
    usable: npt.NDArray[np.bool_]
    """(rows,) whether a row counts."""
    progress: Progress = field(default_factory=NoProgress)
    """Who watches passes over all images."""

    @property
    def rows(self) -> npt.NDArray[np.int64]:
        """Usable rows, in order."""
        return np.flatnonzero(self.usable)

    def sample(self, among: npt.NDArray[np.bool_] | None = None, *, most: int = COMPARED) -> npt.NDArray[np.int64]:
        """Return at most so many usable rows, in order, chosen by content: the same in any company."""
        rows = self.rows if among is None else np.flatnonzero(self.usable & among)
        if len(rows) <= most:
            return rows
        keys = keys_of(content_hashes(self.images), rows, seed=0)
        drawn: npt.NDArray[np.int64] = rows[smallest_keys(keys, most=most)]
        return drawn

    def means(self, codes: npt.NDArray[np.integer], *, groups: int) -> GroupMeans:
        """Return the means of groups 0 to groups - 1; `codes` (rows,) is each row's group, below 0 for none."""
        arrays = self.linear_map.arrays()
        folds = 1 if arrays is None else 1 + len(arrays.fold_weight)
        count = np.zeros((groups, folds), np.int64)
        total = np.zeros((groups, folds, self.features.dimension))
        self.progress.start(f"read {self.images.dataset}", len(self.usable), "images")
        try:
            for start, stop in ranges(len(self.usable), READ_ROWS):
                used = np.flatnonzero(self.usable[start:stop] & (codes[start:stop] >= 0))
                if len(used):
                    values = self.features.read(start, stop)[used].astype(np.float64)
                    _add(total, count, values, codes[start:stop][used], self.fold[start:stop][used] - FOLD_FULL)
                self.progress.advance(stop - start)
        finally:
            self.progress.done()
        n = count.sum(axis=1)
        per = np.maximum(n, 1)[:, None]
        source = total.sum(axis=1) / per
        return GroupMeans(n, source, source if arrays is None else _aligned(total, count, arrays) / per)


def open_decode_images(
    images: Images,
    features: Features,
    linear_map: StoredMap,
    *,
    in_sample: bool = False,
    progress: Progress | None = None,
) -> DecodeImages:
    """Return a dataset's usable rows; `in_sample` keeps those that no fold left out, for what compares nothing.

    Raises MismatchError for features of another space or when the map saw all rows, InputError when there is none.
    """
    if features.space.id != linear_map.source.id:
        raise MismatchError(
            expected(f"features of {images.dataset}", linear_map.source.describe(), features.space.describe())
        )
    rows = min(images.rows, features.rows)
    fold = folds_of(linear_map.fitted(), content_hashes(images))[:rows]
    present = searchable(images, exclude_duplicates=True)[:rows] & features.present(0, rows)
    usable = present if in_sample else present & (fold != FOLD_IN_SAMPLE)
    if present.any() and not usable.any():
        want = "images that the map was not fitted on, or folds that leave each of them out"
        todo = f"Fit it with folds: t2c align {images.dataset} --source {features.encoder} --target {linear_map.target.name}"
        raise MismatchError(expected(f"map {linear_map.name}", want, f"a fit on all of {images.dataset}", todo))
    if not usable.any():
        todo = f"Extract them: t2c extract {images.dataset} --encoder {features.encoder}"
        raise InputError(
            expected(f"images of {images.dataset} to decode among", "1 or more with features", "none", todo)
        )
    return DecodeImages(images, features, linear_map, fold, usable, progress or NoProgress())


def fitted_images(images: DecodeImages) -> DecodeImages | None:
    """Return the dataset that the map was fitted on, where the store holds its features and it is another one."""
    certificate, store = images.linear_map.certificate, images.images.store
    if certificate is None or certificate.dataset == images.images.dataset or not certificate.dataset:
        return None
    if certificate.dataset not in list_datasets(store):
        return None
    fitted = open_images(store, DatasetRef(certificate.dataset))
    features = find_features(fitted, images.linear_map.source.id)
    if features is None:
        return None
    return open_decode_images(fitted, features, images.linear_map, in_sample=True)


def element_variance(images: DecodeImages) -> float:
    """Return the variance over all elements of the features that the map was fitted on, among a dataset's rows.

    Those rows are told by content; where the dataset has none of them, all of its usable rows stand for them.
    """
    fitted = images.usable & (images.fold != FOLD_FULL)
    chosen = fitted if fitted.any() else images.usable
    n, total, squares = 0, 0.0, 0.0
    for start, stop in ranges(len(chosen), READ_ROWS):
        used = np.flatnonzero(chosen[start:stop])
        if len(used):
            values = images.features.read(start, stop)[used].astype(np.float64)
            n += values.size
            total += float(values.sum())
            squares += float(np.square(values).sum())
    return squares / n - (total / n) ** 2


def _add(
    total: Array,
    count: npt.NDArray[np.int64],
    values: Array,
    codes: npt.NDArray[np.integer],
    folds: npt.NDArray[np.integer],
) -> None:
    """Add rows into the sums of their group and fold, in place."""
    # one number a (group, fold), so that a single sort brings the rows of each together
    cell = codes.astype(np.int64) * count.shape[1] + folds
    order = np.argsort(cell, kind="stable")
    cells, first, counts = np.unique(cell[order], return_index=True, return_counts=True)
    count.reshape(-1)[cells] += counts
    total.reshape(-1, total.shape[2])[cells] += np.add.reduceat(values[order], first, axis=0)


def _aligned(total: Array, count: npt.NDArray[np.int64], arrays: MapArrays) -> Array:
    """Return the sums (groups, target) of aligned features from sums of features by group and fold."""
    maps = [(arrays.weight, arrays.bias), *zip(arrays.fold_weight, arrays.fold_bias, strict=True)]
    sums = np.zeros((len(total), len(arrays.bias)))
    # a map is linear: aligned rows add up to the map of their sum, plus the bias once a row
    for place, (weight, bias) in enumerate(maps):
        sums += total[:, place] @ weight.astype(np.float64) + count[:, place, None] * bias.astype(np.float64)
    return sums
