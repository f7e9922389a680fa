"""Which rows of a dataset a step may use: features as of a snapshot, rows of one order, folds found by content."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from t2c.core.maps.row_keys import row_keys
from t2c.flows.engine.answers import store_path
from t2c.schemas.errors import MismatchError, UnknownName, expected
from t2c.schemas.tables.tables import FOLD_FULL
from t2c.store.artifacts.features import Features, how_to_get, list_features, open_features
from t2c.store.artifacts.images import Images, list_datasets
from t2c.store.disk import paths
from t2c.store.disk.manifest import Parent, find_manifest, snapshots


def features_of(images: Images, which: str) -> Features:
    """Open a dataset's features by encoder name or space, as of the image snapshot.

    The first features snapshot that covers every image row is taken, so that work on `photos@3` is named by the same
    digest whatever is added later; when none covers all of them, the newest is.
    Raises UnknownName naming the `t2c extract` command, and other datasets that have such features, when there are none;
    MismatchError when the features were made from other rows.
    """
    _check_there(images, which)
    features = open_features(images.store, images.dataset, which)
    covering = (
        manifest for manifest in snapshots(images.store, features.manifest.artifact) if manifest.rows >= images.rows
    )
    features = replace(features, manifest=next(covering, features.manifest))
    check_rows(images, features)
    return features


def _check_there(images: Images, which: str) -> None:
    """Raise UnknownName when a dataset has no features at all, or when only others have those by an encoder."""
    own = list_features(images.store, images.dataset)
    if _have(own, which):
        return
    other_datasets = (name for name in list_datasets(images.store) if name != images.dataset)
    elsewhere = [name for name in other_datasets if _have(list_features(images.store, name), which)]
    if elsewhere or not own:
        subject = f"features of {images.dataset}" + (
            f" (by {', '.join(features.encoder for features in own)})" if own else ""
        )
        actual = f"those of {' and '.join(elsewhere)}: other rows" if elsewhere else "none at all"
        raise UnknownName(expected(subject, f"features by {which}", actual, how_to_get(images.dataset, which)))


def _have(features: Sequence[Features], which: str) -> bool:
    return any(which in (array.encoder, array.space.id, array.space.name) for array in features)


def find_features(images: Images, space_id: str) -> Features | None:
    """Return a dataset's features in a space, as `features_of` does, or None when there are none."""
    matches = [features for features in list_features(images.store, images.dataset) if features.space.id == space_id]
    return features_of(images, space_id) if matches else None


def check_rows(images: Images, features: Features) -> None:
    """Raise MismatchError unless the features were made from this dataset's own rows.

    Row i of the features is row i of the image index; the index only grows, so any of its snapshots will do.
    """
    parent = _other_rows(images, features)
    if parent is not None:
        manifest = find_manifest(images.store, images.manifest.artifact, snapshot=parent.snapshot)
        now = manifest.content_digest[:12] if manifest is not None else "no such snapshot"
        raise MismatchError(
            expected(
                f"rows of {features.encoder} features of {images.dataset}",
                f"those of {images.dataset}@{parent.snapshot} ({now})",
                f"those of {parent.name}@{parent.snapshot} ({parent.digest[:12]}){_first_difference(images, parent)}",
                _make_again(images, features),
            )
        )


def _other_rows(images: Images, features: Features) -> Parent | None:
    """Return the index that the features were made from when it is not this dataset's, else None."""
    for parent in features.manifest.parents:
        manifest = find_manifest(images.store, images.manifest.artifact, snapshot=parent.snapshot)
        if parent.kind == "images" and (
            parent.name != images.dataset or manifest is None or manifest.content_digest != parent.digest
        ):
            return parent
    return None


def _make_again(images: Images, features: Features) -> str:
    """Say how to replace features of other rows, and all others of the dataset that are of other rows too.

    What is there must be deleted first: rows that have features are not extracted again.
    """
    stored = list_features(images.store, images.dataset)
    also_stale = [
        array for array in stored if array.space.id != features.space.id and _other_rows(images, array) is not None
    ]
    stale = [features, *also_stale]
    extracted = [f"--encoder {array.encoder}" for array in stale if array.space.kind != "imported"]
    commands = [f"t2c extract {images.dataset} {' '.join(extracted)}"] if extracted else []
    imported = [array.encoder for array in stale if array.space.kind == "imported"]
    commands += [f"t2c features import {images.dataset} VECTORS IDS --encoder {name}" for name in imported]
    also = f"So are those by {', '.join(array.encoder for array in also_stale)}. " if also_stale else ""
    paths = " and ".join(store_path(images.store, array.manifest.artifact) for array in stale)
    return f"{also}Delete {paths}, then: {'; '.join(commands)}"


def _first_difference(images: Images, parent: Parent) -> str:
    """Return in words which image differs first from those of other rows, or that these are gone; nothing when only longer.

    Features hold no content hashes of their own: only the index that they were made from can name an image.
    """
    manifest = find_manifest(images.store, paths.images(parent.name), snapshot=parent.snapshot)
    if manifest is None or manifest.content_digest != parent.digest:
        return "; which images differ cannot be said, for that index is no longer in the store"
    columns = ["image_id", "content_hash"]
    own_rows, other_rows = (
        index.table(columns, current=False).to_pylist()
        for index in (images, Images(images.store, parent.name, manifest))
    )
    for row, (own, other) in enumerate(zip(own_rows, other_rows, strict=False)):
        if own != other:
            sides = (f"{image['image_id']!r} ({(image['content_hash'] or 'missing')[:12]})" for image in (own, other))
            return "; the first that differs is row {}: {} here, {} there".format(row, *sides)
    return ""


def folds_of(fitted: pa.Table, content_hashes: pa.ChunkedArray) -> npt.NDArray[np.int8]:
    """Return the fold each row must be scored with, shape (images,) int8: found by content, never by row or dataset.

    `fitted` is FITTED_ROWS; a row whose content was not fitted gets -1. A copy of a fitted image in any dataset gets
    that image's fold, because the map has seen its content.
    """
    places = pc.index_in(content_hashes, value_set=fitted["content_hash"].combine_chunks(), skip_nulls=True)
    folds = fitted["fold"].combine_chunks().take(places.combine_chunks())
    return np.asarray(pc.fill_null(folds, FOLD_FULL), dtype=np.int8)


def keys_of(content_hashes: pa.ChunkedArray, rows: npt.NDArray[np.int64], *, seed: int) -> npt.NDArray[np.uint64]:
    """Return the keys of some rows of a dataset by their content (`t2c.core.maps.row_keys`), in the order of `rows`."""
    return row_keys(np.asarray(content_hashes.take(pa.array(rows))), seed=seed)


def ranges(rows: int, size: int) -> list[tuple[int, int]]:
    """Return [start, stop) ranges of `size` rows that cover `rows`, the last one shorter."""
    return [(start, min(start + size, rows)) for start in range(0, rows, size)]


def in_parts(items: Sequence[tuple[int, int]], parts: int) -> list[list[tuple[int, int]]]:
    """Deal ranges, in order, into at most `parts` runs of nearly equal length; a plan that no runner changes."""
    count = min(parts, len(items))
    cuts = [len(items) * part // count for part in range(count + 1)] if count else [0]
    return [list(items[a:b]) for a, b in pairwise(cuts)]
