"""The paper's head of a concept bottleneck: 40 epochs of SGD on softmax cross-entropy (section 5.1, appendix G).

The model is one matrix, so the gradient is written out and runs in numpy: no import of torch, no graph a step, and the
same numbers as torch's SGD (tests hold them side by side).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Integer

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class HeadOptions:
    """How the head is trained; the paper says `40 epochs of SGD`, the rest is what it publishes for its aligner."""

    epochs: int = 40
    """Passes over the rows."""
    learning_rate: float = 0.01
    """Of the first epoch; it falls along a half cosine to zero over the epochs."""
    momentum: float = 0.9
    """Momentum."""
    weight_decay: float = 5e-4
    """L2 penalty on weight and bias, as torch's SGD applies it."""
    batch: int = 100
    """Rows a step; the last step of an epoch may have fewer."""
    seed: int = 0
    """Seed of the order of rows in each epoch."""

    def check(self) -> None:
        """Raise InputError for an option out of its range."""
        positive = self.epochs >= 1 and self.batch >= 1 and self.learning_rate > 0
        if not positive or not 0 <= self.momentum < 1 or self.weight_decay < 0:
            want = "epochs and batch of 1 or more, learning rate above 0, momentum in [0, 1), weight decay of 0 or more"
            raise InputError(expected("options of the head", want, f"{self}"))

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch, 0 and up."""
        return self.learning_rate * (1 + math.cos(math.pi * epoch / self.epochs)) / 2


@dataclass(frozen=True, slots=True, eq=False)
class LinearHead:
    """Weights of a linear classifier."""

    weight: Float32[np.ndarray, "classes concepts"]
    """One row a class."""
    bias: Float32[np.ndarray, " classes"]
    """Added to the logits."""


def fit_linear_head(
    x: Float[np.ndarray, "images concepts"],
    codes: Integer[np.ndarray, " images"],
    *,
    classes: int,
    options: HeadOptions | None = None,
) -> LinearHead:
    """Return the head trained from zero on standardised similarities x and class codes 0 .. classes - 1.

    Deterministic for a seed. Raises MismatchError for codes of another length, InputError for no rows or codes out of
    range.
    """
    chosen = options or HeadOptions()
    chosen.check()
    _check(x, codes, classes)
    rows = np.ones((len(x), x.shape[1] + 1), dtype=np.float32)
    rows[:, :-1] = x
    parameters = _train(rows, codes.astype(np.int64), classes, chosen)
    return LinearHead(np.ascontiguousarray(parameters[:-1].T), parameters[-1].copy())


def _train(rows: NDArray[np.float32], codes: NDArray[np.int64], classes: int, options: HeadOptions) -> Array:
    """Return parameters (concepts + 1, classes), the bias last."""
    rng = np.random.default_rng(options.seed)
    parameters = np.zeros((rows.shape[1], classes), dtype=np.float32)
    velocity = np.zeros_like(parameters)
    decay, momentum = np.float32(options.weight_decay), np.float32(options.momentum)
    for epoch in range(options.epochs):
        order = rng.permutation(len(rows))
        x, y, rate = rows[order], codes[order], np.float32(options.rate(epoch))
        for start in range(0, len(x), options.batch):
            batch, batch_codes = x[start : start + options.batch], y[start : start + options.batch]
            velocity *= momentum
            velocity += _gradient(batch, batch_codes, parameters)
            velocity += decay * parameters
            parameters -= rate * velocity
    return parameters


def _gradient(batch: NDArray[np.float32], codes: NDArray[np.int64], parameters: Array) -> Array:
    """Return the gradient of the mean cross-entropy of a batch."""
    surplus = batch @ parameters
    surplus -= surplus.max(axis=1, keepdims=True)
    np.exp(surplus, out=surplus)
    surplus /= surplus.sum(axis=1, keepdims=True)
    surplus[np.arange(len(batch)), codes] -= 1
    gradient: Array = batch.T @ surplus
    gradient /= np.float32(len(batch))
    return gradient


def _check(x: Array, codes: Array, classes: int) -> None:
    if x.ndim != 2 or codes.shape != (len(x),):
        want = "x (images, concepts) and one class code an image"
        raise MismatchError(expected("rows of the head", want, f"{x.shape} and {codes.shape}"))
    if not len(x) or codes.min() < 0 or codes.max() >= classes:
        actual = f"{codes.min()} to {codes.max()}" if len(x) else "no rows"
        raise InputError(expected("class codes of the head", f"0 to {classes - 1}", actual))
