"""What changed first: families of concepts by the share of images in which they stand out, under two backgrounds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from t2c.core.shift.background import FEWEST
from t2c.core.shift.clusters import Clusters
from t2c.core.shift.judges import ByCluster, ByImage, Judge, Standouts
from t2c.core.shift.ranking import Lens, Ranked, rank_families
from t2c.core.shift.shares import visible_share
from t2c.flows.engine.answers import stored_once
from t2c.flows.prominence.candidates import Candidates, candidates_of, scores_of_banks
from t2c.flows.prominence.prominent import (
    ComparedSide,
    Prominent,
    compared_side,
    prominent_at_large,
    prominent_within,
)
from t2c.flows.prominence.standards import Standards, standards_of
from t2c.flows.rows.sides import Side
from t2c.flows.rows.units import Units
from t2c.flows.scores.comparable import comparable
from t2c.schemas.specs.shift import Judging
from t2c.schemas.tables.answers.prominence import RANKING
from t2c.store.artifacts.similarities import Scores
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
    units: Units,
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
    sides = [
        _side(side, by_bank, candidates, standards)
        for side, by_bank in zip((reference, current), _by_bank(reference, current, candidates), strict=True)
    ]
    if not all(len(part.rows) for _, part in sides):
        return no_table("no image of a side is scored with every bank")
    lenses = _lenses(sides, candidates, large=bool(standards.spread.std.any()))
    if not lenses:
        return no_table(f"fewer than {FEWEST} images are no background")
    judged = candidates.judged
    if marks is not None and not judging.untrusted:
        judged[[key for key, mark in marks.items() if mark == "untrusted" and key < candidates.counts[0]]] = False
    judge = _judge(sides, units, reference=reference, current=current, alpha=judging.alpha)

    def computed() -> pa.Table:
        ranked = rank_families(
            lenses, standards.families, judge, alpha=judging.alpha, min_share=judging.min_effect / 10, judged=judged
        )
        return ranking_table(ranked, candidates.names, marks=marks)

    asked = {**spec, "background": standards.background, "banks": list(candidates.banks)}
    answer = stored_once(
        scores[0].store, "ranking", computed, spec=asked, parents=[*parents, *candidates.parents, *standards.parents]
    )
    tests = len(lenses) * len(np.unique(standards.families.family[judged]))
    return FirstTable(
        answer.table,
        standards.background,
        tuple(lenses),
        "",
        _power(judge, alpha=judging.alpha, tests=tests),
        (*standards.notes, *_notes(lenses, len(sides[0][1].rows))),
    )


def _by_bank(reference: Side, current: Side, candidates: Candidates) -> list[tuple[Scores, ...]]:
    """Return each side's similarities to every bank of the candidates, all of them under the comparison's rule of folds."""
    by_bank = [[side.among.scores] for side in (reference, current)]
    for place in range(1, len(candidates.banks)):
        beside = [
            replace(side, among=side.among.under(scores_of_banks(side.among.scores, candidates)[place]))
            for side in (reference, current)
        ]
        for listed, side in zip(by_bank, comparable(*beside), strict=True):
            listed.append(side.among.scores)
    return [tuple(listed) for listed in by_bank]


def _side(
    side: Side, by_bank: tuple[Scores, ...], candidates: Candidates, standards: Standards
) -> tuple[Prominent, ComparedSide]:
    """Return what stands out at large in the rows of a side, and the side as the within lens reads it."""
    at_large = prominent_at_large(by_bank, candidates, standards)
    own = at_large.of(np.intersect1d(np.flatnonzero(side.rows()), at_large.rows))
    return own, compared_side(side.among.images, own, by_bank)


def _lenses(
    sides: Sequence[tuple[Prominent, ComparedSide]], candidates: Candidates, *, large: bool
) -> dict[Lens, Standouts]:
    """Return what stands out in each image of both sides, under each lens that there is."""
    (before, reference), (after, current) = sides
    lenses: dict[Lens, Standouts] = {}
    within = prominent_within(reference, current, candidates)
    if within is not None:
        lenses["within"] = Standouts(within[0], within[1])
    if large:
        lenses["at large"] = Standouts(before.number, after.number)
    return lenses


def _judge(
    sides: Sequence[tuple[Prominent, ComparedSide]], units: Units, *, reference: Side, current: Side, alpha: float
) -> Judge:
    """Return the test that the units call for, over the rows that have a similarity to every candidate."""
    if units.single:
        return ByImage(*(len(part.rows) for _, part in sides))
    codes = [
        np.unique(cluster[np.searchsorted(np.flatnonzero(side.rows()), part.rows)], return_inverse=True)[1]
        for side, cluster, (_, part) in zip(
            (reference, current), (units.clusters.reference, units.clusters.current), sides, strict=True
        )
    ]
    return ByCluster(Clusters(codes[0], codes[1]), alpha)


def _notes(lenses: Mapping[Lens, Standouts], reference: int) -> list[str]:
    if "within" in lenses:
        return []
    return [f"the reference has only {reference} images: shares are held against the background at large alone"]


def _power(judge: Judge, *, alpha: float, tests: int) -> str:
    """Return how large a rise from one in a hundred would have been seen, in words."""
    n, m = (int(count) for count in judge.independent)
    change = visible_share(n, m, alpha=alpha, tests=tests)
    return f"a share rising from 1% to {0.01 + change:.0%} of images would have been seen with 80%"


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
