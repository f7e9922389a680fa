"""Two samples whose observations are clusters of images: clips, bursts, visits; a distance tested by moving whole clusters.

Every cluster has weight 1, spread over its images. The statistic is the largest distance of the two weighted
distribution functions over its own standard error, one number for both sides, estimated from the spread between each
side's clusters and again in every permutation. Without that division clusters of other sizes on one side are not
exchangeable: 33 single images beside 100 clips of 30 frames would be flagged in 25 % of honest pairs, 10 beside 100 in
69 % (with it 4 to 7 %; Janssen 1997 shows why studentised permutation holds, asymptotically, where variances differ).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float, Integer

Array = NDArray[Any]

FEWEST = 10
"""Clusters of a side below which nothing can be told: two clips differ, and say nothing of the next."""
GRID = 64
"""Quantiles of both sides together at which distributions are compared."""
DRAWS = 999
"""Permutations of every concept; the smallest p-value is 1 / (DRAWS + 1)."""
MORE = 4.0
"""Draws past those that one concept needs to be flagged, as a factor: some without a draw as far will have one later."""
DOUBT = 20
"""Draws as far as the observed distance that end the draws for a concept."""
HELD_BYTES = 2**28
"""Bytes of permutations held at once; with more clusters fewer are drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Both sides' clusters, for exactly the rows that are compared."""

    reference: Integer[np.ndarray, " _images"]
    """Cluster of each reference image, 0 and up without gaps."""
    current: Integer[np.ndarray, " _images"]
    """Cluster of each current image, of a numbering of its own: a cluster on both sides is one on each."""

    @property
    def counts(self) -> tuple[int, int]:
        """Clusters of the reference and of the current side."""
        return int(self.reference.max(initial=-1)) + 1, int(self.current.max(initial=-1)) + 1

    @property
    def single(self) -> bool:
        """Whether every cluster is one image, so that the plain test holds."""
        return self.counts == (len(self.reference), len(self.current))

    @property
    def enough(self) -> bool:
        """Whether each side has FEWEST clusters."""
        return min(self.counts) >= FEWEST


def intraclass(values: Float[np.ndarray, " _images"], cluster: Integer[np.ndarray, " _images"]) -> float:
    """Return the intraclass correlation of values (one-way analysis of variance, unequal sizes); 0 where it is not defined.

    The share of the variance that lies between clusters; `cluster` is numbered without gaps.
    """
    sizes = np.bincount(cluster)
    k, n = len(sizes), len(values)
    if min(k - 1, n - k) < 1:
        return 0.0
    means = np.bincount(cluster, weights=values) / sizes
    between = float(sizes @ (means - values.mean(dtype=np.float64)) ** 2) / (k - 1)
    within = float(((values - means[cluster]) ** 2).sum()) / (n - k)
    size = (n - float(sizes @ sizes) / n) / (k - 1)
    total = between + (size - 1) * within
    return (between - within) / total if total > 0 else 0.0


Read = Callable[[int], "tuple[Array, Array]"]
"""From a concept to its similarities on the reference and the current side, in the order of the clusters' images."""


def cluster_p(
    read: Read, concepts: int, clusters: Clusters, *, seed: int = 0, alpha: float = 0.05
) -> Float[np.ndarray, " concepts"]:
    """Return p-values (concepts,) of "both sides' clusters are drawn alike": (1 + draws as far) / (1 + draws).

    The same permutations serve every concept. Where DRAWS are too few for one concept alone to reach a
    Benjamini-Hochberg q of alpha, more are drawn for concepts with fewer than DOUBT draws as far (the sequential rule of
    Besag and Clifford 1991), the fewer the more concepts have none. 1 where a side has fewer than FEWEST clusters.
    """
    if not clusters.enough:
        return np.ones(concepts)
    first, count = clusters.counts[0], sum(clusters.counts)
    draws = int(np.clip(HELD_BYTES // count, 99, DRAWS))
    moved = permutations(first, count, draws=draws, seed=(seed, 0))
    beyond = np.array([_beyond(_shares(read(key), clusters), moved, first) for key in range(concepts)])
    drawn = np.full(concepts, draws)
    alone = max(1, int(np.count_nonzero(beyond == 0)))
    rounds = math.ceil(MORE * concepts / (alpha * alone) / draws) if concepts > alpha * (1 + draws) else 1
    for number in range(1, rounds):
        doubtful = np.flatnonzero(beyond < DOUBT)
        moved = permutations(first, count, draws=draws, seed=(seed, number)) if len(doubtful) else moved
        beyond[doubtful] += [_beyond(_shares(read(key), clusters), moved, first) for key in doubtful.tolist()]
        drawn[doubtful] += draws
    return np.asarray((1 + beyond) / (1 + drawn))


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """One concept: the share of each cluster's images that lie at or below each point of a grid."""

    below: Array
    """(clusters, points) float32."""
    squares: Array
    """Their squares."""

    @classmethod
    def of(cls, values: Array, cluster: Array) -> Shares:
        """Return the shares of similarities (images,), clusters numbered without gaps."""
        weight = 1 / np.bincount(cluster)[cluster]
        order = np.argsort(values)
        reached = np.cumsum(weight[order])
        points = np.searchsorted(reached, reached[-1] * np.arange(1, GRID) / GRID)
        grid = np.unique(values[order[np.minimum(points, len(order) - 1)]])
        width = len(grid) + 1
        bins = np.searchsorted(grid, values, side="left")
        counted = np.bincount(cluster * width + bins, weights=weight, minlength=(int(cluster.max()) + 1) * width)
        below = np.cumsum(counted.reshape(-1, width)[:, :-1], axis=1).astype(np.float32)
        return cls(below, below * below)


def _shares(sides: tuple[Array, Array], clusters: Clusters) -> Shares:
    """Return the shares of both sides' clusters, the reference's first."""
    return Shares.of(np.concatenate(sides), np.concatenate([clusters.reference, clusters.current + clusters.counts[0]]))


def _beyond(shares: Shares, moved: Array, first: int) -> int:
    """Return how many permutations (draws, clusters) lie as far out as the sides themselves; rounding counts as far."""
    observed = distances(shares, np.arange(len(shares.below))[None] < first, first)[0]
    return int(np.count_nonzero(distances(shares, moved, first) >= observed * (1 - 1e-5)))


def distances(shares: Shares, moved: Array, first: int) -> Array:
    """Return the studentised distance of each permutation, (draws,): rows of `moved` say which clusters are the reference's."""
    chosen, rest = moved.astype(np.float32), len(shares.below) - first
    sums, squares = chosen @ shares.below, chosen @ shares.squares
    one, other = sums / first, (shares.below.sum(axis=0) - sums) / rest
    error = (squares / first - one**2) / (first - 1)
    error += ((shares.squares.sum(axis=0) - squares) / rest - other**2) / (rest - 1)
    spread = np.sqrt(np.maximum(error.mean(axis=1), 0))
    distance = np.abs(one - other).max(axis=1)
    # without spread inside either side any distance is beyond all others, and none is none
    beyond: Array = np.where(distance > 0, np.inf, 0.0).astype(distance.dtype)
    np.divide(distance, spread, out=beyond, where=spread > 0)
    return beyond


def permutations(first: int, count: int, *, draws: int, seed: Sequence[int]) -> NDArray[np.bool_]:
    """Return which clusters each draw deals to the reference, (draws, count)."""
    rng, moved = np.random.default_rng(seed), np.zeros((draws, count), dtype=np.bool_)
    for row in moved:
        row[rng.permutation(count)[:first]] = True
    return moved
