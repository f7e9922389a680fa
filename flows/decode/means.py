"""Means of images to put into words: classes, k-means clusters, and single images."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.flows.decode.images import DecodeImages, GroupMeans
from t2c.flows.decode.vectors import Decodable, Scene, points
from t2c.flows.rows.blocks import READ_ROWS
from t2c.flows.rows.features_of_rows import ranges
from t2c.flows.rows.labels import LABEL, label_parents, truth_of
from t2c.schemas.errors import InputError, SpecError, expected, unknown
from t2c.store.artifacts.selection import image_rows
from t2c.store.disk.manifest import Parent

SEED = 0
"""Seed of k-means."""
STARTS = 4
"""Starts of k-means; the tightest wins."""


@dataclass(frozen=True, slots=True)
class ClassMeans:
    """The mean of the images of each class."""

    labels: str = LABEL
    """`label`, or an imported attribute."""

    def spec(self) -> dict[str, Any]:
        """Return the labels asked."""
        return {"labels": self.labels}

    def parents(self, images: DecodeImages) -> Sequence[Parent]:
        """Return the imported attributes, when they are asked."""
        return label_parents(images.images, self.labels)

    def vectors(self, scene: Scene) -> Decodable:
        """Return one mean a class that has usable images, in order of name; InputError when none has."""
        images = scene.images
        truth = truth_of(images.images, self.labels, mapping={})[: len(images.usable)]
        names = sorted({label for label in truth if label is not None})
        place: dict[str | None, int] = {name: index for index, name in enumerate(names)}
        means = images.means(np.array([place.get(label, -1) for label in truth]), groups=len(names))
        groups = np.flatnonzero(means.count)
        if not len(groups):
            what = f"{self.labels} of {images.images.dataset}"
            todo = "Name the attribute that holds the classes: classes:ATTRIBUTE"
            raise InputError(expected(what, "labelled images with features", "none", todo))
        return _of_groups(
            scene, means, groups, names=[names[group] for group in groups], what=f"with {self.labels} {{}}"
        )


@dataclass(frozen=True, slots=True)
class Clusters:
    """Centres of k-means over the stored features, the largest cluster first."""

    k: int
    """Number of clusters."""

    def spec(self) -> dict[str, Any]:
        """Return the number and how they are found."""
        return {"clusters": self.k, "seed": SEED, "starts": STARTS}

    def parents(self, images: DecodeImages) -> Sequence[Parent]:  # noqa: ARG002 - one signature for every question
        """Return nothing beside the features."""
        return ()

    def vectors(self, scene: Scene) -> Decodable:
        """Return the centres; SpecError for more clusters than different images, or fewer than 2."""
        means = scene.images.means(self._codes(scene.images), groups=self.k)
        order = np.argsort(-means.count, kind="stable")
        return _of_groups(scene, means, order, names=[f"cluster {i + 1}" for i in range(self.k)], what="of {}")

    def _codes(self, images: DecodeImages) -> npt.NDArray[np.int64]:
        """Return the cluster of every usable row, -1 for the others; the centres are found on a sample."""
        from sklearn.cluster import KMeans
        from sklearn.exceptions import ConvergenceWarning

        sample = images.sample()
        if not 2 <= self.k <= len(sample):
            raise SpecError(expected("clusters", f"2 to {len(sample)}, the images there are", str(self.k)))
        fitted = KMeans(self.k, n_init=STARTS, random_state=SEED)
        with warnings.catch_warnings():
            # of fewer different images than clusters scikit-learn only warns, and leaves some clusters empty
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                fitted.fit(images.features.take(sample).astype(np.float32))
            except ConvergenceWarning as warning:
                todo = "Ask for fewer clusters."
                raise SpecError(expected("clusters", f"{self.k} different images or more", "fewer", todo)) from warning
        codes = np.full(len(images.usable), -1, np.int64)
        for start, stop in ranges(len(codes), READ_ROWS):
            used = np.flatnonzero(images.usable[start:stop])
            if len(used):
                codes[start + used] = fitted.predict(images.features.read(start, stop)[used].astype(np.float32))
        return codes


@dataclass(frozen=True, slots=True)
class OneImage:
    """One image of the dataset, by its id or its row number."""

    image: str
    """Image id; else a row number."""

    def spec(self) -> dict[str, Any]:
        """Return the image."""
        return {"image": self.image}

    def parents(self, images: DecodeImages) -> Sequence[Parent]:  # noqa: ARG002 - one signature for every question
        """Return nothing beside the features."""
        return ()

    def vectors(self, scene: Scene) -> Decodable:
        """Return the image, aligned by a map that never saw it; UnknownName for no such image, InputError without feature."""
        images = scene.images
        row = self._row(images)
        name = str(image_rows(images.images, [row], ["image_id"])["image_id"][0].as_py())
        if row >= len(images.fold) or not images.features.present(row, row + 1)[0]:
            todo = f"Extract it: t2c extract {images.images.dataset} --encoder {images.features.encoder}"
            raise InputError(expected(f"image {name!r}", f"a feature by {images.features.encoder}", "none", todo))
        vector = images.features.take([row]).astype(np.float64)
        arrays, fold = images.linear_map.arrays(), int(images.fold[row])
        aligned = None if arrays is None or fold < 0 else vector @ arrays.fold_weight[fold] + arrays.fold_bias[fold]
        origin = f"row {row} of {images.images.dataset}"
        return points(scene, vector, names=[name], origins=[origin], counts=[1], aligned=aligned)

    def _row(self, images: DecodeImages) -> int:
        table = images.images.table(["row", "image_id"])
        ids: list[str] = table["image_id"].to_pylist()
        if self.image in ids:
            return int(table["row"][ids.index(self.image)].as_py())
        if self.image.isdecimal() and int(self.image) < images.images.rows:
            return int(self.image)
        todo = f"See some: t2c top {images.images.dataset} CONCEPT"
        raise unknown(f"image of {images.images.dataset}", self.image, ids, todo=todo)


def _of_groups(
    scene: Scene, means: GroupMeans, groups: npt.NDArray[np.integer], *, names: Sequence[str], what: str
) -> Decodable:
    counts = [int(means.count[group]) for group in groups]
    origins = [
        f"mean of {count:,} images {what.replace('{}', name)}" for name, count in zip(names, counts, strict=True)
    ]
    aligned = means.aligned[groups]
    return points(scene, means.source[groups], names=names, origins=origins, counts=counts, aligned=aligned)
