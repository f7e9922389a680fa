"""Per-concept fidelity: do similarities of aligned features follow the target model's own, on rows the map never saw?"""

import numpy as np
import numpy.typing as npt

from t2c.core.concepts.similarity import score
from t2c.core.maps.linear_map import identity
from t2c.flows.rows.features_of_rows import find_features
from t2c.schemas.certificate import Fidelity
from t2c.schemas.tables.tables import FOLD_FULL
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.selection import searchable
from t2c.store.artifacts.similarities import Scores, parent_of

MOST_ROWS = 20_000
"""Rows compared at most, spread evenly: a correlation is known to 0.01 by then."""


def fidelity_of(images: Images, scores: Scores) -> tuple[Fidelity, ...]:
    """Return the correlation of aligned and own similarities of each concept, over rows that were not fitted.

    Empty when the dataset has no features of the target model, or fewer than two such rows.
    """
    own = find_features(images, scores.target.id)
    if own is None:
        return ()
    rows = _rows(images, scores, own.present(0, own.rows))
    if len(rows) < 2:
        return ()
    bank = open_concepts(scores.store, scores.bank, snapshot=parent_of(scores.manifest, "concepts").snapshot)
    values = score(own.take(rows).astype(np.float32), identity(own.dimension), vectors=bank.vectors())
    return tuple(
        Fidelity(scores.bank, name, len(rows), correlation(scores.values(key)[rows], values[:, key]))
        for key, name in enumerate(scores.names())
    )


def correlation(aligned: npt.NDArray[np.float32], own: npt.NDArray[np.float32]) -> float | None:
    """Return Pearson's correlation of two sets of similarities (images,), in float64; None where one is constant."""
    a, b = aligned.astype(np.float64), own.astype(np.float64)
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(np.clip((a @ b) / scale, -1, 1)) if scale > 0 else None


def _rows(images: Images, scores: Scores, present: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the rows that are current, scored with the full map, and have a feature of the target's own."""
    column = scores.column(0)
    usable = np.zeros(images.rows, dtype=np.bool_)
    usable[column.rows[(column.fold == FOLD_FULL) & (column.rows < images.rows)]] = True
    usable[: len(present)] &= present[: images.rows]
    usable[len(present) :] = False
    rows = np.flatnonzero(usable & searchable(images))
    step = max(1, -(-len(rows) // MOST_ROWS))
    return rows[::step]
