"""What changed first: families of concepts by how their shares changed under two backgrounds, with a test and an interval.

Order and judgement are two things. The order is by the sum of the standardised differences of both lenses: it puts what
changed on top, and tests nothing. The judgement is Fisher's exact test of each family under each lens: those that could
not reach significance however their images were split are dropped (Tarone), the q-values are over all that are left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from t2c.core.shift.families import Families
from t2c.core.shift.judges import Judge, Standouts
from t2c.core.shift.shares import newcombe, standardised_difference, within_reach
from t2c.core.statistics.pvalues import benjamini_hochberg
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float64, Int64

Array = NDArray[Any]

Lens = Literal["within", "at large"]
FamilyVerdict = Literal["risen", "fallen", "cannot tell", "none"]

FACTOR = 2.0
"""A share that changes by this factor is worth a line from a fifth of the smallest difference on."""
HIGH = 20
"""Ranks below which a family without a significant q reads `cannot tell`."""


@dataclass(frozen=True, slots=True, eq=False)
class LensCounts:
    """In how many images each concept stands out, on both sides, under one lens."""

    lens: Lens
    """Which background: the reference's own (`within`), or a varied one (`at large`)."""
    before: Int64[np.ndarray, " concepts"]
    """Images of the reference."""
    after: Int64[np.ndarray, " concepts"]
    """Images of the current side."""
    n: int
    """Images of the reference that were compared."""
    m: int
    """Images of the current side."""

    @classmethod
    def of(cls, lens: Lens, standouts: Standouts, concepts: int) -> Self:
        """Return the counts of what stands out in each image of both sides."""
        return cls(lens, *standouts.counts(concepts), len(standouts.before), len(standouts.after))


@dataclass(frozen=True, slots=True)
class FamilyLens:
    """One family under one lens."""

    before: float
    """Share of the reference's images in which a member stands out."""
    after: float
    """Share of the current side's."""
    low: float
    """Lower end of the 95 % interval of the difference."""
    high: float
    """Upper end."""
    log10_q: float
    """log10 of the q-value; 0 where the family could not reach significance."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One line of the first table."""

    rank: int
    """1 and up."""
    head: int
    """Key of the member that the family is named by."""
    best: int
    """Key of the member that it stands where it stands for."""
    members: tuple[int, ...]
    """Keys of all members."""
    score: float
    """Sum of the standardised differences of its best member: positive for risen."""
    lenses: dict[Lens, FamilyLens]
    """The family under each lens."""
    lens: Lens
    """The lens with the smaller q."""
    log10_q: float
    """That q."""
    verdict: FamilyVerdict
    """risen, fallen, cannot tell (a high rank that the images are too few to confirm) or none."""


def scores_of(lenses: Sequence[LensCounts]) -> Float64[np.ndarray, " concepts"]:
    """Return the sum over lenses of each concept's standardised difference of shares: what orders the table."""
    if not lenses:
        raise InputError(expected("lenses", "one or more", "none"))
    summed: Array = np.sum(
        [standardised_difference(part.before, part.n, part.after, part.m) for part in lenses], axis=0
    )
    return summed


def rank_families(
    lenses: Mapping[Lens, Standouts],
    families: Families,
    judge: Judge,
    *,
    alpha: float,
    min_share: float,
    judged: NDArray[np.bool_] | None = None,
) -> list[Ranked]:
    """Return the families in the order in which they are shown, most changed first, fallen and risen alike.

    `min_share` is the smallest difference of shares worth a verdict, met under either lens (a share that doubles or
    halves needs a fifth of it); `judged` (concepts,) says which concepts may be shown at all, such as those of the bank
    that was asked among a larger vocabulary.
    """
    concepts = len(families.family)
    counts = {lens: LensCounts.of(lens, part, concepts) for lens, part in lenses.items()}
    scores = scores_of(list(counts.values()))
    shown = np.ones(len(scores), dtype=np.bool_) if judged is None else judged
    log10_q = _q_values(lenses, families, judge, shown=shown, alpha=alpha)
    ranked: list[Ranked] = []
    placed: set[int] = set()
    for key in np.lexsort((np.arange(len(scores)), -np.abs(scores))).tolist():
        family = int(families.family[key])
        if family in placed or not shown[key]:
            continue
        placed.add(family)
        own = {
            lens: _family_lens(part, families.members(family), float(log10_q[lens][family]), judge.independent)
            for lens, part in counts.items()
        }
        lens = min(own, key=lambda name: own[name].log10_q)
        entry = Ranked(
            rank=len(ranked) + 1,
            head=int(families.head[family]),
            best=key,
            members=tuple(families.members(family)),
            score=float(scores[key]),
            lenses=own,
            lens=lens,
            log10_q=own[lens].log10_q,
            verdict="none",
        )
        ranked += _judged(entry, alpha=alpha, min_share=min_share)
    return [_numbered(entry, rank) for rank, entry in enumerate(ranked, start=1)]


def _q_values(
    lenses: Mapping[Lens, Standouts], families: Families, judge: Judge, *, shown: NDArray[np.bool_], alpha: float
) -> dict[Lens, Array]:
    """Return log10 q of each family under each lens: over all that could reach significance, both lenses together."""
    candidate = np.zeros(len(families.head), dtype=np.bool_)
    candidate[families.family[shown]] = True
    p = np.concatenate([judge.log10_p(part, families) for part in lenses.values()])
    smallest = [np.where(candidate, judge.log10_smallest(part, families), 0.0) for part in lenses.values()]
    kept = within_reach(np.concatenate(smallest), alpha=alpha) & np.tile(candidate, len(lenses))
    q = np.zeros(len(kept))
    q[kept] = benjamini_hochberg(p[kept])
    return dict(zip(lenses, np.split(q, len(lenses)), strict=True))


def _family_lens(part: LensCounts, members: list[int], log10_q: float, independent: tuple[float, float]) -> FamilyLens:
    before, after = int(part.before[members].sum()), int(part.after[members].sum())
    low, high = newcombe(before, independent[0], after, independent[1], size=(part.n, part.m))
    return FamilyLens(before / part.n, after / part.m, low, high, log10_q)


def worth_a_line(part: FamilyLens, *, min_share: float) -> bool:
    """Say whether a difference of shares is large enough to be named."""
    difference = abs(part.after - part.before)
    low, high = sorted((part.before, part.after))
    return difference >= min_share or (difference >= min_share / 5 and high >= FACTOR * low)


def _judged(entry: Ranked, *, alpha: float, min_share: float) -> list[Ranked]:
    """Return an entry with its verdict: two of it where the lenses disagree in sign and each has its q."""
    significant = {name: part for name, part in entry.lenses.items() if part.log10_q <= np.log10(alpha)}
    large = any(worth_a_line(part, min_share=min_share) for part in entry.lenses.values())
    if not large:
        return [entry]
    if not significant:
        return [_with(entry, "cannot tell")]
    directions = {name: "risen" if part.after > part.before else "fallen" for name, part in significant.items()}
    if len(set(directions.values())) > 1:
        return [_with(entry, direction, lens=name) for name, direction in directions.items()]
    return [_with(entry, directions[entry.lens])]


def _with(entry: Ranked, verdict: Any, *, lens: Lens | None = None) -> Ranked:
    name = lens or entry.lens
    return replace(entry, verdict=verdict, lens=name, log10_q=entry.lenses[name].log10_q)


def _numbered(entry: Ranked, rank: int) -> Ranked:
    # far down the table a family without evidence is not in doubt: nothing suggests that it changed
    verdict = "none" if entry.verdict == "cannot tell" and rank > HIGH else entry.verdict
    return replace(entry, rank=rank, verdict=verdict)
