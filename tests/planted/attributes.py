"""Images whose class is a known function of their attributes, seen through features, a map and concept vectors.

Three attributes make a class: `striped` (+), `round` (+) and, spuriously, `in snow`: in the dataset `photos` it goes
with the class 19 times in 20, in `balanced` it goes with nothing. `shiny` goes with nothing anywhere.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.schemas.spaces import Space
from t2c.schemas.tables.tables import ATTRIBUTES
from t2c.store.artifacts.concepts import add_concepts
from t2c.store.artifacts.dataset_tables import write_attributes
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.images import open_images
from t2c.store.disk.lease import lease
from t2c.store.disk.root import Store
from tests.planted.features import content
from tests.planted.scored import add_images, image_table

CONCEPTS = ("striped", "round", "in snow", "shiny")
SOURCE = Space("encoder", "timm:attributes", 8, "source-of-attributes")
TARGET = Space("encoder", "open_clip:attributes/test", 8, "target-of-attributes")
VECTORS = np.eye(8)[: len(CONCEPTS)]
NOISE = (0.9, 0.9, 0.25, 0.5)
"""How blurred each attribute is in the features: the spurious one is the clearest, so a head leans on it."""


@dataclass(frozen=True)
class World:
    """The planted store."""

    store: Store
    truth: dict[str, np.ndarray]
    """Dataset -> (rows, 4) attributes, 0 or 1, in the order of CONCEPTS."""
    labels: dict[str, list[str]]
    """Dataset -> class of each row: `zebra` or `horse`."""


def attributes_of(count: int, *, spurious: bool, seed: int) -> tuple[np.ndarray, list[str]]:
    """Return attributes (count, 4) and classes: zebra when striped or round, mostly when both."""
    rng = np.random.default_rng(seed)
    zebra = rng.random(count) < 0.5
    there = np.empty((count, 4))
    for column in (0, 1):
        there[:, column] = rng.random(count) < np.where(zebra, 0.9, 0.1)
    there[:, 2] = np.where(rng.random(count) < 0.95, zebra, ~zebra) if spurious else rng.random(count) < 0.5
    there[:, 3] = rng.random(count) < 0.5
    return there, ["zebra" if one else "horse" for one in zebra]


def plant(store: Store, *, count: int = 700, attributes: bool = True) -> World:
    """Index `photos` (spurious) and `balanced`, with features of both encoders, a map, a bank and similarities."""
    world = World(store, {}, {})
    for seed, (dataset, spurious) in enumerate((("photos", True), ("balanced", False))):
        there, labels = attributes_of(count, spurious=spurious, seed=seed)
        world.truth[dataset], world.labels[dataset] = there, labels
        hashes = content(f"{dataset}/{row}" for row in range(count))
        add_images(store, image_table(0, count, content_hash=hashes, label=labels), dataset=dataset)
        _features(store, dataset, there, seed=seed)
        if attributes:
            write_attributes(store, dataset, attribute_table(there))
    align(store, "photos", source=SOURCE.name, target=TARGET.name)
    add_bank(store)
    for dataset in world.truth:
        score(store, dataset, source=SOURCE.name, bank="everyday")
    return world


def add_bank(store: Store, names: tuple[str, ...] = CONCEPTS, *, bank: str = "everyday", kind: str = "concept") -> None:
    """Add concepts whose vectors are the attributes' own directions, in order."""
    table = {
        "concept": list(names),
        "prompts": pa.array([[f"a {name}"] for name in names], pa.list_(pa.string())),
        "vector": pa.array([VECTORS[at % len(VECTORS)].tolist() for at in range(len(names))], pa.list_(pa.float32())),
        "averaging": ["normalise-then-average"] * len(names),
        "kind": ["context" if name.startswith("in ") else kind for name in names],
    }
    add_concepts(store, bank, pa.table(table), space=TARGET, text_encoder=TARGET.name)


def attribute_table(there: np.ndarray, names: tuple[str, ...] = CONCEPTS) -> pa.Table:
    """Return ATTRIBUTES of a matrix (rows, attributes) of 0 and 1; NaN is left out."""
    lines: list[dict[str, Any]] = [
        {"row": row, "name": name, "value": str(int(value)), "number": float(value)}
        for column, name in enumerate(names)
        for row, value in enumerate(there[:, column])
        if not np.isnan(value)
    ]
    return pa.Table.from_pylist(lines, schema=ATTRIBUTES)


def _features(store: Store, dataset: str, there: np.ndarray, *, seed: int) -> None:
    """Write target features that hold the attributes along their vectors, and source features that are turned."""
    rng = np.random.default_rng([9, seed])
    count = len(there)
    target = (2 * there - 1 + rng.normal(size=there.shape) * NOISE) @ VECTORS + [*[0.0] * 4, 3, 3, 0, 0]
    target += 0.3 * rng.normal(size=(count, 8))
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(8, 8)))[0]
    source = (target - 1) @ turn + 0.05 * rng.normal(size=(count, 8))
    images = open_images(store, dataset)
    for space, values in ((SOURCE, source), (TARGET, target)):
        writer = FeatureWriter.open(store, dataset, encoder=space.name, space=space, dtype="float32", chunk_rows=256)
        with lease(store, writer.artifact, purpose=f"extract {dataset}") as token:
            for task in writer.pending(count):
                rows = slice(task.start, task.stop)
                writer.write_chunk(task, values[rows].astype(np.float32), np.ones(task.stop - task.start, dtype=bool))
            writer.commit(count, parents=[images.manifest.as_parent()], token=token)
