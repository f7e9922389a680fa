"""Second moments of paired features: all that a closed-form linear map ever needs, mergeable and of fixed size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.block_sums import add_all, add_lower, column_sums, lower_gram, mirror
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float64, Integer

BLOCK_ROWS = 4096
"""Rows of one product: large enough for BLAS to run at full speed, small enough for float32 sums to stay exact to 1e-7."""

WAITING_ROWS = 2048
"""Rows of a fold that are collected before they are multiplied."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Centre:
    """The one point about which every block's products are taken, so that parts can be added and subtracted."""

    x: Float[np.ndarray, " source"]
    """Of the source features, in the dtype of the products."""
    y: Float[np.ndarray, " target"]
    """Of the target features, in the dtype of the products."""


def estimate_centre(x: Float[np.ndarray, "images source"], y: Float[np.ndarray, "images target"]) -> Centre:
    """Return the mean of a first block.

    Any centre gives the same answer; one near the mean keeps float32 products free of cancellation. It is float64 for
    float64 features and float32 otherwise, and that decides the precision of the products.
    """
    _check_pair(x, y)
    kind = np.float64 if x.dtype == y.dtype == np.float64 else np.float32
    return Centre(x.mean(axis=0, dtype=np.float64).astype(kind), y.mean(axis=0, dtype=np.float64).astype(kind))


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over n rows of x - centre.x and y - centre.y; memory (source + target) * source, whatever n is.

    Products are float64, save those of one float32 product that a curve keeps small (`JointMoments.zero`).
    """

    n: int
    """Rows summed."""
    centre: Centre
    """What was subtracted from each row before multiplying."""
    sum_x: Float64[np.ndarray, " source"]
    """Sum of x."""
    sum_y: Float64[np.ndarray, " target"]
    """Sum of y."""
    xx: Float[np.ndarray, "source source"]
    """X'X."""
    xy: Float[np.ndarray, "source target"]
    """X'Y."""
    yy: Float[np.ndarray, " target"]
    """The diagonal of Y'Y, which is all that R2 needs."""
    summed: float = 0.0
    """Largest trace of X'X that rows were subtracted from: their rounding stays behind, and is relative to this."""

    @classmethod
    def zero(cls, centre: Centre) -> Self:
        """Return the moments of no rows at all about a centre."""
        source, target = len(centre.x), len(centre.y)
        zeros = [np.zeros(shape) for shape in ((source,), (target,), (source, source), (source, target), (target,))]
        return cls(0, centre, zeros[0], zeros[1], zeros[2], zeros[3], zeros[4])

    @classmethod
    def of(
        cls, x: Float[np.ndarray, "images source"], y: Float[np.ndarray, "images target"], *, centre: Centre
    ) -> Self:
        """Return the moments of x and y, of any n, in blocks of BLOCK_ROWS rows."""
        _check_pair(x, y)
        _check_width(centre, x, y)
        sums = cls.zero(centre)
        _add_rows(sums, x, y)
        return cls(len(x), centre, sums.sum_x, sums.sum_y, sums.xx, sums.xy, sums.yy)

    def __add__(self, other: Self) -> Self:
        """Return the moments of both sets of rows."""
        _check_centres(self.centre, other.centre)
        sums = (a + b for a, b in zip(self._sums(), other._sums(), strict=True))
        return self._with(self.n + other.n, sums, summed=max(self.summed, other.summed))

    def __sub__(self, other: Self) -> Self:
        """Return the moments as if other's rows, which must be among these, had never been added."""
        _check_centres(self.centre, other.centre)
        if other.n > self.n:
            raise InputError(expected("moments to subtract", f"at most {self.n} rows", f"{other.n} rows"))
        sums = (a - b for a, b in zip(self._sums(), other._sums(), strict=True))
        summed = max(self.summed, other.summed, float(np.trace(self.xx)))
        return self._with(self.n - other.n, sums, summed=summed)

    @property
    def precision(self) -> type[np.floating[Any]]:
        """The dtype of the block products, which bounds what these sums can resolve."""
        return self.centre.x.dtype.type

    @property
    def mean_x(self) -> Float64[np.ndarray, " source"]:
        """Mean of x; the centre when there are no rows."""
        return self.centre.x + self.sum_x / max(self.n, 1)

    @property
    def mean_y(self) -> Float64[np.ndarray, " target"]:
        """Mean of y; the centre when there are no rows."""
        return self.centre.y + self.sum_y / max(self.n, 1)

    def _sums(self) -> tuple[Array, ...]:
        return self.sum_x, self.sum_y, self.xx, self.xy, self.yy

    def _with(self, n: int, sums: Iterable[Array], *, summed: float = 0.0) -> Self:
        """Return n rows' sums, in the order of `_sums`, about the same centre."""
        sum_x, sum_y, xx, xy, yy = sums
        return type(self)(n, self.centre, sum_x, sum_y, xx, xy, yy, summed)


def merge(parts: Iterable[Moments]) -> Moments:
    """Return the moments of all parts' rows, added in the order given."""
    listed = list(parts)
    if not listed:
        raise InputError(expected("moments to merge", "at least one part", "none"))
    return next(running_totals(listed, counts=[len(listed)]))


def running_totals(parts: Sequence[Moments], *, counts: Sequence[int]) -> Iterator[Moments]:
    """Yield the merge of the first parts, for each of the rising counts; each shares memory with the next: use it first."""
    if not counts or not parts:
        return
    total, n, merged, summed = Moments.zero(parts[0].centre), 0, 0, 0.0
    for count in counts:
        some = parts[merged:count]
        for part in some:
            _check_centres(total.centre, part.centre)
        for into, *sums in zip(total._sums(), *(part._sums() for part in some), strict=True):
            add_all(into, sums)
        n += sum(part.n for part in some)
        summed = max([summed, *(part.summed for part in some)])
        merged = count
        yield total._with(n, total._sums(), summed=summed)


def fold_moments(
    blocks: Iterable[
        tuple[Float[np.ndarray, "_images source"], Float[np.ndarray, "_images target"], Integer[np.ndarray, " _images"]]
    ],
    *,
    centre: Centre,
    folds: int,
) -> tuple[Moments, ...]:
    """Return the moments of each fold over a stream of (x, y, fold of each row) blocks; rows of fold < 0 are left out.

    Rows wait until a fold has WAITING_ROWS of them, since small products are slow. Memory is that of `folds` Moments, the
    rows that wait (in their own dtype) and one block. Parts of a stream may be computed apart (`fold_moments` of each)
    and merged fold by fold. Raises InputError for NaN or infinity in a row used, or for numbers whose squares overflow.
    """
    sums = [Moments.zero(centre) for _ in range(folds)]
    waiting: list[list[tuple[Array, Array]]] = [[] for _ in range(folds)]
    counts, ready = [0] * folds, [0] * folds
    for x, y, fold in blocks:
        _check_pair(x, y)
        _check_width(centre, x, y)
        for index in range(folds):
            rows = np.flatnonzero(np.asarray(fold) == index)
            if len(rows):
                waiting[index].append((x[rows], y[rows]))
            counts[index] += len(rows)
            if counts[index] - ready[index] >= WAITING_ROWS:
                ready[index] = counts[index]
                _add_waiting(sums[index], waiting[index])
    for part, pairs in zip(sums, waiting, strict=True):
        _add_waiting(part, pairs)
        check_sums("source features", part.sum_x, np.diagonal(part.xx), dtype=part.centre.x.dtype)
        check_sums("target features", part.sum_y, part.yy, dtype=part.centre.y.dtype)
    return tuple(part._with(n, part._sums()) for n, part in zip(counts, sums, strict=True))


def check_sums(subject: str, sums: Array, squares: Array, *, dtype: np.dtype[Any]) -> None:
    """Raise InputError when sums (d,) or sums of squares (d,) say that a row held no numbers, or too large ones."""
    if not np.isfinite(sums).all():
        raise InputError(expected(subject, "finite numbers in every row used", "NaN or infinity"))
    if not np.isfinite(squares).all():
        actual = f"larger ones, in dimension {int(np.flatnonzero(~np.isfinite(squares))[0])} first"
        most = float(np.sqrt(np.finfo(dtype).max)) / 1000
        raise InputError(
            expected(
                subject,
                f"numbers of up to about {most:.0e}, whose squares {dtype} can add up",
                actual,
                "Scale them down.",
            )
        )


def _add_waiting(sums: Moments, pairs: list[tuple[Array, Array]]) -> None:
    """Add waiting (x, y) rows into sums, in order, and forget them."""
    if pairs:
        x, y = (np.concatenate(part) for part in zip(*pairs, strict=True))
        pairs.clear()
        _add_rows(sums, x, y)


@np.errstate(over="ignore", invalid="ignore")  # what does not fit is refused once all rows are in
def _add_rows(sums: Moments, x: Array, y: Array) -> None:
    """Add the products of rows into sums, in place and in blocks that share their buffers."""
    rows = min(len(x), BLOCK_ROWS)
    buffers = [np.empty((rows, part.shape[1]), dtype=sums.precision) for part in (x, y)]
    product = np.empty(sums.xx.shape, dtype=sums.precision)
    for start in range(0, len(x), BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, len(x))
        centred = [
            np.subtract(part[start:stop], centre, out=buffer[: stop - start], casting="same_kind")
            for part, centre, buffer in zip((x, y), (sums.centre.x, sums.centre.y), buffers, strict=True)
        ]
        _add_block(sums, *centred, product=product)
    mirror(sums.xx)


def _add_block(sums: Moments, x: Array, y: Array, *, product: Array) -> None:
    """Add one centred block's products into sums, of X'X the lower triangle: the one spot where work is done."""
    lower_gram(x, out=product)
    add_lower(sums.xx, product)
    for total, part in (
        (sums.sum_x, column_sums(x)),
        (sums.sum_y, column_sums(y)),
        (sums.xy, x.T @ y),
        (sums.yy, column_sums(np.square(y, out=y))),  # last: the buffer is used up
    ):
        np.add(total, part, out=total)


def _check_pair(x: Array, y: Array) -> None:
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y):
        raise MismatchError(
            expected(
                "paired features",
                "x (images, source) and y (images, target) of the same images",
                f"shapes {x.shape} and {y.shape}",
            )
        )


def _check_width(centre: Centre, x: Array, y: Array) -> None:
    want, actual = (len(centre.x), len(centre.y)), (x.shape[1], y.shape[1])
    if want != actual:
        raise MismatchError(expected("dimensions (source, target) of a block", f"{want} as in the centre", f"{actual}"))


def _check_centres(left: Centre, right: Centre) -> None:
    if left is not right and not (np.array_equal(left.x, right.x) and np.array_equal(left.y, right.y)):
        raise MismatchError(
            expected("moments", "one shared centre", "two different centres", "Estimate it once, from the first block.")
        )
