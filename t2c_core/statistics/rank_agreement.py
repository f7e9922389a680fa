"""Rank agreement and areas of many directions over the same rows, a few directions at a time: the work behind trust."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.ranks import areas, ranks, spearman, top_overlap

if TYPE_CHECKING:
    from jaxtyping import Bool, Float32, Float64, Int32

Array = NDArray[Any]

AT_ONCE = 64
"""Directions scored at once: large enough for the product to run at full speed."""
TOP = 0.1
"""The top decile."""


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """One thing that is known about some rows: their class."""

    codes: Int32[np.ndarray, " images"]
    """Class of each row, 0 to classes - 1; -1 where it is not known."""
    classes: int
    """Number of classes."""


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Rank correlation, overlap and areas of each direction, in order of direction."""

    spearman: Float64[np.ndarray, " concepts"]
    """Rank correlation of aligned and own similarities; NaN where one is constant."""
    overlap: Float64[np.ndarray, " concepts"]
    """Share of the top decile that both have."""
    areas: tuple[Float64[np.ndarray, "concepts _classes"], ...]
    """For each thing known, the area of each class; NaN where a class is all rows or none."""


def measure(
    aligned: Float32[np.ndarray, "images target"],
    vectors: Float32[np.ndarray, "concepts target"],
    *,
    own: Float32[np.ndarray, "_images target"] | None = None,
    both: Bool[np.ndarray, " images"] | None = None,
    known: Sequence[Known] = (),
    advance: Callable[[int], None] = lambda _: None,
) -> Agreement:
    """Return agreement and areas of directions over unit aligned features.

    `own` are the target's unit features, of all rows or of those that `both` names; without them agreement is NaN.
    Memory: AT_ONCE similarities a row. Two products and two sorts a direction are all the work there is.
    """
    correlations, overlaps = (np.full(len(vectors), np.nan) for _ in range(2))
    class_areas = [np.full((len(vectors), labels.classes), np.nan) for labels in known]
    rows = [None if (labels.codes >= 0).all() else np.flatnonzero(labels.codes >= 0) for labels in known]
    codes = [labels.codes if at is None else labels.codes[at] for labels, at in zip(known, rows, strict=True)]
    counts = [np.bincount(code, minlength=labels.classes) for labels, code in zip(known, codes, strict=True)]
    for start in range(0, len(vectors), AT_ONCE):
        block = vectors[start : start + AT_ONCE]
        own_similarities = block @ own.T if own is not None else None
        for index, values in enumerate(block @ aligned.T):
            direction, ranked = start + index, ranks(values)
            for at, code, count, area in zip(rows, codes, counts, class_areas, strict=True):
                area[direction] = areas(ranked if at is None else ranks(values[at]), code, counts=count)
            if own_similarities is not None:
                aligned_ranks = ranked if both is None else ranks(values[both])
                own_ranks = ranks(own_similarities[index])
                correlations[direction] = spearman(aligned_ranks, own_ranks)
                overlaps[direction] = top_overlap(aligned_ranks, own_ranks, share=TOP)
        advance(len(block))
    return Agreement(correlations, overlaps, tuple(class_areas))
