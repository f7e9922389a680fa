"""Planted data for the steps: a source space, a target space that is a known linear map of it, and a concept bank."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.schemas.spaces import Space
from t2c.store.artifacts.concepts import add_concepts
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.images import list_datasets, open_images
from t2c.store.disk.lease import lease
from t2c.store.disk.root import Store
from tests.planted.scored import add_images, image_table

SOURCE = Space("encoder", "timm:planted", 6, "source-weights")
TARGET = Space("encoder", "open_clip:planted/test", 4, "target-weights")
CONCEPTS = ("red", "blue", "in a tree")


def content(names: Iterable[object]) -> list[str]:
    """Return a content hash for each name, as spread out as those of real files."""
    return [hashlib.sha256(str(name).encode()).hexdigest() for name in names]


@dataclass(frozen=True)
class Planted:
    """Plants datasets whose target features are x @ weight + bias + noise."""

    store: Store

    @property
    def weight(self) -> npt.NDArray[np.float64]:
        return np.random.default_rng(7).normal(size=(SOURCE.dimension, TARGET.dimension))

    def images(self, dataset: str, count: int, **columns: list[Any]) -> None:
        """Append rows to a dataset."""
        start = open_images(self.store, dataset).rows if dataset in list_datasets(self.store) else 0
        hashes = content(f"{dataset}/{row}" for row in range(start, start + count))
        table = image_table(start, start + count, **({"content_hash": hashes} | columns))
        add_images(self.store, table, dataset=dataset)

    def features(
        self,
        dataset: str,
        space: Space,
        values: npt.NDArray[Any],
        present: npt.NDArray[np.bool_] | None = None,
        *,
        dtype: str = "float32",
    ) -> None:
        """Write features for all rows of a dataset, 64 rows a chunk."""
        images = open_images(self.store, dataset)
        writer = FeatureWriter.open(self.store, dataset, encoder=space.name, space=space, dtype=dtype, chunk_rows=64)
        there = np.ones(len(values), dtype=np.bool_) if present is None else present
        with lease(self.store, writer.artifact, purpose=f"extract {dataset}") as token:
            for task in writer.pending(images.rows):
                rows = slice(task.start, task.stop)
                writer.write_chunk(task, values[rows].astype(np.float32), there[rows])
            writer.commit(images.rows, parents=[images.manifest.as_parent()], token=token)

    def both(self, dataset: str, x: npt.NDArray[np.float64], *, noise: float = 0.1, seed: int = 0) -> None:
        """Write source features x and the target features that the planted map gives them."""
        rng = np.random.default_rng([seed, len(x)])
        self.features(dataset, SOURCE, x)
        self.features(dataset, TARGET, x @ self.weight + 1 + noise * rng.normal(size=(len(x), TARGET.dimension)))

    def dataset(self, dataset: str, count: int, *, noise: float = 0.1, seed: int = 0, **columns: list[Any]) -> None:
        """Index a dataset and write both features."""
        self.images(dataset, count, **columns)
        self.both(dataset, self.x(count, seed=seed), noise=noise, seed=seed)

    def x(self, count: int, *, seed: int = 0) -> npt.NDArray[np.float64]:
        """Return source features (count, 6)."""
        return np.random.default_rng(seed).normal(size=(count, SOURCE.dimension))

    def vector(self, name: str) -> npt.NDArray[np.float64]:
        """Return the unit vector of a concept, decided by its name."""
        vector = np.random.default_rng(list(name.encode())).normal(size=TARGET.dimension)
        return vector / np.linalg.norm(vector)

    def bank(self, bank: str = "everyday", names: tuple[str, ...] = CONCEPTS) -> None:
        """Add concepts with fixed unit vectors, each decided by its name."""
        units = [self.vector(name).astype(np.float32) for name in names]
        table = pa.table(
            {
                "concept": list(names),
                "prompts": pa.array([[f"a {name}"] for name in names], pa.list_(pa.string())),
                "vector": pa.array([unit.tolist() for unit in units], pa.list_(pa.float32())),
                "averaging": ["normalise-then-average"] * len(names),
                "kind": ["concept"] * len(names),
            }
        )
        add_concepts(self.store, bank, table, space=TARGET, text_encoder=TARGET.name)
