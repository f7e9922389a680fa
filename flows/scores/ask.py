"""Retrieve images by concept logic: parse the expression, ask the store, say how many remain after each constraint."""

from dataclasses import dataclass

import pyarrow as pa

from schemas.logic import parse
from schemas.names import DatasetRef
from store.artifacts.images import open_images
from store.disk.root import Store
from store.queries import find as found_in
from store.queries import resolve_scores


@dataclass(frozen=True, slots=True, eq=False)
class FindReport:
    """The answer to `find`."""

    dataset: str
    """Dataset and snapshot that was searched."""
    map: str
    """Map it was scored with."""
    bank: str
    """Concept bank."""
    expression: str
    """The expression, as it was understood."""
    where: str | None
    """SQL condition that chose the searched set; None searched all."""
    searched: int
    """Images searched."""
    total: int
    """Images that satisfy the expression."""
    funnel: pa.Table
    """term, alone, remaining: how many images remain after each term."""
    thresholds: pa.Table
    """constraint, concept, mean, std, threshold."""
    matches: pa.Table
    """rank, row, image_id, uri, label, margin, z, similarity: best first."""


def find(
    store: Store,
    dataset: DatasetRef | str,
    expression: str,
    *,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
    where: str | None = None,
    limit: int = 50,
    duplicates: bool = True,
) -> FindReport:
    """Return the images that satisfy a concept-logic expression, surest first.

    Raises LogicError with the position of a mistake, UnknownName with the nearest concepts, SpecError, InputError.
    """
    parsed = parse(expression)
    scores = resolve_scores(store, dataset, source=source, target=target, bank=bank, linear_map=linear_map)
    images = open_images(store, dataset)
    result = found_in(scores, parsed, images=images, where=where, exclude_duplicates=not duplicates, limit=limit)
    return FindReport(
        dataset=f"{images.dataset}@{images.snapshot}",
        map=scores.map,
        bank=scores.bank,
        expression=result.expression,
        where=where,
        searched=result.searched,
        total=result.matches,
        funnel=result.funnel,
        thresholds=result.thresholds,
        matches=result.table,
    )
