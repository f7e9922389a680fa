"""The report's section on trust: the marks in use, what each rests on, and why a concept is not trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from t2c.core.concepts.trust import MEANING_FLOOR, TRANSPORT_FLOOR
from t2c.flows.page.section import Context, Gathered
from t2c.flows.trust.trust import MARKS, marks_in_use

REASONS = 12
"""Concepts whose reason is written out."""
_DOUBTFUL_FIRST = ("untrusted", "weak", "unverified", "trusted")


@dataclass(frozen=True, slots=True)
class TrustSection:
    """What the section shows."""

    rows: tuple[Mapping[str, Any], ...]
    """Rows of TRUST, the doubtful first."""
    counts: tuple[tuple[str, int], ...]
    """Mark and number of concepts, best first; marks that no concept has are left out."""
    reasons: tuple[Mapping[str, Any], ...]
    """Rows of untrusted and weak concepts, at most REASONS."""
    meaning_floor: float
    """AUROC that the lower end of an interval must reach."""
    transport_floor: float
    """Spearman correlation that the lower end of an interval must reach."""


def gather(context: Context) -> Gathered | None:
    """Return the marks in use for the reference, its map and bank; None when none were measured."""
    scores = context.sides[0].among.scores
    marks = marks_in_use(context.asked.store, scores.dataset, map=scores.map, bank=scores.bank)
    if marks is None:
        return None
    rows = sorted(
        marks.rows.values(), key=lambda row: (_DOUBTFUL_FIRST.index(row["mark"]), row["auroc"] or 0, row["key"])
    )
    every = list(marks.by_key.values())
    section = TrustSection(
        rows=tuple(rows),
        counts=tuple((mark, every.count(mark)) for mark in MARKS if mark in every),
        reasons=tuple(row for row in rows if row["mark"] in ("untrusted", "weak"))[:REASONS],
        meaning_floor=MEANING_FLOOR,
        transport_floor=TRANSPORT_FLOOR,
    )
    return Gathered(section, marks.answers)
