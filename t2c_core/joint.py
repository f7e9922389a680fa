"""Second moments of several encoders at once: one Gram matrix answers every pair of them, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from schemas.errors import InputError, MismatchError, expected
from t2c_core.moments import BLOCK_ROWS, WAITING_ROWS, Centre, Moments

if TYPE_CHECKING:
    from jaxtyping import Float, Integer

Array = NDArray[Any]

WAITING_AT_MOST = 65_536
"""Rows of all groups together that wait to be multiplied; the group with most is multiplied when there are more."""


@dataclass(frozen=True, slots=True, eq=False)
class JointCentre:
    """The one point about which all products are taken: every encoder's own centre, one after the other."""

    value: Float[np.ndarray, " source"]
    """In the dtype of the products."""
    dimensions: tuple[int, ...]
    """Length of each encoder's part."""

    def parts(self) -> tuple[slice, ...]:
        """Return where each encoder lies in the concatenation."""
        edges = accumulate(self.dimensions, initial=0)
        return tuple(slice(start, stop) for start, stop in pairwise(edges))


def joint_centre(features: Sequence[Float[np.ndarray, "_images _source"]]) -> JointCentre:
    """Return the means of each encoder's first rows; float64 when all features are, else float32."""
    kind = np.float64 if all(one.dtype == np.float64 for one in features) else np.float32
    means = [one.mean(axis=0, dtype=np.float64) for one in features]
    return JointCentre(np.concatenate(means).astype(kind), tuple(one.shape[1] for one in features))


@dataclass(frozen=True, slots=True, eq=False)
class JointMoments:
    """Sums over n rows of z - centre, z being all encoders' features of an image side by side; `source` counts them all."""

    n: int
    """Rows summed."""
    centre: JointCentre
    """What was subtracted from each row before multiplying."""
    sums: Float[np.ndarray, " source"]
    """Sum of z."""
    gram: Float[np.ndarray, "source source"]
    """Z'Z."""

    @classmethod
    def zero(cls, centre: JointCentre, *, dtype: type[np.floating[Any]] = np.float64) -> Self:
        """Return the moments of no rows; float32 halves the memory of the many that a curve keeps and is what one
        float32 product resolves anyway."""
        width = len(centre.value)
        return cls(0, centre, np.zeros(width), np.zeros((width, width), dtype=dtype))

    @classmethod
    def of(cls, features: Sequence[Float[np.ndarray, "_images _source"]], *, centre: JointCentre) -> Self:
        """Return the moments of the same images' features by each encoder."""
        total = cls.zero(centre)
        _check_rows(features, centre)
        _add_rows(total, [features])
        return cls(len(features[0]), centre, total.sums, total.gram)

    def __add__(self, other: Self) -> Self:
        """Return the moments of both sets of rows."""
        _check_centres(self.centre, other.centre)
        return type(self)(self.n + other.n, self.centre, self.sums + other.sums, self.gram + other.gram)

    def __sub__(self, other: Self) -> Self:
        """Return the moments as if other's rows, which must be among these, had never been added."""
        _check_centres(self.centre, other.centre)
        if other.n > self.n:
            raise InputError(expected("moments to subtract", f"at most {self.n} rows", f"{other.n} rows"))
        return type(self)(self.n - other.n, self.centre, self.sums - other.sums, self.gram - other.gram)

    def pair(self, source: int, target: int) -> Moments:
        """Return the moments of one encoder against another, by position: views of the same numbers, float64."""
        parts = self.centre.parts()
        s, t = parts[source], parts[target]
        return Moments(
            self.n,
            Centre(self.centre.value[s], self.centre.value[t]),
            self.sums[s],
            self.sums[t],
            self.gram[s, s],
            self.gram[s, t],
            np.diagonal(self.gram[t, t]),
        )

    def covariance(self, source: int, target: int) -> Float[np.ndarray, "_source _target"]:
        """Return the sums of products of two encoders' deviations from their own means (not divided by n)."""
        parts = self.centre.parts()
        s, t = parts[source], parts[target]
        outer = np.outer(self.sums[s], self.sums[t] / max(self.n, 1))
        covariance: Array = np.subtract(self.gram[s, t], outer, out=outer)
        return covariance


def running_totals(parts: Iterable[JointMoments], *, centre: JointCentre) -> Iterator[JointMoments]:
    """Yield the merge of the first part, of the first two, and so on; each shares memory with the next: use it first."""
    total, n = JointMoments.zero(centre), 0
    for part in parts:
        _check_centres(centre, part.centre)
        n += part.n
        np.add(total.sums, part.sums, out=total.sums)
        np.add(total.gram, part.gram, out=total.gram)
        yield JointMoments(n, centre, total.sums, total.gram)


def merge_joint(parts: Iterable[JointMoments], *, centre: JointCentre) -> JointMoments:
    """Return the moments of all parts' rows, added in the order given in float64; of none, those of no rows."""
    total = JointMoments.zero(centre)
    for total in running_totals(parts, centre=centre):  # noqa: B007 - the last one is the answer
        pass
    return total


def fold_joint(
    blocks: Iterable[tuple[Sequence[Float[np.ndarray, "_images _source"]], Integer[np.ndarray, " _images"]]],
    *,
    centre: JointCentre,
    groups: int,
    dtype: type[np.floating[Any]] = np.float64,
) -> tuple[JointMoments, ...]:
    """Return the moments of each group over a stream of (features by encoder, group of each row); group < 0 is left out.

    Memory is that of `groups` JointMoments in `dtype`, one product, and WAITING_AT_MOST waiting rows with one block.
    Parts of a stream may be computed apart and merged group by group.
    """
    sums = [JointMoments.zero(centre, dtype=dtype) for _ in range(groups)]
    waiting = _Waiting(groups)
    counts = [0] * groups
    for features, group in blocks:
        _check_rows(features, centre)
        for index, rows in _rows_of(np.asarray(group), groups):
            counts[index] += len(rows)
            waiting.put(index, [one[rows] for one in features], len(rows))
        for index in waiting.full():
            _add_rows(sums[index], waiting.take(index))
    for index in range(groups):
        _add_rows(sums[index], waiting.take(index))
    return tuple(JointMoments(n, centre, one.sums, one.gram) for n, one in zip(counts, sums, strict=True))


def _rows_of(group: NDArray[np.integer[Any]], groups: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each group that is there with its rows, in order."""
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(groups + 1))
    for index, (start, stop) in enumerate(pairwise(edges)):
        if stop > start:
            yield index, order[start:stop]


class _Waiting:
    """Rows that wait, since small products are slow."""

    def __init__(self, groups: int) -> None:
        self._rows: list[list[list[Array]]] = [[] for _ in range(groups)]
        self._counts = np.zeros(groups, dtype=np.int64)

    def put(self, group: int, features: list[Array], count: int) -> None:
        """Let rows of a group wait."""
        self._rows[group].append(features)
        self._counts[group] += count

    def full(self) -> Iterator[int]:
        """Yield the groups to multiply now: those with WAITING_ROWS, then the largest while too many wait in all."""
        yield from np.flatnonzero(self._counts >= WAITING_ROWS).tolist()
        while self._counts.sum() > WAITING_AT_MOST:
            yield int(self._counts.argmax())

    def take(self, group: int) -> list[list[Array]]:
        """Return a group's waiting rows, in order, and forget them."""
        found, self._rows[group] = self._rows[group], []
        self._counts[group] = 0
        return found


def _add_rows(total: JointMoments, pieces: Sequence[Sequence[Array]]) -> None:
    """Add the products of pieces of rows (features by encoder) into total, in place, in blocks of BLOCK_ROWS."""
    rows = sum(len(piece[0]) for piece in pieces)
    if not rows:
        return
    joined = pieces[0] if len(pieces) == 1 else [np.concatenate(one) for one in zip(*pieces, strict=True)]
    buffer = np.empty((min(rows, BLOCK_ROWS), len(total.sums)), dtype=total.centre.value.dtype)
    parts = total.centre.parts()
    for start in range(0, rows, BLOCK_ROWS):
        block = buffer[: min(BLOCK_ROWS, rows - start)]
        for part, one in zip(parts, joined, strict=True):
            np.subtract(
                one[start : start + len(block)], total.centre.value[part], out=block[:, part], casting="same_kind"
            )
        np.add(total.sums, block.sum(axis=0, dtype=np.float64), out=total.sums)
        np.add(total.gram, block.T @ block, out=total.gram)


def _check_rows(features: Sequence[Array], centre: JointCentre) -> None:
    got = tuple(one.shape for one in features)
    wanted = tuple((len(features[0]), width) for width in centre.dimensions)
    if got != wanted:
        want = f"the same images by each encoder, dimensions {centre.dimensions}"
        raise MismatchError(expected("joint features", want, f"shapes {got}"))


def _check_centres(left: JointCentre, right: JointCentre) -> None:
    if left is not right and not (left.dimensions == right.dimensions and np.array_equal(left.value, right.value)):
        todo = "Estimate it once, from the first block."
        raise MismatchError(expected("joint moments", "one shared centre", "two different centres", todo))
