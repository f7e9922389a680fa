"""What changed first: families of concepts by the share of images in which they stand out, under two backgrounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.shift.ranking import Lens, LensCounts, Ranked, rank_families
from t2c.core.shift.shares import visible_share
from t2c.flows.engine.answers import stored_once
from t2c.flows.prominence.candidates import Candidates, candidates_of, scores_of_banks
from t2c.flows.prominence.prominent import (
    ComparedSide,
    Prominent,
    compared_side,
    counts_of,
    prominent_at_large,
    prominent_within,
)
from t2c.flows.prominence.standards import Standards, standards_of
from t2c.flows.rows.sides import Side
from t2c.schemas.specs.shift import Judging
from t2c.schemas.tables.answers.prominence import RANKING
from t2c.store.disk.manifest import Parent

COLUMN: Mapping[Lens, str] = {"within": "within", "at large": "at_large"}
"""Lens -> the end of its columns' names in RANKING."""


@dataclass(frozen=True, slots=True, eq=False)
class FirstTable:
    """Families in the order of how much changed, or why there are none."""

    table: pa.Table
    """RANKING, most changed first; empty where no concept can stand out."""
    background: str
    """The background at large; empty without one."""
    lenses: tuple[Lens, ...]
    """Backgrounds that were used."""
    why_not: str
    """Why there is no table; empty when there is one."""
    power: str
    """How large a change of share would have been seen."""
    notes: tuple[str, ...]
    """What a reader must know of the backgrounds."""

    def with_verdict(self, verdict: str) -> list[dict[str, Any]]:
        """Return the lines of one verdict, in order."""
        return [row for row in self.table.to_pylist() if row["verdict"] == verdict]


def no_table(why: str) -> FirstTable:
    """Return a first table that could not be made."""
    return FirstTable(RANKING.empty_table(), "", (), why, "", ())


def first_table(
    reference: Side,
    current: Side,
    *,
    judging: Judging,
    marks: Mapping[int, str] | None,
    spec: Mapping[str, Any],
    parents: Sequence[Parent],
) -> FirstTable:
    """Return what changed first between two sides; `spec` and `parents` are those of the comparison it belongs to.

    `marks` are the trust of each concept by key: those that are left out are not shown. Raises UnknownName for a
    background or vocabulary that is not there.
    """
    scores = [side.among.scores for side in (reference, current)]
    candidates = candidates_of(scores[0], scores[1:], vocabulary=judging.vocabulary)
    if isinstance(candidates, str):
        return no_table(candidates)
    standards = standards_of(scores[0], candidates, background=judging.background)
    sides = [_side(side, candidates, standards) for side in (reference, current)]
    if any(len(part.rows) == 0 for _, part in sides):
        return no_table("no image of a side is scored with every bank")
    lenses = _counts(sides, candidates, large=bool(standards.spread.std.any()))
    judged = candidates.judged
    if marks is not None and not judging.untrusted:
        judged[[key for key, mark in marks.items() if mark == "untrusted" and key < candidates.counts[0]]] = False

    def computed() -> pa.Table:
        ranked = rank_families(
            lenses,
            standards.families,
            alpha=judging.alpha,
            min_share=judging.min_effect / 10,
            judged=judged,
        )
        return ranking_table(ranked, candidates.names, marks=marks)

    asked = {**spec, "background": standards.background, "banks": list(candidates.banks)}
    answer = stored_once(
        scores[0].store, "ranking", computed, spec=asked, parents=[*parents, *candidates.parents, *standards.parents]
    )
    smallest = min(len(part.rows) for _, part in sides), max(len(part.rows) for _, part in sides)
    tests = len(lenses) * len(np.unique(standards.families.family[judged]))
    return FirstTable(
        answer.table,
        standards.background,
        tuple(part.lens for part in lenses),
        "",
        _power(*smallest, alpha=judging.alpha, tests=tests),
        (*standards.notes, *_notes(lenses, sides)),
    )


def _side(side: Side, candidates: Candidates, standards: Standards) -> tuple[Prominent, ComparedSide]:
    """Return what stands out at large in the rows of a side, and the side as the within lens reads it."""
    scores = side.among.scores
    at_large = prominent_at_large(scores, candidates, standards)
    rows = np.intersect1d(np.flatnonzero(side.rows()), at_large.rows)
    own = at_large.of(rows)
    return own, compared_side(side.among.images, own, scores_of_banks(scores, candidates))


def _counts(
    sides: Sequence[tuple[Prominent, ComparedSide]], candidates: Candidates, *, large: bool
) -> list[LensCounts]:
    """Return in how many images of both sides each candidate stands out, under each lens that there is."""
    concepts = len(candidates.names)
    (before, reference), (after, current) = sides
    numbers: list[tuple[Lens, npt.NDArray[np.int32], npt.NDArray[np.int32]]] = []
    within = prominent_within(reference, current, candidates)
    if within is not None:
        numbers.append(("within", within[0], within[1]))
    if large:
        numbers.append(("at large", before.number, after.number))
    return [
        LensCounts(lens, counts_of(first, concepts), counts_of(second, concepts), len(first), len(second))
        for lens, first, second in numbers
    ]


def _notes(lenses: Sequence[LensCounts], sides: Sequence[tuple[Prominent, ComparedSide]]) -> list[str]:
    names = [part.lens for part in lenses]
    notes = []
    if "within" not in names:
        notes.append(
            f"the reference has only {len(sides[0][1].rows)} images: shares are held against the background at large alone"
        )
    return notes


def _power(small: int, large: int, *, alpha: float, tests: int) -> str:
    """Return how large a rise from one in a hundred would have been seen, in words."""
    change = visible_share(small, large, alpha=alpha, tests=tests)
    return f"a share rising from 1 % to {0.01 + change:.0%} of images would have been seen with 80%"


def ranking_table(ranked: Sequence[Ranked], names: Sequence[str], *, marks: Mapping[int, str] | None) -> pa.Table:
    """Return RANKING of ranked families."""
    rows = []
    for entry in ranked:
        row: dict[str, Any] = {
            "rank": entry.rank,
            "name": names[entry.head],
            "best": names[entry.best],
            "family": [names[key] for key in entry.members],
            "score": entry.score,
            "verdict": entry.verdict,
            "lens": entry.lens,
            "log10_q": entry.log10_q,
            "q": 10**entry.log10_q if entry.log10_q > -308 else 0.0,
            "trust": None if marks is None else marks.get(entry.head),
        }
        for lens, part in entry.lenses.items():
            end = COLUMN[lens]
            row |= {f"share_before_{end}": part.before, f"share_after_{end}": part.after}
            row |= {f"low_{end}": part.low, f"high_{end}": part.high, f"log10_q_{end}": part.log10_q}
        rows.append({name: row.get(name) for name in RANKING.names})
    return pa.Table.from_pylist(rows, schema=RANKING)
