"""Text aligned into an encoder's own space: concept vectors carried by the map of the other direction (paper, section 4.1).

The paper found this less effective than aligning images to the CLIP and gives no numbers; here both can be measured.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.statistics.unit_rows import unit
from t2c.flows.engine.answers import store_path
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.features_of_rows import features_of, find_features
from t2c.schemas.errors import MismatchError, SpecError, expected
from t2c.schemas.names import check_name
from t2c.store.artifacts.concepts import Concepts, add_concepts, list_banks, open_concepts
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.linear_maps import StoredMap, find_map, open_map
from t2c.store.disk import paths
from t2c.store.disk.root import Store

LENGTH_ROWS = 4096
"""Images whose features say how long a vector of the CLIP's space usually is."""


@dataclass(frozen=True, slots=True)
class CarryReport(Shown):
    """The bank of carried vectors: where it is, and the map and length behind it."""

    bank: str
    """The new bank."""
    path: str
    """Where it is."""
    map: str
    """Digest of the map that carried it."""
    length: float
    """Mean length of the image features that the unit text vectors were scaled to before the map."""
    concepts: int
    """Concepts in the new bank."""
    new: bool
    """False when they were all there already."""


def carry(
    store: Store, bank: str, *, dataset: str, target: str, name: str | None = None, linear_map: str | None = None
) -> CarryReport:
    """Carry a bank's vectors through the map from the bank's space to the `target` encoder's, as a bank of their own.

    A text vector has length 1 where an image feature has another, and a map with a bias is not indifferent to that: each
    vector is scaled to the mean length of the dataset's image features in the bank's space, mapped, and normalised.
    The new bank (`name`, default `<bank>-<map>`) scores the target encoder's features as they are. Raises
    UnknownName for a bank, features or a map that are not there, SpecError without image features in the bank's space,
    MismatchError for a map of other spaces, or a bank of that name that this map did not carry.
    """
    concepts, images = open_concepts(store, bank), open_images(store, dataset)
    features = features_of(images, target)
    stored_map = _map(store, concepts, features, linear_map)
    clip = find_features(images, concepts.space.id)
    if clip is None:
        todo = f"Extract them: t2c extract {dataset} --encoder {concepts.space.name}"
        raise SpecError(expected(f"features of {dataset}", f"some in {concepts.space.describe()}", "none", todo))
    new_bank = check_name(name or f"{bank}-{stored_map.name}", what="concept bank")
    length = mean_length(clip)
    carried = _carried(concepts.vectors(), stored_map, length=length)
    table = concepts.table(["concept", "prompts", "averaging", "kind"])
    table = table.append_column("vector", pa.array(carried.tolist(), pa.list_(pa.float32())))
    parents = [concepts.manifest.as_parent(), *(parent for parent in (stored_map.as_parent(),) if parent is not None)]
    before = _before(store, new_bank, stored_map)
    stored = add_concepts(
        store, new_bank, table, space=features.space, text_encoder=concepts.text_encoder, parents=parents
    )
    path = store_path(store, paths.concepts(new_bank))
    return CarryReport(new_bank, path, stored_map.digest, length, stored.count, stored.count > before)


def mean_length(features: Features) -> float:
    """Return the mean length of the first LENGTH_ROWS features that are there."""
    rows = np.flatnonzero(features.present(0, features.rows))[:LENGTH_ROWS]
    return float(np.linalg.norm(features.take(rows).astype(np.float64), axis=1).mean())


def _carried(vectors: npt.NDArray[np.float32], stored_map: StoredMap, *, length: float) -> npt.NDArray[np.float32]:
    arrays = stored_map.arrays()
    if arrays is None:
        return vectors
    mapped = (length * vectors.astype(np.float64)) @ arrays.weight.astype(np.float64) + arrays.bias
    carried: npt.NDArray[np.float32] = unit(mapped).astype(np.float32)
    return carried


def _map(store: Store, concepts: Concepts, features: Features, digest: str | None) -> StoredMap:
    """Return the map named, or the one that is preferred from the bank's space to the features'."""
    if digest is None:
        return find_map(store, concepts.space, features.space)
    stored_map = open_map(store, digest)
    if (stored_map.source.id, stored_map.target.id) != (concepts.space.id, features.space.id):
        want = f"from {concepts.space.describe()} to {features.space.describe()}"
        actual = f"from {stored_map.source.describe()} to {stored_map.target.describe()}"
        raise MismatchError(expected(f"map {digest}", want, actual))
    return stored_map


def _before(store: Store, name: str, stored: StoredMap) -> int:
    """Return the concepts that the bank holds already; raises MismatchError when another map carried them."""
    if name not in list_banks(store):
        return 0
    existing = open_concepts(store, name)
    if stored.manifest is not None and stored.digest not in {parent.name for parent in existing.manifest.parents}:
        want, actual = f"carried by map {stored.name}", "a bank that it did not make"
        raise MismatchError(expected(f"concept bank {name}", want, actual, "Choose another --name"))
    return existing.count
