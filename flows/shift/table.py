"""The table of a shift: every concept compared, its share of class mix and its own blocks beside it, then verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.shift.block_null import Blocks, confounding, plan_blocks, self_distance, within
from t2c.core.shift.class_shift import class_shift
from t2c.core.shift.clusters import cluster_p
from t2c.core.shift.shift import compare, effect_scale
from t2c.core.statistics.pvalues import benjamini_hochberg
from t2c.flows.engine.progress import Progress
from t2c.flows.rows.sides import Side
from t2c.flows.rows.units import Units
from t2c.flows.shift.classes import Classes
from t2c.schemas.specs.shift import Judging
from t2c.schemas.tables.tables import SHIFT
from t2c.store.artifacts.selection import labels


@dataclass(frozen=True, slots=True, eq=False)
class SelfNull:
    """Blocks of a reference, and the current set's pieces beside them."""

    blocks: Blocks | None
    """The blocks, over the places of the sides' rows; None when the reference has too few."""
    by: str
    """`captured_at`, or `source order` when some image has no time."""
    confounded: float = 0.0
    """Cramer's V of the blocks and the classes, where it was so large that blocks are cut inside each class."""

    def notes(self, concepts: int, *, alpha: float, decides: bool) -> tuple[str, ...]:
        """Return what a reader must know about the blocks: how many, and the smallest q they can give."""
        if self.blocks is None:
            return ("the reference has too few images to be compared with itself in blocks",)
        blocks = self.blocks
        alone, all_ = (blocks.smallest_q(concepts, alone=single) for single in (True, False))
        head = f"{blocks.count} blocks of the reference and {words(blocks.pieces)} of the current side, {blocks.rows:,} images each"
        reach = ""
        if alone > alpha:
            reach = f"; smallest reachable q {all_:.2g} when all concepts lie beyond, {alone:.2g} for one alone"
            reach += "; more --blocks reach smaller ones" if decides else ""
        notes = [f"{head}, by {self.by}{reach}"]
        if self.confounded:
            notes.append(
                f"in {self.by} the blocks are the classes by another name (Cramer's V {self.confounded:.2f}): "
                "each block takes its share of every class instead, so days or batches are not seen"
            )
        return tuple(notes)


def words(pieces: int) -> str:
    """Return how many pieces, for people."""
    return "1 piece" if pieces == 1 else f"{pieces} pieces"


CONFOUNDED = 0.7
"""Cramer's V of blocks and classes above which blocks say how classes differ, not how batches do."""


def self_null(one: Side, other: Side, classes: Classes | None, *, blocks: int) -> SelfNull:
    """Return the blocks of the reference's compared rows and the pieces of the current side's.

    Where contiguous blocks of the reference are its classes (those compared by, else its labels), nothing could ever lie
    beyond them: they are cut inside each class then, as are the pieces.
    """
    sides = [(side, np.flatnonzero(side.rows())) for side in (one, other)]
    times = [_times(side, rows) for side, rows in sides]
    timed = all(side_times is not None for side_times in times)
    orders = [
        np.argsort(side_times, kind="stable") if timed and side_times is not None else np.arange(len(rows))
        for side_times, (_, rows) in zip(times, sides, strict=True)
    ]
    by, plan = "captured_at" if timed else "source order", plan_blocks(*orders, blocks=blocks)
    codes = [labels(side.among.images)[0][rows] for side, rows in sides]
    codes = codes if classes is None else [classes.mix.reference, classes.mix.current]
    mixed = 0.0 if plan is None else confounding(plan.reference, codes[0])
    if mixed <= CONFOUNDED:
        return SelfNull(plan, by)
    return SelfNull(plan_blocks(*map(within, orders, codes), blocks=blocks), by, mixed)


def _times(side: Side, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """Return when some rows were captured, in microseconds; None when one has no time."""
    times = side.among.images.table(["captured_at"], current=False)["captured_at"].combine_chunks().take(rows)
    return None if times.null_count else np.asarray(times.cast("int64"))


RISEN, FALLEN, SHAPE, NONE = "risen", "fallen", "changed shape", "none"
"""Verdicts on a concept's similarities."""
UNTRUSTED = "untrusted"
"""Mark that keeps a concept out of verdicts unless asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What is compared, and how."""

    one: Side
    """The reference."""
    other: Side
    """The current side."""
    units: Units
    """What counts as one observation."""
    classes: Classes | None
    """Classes to split by."""
    blocks: SelfNull
    """The reference's own blocks."""
    marks: Mapping[int, str] | None
    """Concept key to mark; None when trust was not measured."""
    judging: Judging
    """How it is judged."""

    def left_out(self, key: int) -> bool:
        """Say whether a concept's mark keeps it out of verdicts."""
        return not self.judging.untrusted and self.marks is not None and self.marks.get(key) == UNTRUSTED


def compare_all(wanted: Comparison, *, progress: Progress) -> pa.Table:
    """Return SHIFT over the concepts that both sides have, smallest q first."""
    names = wanted.one.among.names[: len(wanted.other.among.names)]
    rows = [np.flatnonzero(side.rows()) for side in (wanted.one, wanted.other)]
    compared: list[dict[str, Any]] = []

    def read(key: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        one, other = (side.among.values(key)[at] for side, at in zip((wanted.one, wanted.other), rows, strict=True))
        return one, other

    progress.start("compare", len(names), "concepts")
    try:
        for key, name in enumerate(names):
            compared.append({"key": key, "concept": name, **_compared(wanted, *read(key))})
            progress.advance(1)
        if not wanted.units.single:
            p = cluster_p(read, len(names), wanted.units.clusters, alpha=wanted.judging.alpha)
            for row, log10_p in zip(compared, np.log10(p).tolist(), strict=True):
                # where all is rounding there is no distance, and none is tested
                row["log10_p"] = log10_p if row["d"] else 0.0
    finally:
        progress.done()
    return shift_table(compared, wanted)


def _compared(
    comparison: Comparison, reference: npt.NDArray[np.float32], current: npt.NDArray[np.float32]
) -> dict[str, Any]:
    """Return the columns of one concept that need no other concept."""
    whole = compare(np.sort(reference), np.sort(current), ordered=True)
    row = asdict(whole)
    row["n_reference"], row["n_current"] = comparison.units.counts
    if comparison.classes is not None:
        row |= asdict(
            class_shift(reference, current, mix=comparison.classes.mix, scale=effect_scale(reference, current))
        )
        if not comparison.units.single:  # its null is one of independent images
            del row["log10_p_within"]
    if comparison.blocks.blocks is not None:
        row |= asdict(self_distance(reference, current, blocks=comparison.blocks.blocks))
    return row


def shift_table(rows: Sequence[dict[str, Any]], wanted: Comparison) -> pa.Table:
    """Return SHIFT of compared concepts: q-values over those that are judged, verdicts, causes, marks."""
    eligible = [row for row in rows if not wanted.left_out(row["key"])]
    _add_q(eligible, "log10_p", "log10_q")
    _add_q([row for row in eligible if "log10_p_within" in row], "log10_p_within", "log10_q_within")
    blocks = [row for row in eligible if "p_blocks" in row]
    for row, log10_q in zip(blocks, _log10_q([float(np.log10(row["p_blocks"])) for row in blocks]), strict=True):
        row["q_blocks"] = 10**log10_q
    for row in rows:
        log10_q = row.setdefault("log10_q", 0.0)
        # smaller powers of ten are no normal float64; log10_q keeps them
        row["q"] = 10**log10_q if log10_q > -308 else 0.0
        row["left_out"] = wanted.left_out(row["key"])
        row["trust"] = None if wanted.marks is None else wanted.marks.get(row["key"])
        row["verdict"] = _verdict(row, wanted)
        row["cause"] = _cause(row, wanted.judging.alpha)
    ordered = sorted(rows, key=lambda row: (row["log10_q"], row["log10_p"], row["key"]))
    return pa.Table.from_pylist([{name: row.get(name) for name in SHIFT.names} for row in ordered], schema=SHIFT)


def _add_q(rows: Sequence[dict[str, Any]], p: str, q: str) -> None:
    for row, log10_q in zip(rows, _log10_q([row[p] for row in rows]), strict=True):
        row[q] = log10_q


def _log10_q(log10_p: Sequence[float]) -> list[float]:
    adjusted: list[float] = benjamini_hochberg(np.asarray(log10_p, dtype=np.float64)).tolist()
    return adjusted


def by_effect(table: pa.Table) -> pa.Table:
    """Return a SHIFT table with what has risen or fallen first, then what changed shape, each part by size of effect."""
    order = {RISEN: 0, FALLEN: 0, SHAPE: 1, NONE: 2}
    rows = zip(*(table[name].to_pylist() for name in ("verdict", "effect", "key")), strict=True)
    ranked = sorted((order[verdict], -abs(effect), key, place) for place, (verdict, effect, key) in enumerate(rows))
    return table.take(pa.array([place for *_, place in ranked], pa.int64()))


def _verdict(row: Mapping[str, Any], comparison: Comparison) -> str:
    """Return the verdict on a concept beyond the null that was asked for: its direction is that of the effect."""
    q = row["q"] if comparison.judging.beyond == "chance" else row.get("q_blocks", 1.0)
    if row["left_out"] or not comparison.units.enough or q > comparison.judging.alpha:
        return NONE
    # what is significant is not yet meaningful: without a difference of means worth naming there is no direction
    if abs(row["effect"]) < comparison.judging.min_effect or row["effect"] == 0:
        return SHAPE
    return RISEN if row["effect"] > 0 else FALLEN


def _cause(row: Mapping[str, Any], alpha: float) -> str | None:
    """Return why a concept has shifted: nothing is left inside the classes, or the mix does less than half of that."""
    if row["verdict"] == NONE or "log10_q_within" not in row:
        return None
    if row["log10_q_within"] > np.log10(alpha):
        return "class mix"
    return "both" if abs(row["effect_mix"]) >= abs(row["effect_within"]) / 2 else "within classes"
