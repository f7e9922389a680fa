"""Compare two datasets or slices concept by concept, on similarities that no map was fitted on (paper, section 5)."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from t2c.core.shift.block_null import BLOCKS
from t2c.core.shift.clusters import FEWEST
from t2c.core.shift.shift import ALPHA
from t2c.flows.engine.answers import Answer, stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.near_copies import AUTO as NEAR
from t2c.flows.rows.near_copies import near_copy_cosine
from t2c.flows.rows.sides import FEW, Slice, open_sides, two_slices
from t2c.flows.rows.units import units_of
from t2c.flows.scores.comparable import comparable
from t2c.flows.shift.classes import AUTO, classes_of
from t2c.flows.shift.table import Beyond, Comparison, compare_all, self_null
from t2c.flows.trust.trust import marks_in_use
from t2c.schemas.errors import SpecError, expected
from t2c.store.artifacts.similarities import Scores
from t2c.store.disk.root import Store
from t2c.store.queries.where import tables_read

__all__ = ["ShiftReport", "Slice", "shift"]


@dataclass(frozen=True, slots=True, eq=False)
class ShiftReport(Shown):
    """The answer to `shift`."""

    COLUMNS: ClassVar = ("concept", "verdict", "effect", "q", "mean_reference", "mean_current")
    reference: str
    """The reference side, for people."""
    current: str
    """The current side, for people."""
    map: str
    """Map both sides were scored with."""
    bank: str
    """Concept bank."""
    alpha: float
    """False discovery rate of the verdicts."""
    table: pa.Table
    """SHIFT, smallest q first."""
    n_reference: int
    """Independent observations on the reference side."""
    n_current: int
    """Independent observations on the current side."""
    unit: str
    """What one observation is: `image`, or what its images have in common."""
    cannot_tell: bool
    """Whether a side has so few observations that nothing can be told, so that no verdict is given."""
    flagged: int
    """Concepts that have risen or fallen."""
    left_out: int
    """Untrusted concepts that got no verdict."""
    classes: str
    """What the split is by: `label`, an attribute, `prediction:MODEL`; empty without one."""
    notes: tuple[str, ...]
    """What a reader must know, such as how few images a side has."""
    digest: str
    """Digest of the answer; empty when it could not be stored."""
    path: str
    """Where the answer is stored; empty when it could not be."""
    new: bool
    """False when the same question had been answered before."""

    @property
    def drift(self) -> bool:
        """Whether any concept was flagged."""
        return self.flagged > 0


def shift(
    store: Store,
    reference: Slice | str,
    current: Slice | str | None = None,
    *,
    where: str | None = None,
    reference_where: str | None = None,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
    alpha: float = ALPHA,
    duplicates: bool = False,
    near_copies: str = NEAR,
    cluster: str | None = None,
    classes: str = AUTO,
    beyond: Beyond = "chance",
    blocks: int = BLOCKS,
    untrusted: bool = False,
    progress: Progress | None = None,
) -> ShiftReport:
    """Compare the current side with the reference side, for every concept of a bank, and store the answer.

    `shift(store, "photos", "new_photos")` compares datasets; `shift(store, "photos", where=...)` the rows that a
    condition picks with the rest (or with `reference_where`); `photos@3` is a frozen reference, and against
    `photos` itself the rows added since are compared. A content counts once on a side,
    and what is left out is noted; with `duplicates` copies count as images of their own. So it is with near-copies: images
    whose features have a cosine of `near_copies` or more (auto: 0.98; off). `cluster` names what else belongs together and
    is one observation: a column (`clip`), `captured_at[:SECONDS]` (bursts) or `path[:REGEX]` (names); the test then moves
    whole clusters. Below 10 observations a side there is no verdict.

    Each shift is split into what another mix of `classes` explains (labels, an attribute, `prediction:MODEL`; `auto`
    takes what both sides have, `none` nothing) and what it does not, and stands beside the distances of `blocks`
    contiguous blocks of the reference from the rest of it; with `beyond="blocks"` a verdict asks for more than those.
    Concepts marked untrusted get no verdict unless `untrusted` is set.

    Raises MismatchError for in-sample rows or two maps, InputError for a side without images, SpecError, UnknownName.
    """
    if not 0 < alpha < 1:
        raise SpecError(expected("--alpha", "a rate between 0 and 1", str(alpha)))
    if beyond not in ("chance", "blocks"):
        raise SpecError(expected("--beyond", "chance or blocks", repr(beyond)))
    slices = two_slices(reference, current, where=where, reference_where=reference_where)
    scored: dict[str, Any] = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    bar = progress or NoProgress()
    sides = open_sides(store, *slices, **scored, duplicates=duplicates, near_copies=near_copies)
    reference_side, current_side = comparable(*sides, progress=bar)
    scores = reference_side.among.scores
    marks = marks_in_use(store, scores.dataset, map=scores.map, bank=scores.bank)
    units = units_of(reference_side, current_side, cluster=cluster)
    splits = classes_of(reference_side, current_side, classes=classes)
    comparison = Comparison(
        reference_side,
        current_side,
        units,
        splits,
        self_null(reference_side, current_side, splits, blocks=blocks),
        None if marks is None else marks.by_key,
        alpha,
        beyond,
        untrusted,
    )
    # Without copies on either side both ways to count ask one question, whose answer may be there already.
    counted = duplicates or not (reference_side.copies or current_side.copies)
    options: dict[str, Any] = {
        "alpha": alpha,
        "duplicates": counted,
        "beyond": beyond,
        "blocks": blocks,
        "untrusted": untrusted,
    }
    if any(side.near_copies for side in (reference_side, current_side)):
        options["near_copies"] = near_copy_cosine(near_copies, dimension=scores.source.dimension)
    if cluster is not None:
        options["cluster"] = cluster
    spec = _spec(slices, scores, {**options, "classes": splits.name if splits else ""})
    parents = [
        part.manifest.as_parent()
        for side in (reference_side, current_side)
        for part in (side.among.scores, side.among.images)
    ]
    for side, chosen in zip((reference_side, current_side), slices, strict=True):
        parents += tables_read(side.among.images, chosen.where)
    parents += (*units.parents, *(splits.parents if splits else ()))
    parents += [manifest.as_parent() for manifest in marks.answers] if marks else []
    shift_answer = stored_once(
        store, "shift", lambda: compare_all(comparison, progress=bar), spec=spec, parents=parents
    )
    return _report(comparison, shift_answer)


def _spec(slices: tuple[Slice, Slice], scores: Scores, options: dict[str, Any]) -> dict[str, Any]:
    reference, current = (str(side) for side in slices)
    sides = {"map": scores.map, "bank": scores.bank, "reference": reference, "current": current}
    return {"algorithm": "two-sample Kolmogorov-Smirnov", **options, **sides}


def _report(comparison: Comparison, shift_answer: Answer) -> ShiftReport:
    reference_side, current_side, table = comparison.one, comparison.other, shift_answer.table
    counts = comparison.units.counts
    left_out = sum(table["left_out"].to_pylist())
    return ShiftReport(
        reference=reference_side.name,
        current=current_side.name,
        map=reference_side.among.scores.map,
        bank=reference_side.among.scores.bank,
        alpha=comparison.alpha,
        table=table,
        n_reference=counts[0],
        n_current=counts[1],
        unit=comparison.units.by,
        cannot_tell=not comparison.units.enough,
        flagged=sum(verdict != "none" for verdict in table["verdict"].to_pylist()) if comparison.units.enough else 0,
        left_out=left_out,
        classes=comparison.classes.name if comparison.classes else "",
        notes=(
            *_notes(comparison, stored=bool(shift_answer.path)),
            *_more_notes(comparison, table, left_out),
        ),
        digest=shift_answer.digest,
        path=shift_answer.path,
        new=shift_answer.new,
    )


def _more_notes(comparison: Comparison, table: pa.Table, left_out: int) -> tuple[str, ...]:
    """Return what a reader must know about marks, the split and the blocks."""
    notes = []
    if left_out:
        concepts = "1 untrusted concept has" if left_out == 1 else f"{left_out} untrusted concepts have"
        notes.append(f"{concepts} no verdict (--untrusted gives one)")
    flagged = [row for row in table.to_pylist() if row["verdict"] != "none"]
    inside = [row["concept"] for row in flagged if row["q_blocks"] is not None and row["q_blocks"] > comparison.alpha]
    if inside:
        some = ", ".join(inside[:3]) + (", ..." if len(inside) > 3 else "")
        notes.append(
            f"{len(inside)} of {len(flagged)} flagged lie no farther out than the reference's own blocks: {some}"
        )
    if comparison.classes is not None:
        notes += comparison.classes.notes((comparison.one, comparison.other))
    decides = comparison.beyond == "blocks"
    notes += comparison.blocks.notes(table.num_rows, alpha=comparison.alpha, decides=decides)
    return tuple(notes)


def _notes(comparison: Comparison, *, stored: bool) -> tuple[str, ...]:
    """Return what a reader of the table must know."""
    reference_side, current_side, units = comparison.one, comparison.other, comparison.units
    notes = [*units.notes]
    for side, count in zip((reference_side, current_side), units.counts, strict=True):
        if FEWEST <= count < FEW:
            what = "images" if units.single else f"observations (one a {units.by})"
            notes.append(f"{side.name} has only {count} {what}: only large shifts can be seen")
        notes += side.told()
        if waiting := side.not_scored():
            notes.append(f"{waiting:,} images of {side.name} are not scored yet: t2c score adds them")
    on_reference, on_current = len(reference_side.among.names), len(current_side.among.names)
    if on_reference != on_current:
        behind = reference_side if on_reference < on_current else current_side
        notes.append(
            f"{abs(on_reference - on_current)} concepts are not scored on {behind.name} yet: t2c score adds them"
        )
    if not stored:
        notes.append("the answer was not stored: the store cannot be written")
    return tuple(notes)
