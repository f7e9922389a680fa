"""A sparse logistic head: few concepts a class, by an L1 penalty whose strength is chosen on rows it was not fitted on."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.gradient.linear_head import LinearHead
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Bool, Float32, Integer

Array = NDArray[Any]

STRENGTHS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""scikit-learn's C, the inverse of the penalty, tried from the sparsest on. The penalty is on sums, so that n matters."""
MOST_ROUNDS = 300
"""Rounds of the solver before it is said that it has not converged."""


@dataclass(frozen=True, slots=True, eq=False)
class SparseHead:
    """A fitted sparse head."""

    head: LinearHead
    """Its weights; most are exactly zero."""
    strength: float
    """The C it was fitted with."""
    used: int
    """Concepts with a weight for some class."""
    converged: bool
    """Whether the solver met its tolerance."""


def fit_sparse_head(
    x: Float32[np.ndarray, "images concepts"],
    codes: Integer[np.ndarray, " images"],
    *,
    aside: Bool[np.ndarray, " images"],
    classes: int,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
) -> SparseHead:
    """Return the sparsest head within one standard error of the best accuracy on the rows `aside`, fitted on all rows.

    With one strength nothing is chosen. Raises InputError for a strength that is not positive, or when a class has no
    row to fit on.
    """
    if not strengths or not all(math.isfinite(strength) and strength > 0 for strength in strengths):
        raise InputError(expected("strengths of the sparse head", "one or more above 0", f"{list(strengths)}"))
    chosen = strengths[0]
    if len(strengths) > 1:
        if not aside.any() or len(np.unique(codes[~aside])) < classes:
            want = "rows of every class, and some to choose the strength on"
            raise InputError(expected("rows of the sparse head", want, "too few", "Name the strength instead."))
        chosen = _choose(x, codes, aside=aside, classes=classes, strengths=sorted(strengths), seed=seed)
    head, converged = _fit(x, codes, classes=classes, strength=chosen, seed=seed)
    used = int(np.count_nonzero(np.abs(head.weight).max(axis=0)))
    return SparseHead(head, chosen, used, converged)


def _choose(x: Array, codes: Array, *, aside: Array, classes: int, strengths: Sequence[float], seed: int) -> float:
    """Return the smallest strength whose accuracy aside is within one standard error of the best."""
    accuracies = []
    for strength in strengths:
        head, _ = _fit(x[~aside], codes[~aside], classes=classes, strength=strength, seed=seed)
        logits = x[aside] @ head.weight.T + head.bias
        accuracies.append(float(np.mean(logits.argmax(axis=1) == codes[aside])))
    best = max(accuracies)
    error = math.sqrt(best * (1 - best) / int(np.count_nonzero(aside)))
    # strengths rise, and the smallest C is the sparsest head
    return next(strength for strength, accuracy in zip(strengths, accuracies, strict=True) if accuracy >= best - error)


def _fit(x: Array, codes: Array, *, classes: int, strength: float, seed: int) -> tuple[LinearHead, bool]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        l1_ratio=1.0, solver="saga", C=strength, tol=1e-3, max_iter=MOST_ROUNDS, random_state=seed
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # said by what is returned
        model.fit(x, codes)
    converged = bool((model.n_iter_ < MOST_ROUNDS).all())
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1 and classes == 2:  # scikit-learn keeps one row for two classes: the second against the first
        weight, bias = np.stack([-weight[0], weight[0]]) / 2, np.array([-bias[0], bias[0]]) / 2
    return LinearHead(weight.astype(np.float32), bias.astype(np.float32)), converged
