"""What has changed between two sets, as a vector: the difference of their mean features, needing no concept bank."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.flows.decode.images import DecodeImages, open_decode_images
from t2c.flows.decode.vectors import Decodable, Scene
from t2c.flows.rows.features_of_rows import features_of
from t2c.flows.rows.sides import Slice, two_slices
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.store.artifacts.images import open_images
from t2c.store.disk.manifest import Parent
from t2c.store.queries.where import tables_read, where_mask

RISEN, FALLEN = "risen", "fallen"
"""Names of the two vectors: the difference, and its opposite."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ChangedSide:
    """One side of a comparison."""

    name: str
    """For people."""
    images: DecodeImages
    """Its dataset."""
    chosen: Mask
    """(rows,) rows of this side."""

    def mean(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], int]:
        """Return its mean feature, its mean aligned feature and its images; InputError when it has none."""
        means = self.images.means(np.where(self.chosen, 0, -1), groups=1)
        if not means.count[0]:
            todo = "Widen the condition, or extract more images: t2c extract"
            raise InputError(expected(self.name, "at least one image with a feature", "none", todo))
        return means.source[0], means.aligned[0], int(means.count[0])


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """The difference of two sides' means: what is named `risen`; its opposite is named `fallen`."""

    reference: ChangedSide
    """What is compared with."""
    current: ChangedSide
    """What is compared."""
    conditions: tuple[str | None, str | None]
    """SQL conditions of the two sides."""

    def spec(self) -> dict[str, Any]:
        """Return both sides."""
        return {
            "reference": self.reference.name,
            "current": self.current.name,
            "where": self.conditions[1],
            "reference_where": self.conditions[0],
        }

    def parents(self, images: DecodeImages) -> Sequence[Parent]:  # noqa: ARG002 - one signature for every question
        """Return the current dataset and its features, and the imported tables that the conditions ask."""
        current = self.current.images
        parents = [current.images.manifest.as_parent(), current.features.manifest.as_parent()]
        for side, condition in zip((self.reference, self.current), self.conditions, strict=True):
            parents += tables_read(side.images.images, condition)
        return tuple(parents)

    def vectors(self, scene: Scene) -> Decodable:  # noqa: ARG002 - one signature for every question
        """Return the difference and its opposite; InputError when the means are the same."""
        before, aligned_before, n_before = self.reference.mean()
        after, aligned_after, n_after = self.current.mean()
        moved = aligned_after - aligned_before
        if not moved.any():
            actual = "the same mean twice"
            raise InputError(expected(f"{self.reference.name} and {self.current.name}", "two different means", actual))
        sides = f"{self.current.name} ({n_after:,} images) less {self.reference.name} ({n_before:,} images)"
        other = f"{self.reference.name} ({n_before:,} images) less {self.current.name} ({n_after:,} images)"
        pair = np.stack([moved, -moved])
        vectors = np.stack([after - before, before - after])
        return Decodable((RISEN, FALLEN), (sides, other), (n_after, n_before), "projection", vectors, pair, pair)


def open_change(
    images: DecodeImages, argument: str, *, reference: DatasetRef, where: str | None, reference_where: str | None
) -> Change:
    """Return the change from a dataset to CURRENT, to REFERENCE..CURRENT, or from the rest to the rows of `where`.

    `reference` is the dataset as it was asked. No image is on both sides. Raises SpecError for a reference that is not
    the dataset or for one side only, UnknownName when the current dataset has no features in the map's source space.
    """
    before, dots, after = argument.rpartition("..")
    if dots and before not in (reference.name, str(reference)):
        todo = f"Try: t2c decode {before} shift:{after}"
        raise SpecError(expected("reference of the shift", f"{reference}, the dataset named first", repr(before), todo))
    reference_slice, current_slice = two_slices(
        str(reference), after or None, where=where, reference_where=reference_where
    )
    current = images if current_slice.dataset == reference_slice.dataset else _open(images, current_slice)
    first, second = _chosen(images, reference_slice), _chosen(current, current_slice)
    names = (str(reference_slice), str(current_slice))
    if current_slice.dataset == reference_slice.dataset and reference_slice.where is None:
        first, names = ~second, (f"the rest of {reference_slice.dataset}", names[1])
    if current_slice.dataset.name == reference_slice.dataset.name:
        # a row that both conditions pick stays with the reference, so that no image is on both sides
        shared = min(len(first), len(second))
        second[:shared] &= ~(first & images.usable)[:shared]
    sides = ChangedSide(names[0], images, first), ChangedSide(names[1], current, second)
    return Change(*sides, (reference_slice.where, current_slice.where))


def _open(images: DecodeImages, side: Slice) -> DecodeImages:
    current = open_images(images.images.store, side.dataset)
    features = features_of(current, images.linear_map.source.id)
    return open_decode_images(current, features, images.linear_map, progress=images.progress)


def _chosen(images: DecodeImages, side: Slice) -> Mask:
    """Say which rows a side's condition picks, (rows,)."""
    if side.where is None:
        return np.ones(len(images.usable), np.bool_)
    return where_mask(images.images, side.where)[: len(images.usable)]
