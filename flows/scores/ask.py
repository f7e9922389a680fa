"""Questions about one scored dataset: images by concept logic, the images most like a concept, a summary by concepts."""

from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from t2c.flows.engine.shown import Shown
from t2c.flows.trust.trust import marks_by_name
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.logic import parse
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.tables import OUTCOMES
from t2c.store.artifacts.images import Images, open_images
from t2c.store.disk.root import Store
from t2c.store.queries import Extremes, extremes, resolve_scores, searched
from t2c.store.queries import find as found_in
from t2c.store.queries import summary as described
from t2c.store.queries import top as ranked


@dataclass(frozen=True, slots=True, eq=False)
class FindReport(Shown):
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


def top(
    store: Store,
    dataset: DatasetRef | str,
    concept: str,
    *,
    k: int = 20,
    least: bool = False,
    label: str | None = None,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
    where: str | None = None,
    duplicates: bool = True,
) -> pa.Table:
    """Return the k images most (or least) similar to a concept: rank, row, image_id, uri, label, similarity, z.

    Raises UnknownName for a dataset, concept or label that is not there, SpecError for k below 1 or a bad condition.
    """
    scores = resolve_scores(store, dataset, source=source, target=target, bank=bank, linear_map=linear_map)
    images = open_images(store, dataset)
    return ranked(
        scores, concept, k, label=label, least=least, images=images, where=where, exclude_duplicates=not duplicates
    )


@dataclass(frozen=True, slots=True, eq=False)
class SummaryReport(Shown):
    """The answer to `summary`."""

    ANSWER: ClassVar = "concepts"
    COLUMNS: ClassVar = ("concept", "mean", "std", "min", "max")
    dataset: str
    """Dataset and snapshot."""
    map: str
    """Map it was scored with."""
    bank: str
    """Concept bank."""
    accounting: pa.Table
    """outcome, images: what became of every current input; sums to their number."""
    searched: int
    """Images with a similarity that may be compared."""
    concepts: pa.Table
    """CONCEPT_STATS, in order of key."""
    classes: pa.Table
    """For each concept, classes ranked by mean similarity; empty without labels."""
    extremes: tuple[Extremes, ...]
    """The most and least similar images of each concept, overall and (when asked for) inside each class."""
    trust: dict[str, str] | None
    """Concept to its mark; None: not measured."""


def summary(
    store: Store,
    dataset: DatasetRef | str,
    *,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
    k: int = 5,
    by_class: bool = False,
) -> SummaryReport:
    """Return what a dataset looks like through a concept bank; `k` images at each end of each concept, 0 for none.

    `by_class` adds both ends inside every class, the paper's way to hard images. Raises UnknownName, SpecError.
    """
    if k < 0:
        raise SpecError(expected("number of images", "0 or more", str(k)))
    scores = resolve_scores(store, dataset, source=source, target=target, bank=bank, linear_map=linear_map)
    images = open_images(store, dataset)
    description = described(scores, images=images)
    among = searched(scores, images=images)
    names = description.stats["concept"].to_pylist() if k else []
    ends = [end for name in names for end in extremes(scores, name, k, by_label=by_class, among=among)]
    return SummaryReport(
        dataset=f"{images.dataset}@{images.snapshot}",
        map=scores.map,
        bank=scores.bank,
        accounting=accounting(images),
        searched=description.searched,
        concepts=description.stats,
        classes=description.classes,
        extremes=tuple(ends),
        trust=marks_by_name(store, scores.dataset, map=scores.map, bank=scores.bank),
    )


def accounting(images: Images) -> pa.Table:
    """Return outcome and images: every outcome with its number of current inputs, zeros included."""
    counts = {row["values"]: row["counts"] for row in images.table(["outcome"])["outcome"].value_counts().to_pylist()}
    return pa.table({"outcome": list(OUTCOMES), "images": pa.array([counts.get(name, 0) for name in OUTCOMES])})
