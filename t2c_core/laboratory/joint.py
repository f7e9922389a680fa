"""Second moments of several encoders at once: one Gram matrix answers every pair of them, in both directions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.block_sums import add_all, add_lower, column_sums, lower_gram, mirror
from t2c.core.maps.moments import Centre, Moments, check_sums
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Integer

Array = NDArray[Any]

WAITING_AT_MOST = 65_536
"""Rows of all groups together that wait to be multiplied."""
_HELD_ROWS = 8192
"""Rows of one product at most."""
_COPIED_ROWS = 512
"""Rows copied at a time, few enough to stay in a processor's cache."""


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
    kind = np.float64 if all(encoder_features.dtype == np.float64 for encoder_features in features) else np.float32
    means = [encoder_features.mean(axis=0, dtype=np.float64) for encoder_features in features]
    return JointCentre(
        np.concatenate(means).astype(kind), tuple(encoder_features.shape[1] for encoder_features in features)
    )


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
    summed: Float[np.ndarray, " source"] | None = None
    """Diagonal of the largest Z'Z that rows were subtracted from: their rounding stays behind. None: never."""

    @classmethod
    def zero(cls, centre: JointCentre, *, dtype: type[np.floating[Any]] = np.float64) -> Self:
        """Return the moments of no rows; float32 halves the memory of the many that a curve keeps and is what one
        float32 product resolves anyway."""
        width = len(centre.value)
        return cls(0, centre, np.zeros(width), np.zeros((width, width), dtype=dtype))

    @classmethod
    def of(cls, features: Sequence[Float[np.ndarray, "_images _source"]], *, centre: JointCentre) -> Self:
        """Return the moments of the same images' features by each encoder."""
        everything = [(features, np.zeros(len(features[0]), dtype=np.int8))]
        moments = fold_joint(everything, centre=centre, groups=1)[0]
        return cls(moments.n, centre, moments.sums, moments.gram)

    def __add__(self, other: Self) -> Self:
        """Return the moments of both sets of rows."""
        _check_centres(self.centre, other.centre)
        return type(self)(
            self.n + other.n,
            self.centre,
            self.sums + other.sums,
            self.gram + other.gram,
            _largest(self.summed, other.summed),
        )

    def __sub__(self, other: Self) -> Self:
        """Return the moments as if other's rows, which must be among these, had never been added."""
        _check_centres(self.centre, other.centre)
        if other.n > self.n:
            raise InputError(expected("moments to subtract", f"at most {self.n} rows", f"{other.n} rows"))
        summed = _largest(self.summed, other.summed, np.diagonal(self.gram))
        return type(self)(self.n - other.n, self.centre, self.sums - other.sums, self.gram - other.gram, summed)

    def pair(self, source: int, target: int) -> Moments:
        """Return the moments of one encoder against another, by position: views of the same numbers."""
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
            0.0 if self.summed is None else float(self.summed[s].sum()),
        )

    def mean(self, encoder: int) -> Float[np.ndarray, " _source"]:
        """Return the mean of an encoder's features; the centre when there are no rows."""
        part = self.centre.parts()[encoder]
        mean: Array = self.centre.value[part] + self.sums[part] / max(self.n, 1)
        return mean

    def covariance(self, source: int, target: int) -> Float[np.ndarray, "_source _target"]:
        """Return the sums of products of two encoders' deviations from their own means (not divided by n)."""
        parts = self.centre.parts()
        s, t = parts[source], parts[target]
        outer = np.outer(self.sums[s], self.sums[t] / max(self.n, 1))
        covariance: Array = np.subtract(self.gram[s, t], outer, out=outer)
        return covariance


def merge_joint(parts: Iterable[JointMoments], *, centre: JointCentre) -> JointMoments:
    """Return the moments of all parts' rows, added in the order given in float64; of none, those of no rows."""
    total, listed = JointMoments.zero(centre), list(parts)
    for part in listed:
        _check_centres(centre, part.centre)
    add_all(total.sums, [part.sums for part in listed])
    add_all(total.gram, [part.gram for part in listed])
    summed = _largest(*(part.summed for part in listed))
    return JointMoments(sum(part.n for part in listed), centre, total.sums, total.gram, summed)


def fold_joint(
    blocks: Iterable[tuple[Sequence[Float[np.ndarray, "_images _source"]], Integer[np.ndarray, " _images"]]],
    *,
    centre: JointCentre,
    groups: int,
    dtype: type[np.floating[Any]] = np.float64,
) -> tuple[JointMoments, ...]:
    """Return the moments of each group over a stream of (features by encoder, group of each row); group < 0 is left out.

    Memory is that of `groups` JointMoments in `dtype`, one product, WAITING_AT_MOST waiting rows and one block. Parts of
    a stream may be computed apart and merged group by group. Raises InputError for NaN or infinity in a row used.
    """
    held = min(_HELD_ROWS, max(1, WAITING_AT_MOST // groups))
    product = np.empty((len(centre.value),) * 2, dtype=centre.value.dtype)
    sums = [_Sum(JointMoments.zero(centre, dtype=dtype), product=product, rows=held) for _ in range(groups)]
    for features, group in blocks:
        _check_rows(features, centre)
        for index, rows in _rows_of(np.asarray(group), groups):
            sums[index].add(features, rows)
    by_group = tuple(total.moments() for total in sums)
    for moments in by_group:
        _check_finite(moments)
    return by_group


def _rows_of(group: NDArray[np.integer[Any]], groups: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each group that is there with its rows, in order."""
    order = np.argsort(group, kind="stable")
    edges = np.searchsorted(group[order], np.arange(groups + 1))
    for index, (start, stop) in enumerate(pairwise(edges)):
        if stop > start:
            yield index, order[start:stop]


class _Sum:
    """The growing moments of one group; centred rows wait in a buffer, since small products are slow.

    The Gram matrix grows in its lower triangle and is mirrored at the end.
    """

    def __init__(self, total: JointMoments, *, product: Array, rows: int) -> None:
        self._total = total
        self._product = product
        self._rows = np.empty((rows, len(total.sums)), dtype=product.dtype)
        self._waiting = self._n = 0

    def add(self, features: Sequence[Array], rows: NDArray[np.int64]) -> None:
        """Centre the named rows of each encoder's features into the buffer; multiply whenever it is full."""
        added, room = 0, len(self._rows)
        while added < len(rows):
            some = rows[added : added + min(_COPIED_ROWS, room - self._waiting)]
            into = self._rows[self._waiting : self._waiting + len(some)]
            for part, encoder_features in zip(self._total.centre.parts(), features, strict=True):
                np.subtract(
                    encoder_features[some], self._total.centre.value[part], out=into[:, part], casting="same_kind"
                )
            added += len(some)
            self._waiting += len(some)
            self._n += len(some)
            if self._waiting == room:
                self._multiply()

    def moments(self) -> JointMoments:
        """Return the moments of every row added."""
        self._multiply()
        mirror(self._total.gram)
        return JointMoments(self._n, self._total.centre, self._total.sums, self._total.gram)

    @np.errstate(over="ignore", invalid="ignore")  # what does not fit is refused once all rows are in
    def _multiply(self) -> None:
        if not self._waiting:
            return
        block = self._rows[: self._waiting]
        first = self._n == self._waiting and self._total.gram.dtype == block.dtype
        lower_gram(block, out=self._total.gram if first else self._product)
        if not first:
            add_lower(self._total.gram, self._product)
        np.add(self._total.sums, column_sums(block), out=self._total.sums)
        self._waiting = 0


def _largest(*diagonals: Array | None) -> Array | None:
    """Return the largest of each entry, of those diagonals that there are."""
    present = [diagonal for diagonal in diagonals if diagonal is not None]
    return np.max(present, axis=0) if present else None


def _check_rows(features: Sequence[Array], centre: JointCentre) -> None:
    shapes = tuple(encoder_features.shape for encoder_features in features)
    expected_shapes = tuple((len(features[0]), width) for width in centre.dimensions)
    if shapes != expected_shapes:
        want = f"the same images by each encoder, dimensions {centre.dimensions}"
        raise MismatchError(expected("joint features", want, f"shapes {shapes}"))


def _check_finite(moments: JointMoments) -> None:
    for place, part in enumerate(moments.centre.parts()):
        subject = f"features of encoder {place + 1} of {len(moments.centre.dimensions)}"
        check_sums(subject, moments.sums[part], np.diagonal(moments.gram)[part], dtype=moments.centre.value.dtype)


def _check_centres(left: JointCentre, right: JointCentre) -> None:
    if left is not right and not (left.dimensions == right.dimensions and np.array_equal(left.value, right.value)):
        todo = "Estimate it once, from the first block."
        raise MismatchError(expected("joint moments", "one shared centre", "two different centres", todo))
