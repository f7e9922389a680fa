"""One pass over rows that no map was fitted on: how often a head is right on aligned features, and their cosine."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.core.concepts.heads import compose
from t2c.core.concepts.similarity import paired_cosine
from t2c.core.laboratory.retained import Hits
from t2c.core.maps.heads import UNLABELLED, Head
from t2c.core.maps.linear_map import LinearMap
from t2c.core.statistics.proportions import wilson
from t2c.flows.engine.progress import Progress
from t2c.flows.laboratory.joint_plan import READ_ROWS
from t2c.flows.rows.features_of_rows import ranges
from t2c.store.artifacts.features import Features


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A map to be judged, by position among the encoders."""

    source: int
    """Encoder mapped from."""
    target: int
    """Encoder mapped to."""
    linear_map: LinearMap
    """The map."""


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """A head over one encoder's features and the true class of every row."""

    head: Head
    """The head."""
    codes: npt.NDArray[np.int64]
    """(rows,) index of each row's class among the head's, UNLABELLED when it is none of them."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Accuracy and mean cosine of one map on the held-out rows."""

    hits: Hits
    """Labelled rows and how often the head was right."""
    cosine: float
    """Mean cosine of aligned and own features; NaN when it was not asked for or there are no rows."""


def judge(
    features: Sequence[Features],
    held: npt.NDArray[np.bool_],
    candidates: Sequence[Candidate],
    *,
    judges: Mapping[int, Judge],
    cosines: bool,
    progress: Progress,
) -> list[Judged]:
    """Read the held-out rows once and judge every candidate on them; a target without a judge has no hits.

    `held` is (rows,). A head over a map is one linear classifier of the source's own features; aligned features
    themselves are formed only for cosines.
    """
    over = [
        compose(judges[candidate.target].head, candidate.linear_map) if candidate.target in judges else None
        for candidate in candidates
    ]
    hits, cosine, rows = [Hits()] * len(candidates), np.zeros(len(candidates)), 0
    progress.start("rows not fitted", int(held.sum()), "images")
    try:
        for at, block in _blocks(features, held):
            rows += len(at)
            own = {index: target_judge.head.predict(block[index]) for index, target_judge in judges.items()}
            for place, candidate in enumerate(candidates):
                head = over[place]
                if head is not None:
                    hits[place] += _hits(
                        head.predict(block[candidate.source]), own[candidate.target], judges[candidate.target].codes[at]
                    )
                if cosines:
                    aligned = candidate.linear_map.apply(block[candidate.source])
                    cosine[place] += float(paired_cosine(aligned, block[candidate.target]).sum())
            progress.advance(len(at))
    finally:
        progress.done()
    mean = cosine / rows if cosines and rows else np.full(len(candidates), np.nan)
    return [Judged(map_hits, float(value)) for map_hits, value in zip(hits, mean, strict=True)]


def accuracy_columns(head: str | None, found: Hits) -> dict[str, Any]:
    """Return the accuracy columns of PAIRS and CURVES; null without labelled rows."""
    if not found.n:
        return {"head": head, "labelled": 0}
    low, high = found.interval()
    retained = found.retained
    aligned, own = (wilson(right, found.n) for right in (found.aligned, found.own))
    return {
        "head": head,
        "labelled": found.n,
        "aligned": found.aligned / found.n,
        "aligned_low": aligned[0],
        "aligned_high": aligned[1],
        "own": found.own / found.n,
        "own_low": own[0],
        "own_high": own[1],
        "retained": None if np.isnan(retained) else retained,
        "retained_low": None if np.isnan(low) else low,
        "retained_high": None if np.isnan(high) else high,
    }


def _hits(aligned: npt.NDArray[np.int64], own: npt.NDArray[np.int64], codes: npt.NDArray[np.int64]) -> Hits:
    labelled = codes != UNLABELLED
    return Hits.of((aligned == codes)[labelled], (own == codes)[labelled])


def _blocks(
    features: Sequence[Features], held: npt.NDArray[np.bool_]
) -> Iterator[tuple[npt.NDArray[np.int64], list[npt.NDArray[np.float32]]]]:
    """Yield (rows, features by encoder) of the held-out rows, range by range."""
    for start, stop in ranges(len(held), READ_ROWS):
        used = np.flatnonzero(held[start:stop])
        if len(used):
            yield used + start, [feature.read(start, stop)[used].astype(np.float32) for feature in features]
