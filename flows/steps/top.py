"""The images most or least similar to a concept, overall or inside a class: a thin step over the store's query."""

import pyarrow as pa

from schemas.names import DatasetRef
from store.artifacts.images import open_images
from store.disk.root import Store
from store.queries import resolve_scores
from store.queries import top as ranked


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
