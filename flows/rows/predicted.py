"""What a model said of each image: its class of the largest score, from the predictions that were imported."""

import pyarrow.compute as pc

from t2c.schemas.errors import unknown
from t2c.store.artifacts.dataset_tables import read_predictions
from t2c.store.artifacts.images import Images
from t2c.store.disk import paths
from t2c.store.disk.manifest import Parent, read_manifest


def predicted_classes(images: Images, model: str) -> list[str | None]:
    """Return the class of every image row, None where the model said nothing.

    The class with the largest score, the first by name of equal ones; one without a score comes last, as in `--where`.
    Raises UnknownName with the nearest models.
    """
    table = read_predictions(images.store, images.dataset)
    predictions = table.filter(pc.equal(table["model"], model))
    if not predictions.num_rows:
        todo = f"Import them: t2c predictions import {images.dataset} FILE --model {model}"
        raise unknown(
            f"model with predictions of {images.dataset}", model, table["model"].unique().to_pylist(), todo=todo
        )
    ordered = predictions.sort_by([("score", "descending"), ("class", "ascending")])  # nulls come last
    classes: list[str | None] = [None] * images.rows
    for row, name in zip(ordered["row"].to_pylist(), ordered["class"].to_pylist(), strict=True):
        if row < images.rows and classes[row] is None:
            classes[row] = name
    return classes


def named_classes(images: Images, model: str) -> set[str]:
    """Return every class that a model names for any image, with whatever score."""
    table = read_predictions(images.store, images.dataset)
    return set(table.filter(pc.equal(table["model"], model))["class"].unique().to_pylist())


def predictions_parent(images: Images) -> Parent:
    """Return the imported predictions of a dataset, as of now, as a parent."""
    return read_manifest(images.store, paths.predictions(images.dataset)).as_parent()
