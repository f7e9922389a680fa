"""What changed first: families of concepts by how their shares changed under two backgrounds, with a test and an interval.

Order and judgement are two things. The order is by the sum of the standardised differences of both lenses: it puts what
changed on top, and tests nothing. The judgement is Fisher's exact test of each family under each lens: those that could
not reach significance however their images were split are dropped (Tarone), the q-values are over all that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from t2c.core.shift.families import Families
from t2c.core.shift.shares import log10_fisher, log10_smallest, newcombe, standardised_difference, testable
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


PValues = Callable[[LensCounts, Families], "Float64[np.ndarray, ' families']"]
"""From counts to log10 p of each family, where rows are not independent and Fisher's test does not hold."""


def scores_of(lenses: Sequence[LensCounts]) -> Float64[np.ndarray, " concepts"]:
    """Return the sum over lenses of each concept's standardised difference of shares: what orders the table."""
    if not lenses:
        raise InputError(expected("lenses", "one or more", "none"))
    summed: Array = np.sum(
        [standardised_difference(part.before, part.n, part.after, part.m) for part in lenses], axis=0
    )
    return summed


def rank_families(
    lenses: Sequence[LensCounts],
    families: Families,
    *,
    alpha: float,
    min_share: float,
    judged: NDArray[np.bool_] | None = None,
    p_values: PValues | None = None,
    independent: tuple[float, float] | None = None,
) -> list[Ranked]:
    """Return the families in the order in which they are shown, most changed first, fallen and risen alike.

    `min_share` is the smallest difference of shares worth a verdict, met under either lens (a share that doubles or
    halves needs a fifth of it); `judged` (concepts,) says which concepts may be shown at all, such as those of the bank
    that was asked among a larger vocabulary; `p_values` replaces Fisher's test where rows are not independent, with
    `independent` observations on each side for the intervals.
    """
    scores = scores_of(lenses)
    shown = np.ones(len(scores), dtype=np.bool_) if judged is None else judged
    order = [int(key) for key in np.lexsort((np.arange(len(scores)), -np.abs(scores))) if shown[key]]
    counted = {part.lens: (families.sums(part.before), families.sums(part.after)) for part in lenses}
    log10_q = _q_values(lenses, families, counted, shown=shown, alpha=alpha, p_values=p_values)
    ranked: list[Ranked] = []
    placed: set[int] = set()
    for key in order:
        family = int(families.family[key])
        if family in placed:
            continue
        placed.add(family)
        own = {
            part.lens: _family_lens(part, counted[part.lens], family, float(log10_q[part.lens][family]), independent)
            for part in lenses
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
    lenses: Sequence[LensCounts],
    families: Families,
    counted: dict[Lens, tuple[Array, Array]],
    *,
    shown: NDArray[np.bool_],
    alpha: float,
    p_values: PValues | None,
) -> dict[Lens, Array]:
    """Return log10 q of each family under each lens: over all that could reach significance, both lenses together."""
    candidate = np.zeros(len(families.head), dtype=np.bool_)
    candidate[families.family[shown]] = True
    p, smallest = [], []
    for part in lenses:
        before, after = counted[part.lens]
        p.append(log10_fisher(before, part.n, after, part.m) if p_values is None else p_values(part, families))
        smallest.append(np.where(candidate, log10_smallest(before + after, part.n, part.m), 0.0))
    kept = testable(np.concatenate(smallest), alpha=alpha) & np.tile(candidate, len(lenses))
    every = np.zeros(len(kept))
    every[kept] = benjamini_hochberg(np.concatenate(p)[kept])
    return dict(zip((part.lens for part in lenses), np.split(every, len(lenses)), strict=True))


def _family_lens(
    part: LensCounts, counts: tuple[Array, Array], family: int, log10_q: float, independent: tuple[float, float] | None
) -> FamilyLens:
    before, after = int(counts[0][family]), int(counts[1][family])
    n, m = independent or (part.n, part.m)
    low, high = newcombe(before, n, after, m, size=(part.n, part.m))
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
