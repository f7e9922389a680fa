"""Where a model errs, in words: conjunctions of at most three concepts, found on one half and measured on the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.stats import Z_95
from t2c.schemas.errors import InputError, MismatchError, SpecError, expected

if TYPE_CHECKING:
    from jaxtyping import Bool

Array = NDArray[Any]

LONGEST = 3
"""Concepts in a conjunction, at most."""
BEAM = 16
"""Conjunctions kept at each length while searching."""
_BLOCK = 8192

Term = tuple[int, int]
"""A concept's position, and +1 (high) or -1 (low)."""


@dataclass(frozen=True, slots=True)
class SliceOptions:
    """How slices are searched."""

    most: int = 5
    """Slices returned, at most."""
    longest: int = LONGEST
    """Concepts in a conjunction, 1 to 3."""
    smallest: int = 20
    """Images a slice must have in the half it is found on."""
    alpha: float = 0.05
    """Chance, over all slices together, that one is called confirmed though it is no worse than the rest."""

    def check(self) -> None:
        """Raise SpecError for an option out of its range."""
        if self.most < 1 or not 1 <= self.longest <= LONGEST or self.smallest < 1 or not 0 < self.alpha < 1:
            want = f"1 or more slices of 1 or more images, 1 to {LONGEST} concepts each, alpha between 0 and 1"
            raise SpecError(expected("options of the slices", want, f"{self}"))


@dataclass(frozen=True, slots=True)
class Half:
    """A slice, or all images, in one half."""

    n: int
    """Images."""
    errors: int
    """Of these, images that the model gets wrong."""

    @property
    def rate(self) -> float:
        """Share of errors; 0 without images."""
        return self.errors / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class Slice:
    """A conjunction on which a model errs more than elsewhere."""

    terms: tuple[Term, ...]
    """Concepts and sides, in the order in which they were found."""
    found: Half
    """The half it was found on: chosen for its errors, so its rate flatters the search."""
    measured: Half
    """The other half: an honest rate."""
    p: float
    """Chance of as many errors or more among the slice's images in the other half, were it like the rest of it
    (hypergeometric), times the number of slices found; at most 1."""
    confirmed: bool
    """Whether p is at most alpha."""


def find_slices(
    high: Bool[np.ndarray, "images concepts"],
    low: Bool[np.ndarray, "images concepts"],
    *,
    wrong: Bool[np.ndarray, " images"],
    search: Bool[np.ndarray, " images"],
    options: SliceOptions | None = None,
) -> list[Slice]:
    """Return slices in the order found: each the conjunction with the largest lower bound of its error rate.

    `high` and `low` say in which images a concept is far above or below its mean. A conjunction grows by the term that
    raises Wilson's lower 95 % bound of its error rate most (a beam of BEAM), as long as each of its terms tells: without
    it the rate would be lower by more than chance (hypergeometric, over all terms that were tried). Images of a slice
    then leave the search, so that the next one tells of other errors; it ends when no slice is above the rate of
    the whole half. Raises MismatchError for other shapes, InputError when a half has no image.
    """
    chosen = options or SliceOptions()
    chosen.check()
    if high.shape != low.shape or wrong.shape != high.shape[:1] or search.shape != high.shape[:1]:
        actual = f"{high.shape}, {low.shape}, {wrong.shape} and {search.shape}"
        raise MismatchError(expected("slices", "concept sides and one truth an image", actual))
    if search.all() or not search.any():
        raise InputError(expected("slices", "images in both halves", f"{int(search.sum())} of {len(search)} in one"))
    literals = _Literals(high, low, rows=np.flatnonzero(search), wrong=wrong)
    conjunctions = list(_search(literals, chosen))
    rest = ~search
    whole = Half(int(rest.sum()), int((wrong & rest).sum()))
    return [
        _measured(terms, high, low, wrong=wrong, search=search, whole=whole, of=len(conjunctions), options=chosen)
        for terms in conjunctions
    ]


class _Literals:
    """Every concept's two sides over the searched half, and counts of conjunctions with each of them."""

    def __init__(self, high: Array, low: Array, *, rows: Array, wrong: Array) -> None:
        self.sides = np.concatenate([high[rows], low[rows]], axis=1)
        self.wrong = wrong[rows]
        self.concepts = high.shape[1]

    def term(self, index: int) -> Term:
        """Return what one literal means."""
        return index % self.concepts, (1 if index < self.concepts else -1)

    def counts(self, masks: Array) -> tuple[Array, Array]:
        """Return images and errors of each mask (masks, images) joined with each literal, both (masks, literals)."""
        n = np.zeros((len(masks), self.sides.shape[1]), dtype=np.float64)
        errors = np.zeros_like(n)
        for start in range(0, len(self.sides), _BLOCK):
            rows = slice(start, start + _BLOCK)
            sides, inside = self.sides[rows].astype(np.float32), masks[:, rows].astype(np.float32)
            n += inside @ sides
            errors += (inside * self.wrong[rows]) @ sides
        return n, errors


def _search(literals: _Literals, options: SliceOptions) -> Iterator[tuple[Term, ...]]:
    """Yield conjunctions, each the best over the images that no earlier one holds."""
    among = np.ones(len(literals.wrong), dtype=np.bool_)
    overall = float(literals.wrong.mean())
    for _ in range(options.most):
        best = _best(literals, among, options)
        if best is None or best[0] <= overall:
            return
        yield tuple(literals.term(index) for index in best[1])
        among = among & ~np.logical_and.reduce([literals.sides[:, index] for index in best[1]])


def _best(literals: _Literals, among: Array, options: SliceOptions) -> tuple[float, tuple[int, ...]] | None:
    """Return the bound and the literals of the best conjunction among some images, or None when all are too small."""
    best: tuple[float, tuple[int, ...]] | None = None
    beam: list[tuple[float, tuple[int, ...]]] = [(0.0, ())]
    for _ in range(options.longest):
        masks = np.stack([_mask(literals, among, conjunction) for _, conjunction in beam])
        n, errors = literals.counts(masks)
        bounds = np.where(n >= options.smallest, lower_bound(errors, n), -1.0)
        grown: dict[tuple[int, ...], float] = {}
        for (before, conjunction), row in zip(beam, bounds, strict=True):
            for index in np.argsort(-row, kind="stable")[:BEAM].tolist():
                if row[index] > before and literals.term(index)[0] not in {literals.term(at)[0] for at in conjunction}:
                    grown.setdefault(tuple(sorted((*conjunction, index))), float(row[index]))
        if not grown:
            break
        bounded = ((bound, conjunction) for conjunction, bound in grown.items())
        beam = sorted(bounded, key=lambda scored: (-scored[0], scored[1]))[:BEAM]
        longer = next((scored for scored in beam if _each_term_tells(literals, among, scored[1], options.alpha)), None)
        if longer is not None and (best is None or longer[0] > best[0]):
            best = longer
    return best


def _each_term_tells(literals: _Literals, among: Array, conjunction: tuple[int, ...], alpha: float) -> bool:
    """Say whether leaving out any term of a conjunction of several lowers its error rate by more than chance would."""
    if len(conjunction) == 1:
        return True
    inside = _mask(literals, among, conjunction)
    n, errors = int(inside.sum()), int((inside & literals.wrong).sum())
    for index in conjunction:
        wider = _mask(literals, among, tuple(other for other in conjunction if other != index))
        p = upper_tail(errors, n, errors=int((wider & literals.wrong).sum()), n=int(wider.sum()))
        # Bonferroni: any of the literals might have been this term
        if p * literals.sides.shape[1] > alpha:
            return False
    return True


def _mask(literals: _Literals, among: Array, conjunction: tuple[int, ...]) -> Array:
    mask: Array = among.copy()
    for index in conjunction:
        mask &= literals.sides[:, index]
    return mask


def lower_bound(errors: Array, n: Array) -> Array:
    """Return Wilson's lower 95 % bound of errors / n, element by element; 0 without errors."""
    count = np.maximum(n, 1.0)
    share, extra = errors / count, Z_95 * Z_95 / count
    half = Z_95 * np.sqrt(share * (1 - share) / count + extra / (4 * count)) / (1 + extra)
    bound: Array = np.where(errors > 0, np.maximum(0.0, (share + extra / 2) / (1 + extra) - half), 0.0)
    return bound


def _measured(
    terms: tuple[Term, ...],
    high: Array,
    low: Array,
    *,
    wrong: Array,
    search: Array,
    whole: Half,
    of: int,
    options: SliceOptions,
) -> Slice:
    """Return a slice counted in both halves."""
    inside = np.logical_and.reduce([(high if sign > 0 else low)[:, at] for at, sign in terms])
    searched, measured = (
        Half(int((inside & half).sum()), int((inside & half & wrong).sum())) for half in (search, ~search)
    )
    p = min(1.0, of * upper_tail(measured.errors, measured.n, errors=whole.errors, n=whole.n))
    return Slice(terms, searched, measured, p, p <= options.alpha)


def upper_tail(k: int, drawn: int, *, errors: int, n: int) -> float:
    """Return the hypergeometric chance of k errors or more among `drawn` of n images with `errors` errors in all."""
    if k <= max(0, drawn - (n - errors)):
        return 1.0
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])

    def choose(total: int, covered: Array) -> Array:
        picked: Array = logs[total] - logs[covered] - logs[total - covered]
        return picked

    counts = np.arange(k, min(drawn, errors) + 1)
    terms = choose(errors, counts) + choose(n - errors, drawn - counts) - choose(n, np.array([drawn]))
    return float(min(1.0, np.exp(terms).sum()))
