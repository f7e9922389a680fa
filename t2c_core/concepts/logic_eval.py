"""Concept logic on arrays: which images satisfy an expression, and how many remain after each constraint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.stats import mean_and_std
from t2c.schemas.errors import MismatchError, expected, unknown
from t2c.schemas.logic import And, Constraint, Expression, Not, Or, concepts, conjuncts, render

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Float64

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """One term of the outermost intersection."""

    term: str
    """The term as text."""
    alone: int
    """Images that satisfy this term."""
    remaining: int
    """Images that satisfy this term and all before it."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The images that satisfy an expression."""

    mask: Bool[np.ndarray, " images"]
    """True where the expression holds."""
    searched: int
    """Images searched: the funnel's start."""
    funnel: tuple[FunnelStep, ...]
    """Counts after each term, in the order written."""


def evaluate(
    expression: Expression,
    similarities: Mapping[str, Float[np.ndarray, " images"]],
    *,
    stats: Mapping[str, tuple[float, float]] | None = None,
) -> Found:
    """Return the images that satisfy an expression.

    `similarities` holds those of each concept over the searched set. `stats` holds (mean, std with ddof 0) of each
    concept; left out, they are those of the searched set, as in the paper; given, thresholds are frozen to a reference.
    Comparisons are strict, so a constant concept satisfies neither side at k = 0.
    """
    _check(expression, similarities)
    moments = {name: mean_and_std(similarities[name]) for name in concepts(expression)} if stats is None else stats
    steps: list[FunnelStep] = []
    remaining = np.ones(len(next(iter(similarities.values()))), dtype=np.bool_)
    searched = len(remaining)
    for term in conjuncts(expression):
        mask = _mask(term, similarities, moments)
        remaining = remaining & mask
        steps.append(FunnelStep(render(term), int(mask.sum()), int(remaining.sum())))
    return Found(remaining, searched, tuple(steps))


def z_scores(values: Float[np.ndarray, " images"], *, mean: float, std: float) -> Float64[np.ndarray, " images"]:
    """Return (value - mean) / std of similarities: why an image was found; 0 where std is 0."""
    away = values.astype(np.float64) - mean
    return away / std if std > 0 else np.zeros_like(away)


def _mask(
    expression: Expression, similarities: Mapping[str, Array], stats: Mapping[str, tuple[float, float]]
) -> NDArray[np.bool_]:
    match expression:
        case Constraint(concept=concept, sign=sign):
            values = similarities[concept].astype(np.float64)
            threshold = expression.threshold(*stats[concept])
            return np.greater(values, threshold) if sign > 0 else np.less(values, threshold)
        case Not(term):
            return ~_mask(term, similarities, stats)
        case And(terms) | Or(terms):
            join = np.logical_and if isinstance(expression, And) else np.logical_or
            mask: NDArray[np.bool_] = join.reduce([_mask(term, similarities, stats) for term in terms])
            return mask


def _check(expression: Expression, similarities: Mapping[str, Array]) -> None:
    for name in concepts(expression):
        if name not in similarities:
            raise unknown("concept", name, similarities, todo="Add it with: t2c concepts add")
    if len(lengths := {values.shape for values in similarities.values()}) > 1:
        raise MismatchError(expected("similarities", "one shape (images,) for every concept", str(sorted(lengths))))
