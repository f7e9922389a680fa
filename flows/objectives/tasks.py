"""Zero-shot tasks of an objective comparison: their images, classes and prompts, and what a map gets right on them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from t2c.core.maps.heads import UNLABELLED
from t2c.core.statistics.unit_rows import unit
from t2c.flows.rows.features_of_rows import features_of, folds_of
from t2c.flows.rows.labels import check_some_labels, class_names, codes_of, truth_of
from t2c.flows.rows.texts import class_vectors
from t2c.schemas.digest import digest
from t2c.schemas.errors import InputError, expected
from t2c.schemas.specs.objectives import TaskSpec, check_tasks, task_names
from t2c.schemas.tables.tables import FOLD_FULL
from t2c.store.artifacts.images import Images, content_hashes, open_images
from t2c.store.artifacts.linear_maps import StoredMap, identity_map
from t2c.store.artifacts.selection import searchable

BLOCK_ROWS = 8192
"""Rows classified at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A task, opened: its images, classes, labels."""

    spec: TaskSpec
    """What was asked for."""
    name: str
    """What tables call it."""
    images: Images
    """Its images."""
    classes: tuple[str, ...]
    """Class names."""
    codes: npt.NDArray[np.int64]
    """Class of every image row, -1 where unknown."""

    @property
    def chance(self) -> float:
        """Accuracy of a uniform guess."""
        return 1 / len(self.classes)

    def question(self, *, bank: str) -> dict[str, object]:
        """Return what decides its answer beside the features, for a digest; beside a bank no prompt does."""
        truth = digest(self.codes.tolist())
        return {
            "dataset": f"{self.images.dataset}@{self.images.snapshot}",
            "labels": self.spec.labels,
            "prompt": "" if bank else self.spec.template,
            "related": self.spec.related,
            "classes": list(self.classes),
            "truth": truth,
        }

    def vectors(self, target: StoredMap, *, bank: str, device: str) -> npt.NDArray[np.float32]:
        """Return the classes' unit vectors (classes, target)."""
        return class_vectors(
            self.images.store,
            self.classes,
            linear_map=identity_map(target.store, target.target),
            bank=bank or None,
            templates=(self.spec.template,),
            device=device,
        )


def open_tasks(specs: Sequence[TaskSpec], images: Images, *, bank: str) -> list[Task]:
    """Return tasks on the fitted images unless they name others; raises SpecError for the same task twice, UnknownName."""
    sides = [open_images(images.store, spec.dataset) if spec.dataset else images for spec in specs]
    check_tasks(specs, datasets=[f"{dataset.dataset}@{dataset.snapshot}" for dataset in sides], bank=bank)
    return [open_task(*arguments) for arguments in zip(specs, sides, task_names(specs), strict=True)]


def open_task(spec: TaskSpec, images: Images, name: str) -> Task:
    """Return a task on its images; raises UnknownName for an attribute, SpecError for fewer than two classes."""
    truth = truth_of(images, spec.labels, mapping={})
    classes = class_names(images, truth, classes=None, labels=spec.labels)
    check_some_labels(truth, classes, subject=f"{spec.labels} of {images.dataset}")
    return Task(spec, name, images, classes, codes_of(classes, truth))


def unseen_rows(task: Task, maps: Sequence[StoredMap]) -> npt.NDArray[np.int64]:
    """Return the labelled rows whose content none of the maps was fitted on and that have features, ascending.

    Raises InputError when there are none.
    """
    images = task.images
    rows = images.rows
    free = searchable(images) & (task.codes != UNLABELLED)
    for linear_map in maps:
        features = features_of(images, linear_map.source.id)
        rows = min(rows, features.rows)
        free[:rows] &= features.present(0, rows)
        free &= folds_of(linear_map.fitted(), content_hashes(images)) == FOLD_FULL
    unseen = np.flatnonzero(free[:rows])
    if not len(unseen):
        want = f"labelled images of {images.dataset} that no map was fitted on"
        raise InputError(expected(f"task {task.name}", want, "none", "Hold out more: --holdout 0.2"))
    return unseen


def right(
    task: Task, linear_map: StoredMap, rows: npt.NDArray[np.int64], vectors: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_]:
    """Return whether each row is classified as labelled through the full map, (rows,)."""
    features, arrays = features_of(task.images, linear_map.source.id), linear_map.arrays()
    hits = np.empty(len(rows), dtype=np.bool_)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = rows[start : start + BLOCK_ROWS]
        x = features.take(block).astype(np.float32)
        aligned = x if arrays is None else x @ arrays.weight + arrays.bias
        hits[start : start + len(block)] = (unit(aligned) @ vectors.T).argmax(axis=1) == task.codes[block]
    return hits
