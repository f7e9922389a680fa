"""Planted images with a label and an attribute, each readable from the target's features: a related and an unrelated task."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from t2c.flows.data.table_imports import import_attributes
from t2c.flows.objectives.objectives import Fitting
from t2c.schemas.specs.objectives import TaskSpec
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from tests.planted.features import Planted

ROWS = 1200
COLOURS, SIZES = ("red", "blue"), ("tall", "short")
TASKS = (TaskSpec("label", related=True), TaskSpec("size", related=False))
FITTING = Fitting(bank="classes", holdout=0.3, epochs=3, learning_rate=0.05)


def plant(store: Store, folder: Path) -> Planted:
    """Plant images whose colour (label) and size (attribute) are the nearest of two vectors each."""
    planted = Planted(store)
    x = planted.x(ROWS)
    y = x @ planted.weight + 1

    def nearest(names: tuple[str, str]) -> list[str]:
        vectors = np.stack([planted.vector(name) for name in names])
        return [names[at] for at in (y @ vectors.T).argmax(1)]

    planted.images("photos", ROWS, label=nearest(COLOURS))
    planted.both("photos", x, noise=0.05)
    planted.bank("classes", (*COLOURS, *SIZES))
    ids = open_images(store, "photos").table(["image_id"])["image_id"].to_pylist()
    parquet.write_table(pa.table({"image_id": ids, "size": nearest(SIZES)}), folder / "size.parquet")
    import_attributes(store, "photos", folder / "size.parquet")
    return planted
