"""The rotation of a wide space onto a narrower one, for which there is no closed form: a trust region over orthonormal Q."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float64

Array = NDArray[Any]

MOST_STEPS = 300
"""Most steps of one search; each is up to MOST_PRODUCTS products with the second derivative."""
MOST_PRODUCTS = 100
"""Most such products of one step; each costs four (source, target) by (target, target) matrix products."""
TOLERANCE = 1e-5
"""The search ends when the quadratic model at Q promises at most this share of the squared error that the map removes."""
RECENT = 5
"""Where MOST_PRODUCTS did not find the model's minimum, the last so many steps together must have gained as little."""

_SOLVED = 0.1
"""Residual, beside the gradient, at which the minimum of the quadratic model counts as found."""
_FLOOR = 0.03
"""Least curvature that the preconditioner divides by, beside the mean."""


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """Where a search ended."""

    q: Float64[np.ndarray, "source target"]
    """Orthonormal columns."""
    error: float
    """Squared error at the best scale, less that of predicting the mean: 0 or below."""
    steps: int
    """Steps taken."""
    promise: float
    """What the last quadratic model promised still to gain, as a share of the squared error removed."""
    converged: bool
    """Whether it ended as TOLERANCE and RECENT say."""


def search_rotation(
    q: Float64[np.ndarray, "source target"],
    energy: Float64[np.ndarray, " source"],
    cross: Float64[np.ndarray, "source target"],
) -> Search:
    """Return a local minimum, from q, of sum |scale x Q - y|^2 over orthonormal columns, at the best scale of each Q.

    `energy` is the diagonal of X'X in the basis of its eigenvectors, `cross` X'Y in that basis. With e = tr Q'X'X Q and
    p = tr Q'X'Y the error removed is p^2 / e, the unbalanced Procrustes problem once the scale p / e is put in. Steps are
    Newton's in a trust region on the Stiefel manifold (Absil, Baker and Gallivan 2007), solved by conjugate gradients
    that stop at negative curvature or the region's edge (Steihaug 1983) and brought back by the polar factor; the error
    never rises. The promise is a second-order estimate of the distance to this local minimum, not to the best of all.
    """
    error, radius, promise = error_of(q, energy, cross), 0.0, 0.0
    before = [error]
    for step in range(1, MOST_STEPS + 1):
        if not error < 0:
            return Search(q, error, step - 1, 0.0, True)
        model = _Model(q, energy, cross)
        radius = radius or (-error / (2 * model.scale)) ** 0.5
        tried = _minimum(model, radius)
        promise = 2 * model.scale * tried.gain / -error
        following = _polar_of_sum(q, tried.move @ model.turn.T)
        next_error = error_of(following, energy, cross)
        came_true = (error - next_error) / (promise * -error) if promise > 0 else 1.0
        if came_true < 0.25:
            radius *= 0.25
        elif came_true > 0.75 and tried.edge:
            radius *= 2
        if next_error < error:
            q, error = following, next_error
        before.append(error)
        rested = len(before) > RECENT and before[-1 - RECENT] - error <= TOLERANCE * -error
        if promise <= TOLERANCE and not tried.edge and (tried.solved or rested):
            return Search(q, error, step, promise, True)
    return Search(q, error, MOST_STEPS, promise, False)


def scale_of(q: Array, energy: Array, cross: Array) -> float:
    """Return the least-squares scale of a given Q, 0 or above; 0 when the source does not vary along it."""
    spread = float(np.einsum("st,st,s->", q, q, energy))
    return max(float(np.einsum("st,st->", q, cross)) / spread, 0.0) if spread > 0 else 0.0


def error_of(q: Array, energy: Array, cross: Array) -> float:
    """Return the squared error at the best scale, less that of predicting the mean: 0 or below."""
    return -scale_of(q, energy, cross) * float(np.einsum("st,st->", q, cross))


class _Model:
    """Gradient and second derivative at Q of the error over twice the scale, in columns turned so that both are cheap.

    The multiplier Q'(scale X'X Q - X'Y) is symmetric at a minimum; in the columns of its eigenvectors, and with X'X
    diagonal, the second derivative is all but diagonal, and that diagonal preconditions it.
    """

    def __init__(self, q: Array, energy: Array, cross: Array) -> None:
        self.scale = scale_of(q, energy, cross)
        stretched = self.scale * energy[:, None]
        gradient = stretched * q - cross
        multiplier, self.turn = np.linalg.eigh(_symmetric(q.T @ gradient))
        self._q = q @ self.turn
        self._diagonal = stretched - multiplier
        self.gradient = self._tangent(gradient @ self.turn)
        self._away = self._tangent((cross - 2 * stretched * q) @ self.turn)
        self._spread = self.scale * float(np.einsum("st,st,s->", q, q, energy))
        curvature = np.abs(self._diagonal)
        self._divisor = np.maximum(curvature, _FLOOR * curvature.mean())

    def _tangent(self, move: Array) -> Array:
        """Return the part of a move that keeps columns orthonormal to first order."""
        part: Array = move - self._q @ _symmetric(self._q.T @ move)
        return part

    def curved(self, move: Array) -> Array:
        """Return the second derivative along a move; the last term is the scale's, which follows Q."""
        away = float(np.einsum("st,st->", self._away, move)) / self._spread
        return self._tangent(self._diagonal * move) - away * self._away

    def preconditioned(self, residual: Array) -> Array:
        """Return the residual divided by the diagonal of the second derivative, floored to be positive."""
        return self._tangent(residual / self._divisor)


@dataclass(frozen=True, slots=True, eq=False)
class _Step:
    """The minimum of a quadratic model within a radius."""

    move: Array
    """Tangent at Q, in the model's columns."""
    gain: float
    """What the model loses by it."""
    edge: bool
    """Whether the radius, or negative curvature, ended it."""
    solved: bool
    """Whether the residual fell to _SOLVED of the gradient."""


def _minimum(model: _Model, radius: float) -> _Step:
    """Return about the minimum of the model within a radius, lengths being those of the preconditioner's metric."""
    move, residual, gain = np.zeros_like(model.gradient), model.gradient, 0.0
    direction = -model.preconditioned(residual)
    size = first = -float(np.einsum("st,st->", residual, direction))
    if not size > 0:
        return _Step(move, 0.0, edge=False, solved=True)
    gone, across, reach = 0.0, 0.0, size
    for _ in range(MOST_PRODUCTS):
        bent = model.curved(direction)
        curvature = float(np.einsum("st,st->", direction, bent))
        far = size / curvature if curvature > 0 else np.inf
        if not gone + 2 * far * across + far**2 * reach < radius**2:
            far = ((across**2 + reach * (radius**2 - gone)) ** 0.5 - across) / reach
            return _Step(move + far * direction, gain + far * size - far**2 * curvature / 2, edge=True, solved=False)
        move, residual, gain = move + far * direction, residual + far * bent, gain + far * size / 2
        gone, across = gone + 2 * far * across + far**2 * reach, across + far * reach
        steepest = model.preconditioned(residual)
        next_size = float(np.einsum("st,st->", residual, steepest))
        if next_size <= _SOLVED**2 * first:
            return _Step(move, gain, edge=False, solved=True)
        turned, size = next_size / size, next_size
        direction = turned * direction - steepest
        across, reach = turned * across, next_size + turned**2 * reach
    return _Step(move, gain, edge=False, solved=False)


def _symmetric(matrix: Array) -> Array:
    symmetric: Array = (matrix + matrix.T) / 2
    return symmetric


def _polar_of_sum(q: Array, move: Array) -> Array:
    """Return the polar factor of q + move: its singular values are 1 or more, so its small Gram matrix is accurate."""
    moved = q + move
    values, vectors = np.linalg.eigh(moved.T @ moved)
    factor: Array = moved @ ((vectors / np.sqrt(values)) @ vectors.T)
    return factor
