"""Blocked Cholesky: a factorisation and solves that are nearly all matrix products, through numpy's BLAS alone.

scipy brings a second pool of threads, and the two spin against each other (measured: a 10 ms factorisation took 70).
At 1280 -> 512 this takes half the time of numpy's own Cholesky and triangular solves. Columns look left: each is brought
up to date when its turn comes, so that every number is written twice, not once for each block before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float64

BLOCK = 96
"""Rows of a diagonal block: the fastest of 64 to 320 at 1280 dimensions."""

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Factor:
    """The factor of a system that was scaled to a unit diagonal, so that mere units of columns do not count."""

    lower: Float64[np.ndarray, "source source"]
    """L with L L' = the scaled system in its lower triangle; above it whatever was there."""
    inverses: tuple[Float64[np.ndarray, "_source _source"], ...]
    """Inverse of each diagonal block of L."""
    scale: Float64[np.ndarray, " source"]
    """Square root of the system's diagonal."""
    condition: float
    """LAPACK's 1-norm estimate of the scaled system's condition."""

    def solve(self, right: Float64[np.ndarray, "source target"]) -> Float64[np.ndarray, "source target"]:
        """Return x with system @ x = right."""
        x: Array = right / self.scale[:, None]
        blocks = [slice(start, start + BLOCK) for start in range(0, len(x), BLOCK)]
        for rows, inverse in zip(blocks, self.inverses, strict=True):
            x[rows] = inverse @ (x[rows] - self.lower[rows, : rows.start] @ x[: rows.start])
        for rows, inverse in zip(reversed(blocks), reversed(self.inverses), strict=True):
            x[rows] = inverse.T @ (x[rows] - self.lower[rows.stop :, rows].T @ x[rows.stop :])
        x /= self.scale[:, None]
        return x


def factorise(system: Float64[np.ndarray, "source source"]) -> Factor | None:
    """Return the factor of a symmetric system, or None where it is not numerically positive definite."""
    from scipy.linalg import lapack

    scale = np.sqrt(np.maximum(np.diag(system), 0.0))
    if not (scale > 0).all():
        return None
    lower = system / scale
    lower /= scale[:, None]
    norm = float(np.abs(lower).sum(axis=0).max())
    try:
        inverses = tuple(_factorise_block(lower, start) for start in range(0, len(lower), BLOCK))
    except np.linalg.LinAlgError:
        return None
    inverse_condition, _ = lapack.dpocon(lower.T, norm, uplo="U")
    return Factor(lower, inverses, scale, 1 / inverse_condition) if inverse_condition > 0 else None


def _factorise_block(a: Array, start: int) -> Array:
    """Subtract what the factor's columns so far say of one block column of `a`, replace it, return the diagonal's inverse."""
    stop = min(start + BLOCK, len(a))
    factored, column = a[start:, :start], a[start:, start:stop]
    column -= factored @ factored[: stop - start].T
    diagonal = np.linalg.cholesky(column[: stop - start])
    inverse: Array = np.linalg.inv(diagonal)
    column[: stop - start] = diagonal
    column[stop - start :] = column[stop - start :] @ inverse.T
    return inverse
