"""Concept logic over committed similarities: who satisfies an expression, how many remain after each term, and why.

`t2c.core.concepts.logic_eval` is the same arithmetic on arrays of the searched set; here a concept is one column of a Parquet
file, NaN marks images outside the set, and thresholds come from concept_stats, so a million images take milliseconds.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from t2c.schemas.logic import And, Constraint, Expression, Not, Or, concepts, conjuncts, constraints, render
from t2c.schemas.tables.tables import column
from t2c.store.artifacts.concepts import place_of
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.selection import Mask, image_rows
from t2c.store.artifacts.similarities import Scores
from t2c.store.queries.searched import Searched, searched

FUNNEL = pa.schema(
    [
        column("term", pa.string(), "a term of the outermost intersection, in the order written"),
        column("alone", pa.int64(), "images that satisfy this term"),
        column("remaining", pa.int64(), "images that satisfy this term and all before it"),
    ]
)

THRESHOLDS = pa.schema(
    [
        column("constraint", pa.string(), "a constraint, in the order written"),
        column("concept", pa.string(), "its concept"),
        column("mean", pa.float64(), "mean similarity over the searched set"),
        column("std", pa.float64(), "population standard deviation over the searched set"),
        column("threshold", pa.float64(), "similarity the image must be above (>) or below (<)"),
    ]
)

FOUND = pa.schema(
    [
        column("rank", pa.int64(), "1 for the best"),
        column("row", pa.int64(), "image row"),
        column("image_id", pa.string(), "image id"),
        column("uri", pa.string(), "where the image is"),
        column("label", pa.string(), "label; null when unknown", nullable=True),
        column("margin", pa.float64(), "standard deviations by which the expression holds; see `find`"),
        column("z", pa.list_(pa.float64()), "(similarity - mean) / std for each constraint, in the order written"),
        column("similarity", pa.list_(pa.float32()), "similarity for each constraint, in the order written"),
    ]
)

Element = TypeVar("Element", np.bool_, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class FindResult:
    """The answer to a concept-logic query."""

    expression: str
    """The expression, rendered."""
    searched: int
    """Images searched: the funnel's start."""
    matches: int
    """Images that satisfy the expression."""
    funnel: pa.Table
    """FUNNEL."""
    thresholds: pa.Table
    """THRESHOLDS, one row a constraint."""
    table: pa.Table
    """FOUND, best first, at most `limit` rows."""
    rows: NDArray[np.int64]
    """(matches,) all image rows that satisfy the expression, ascending."""


@dataclass(frozen=True, slots=True, eq=False)
class _Evaluation:
    """What the constraints are evaluated on, by concept."""

    values: dict[str, NDArray[np.float32]]
    moments: dict[str, tuple[float, float]]
    inside: Mask

    def mask(self, expression: Expression) -> Mask:
        """Return the images of the searched set that satisfy an expression, (rows,)."""
        match expression:
            case Constraint(concept=concept, sign=sign):
                threshold = np.float64(expression.threshold(*self.moments[concept]))  # float64: compared as such
                values = self.values[concept]
                return values > _below(threshold) if sign > 0 else values < -_below(-threshold)
            case Not(term):
                return self.inside & ~self.mask(term)
            case And(terms):
                return _fold(np.logical_and, [self.mask(term) for term in terms])
            case Or(terms):
                return _fold(np.logical_or, [self.mask(term) for term in terms])

    def z(self, concept: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return z-scores of some rows; 0 where the concept is constant."""
        mean, std = self.moments[concept]
        away = self.values[concept][rows].astype(np.float64) - mean
        return away / std if std > 0 else np.zeros_like(away)

    def margin(self, expression: Expression, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return by how many standard deviations the expression holds for some rows."""
        match expression:
            case Constraint(concept=concept, sign=sign, k=k):
                return sign * self.z(concept, rows) - k
            case Not(term):
                return -self.margin(term, rows)
            case And(terms):
                return _fold(np.minimum, [self.margin(term, rows) for term in terms])
            case Or(terms):
                return _fold(np.maximum, [self.margin(term, rows) for term in terms])


def find(
    scores: Scores,
    expression: Expression,
    *,
    images: Images | None = None,
    where: str | None = None,
    exclude_duplicates: bool = False,
    limit: int = 20,
) -> FindResult:
    """Return the images that satisfy a concept-logic expression, with the funnel and the reasons.

    Thresholds are mean + k std (or mean - k std) over the searched set, so `where` and `exclude_duplicates` change
    them. `!` is the complement within the searched set. Images are ordered by margin: of a constraint, how many
    standard deviations the similarity lies beyond the threshold; of `&` the smallest of its terms, of `|` the largest,
    of `!` the negative; ties by row. The weakest reason decides, so the first image is the surest.

    Raises UnknownName with the nearest concepts, SpecError for a bad predicate, InputError for an empty searched set.
    """
    among = searched(scores, images=images, where=where, exclude_duplicates=exclude_duplicates)
    evaluation = _evaluation(among, expression)
    funnel, mask = _funnel(evaluation, expression)
    rows = np.flatnonzero(mask)
    best, margin = _best(evaluation.margin(expression, rows), limit)
    return FindResult(
        expression=render(expression),
        searched=int(np.count_nonzero(evaluation.inside)),
        matches=len(rows),
        funnel=funnel,
        thresholds=_thresholds(evaluation, expression),
        table=_table(evaluation, expression, among.images, rows=rows[best], margin=margin),
        rows=rows,
    )


def _evaluation(among: Searched, expression: Expression) -> _Evaluation:
    names = among.names
    values, moments = {}, {}
    for concept in concepts(expression):
        key = place_of(concept, names, bank=among.scores.bank, store=among.scores.store)
        values[concept] = among.values(key)
        moments[concept] = among.moments(key, values[concept])
    inside = np.logical_and.reduce([~np.isnan(column) for column in values.values()])
    return _Evaluation(values, moments, inside)


def _fold(function: np.ufunc, arrays: list[NDArray[Element]]) -> NDArray[Element]:
    folded: NDArray[Element] = function.reduce(arrays)
    return folded


def _below(threshold: np.float64) -> np.float32:
    """Return the largest float32 not above a threshold: float32 values exceed it exactly when they exceed the threshold."""
    with np.errstate(over="ignore"):  # infinity compares as it should
        near = np.float32(threshold)
    return near if near <= threshold else np.nextafter(near, np.float32(-np.inf))


def _funnel(evaluation: _Evaluation, expression: Expression) -> tuple[pa.Table, Mask]:
    steps, remaining = [], evaluation.inside
    for term in conjuncts(expression):
        mask = evaluation.mask(term)
        remaining = remaining & mask
        alone, together = int(np.count_nonzero(mask)), int(np.count_nonzero(remaining))
        steps.append({"term": render(term), "alone": alone, "remaining": together})
    return pa.Table.from_pylist(steps, schema=FUNNEL), remaining


def _best(margin: NDArray[np.float64], limit: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the places of the largest margins, largest first, ties in order of place, and those margins."""
    places = np.arange(len(margin))
    if 0 < limit < len(margin):
        smallest = np.partition(margin, len(margin) - limit)[len(margin) - limit]
        places = np.flatnonzero(margin >= smallest)
    order = places[np.argsort(-margin[places], kind="stable")][:limit]
    return order, margin[order]


def _thresholds(evaluation: _Evaluation, expression: Expression) -> pa.Table:
    rows = []
    for constraint in constraints(expression):
        mean, std = evaluation.moments[constraint.concept]
        threshold = constraint.threshold(mean, std)
        named = {"constraint": render(constraint), "concept": constraint.concept}
        rows.append({**named, "mean": mean, "std": std, "threshold": threshold})
    return pa.Table.from_pylist(rows, schema=THRESHOLDS)


def _table(
    evaluation: _Evaluation,
    expression: Expression,
    images: Images,
    *,
    rows: NDArray[np.int64],
    margin: NDArray[np.float64],
) -> pa.Table:
    every = constraints(expression)
    z = np.stack([evaluation.z(constraint.concept, rows) for constraint in every], axis=1)
    similarity = np.stack([evaluation.values[constraint.concept][rows] for constraint in every], axis=1)
    about = image_rows(images, rows, ["image_id", "uri", "label"])
    columns = [
        np.arange(1, len(rows) + 1),
        rows,
        *(about[name].combine_chunks() for name in about.column_names),
        margin,
        pa.array(list(z), pa.list_(pa.float64())),
        pa.array(list(similarity), pa.list_(pa.float32())),
    ]
    return pa.table(columns, schema=FOUND)
