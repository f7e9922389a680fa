"""The searched set: which images a question is asked of, and each concept's similarities and moments over exactly them.

An image counts when it is current, readable, and has a similarity that may be compared (out of fold, or of a row the
map was not fitted on). When the set is the one that concept_stats describes, moments come from there; when it is
another (a predicate, no duplicates, images that changed since scoring), they are computed over it.
"""

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, expected
from t2c.store.artifacts.images import Images, open_images
from t2c.store.artifacts.selection import Mask, searchable
from t2c.store.artifacts.similarities import Scores
from t2c.store.queries.where import where_mask

_STATS = ["key", "concept", "count", "mean", "std"]


@dataclass(frozen=True, slots=True, eq=False)
class Searched:
    """A searched set of one dataset's similarities."""

    scores: Scores
    images: Images
    mask: Mask | None
    """(rows,) rows that may count, over the rows of the similarities; None: every row with a similarity."""
    narrowed: bool
    """Whether the question itself chose the rows (a predicate, no duplicates)."""
    _stats: pa.Table

    @property
    def names(self) -> list[str]:
        """Concepts in order of key."""
        names: list[str] = self._stats["concept"].to_pylist()
        return names

    def values(self, key: int) -> NDArray[np.float32]:
        """Return a concept's similarity by image row, (rows,) float32; NaN outside the searched set."""
        values = self.scores.values(key)
        if self.mask is not None:
            values[~self.mask] = np.nan
        return values

    def compact_values(self, key: int) -> NDArray[np.float32]:
        """Return a concept's similarities over the searched set, (images,) float32, in order of row."""
        values = self.values(key)
        return values[~np.isnan(values)]

    def moments(self, key: int, values: NDArray[np.float32]) -> tuple[float, float]:
        """Return mean and population standard deviation of a concept over the searched set, given `values(key)`.

        Raises InputError when the set is empty.
        """
        count = int(np.count_nonzero(~np.isnan(values)))
        if count == 0:
            raise self.empty()
        if not self.narrowed and count == self._stats["count"][key].as_py():
            return self._stats["mean"][key].as_py(), self._stats["std"][key].as_py()
        return mean_and_std(values[~np.isnan(values)])

    def under(self, scores: Scores) -> "Searched":
        """Return the same images under other similarities of the same rows and concepts."""
        return replace(self, scores=scores, _stats=scores.stats(_STATS))

    def empty(self) -> InputError:
        """Return the error for a searched set without an image."""
        todo = "Rows a map was fitted on without folds are never searched; a --where predicate may have left none."
        want = "at least one current image with a similarity that may be compared"
        return InputError(expected(f"searched set of {self.scores.dataset}", want, "none", todo))


def mean_and_std(values: NDArray[np.float32]) -> tuple[float, float]:
    """Return mean and population standard deviation in float64; of equal values exactly the value and 0."""
    low, high = values.min(), values.max()
    if low == high:
        return float(low), 0.0
    return float(np.mean(values, dtype=np.float64)), float(np.std(values, dtype=np.float64))


def searched(
    scores: Scores, *, images: Images | None = None, where: str | None = None, exclude_duplicates: bool = False
) -> Searched:
    """Return the searched set of a dataset's similarities, over the newest image index unless one is given.

    `where` is a SQL predicate over the columns of the images view; `exclude_duplicates` counts each content once.
    Raises SpecError for a predicate that is not one.
    """
    images = images or open_images(scores.store, scores.dataset)
    stats = scores.stats(_STATS)
    narrowed = where is not None or exclude_duplicates
    if not narrowed and images.snapshot == scores.images_snapshot and scores.manifest.summary["set_aside"] == 0:
        return Searched(scores, images, None, narrowed=False, _stats=stats)
    mask = np.zeros(scores.rows, dtype=np.bool_)
    indexed = min(scores.rows, images.rows)  # an older image index has fewer rows
    mask[:indexed] = searchable(images, exclude_duplicates=exclude_duplicates)[:indexed]
    if where is not None:
        mask[:indexed] &= where_mask(images, where)[:indexed]
    return Searched(scores, images, mask, narrowed=narrowed, _stats=stats)


def values_for(
    scores: Scores,
    concept: str,
    *,
    images: Images | None = None,
    where: str | None = None,
    exclude_duplicates: bool = False,
) -> NDArray[np.float32]:
    """Return one concept's similarities over a searched set, (images,) float32, in order of row.

    For several concepts open the set once: `searched(...).compact_values(key)`. Raises UnknownName, SpecError.
    """
    key = scores.key_of(concept)
    return searched(scores, images=images, where=where, exclude_duplicates=exclude_duplicates).compact_values(key)
