"""Whether a concept may be believed under an aligned encoder: does it transport, does it mean what its name says.

Transport is agreement, on rows the map was not fitted on, of the target model's own similarity with the aligned one. A
linear map carries random directions nearly as well as real concepts, so it proves nothing alone. Meaning is the area
under the ROC curve against what is known about the images. A random direction separates the classes of a dataset by
luck far more often than 0.5 suggests, so an area must beat the areas that random directions reach on the same rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.pvalues import benjamini_hochberg
from t2c.core.statistics.unit_rows import unit

if TYPE_CHECKING:
    from jaxtyping import Float64

Array = NDArray[Any]
Mark = Literal["trusted", "weak", "unverified", "untrusted"]
State = Literal["good", "unclear", "poor", "unknown"]

TRANSPORT_FLOOR = 0.5
"""Spearman correlation that the lower end of the interval must reach for transport to be good."""
TRANSPORT_POOR = 0.3
"""Spearman correlation below which, with the whole interval, transport is poor."""
OVERLAP_FLOOR = 0.3
"""Share of the top decile that must be the same for transport to be good; chance is 0.1."""
OVERLAP_POOR = 0.15
"""Share of the top decile below which transport is poor, where there are ENOUGH_ROWS."""
ENOUGH_ROWS = 200
"""Rows from which a top decile (20 of them) says something."""
MEANING_FLOOR = 0.6
"""Area under the ROC curve that the lower end of the interval must reach for meaning to be good."""
FEWEST = 10
"""Positives, and negatives, below which an area is not judged."""
LEVEL = 0.025
"""Share of random directions that may reach the area which a concept's lower end must exceed."""
ALPHA = 0.05
"""False discovery rate over the bank at which a concept's area must differ from those of random directions."""


@dataclass(frozen=True, slots=True)
class Transport:
    """Agreement of a concept's aligned similarities with the target's own, on rows not fitted."""

    n: int
    """Rows compared."""
    spearman: float
    """Rank correlation; NaN where one side is constant."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end of its 95 % interval."""
    overlap: float
    """Share of the target's top decile that is in the aligned one; chance is 0.1."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A concept's area under the ROC curve against what is known about the images."""

    positives: int
    """Images known to have it."""
    negatives: int
    """Images known not to."""
    auroc: float
    """Area, 0 to 1; NaN without positives or negatives."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end of its 95 % interval."""
    threshold: float
    """Area that only LEVEL of random directions exceed on the same rows."""
    q: float
    """Benjamini-Hochberg q-value over the bank, of the area among those of random directions."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A concept's mark and what it rests on."""

    mark: Mark
    """trusted only when both transport and meaning are good."""
    transport: State
    """State of the transport, from the agreement of similarities."""
    meaning: State
    """State of the meaning, from the area under the ROC curve."""
    why: str
    """One sentence for people."""


def judge(transport: Transport | None, meaning: Meaning | None) -> Judgement:
    """Return the mark of a concept; None stands for what could not be measured.

    `untrusted`: one of the two is poor. `unverified`: one was not measured. `trusted`: both are good. `weak`: the rest,
    where the rows there are leave it open.
    """
    (carried, transport_reason), (means, meaning_reason) = judge_transport(transport), judge_meaning(meaning)
    states = (carried, means)
    if "poor" in states:
        return Judgement("untrusted", carried, means, transport_reason if carried == "poor" else meaning_reason)
    if "unknown" in states:
        return Judgement("unverified", carried, means, meaning_reason if means == "unknown" else transport_reason)
    if states == ("good", "good"):
        return Judgement("trusted", carried, means, f"{transport_reason}; {meaning_reason}")
    return Judgement("weak", carried, means, meaning_reason if means == "unclear" else transport_reason)


def judge_transport(found: Transport | None) -> tuple[State, str]:
    """Return what agreement says, and a sentence."""
    if found is None or found.n < 2:
        return "unknown", "the target's own features are missing on these rows"
    if math.isnan(found.spearman):
        return "poor", "its similarity is the same for every image"
    if found.high < TRANSPORT_POOR:
        return "poor", f"Spearman {found.spearman:.2f} with the target's own is below {TRANSPORT_POOR}"
    if found.overlap < OVERLAP_POOR and found.n >= ENOUGH_ROWS:
        return "poor", f"{found.overlap:.0%} of the target's top decile is in its own; chance is 10%"
    if found.low >= TRANSPORT_FLOOR and found.overlap >= OVERLAP_FLOOR:
        return "good", f"Spearman {found.spearman:.2f} with the target's own"
    if found.low < TRANSPORT_FLOOR:
        return (
            "unclear",
            f"Spearman {found.low:.2f} to {found.high:.2f} with the target's own is not above {TRANSPORT_FLOOR}",
        )
    if math.isnan(found.overlap):
        return "unclear", "equal similarities leave it without a top decile"
    return "unclear", f"{found.overlap:.0%} of the target's top decile is in its own; {OVERLAP_FLOOR:.0%} is asked"


def judge_meaning(found: Meaning | None) -> tuple[State, str]:
    """Return what the area says, and a sentence."""
    if found is None:
        return "unknown", "no label or attribute says which images have it"
    if min(found.positives, found.negatives) < FEWEST:
        few = f"{found.positives} images known to have it and {found.negatives} known not to"
        return "unknown", f"{few}; {FEWEST} of each are asked"
    claim = f"AUROC {found.auroc:.2f} ({found.low:.2f} to {found.high:.2f})"
    needed = max(MEANING_FLOOR, found.threshold)
    beside = f"{needed:.2f} that random directions reach" if needed > MEANING_FLOOR else f"the floor {needed:.2f}"
    if found.high < needed:
        return "poor", f"{claim} is below {beside}"
    if found.low <= needed:
        return "unclear", f"{claim} is not above {beside} for certain"
    if found.q > ALPHA:
        return "unclear", f"{claim}, but over the whole bank that may be luck (q {found.q:.2f})"
    return "good", claim


# Random directions: what an area or an agreement means nothing without.

FEWEST_CONCEPTS = 10
"""Concepts from which a bank's covariance is worth drawing from; a smaller bank gives its mean and total variance only."""


def bank_directions(vectors: Array, count: int, *, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return unit vectors (count, target) drawn with the mean and covariance of a bank's vectors (concepts, target).

    The covariance is the sample's own; that of fewer than FEWEST_CONCEPTS concepts spans the concepts themselves and
    little else, so then the same total variance is spread over every direction.
    """
    exact = vectors.astype(np.float64)
    mean = exact.mean(axis=0)
    away = exact - mean
    if len(exact) >= FEWEST_CONCEPTS:
        drawn = mean + rng.normal(size=(count, len(exact))) @ away / math.sqrt(len(exact) - 1)
    else:
        total = float((away * away).sum()) / max(len(exact) - 1, 1) or 1.0
        drawn = mean + rng.normal(size=(count, exact.shape[1])) * math.sqrt(total / exact.shape[1])
    return unit(drawn).astype(np.float32)


def sphere_directions(target: int, count: int, *, rng: np.random.Generator) -> NDArray[np.float32]:
    """Return unit vectors (count, target) drawn evenly from all directions."""
    return unit(rng.normal(size=(count, target))).astype(np.float32)


def threshold(areas: Float64[np.ndarray, " _concepts"], *, level: float = LEVEL) -> float:
    """Return the area that a further random direction exceeds with a chance of at most `level` (an order statistic)."""
    place = math.ceil((1 - level) * (len(areas) + 1))
    return float(np.sort(areas)[place - 1]) if place <= len(areas) else 1.0


def log10_p_random(area: float, areas: Float64[np.ndarray, " _concepts"], *, pairs: int) -> float:
    """Return log10 of the one-sided chance that a further random direction reaches an area.

    Random directions separate two sets of rows by a normal amount, so areas are compared as probits, with Student's t
    for a mean and deviation known from so many draws; `pairs` (positives x negatives) keeps 0 and 1 finite.
    """
    from scipy.special import ndtri, stdtr

    edge = 0.5 / max(pairs, 1)
    probits = ndtri(np.clip(areas, edge, 1 - edge))
    spread = float(probits.std(ddof=1)) * math.sqrt(1 + 1 / len(probits))
    away = float(ndtri(min(max(area, edge), 1 - edge))) - float(probits.mean())
    if spread == 0:
        return 0.0 if away <= 0 else -300.0
    return max(-300.0, math.log10(max(float(stdtr(len(probits) - 1, -away / spread)), 1e-300)))


def neighbours(vectors: Array, *, most: int = 3) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the places and cosines (concepts, most or fewer) of each vector's nearest others, nearest first."""
    units = unit(vectors.astype(np.float64)).astype(np.float32)
    count = max(0, min(most, len(units) - 1))
    places = np.empty((len(units), count), dtype=np.int64)
    cosines = np.empty((len(units), count), dtype=np.float32)
    for start in range(0, len(units), 1024):
        block = units[start : start + 1024] @ units.T
        # no concept is its own neighbour
        block[np.arange(len(block)), start + np.arange(len(block))] = -np.inf
        nearest = np.argsort(-block, axis=1, kind="stable")[:, :count]
        places[start : start + 1024] = nearest
        cosines[start : start + 1024] = np.take_along_axis(block, nearest, axis=1)
    return places, cosines


def q_values(log10_p: Sequence[float]) -> list[float]:
    """Return Benjamini-Hochberg q-values, 0 to 1, of log10 p-values."""
    return [float(10**value) for value in benjamini_hochberg(np.asarray(log10_p, dtype=np.float64))]
