"""Which questions to ask: from a large vocabulary the families that tell two sides apart, found on one half, confirmed on the other.

Words are chosen, joined into families and given a direction and a lens on the half they are found on; the other half has
no say in that, so its exact test needs to answer for the tested families alone. The order uses both halves: it puts what
changed on top, and tests nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from t2c.core.shift.background import CONSTANT, Background, Spread
from t2c.core.shift.families import Families, families_of
from t2c.core.shift.prominence import NOBODY
from t2c.core.shift.ranking import FamilyLens, Lens, LensCounts, scores_of, worth_a_line
from t2c.core.shift.shares import log10_fisher, log10_smallest, newcombe, standardised_difference, within_reach
from t2c.core.statistics.pvalues import benjamini_hochberg

if TYPE_CHECKING:
    from jaxtyping import Float32, Int32, Int64

Array = NDArray[Any]

Direction = Literal["risen", "fallen"]
ProposalVerdict = Literal["confirmed", "not confirmed", "too few images"]

WORDS = 400
"""Words that families are formed of: those whose shares differ most on the half they are found on."""
TESTED = 50
"""Families of each direction that are tested, those that differ most on that half."""
_BLOCK = 256
"""Images whose similarities to the whole vocabulary are in memory at once: 20,000 words are 20 MB."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A family of words that may tell two sides apart."""

    rank: int
    """1 and up, by the size of the score."""
    head: int
    """Key of the word that the family is named by."""
    members: tuple[int, ...]
    """Keys of all its words."""
    direction: Direction
    """Where its share went on the half it was found on."""
    lens: Lens
    """The lens that showed it most there, and under which it is tested."""
    score: float
    """Sum over lenses of the standardised differences of its share over both halves."""
    seen: tuple[float, float]
    """Shares before and after on the half it was found on: chosen for their difference, so they flatter it."""
    measured: FamilyLens
    """Shares, interval and q on the other half."""
    verdict: ProposalVerdict
    """confirmed: the other half shows the same direction, with q and a difference worth a line; too few images: no split of
    so many could have; else not confirmed."""


def standing_out(
    units: Float32[np.ndarray, "images axis"], directions: Float32[np.ndarray, "words axis"], spreads: Sequence[Spread]
) -> Int32[np.ndarray, "lenses images"]:
    """Return the word that stands out in each image under each spread of one part; of equals the lowest key, -1 for none.

    Costs one matrix product, whatever the number of lenses.
    """
    keys = np.empty((len(spreads), len(units)), dtype=np.int32)
    scaled = [_scale_and_shift(spread) for spread in spreads]
    z = np.empty((min(_BLOCK, len(units)), len(directions)), dtype=np.float32)
    for start in range(0, len(units), _BLOCK):
        similarity = units[start : start + _BLOCK] @ directions.T
        for lens, (scale, shift) in enumerate(scaled):
            block = z[: len(similarity)]
            np.multiply(similarity, scale, out=block)
            block += shift
            keys[lens, start : start + len(block)] = block.argmax(axis=1)
    keys[[not scale.any() for scale, _ in scaled]] = NOBODY
    return keys


def _scale_and_shift(spread: Spread) -> tuple[Array, Array]:
    """Return what makes a similarity its z; a constant word gets minus infinity, and never stands out."""
    mean, std = spread.mean[0], spread.std[0]
    varies = std >= CONSTANT
    scale = np.divide(1.0, std, out=np.zeros_like(std), where=varies)
    return scale.astype(np.float32), np.where(varies, -mean * scale, -np.inf).astype(np.float32)


def lens_counts(lens: Lens, keys: Sequence[Int32[np.ndarray, " _images"]], *, words: int) -> LensCounts:
    """Return in how many images each word stands out, from the keys of the images before and after."""
    before, after = (np.bincount(side[side >= 0], minlength=words) for side in keys)
    return LensCounts(lens, before, after, len(keys[0]), len(keys[1]))


def candidate_words(search: Sequence[LensCounts], *, most: int = WORDS) -> Int64[np.ndarray, " candidates"]:
    """Return the keys, ascending, of the words whose shares differ most on the half that proposals are found on."""
    scores = scores_of(search)
    order = np.argsort(-np.abs(scores), kind="stable")[:most]
    return np.sort(order[scores[order] != 0])


def word_families(
    directions: Float32[np.ndarray, "words axis"], candidates: Int64[np.ndarray, " candidates"], background: Background
) -> Families:
    """Return the families of the candidate words: close as texts, and together over a background."""
    chosen = directions[candidates].astype(np.float64)
    lengths = np.linalg.norm(chosen, axis=1, keepdims=True)
    units = np.divide(chosen, lengths, out=np.zeros_like(chosen), where=lengths > 0)
    return families_of(units @ units.T, background.correlation(chosen))


def propose(
    search: Sequence[LensCounts],
    measured: Sequence[LensCounts],
    words: Int64[np.ndarray, " candidates"],
    *,
    families: Families,
    alpha: float = 0.05,
    min_share: float = 0.01,
) -> list[Proposal]:
    """Return the families that were tested, those that differ most over both halves first.

    `search` and `measured` are the counts of the two halves, lens by lens; `families` are those of the candidate `words`,
    in their order. Families without a chance to be confirmed, however their images were split, take no part in the
    q-values (Tarone). `min_share` is the smallest difference worth a line.
    """
    first, second = (tuple(_by_family(part, words, families) for part in half) for half in (search, measured))
    if not len(words):
        return []
    tested = _tested(scores_of(first))
    scores = scores_of([_added(part, rest) for part, rest in zip(first, second, strict=True)])
    by_lens = np.stack([standardised_difference(part.before, part.n, part.after, part.m) for part in first])
    lens_of = np.abs(by_lens).argmax(axis=0)
    log10_q, reach = _q_values(second, tested, lens_of, alpha=alpha)
    proposals = []
    for place, family in enumerate(tested.tolist()):
        at = int(lens_of[family])
        own = _measured(second[at], family, float(log10_q[place]))
        proposal = Proposal(
            rank=0,
            head=int(words[families.head[family]]),
            members=tuple(int(words[member]) for member in families.members(family)),
            direction="risen" if by_lens[at, family] > 0 else "fallen",
            lens=first[at].lens,
            score=float(scores[family]),
            seen=(first[at].before[family] / first[at].n, first[at].after[family] / first[at].m),
            measured=own,
            verdict="too few images",
        )
        proposals.append(_judged(proposal, alpha=alpha, min_share=min_share) if reach[place] else proposal)
    proposals.sort(key=lambda proposal: (-abs(proposal.score), proposal.head))
    return [replace(proposal, rank=rank) for rank, proposal in enumerate(proposals, 1)]


def _by_family(part: LensCounts, words: Array, families: Families) -> LensCounts:
    before, after = families.sums(part.before[words]), families.sums(part.after[words])
    return replace(part, before=before, after=after)


def _added(part: LensCounts, rest: LensCounts) -> LensCounts:
    return replace(
        part, before=part.before + rest.before, after=part.after + rest.after, n=part.n + rest.n, m=part.m + rest.m
    )


def _tested(scores: Array) -> Array:
    """Return the families of both directions that differ most on the half they were found on."""
    order = np.argsort(-np.abs(scores), kind="stable")
    fallen, risen = order[scores[order] < 0], order[scores[order] > 0]
    return np.concatenate([fallen[:TESTED], risen[:TESTED]])


def _q_values(measured: Sequence[LensCounts], tested: Array, lens_of: Array, *, alpha: float) -> tuple[Array, Array]:
    """Return log10 q of each tested family under its lens, and whether it could reach significance at all."""
    p, smallest = np.zeros(len(tested)), np.zeros(len(tested))
    for at, part in enumerate(measured):
        here = lens_of[tested] == at
        before, after = part.before[tested[here]], part.after[tested[here]]
        p[here] = log10_fisher(before, part.n, after, part.m)
        smallest[here] = log10_smallest(before + after, part.n, part.m)
    reach = within_reach(smallest, alpha=alpha)
    q = np.zeros(len(tested))
    q[reach] = benjamini_hochberg(p[reach])
    return q, reach


def _measured(part: LensCounts, family: int, log10_q: float) -> FamilyLens:
    before, after = int(part.before[family]), int(part.after[family])
    low, high = newcombe(before, part.n, after, part.m, size=(part.n, part.m))
    return FamilyLens(before / part.n, after / part.m, low, high, log10_q)


def _judged(proposal: Proposal, *, alpha: float, min_share: float) -> Proposal:
    own = proposal.measured
    same = (own.after > own.before) == (proposal.direction == "risen")
    confirmed = same and own.log10_q <= np.log10(alpha) and worth_a_line(own, min_share=min_share)
    return replace(proposal, verdict="confirmed" if confirmed else "not confirmed")
