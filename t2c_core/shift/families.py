"""Families of concepts that no picture tells apart: near-synonyms, formed from texts and a background, blind to both sides.

Two concepts are close when their texts are (cosine of their vectors less the bank's mean vector) and when their z go together over the background (correlation). A
family grows around its closest pair as long as every member is close to every other (complete linkage), so that it stays
one thing, never across groups, and to MOST members at most. What is tested is the share of images in which any member
stands out; what is said is the name of the member that is closest to the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float, Int32

Array = NDArray[Any]

TEXT = 0.4
"""Cosine of two centred vectors from which on their texts count as close: 1 in 200 pairs of the 1,203 LVIS names."""
TOGETHER = 0.6
"""Correlation of their z over the background from which on they go together."""
MOST = 12
"""Members of a family at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Families:
    """Every concept's family; one that is close to no other is a family of its own."""

    family: Int32[np.ndarray, " concepts"]
    """Number of each concept's family, 0 and up in order of its first member."""
    head: Int32[np.ndarray, " families"]
    """Key of the member that each family is named by."""

    def members(self, family: int) -> list[int]:
        """Return the keys of a family, ascending."""
        return [int(key) for key in np.flatnonzero(self.family == family)]

    def sums(self, counts: Array) -> Array:
        """Return counts of images by family, from those by concept: one concept stands out in an image, so they add up."""
        summed: Array = np.bincount(self.family, weights=counts, minlength=len(self.head)).astype(np.int64)
        return summed


def families_of(
    cosine: Float[np.ndarray, "concepts concepts"],
    correlation: Float[np.ndarray, "concepts concepts"],
    *,
    groups: Sequence[str | None] | None = None,
) -> Families:
    """Return the families of a bank, from the cosines of centred vectors and the correlations of their z over a background.

    `groups` says which concepts are answers to one question, such as colours.
    """
    close = (cosine >= TEXT) & (correlation >= TOGETHER)
    if groups is not None:
        codes = np.unique([group or f"\0{key}" for key, group in enumerate(groups)], return_inverse=True)[1]
        grouped = np.array([group is not None for group in groups])
        # answers to one question tell each other apart: red and blue are never one family
        close &= ~((codes[:, None] == codes[None, :]) & grouped[:, None]) & ~(grouped[:, None] ^ grouped[None, :])
        close &= (codes[:, None] == codes[None, :]) | ~grouped[:, None]
    np.fill_diagonal(close, val=False)
    member_of = np.arange(len(close))
    sets = {key: [key] for key in range(len(close))}
    first, second = np.nonzero(np.triu(close))
    order = np.lexsort((second, first, -correlation[first, second]))
    for place in order:
        a, b = sorted((int(member_of[first[place]]), int(member_of[second[place]])))
        if a != b and len(sets[a]) + len(sets[b]) <= MOST and close[np.ix_(sets[a], sets[b])].all():
            sets[a] = sorted(sets[a] + sets.pop(b))
            member_of[sets[a]] = a
    roots = sorted(sets, key=lambda root: sets[root][0])
    number = np.empty(len(close), dtype=np.int32)
    for family, root in enumerate(roots):
        number[sets[root]] = family
    heads = [_central(sets[root], correlation) for root in roots]
    return Families(number, np.array(heads, dtype=np.int32))


def _central(members: list[int], correlation: Array) -> int:
    """Return the member with the largest mean correlation to the others, the lowest key of several."""
    if len(members) < 3:
        return members[0]
    between = correlation[np.ix_(members, members)]
    return members[int(np.argmax(between.sum(axis=1)))]
