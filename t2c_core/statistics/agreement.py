"""What annotators say of decoded words: how often a word fits, and how often two agree beside what chance gives (paper, tables 5, 6).

Answers are 1 main object, 2 a similar object, 3 another object in the images, 4 unrelated (paper, appendix I).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.proportions import wilson
from t2c.schemas.errors import InputError, expected

Array = NDArray[Any]

MAIN, SIMILAR, OTHER, UNRELATED = 1, 2, 3, 4
"""The four answers."""

RATES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"relevant": (MAIN, SIMILAR, OTHER), "similar": (MAIN, SIMILAR), "main": (MAIN,)}
)
"""What table 5 counts, and the answers that count for it; `relevant` is table 1."""

GRAINS: Mapping[str, tuple[tuple[int, ...], ...]] = MappingProxyType(
    {
        "related or not": ((MAIN, SIMILAR, OTHER), (UNRELATED,)),
        "three": ((MAIN, SIMILAR), (OTHER,), (UNRELATED,)),
        "all four": ((MAIN,), (SIMILAR,), (OTHER,), (UNRELATED,)),
    }
)
"""The grains of table 6: answers merged into groups; two annotators agree when theirs lie in one group."""


@dataclass(frozen=True, slots=True)
class AnswerShare:
    """A share of answers or of pairs of answers, with a 95 % interval, beside chance."""

    n: int
    """Answers or pairs."""
    count: int
    """Of these, how many fit or agree."""
    rate: float
    """count / n."""
    low: float
    """Lower end of Wilson's 95 % interval; answers to one item are not independent, so it is a little too narrow."""
    high: float
    """Upper end of it."""
    chance: float
    """The same share among annotators who choose each of the four answers alike."""
    chance_observed: float | None
    """For agreement: the share among annotators who answer at random with the observed frequencies; None for rates."""


def rate(answers: Array, which: str) -> AnswerShare:
    """Return how often answers (n,) of 1 to 4 say that a word is `relevant`, `similar` or `main`; raises InputError."""
    _check(answers)
    fits = np.isin(answers, RATES[which])
    return _share(int(fits.sum()), len(answers), chance=len(RATES[which]) / 4)


def agreement(pairs: Array, grain: str) -> AnswerShare:
    """Return how often two annotators agree: pairs (n, 2) of answers to one item each; raises InputError.

    Uniform answers agree with 62.5, 37.5 and 25 % at the three grains: the sum of each group's squared share of the four.
    """
    _check(pairs)
    group = np.zeros(5, np.int64)
    for number, members in enumerate(GRAINS[grain]):
        group[list(members)] = number
    merged = group[pairs]
    shares = np.bincount(merged.ravel(), minlength=len(GRAINS[grain])) / merged.size
    chance = sum((len(members) / 4) ** 2 for members in GRAINS[grain])
    agreed = int((merged[:, 0] == merged[:, 1]).sum())
    return _share(agreed, len(pairs), chance=chance, observed=float((shares**2).sum()))


def pairs_of(answers: Mapping[str, int]) -> list[tuple[int, int]]:
    """Return the answers of every two annotators of one item, in the order of their names."""
    ordered = [answers[name] for name in sorted(answers)]
    return [(first, second) for place, first in enumerate(ordered) for second in ordered[place + 1 :]]


def _share(count: int, n: int, *, chance: float, observed: float | None = None) -> AnswerShare:
    low, high = wilson(count, n)
    return AnswerShare(n, count, count / n, low, high, chance, observed)


def _check(answers: Array) -> None:
    if answers.size == 0:
        raise InputError(expected("answers of a study", "at least one", "none"))
    if not np.isin(answers, (MAIN, SIMILAR, OTHER, UNRELATED)).all():
        raise InputError(expected("answers of a study", "numbers 1 to 4", f"{np.unique(answers).tolist()}"))
