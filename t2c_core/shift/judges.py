"""How a share's change is tested: images one by one by Fisher's exact test, or clusters of images moved as wholes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from t2c.core.shift.clusters import Clusters, cluster_p
from t2c.core.shift.families import Families
from t2c.core.shift.shares import log10_fisher, log10_smallest

if TYPE_CHECKING:
    from jaxtyping import Float64, Int32

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Standouts:
    """What stands out in each image of both sides, under one lens."""

    before: Int32[np.ndarray, " _images"]
    """Concept of each reference image; -1 for none."""
    after: Int32[np.ndarray, " _images"]
    """Concept of each current image."""

    def counts(self, concepts: int) -> tuple[Array, Array]:
        """Return in how many images of each side each concept stands out."""
        before, after = (np.bincount(side[side >= 0], minlength=concepts) for side in (self.before, self.after))
        return before, after


class Judge(Protocol):
    """Tests of the share of each family."""

    @property
    def independent(self) -> tuple[float, float]:
        """Independent observations of the reference and of the current side."""

    def log10_p(self, standouts: Standouts, families: Families) -> Float64[np.ndarray, " families"]:
        """Return log10 of the p-value of each family."""

    def log10_smallest(self, standouts: Standouts, families: Families) -> Float64[np.ndarray, " families"]:
        """Return log10 of the smallest p-value that each family could have, blind to the sides."""


@dataclass(frozen=True, slots=True)
class ByImage:
    """Images are independent observations: Fisher's exact test."""

    n: int
    """Images of the reference."""
    m: int
    """Images of the current side."""

    @property
    def independent(self) -> tuple[float, float]:
        """Both sides' images."""
        return self.n, self.m

    def log10_p(self, standouts: Standouts, families: Families) -> Float64[np.ndarray, " families"]:
        """Return log10 p of Fisher's exact test."""
        before, after = _by_family(standouts, families)
        return log10_fisher(before, self.n, after, self.m)

    def log10_smallest(self, standouts: Standouts, families: Families) -> Float64[np.ndarray, " families"]:
        """Return log10 of the smallest p that as many images could give."""
        before, after = _by_family(standouts, families)
        return log10_smallest(before + after, self.n, self.m)


@dataclass(frozen=True, slots=True, eq=False)
class ByCluster:
    """Clusters of images are the observations: their shares, compared by moving whole clusters (`clusters.cluster_p`)."""

    clusters: Clusters
    """Cluster of each compared image."""
    alpha: float
    """Rate at which families will be judged."""

    @property
    def independent(self) -> tuple[float, float]:
        """Both sides' clusters."""
        return self.clusters.counts

    def log10_p(self, standouts: Standouts, families: Families) -> Float64[np.ndarray, " families"]:
        """Return log10 p of each family's share, a cluster having weight 1."""
        sides = [np.where(side >= 0, families.family[side], -1) for side in (standouts.before, standouts.after)]

        def read(family: int) -> tuple[Array, Array]:
            before, after = ((side == family).astype(np.float32) for side in sides)
            return before, after

        present = np.unique(np.concatenate(sides))
        present = present[present >= 0]
        p = np.zeros(len(families.head))
        p[present] = np.log10(
            cluster_p(lambda place: read(int(present[place])), len(present), self.clusters, alpha=self.alpha)
        )
        return p

    def log10_smallest(self, standouts: Standouts, families: Families) -> Float64[np.ndarray, " families"]:
        """Return log10 of the smallest p of Fisher's test of clusters in which a family stands out at all."""
        hits = np.zeros(len(families.head), dtype=np.int64)
        for side, cluster in ((standouts.before, self.clusters.reference), (standouts.after, self.clusters.current)):
            pairs = np.unique(np.stack([families.family[side[side >= 0]], cluster[side >= 0]]), axis=1)
            hits += np.bincount(pairs[0], minlength=len(hits))
        return log10_smallest(hits, *self.clusters.counts)


def _by_family(standouts: Standouts, families: Families) -> tuple[Array, Array]:
    before, after = standouts.counts(len(families.family))
    return families.sums(before), families.sums(after)
