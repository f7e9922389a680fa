"""Compare two datasets or slices concept by concept, on similarities that no map was fitted on (paper, section 5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from t2c.core.shift.clusters import FEWEST
from t2c.core.shift.visible import POWER, visible_effect
from t2c.flows.engine.answers import Answer, stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.prominence.candidates import FEWEST as FEWEST_CONCEPTS
from t2c.flows.rows.near_copies import near_copy_cosine
from t2c.flows.rows.sides import FEW, Slice, open_sides, two_slices
from t2c.flows.rows.units import Units, units_of
from t2c.flows.scores.comparable import comparable
from t2c.flows.shift.classes import classes_of
from t2c.flows.shift.first_table import FirstTable, first_table
from t2c.flows.shift.table import FALLEN, NONE, RISEN, SHAPE, Comparison, compare_all, self_null
from t2c.flows.shift.verdict import Verdict, verdict_of
from t2c.flows.trust.standing import Standing, standing_of
from t2c.flows.trust.trust import marks_in_use
from t2c.schemas.specs.shift import Judging
from t2c.store.artifacts.similarities import Scores
from t2c.store.disk.root import Store
from t2c.store.queries.where import tables_read

__all__ = ["ShiftReport", "Slice", "shift"]

TRUSTED = "trusted"
"""Mark of a concept whose name was borne out."""
SHARED = 0.5
"""Part of the squared mean differences along one direction of all concepts from which on a note says so."""
JUDGING = Judging()
"""How a comparison is judged unless told otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class ShiftReport(Shown):
    """The answer to `shift`."""

    COLUMNS: ClassVar = ("concept", "verdict", "effect", "q", "mean_reference", "mean_current")
    verdict: Verdict
    """What the comparison comes to: pass, changed or cannot tell, and why."""
    standing: Standing
    """The map it was made under, how good that is, and the trust in the concepts' names."""
    unit: str
    """What is counted as one independent observation, in the plural."""
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
    first: FirstTable
    """What changed first: families of concepts by the share of images in which they stand out."""
    table: pa.Table
    """SHIFT, smallest q first."""
    n_reference: int
    """Independent observations on the reference side."""
    n_current: int
    """Independent observations on the current side."""
    flagged: int
    """Concepts whose similarities have risen or fallen by an effect worth naming."""
    changed_shape: int
    """Concepts whose distribution differs, with an effect below the smallest worth naming."""
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
        """Whether the verdict is `changed`."""
        return self.verdict.word == "changed"

    @property
    def unsure(self) -> bool:
        """Whether the verdict is `cannot tell`."""
        return self.verdict.word == "cannot tell"


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
    judging: Judging = JUDGING,
    progress: Progress | None = None,
) -> ShiftReport:
    """Compare the current side with the reference side, for every concept of a bank, and store the answer.

    `shift("photos", "new_photos")` compares datasets; `shift("photos", where=...)` the rows that a condition picks with
    the rest (or with `reference_where`); `photos@3` is a frozen reference, and against `photos` itself the rows added
    since are compared. Each shift is split into what another mix of classes explains and what it does not, and stands
    beside the distances of contiguous blocks of the reference from the rest of it.

    Raises MismatchError for in-sample rows or two maps, InputError for a side without images, SpecError, UnknownName.
    """
    slices = two_slices(reference, current, where=where, reference_where=reference_where)
    scored: dict[str, Any] = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    bar = progress or NoProgress()
    sides = open_sides(store, *slices, **scored, duplicates=judging.duplicates, near_copies=judging.near_copies)
    reference_side, current_side = comparable(*sides, progress=bar)
    scores = reference_side.among.scores
    marks = marks_in_use(store, scores.dataset, map=scores.map, bank=scores.bank)
    units = units_of(reference_side, current_side, cluster=judging.cluster)
    splits = classes_of(reference_side, current_side, classes=judging.classes)
    comparison = Comparison(
        reference_side,
        current_side,
        units,
        splits,
        self_null(reference_side, current_side, splits, blocks=judging.blocks),
        None if marks is None else marks.by_key,
        judging,
    )
    # Without copies on either side both ways to count ask one question, whose answer may be there already.
    counted = judging.duplicates or not (reference_side.copies or current_side.copies)
    options = judging.model_dump()
    # what stands out is an answer of its own: two questions that differ in its options alone are one here
    shares = {name: options.pop(name) for name in ("background", "vocabulary")}
    # and so are two that differ in what neither side has
    near_copies, cluster = options.pop("near_copies"), options.pop("cluster")
    if any(side.near_copies for side in (reference_side, current_side)):
        options["near_copies"] = near_copy_cosine(near_copies, dimension=scores.source.dimension)
    if cluster is not None:
        options["cluster"] = cluster
    resolved = {"duplicates": counted, "classes": splits.name if splits else ""}
    spec = _spec(slices, scores, {**options, **resolved})
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
    first = first_table(
        reference_side,
        current_side,
        judging=judging,
        units=units,
        marks=comparison.marks,
        spec={**spec, **shares, "algorithm": "prominence under two backgrounds"},
        parents=parents,
    )
    return _report(comparison, shift_answer, standing=standing_of(scores, marks=marks), first=first)


def _spec(slices: tuple[Slice, Slice], scores: Scores, options: dict[str, Any]) -> dict[str, Any]:
    reference, current = (str(side) for side in slices)
    sides = {"map": scores.map, "bank": scores.bank, "reference": reference, "current": current}
    return {"algorithm": "two-sample Kolmogorov-Smirnov, direction by effect", **options, **sides}


def _report(comparison: Comparison, shift_answer: Answer, *, standing: Standing, first: FirstTable) -> ShiftReport:
    reference_side, current_side, table = comparison.one, comparison.other, shift_answer.table
    units = comparison.units
    counts = units.counts
    left_out = sum(table["left_out"].to_pylist())
    verdicts = table["verdict"].to_pylist()
    flagged = sum(verdict not in (NONE, SHAPE) for verdict in verdicts)
    return ShiftReport(
        verdict=verdict_of(
            units=(counts[0], counts[1]),
            unit=_unit(units),
            obstacles=[standing.poor_map, "" if comparison.judging.untrusted else standing.refuted],
            changed=_changed(table, flagged, first),
            power=first.power or _power(counts, comparison, judged=table.num_rows - left_out),
        ),
        first=first,
        standing=standing,
        unit=_unit(units),
        reference=reference_side.name,
        current=current_side.name,
        map=reference_side.among.scores.map,
        bank=reference_side.among.scores.bank,
        alpha=comparison.judging.alpha,
        table=table,
        n_reference=counts[0],
        n_current=counts[1],
        flagged=flagged,
        changed_shape=verdicts.count(SHAPE),
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


def _unit(units: Units) -> str:
    """Return what one observation is, in the plural."""
    return "images" if units.single else f"clusters: one a {units.by}"


def _changed(table: pa.Table, flagged: int, first: FirstTable) -> str:
    """Return in words what has changed: families by name where they could be ranked, else concepts by effect; empty for nothing."""
    families = [_families(first, verdict) for verdict in (FALLEN, RISEN)]
    if any(families):
        return "; ".join(filter(None, families))
    if not flagged:
        return ""
    rows = [row for row in table.to_pylist() if row["verdict"] not in (NONE, SHAPE)]
    trusted = sum(row["trust"] == TRUSTED for row in rows)
    of_these = "" if rows[0]["trust"] is None and not trusted else f", {trusted} of them trusted"
    return f"{flagged} of {table.num_rows} concepts have risen or fallen{of_these}"


def _families(first: FirstTable, verdict: str) -> str:
    """Return how many families have one verdict and the names of the first three; empty for none."""
    rows = first.with_verdict(verdict)
    if not rows:
        return ""
    plural = "family has" if len(rows) == 1 else "families have"
    trusted = sum(row["trust"] == TRUSTED for row in rows)
    of_these = f", {trusted} of them trusted" if any(row["trust"] is not None for row in rows) else ""
    some = ", ".join(row["name"] for row in rows[:3]) + (", ..." if len(rows) > 3 else "")
    return f"{len(rows)} {plural} {verdict}{of_these} ({some})"


def _power(counts: Sequence[int], comparison: Comparison, *, judged: int) -> str:
    """Return how large a change of one concept would have been seen."""
    if judged < 1 or min(counts) < 1:
        return "nothing was judged"
    effect = visible_effect(counts[0], counts[1], alpha=comparison.judging.alpha, concepts=judged)
    return f"a change of {effect:.2f} reference standard deviations would have been seen with {POWER:.0%}"


def _more_notes(comparison: Comparison, table: pa.Table, left_out: int) -> tuple[str, ...]:
    """Return what a reader must know about marks, the split and the blocks."""
    notes = []
    if left_out:
        concepts = "1 untrusted concept has" if left_out == 1 else f"{left_out} untrusted concepts have"
        notes.append(f"{concepts} no verdict (--untrusted gives one)")
    flagged = [row for row in table.to_pylist() if row["verdict"] != NONE]
    inside = [
        row["concept"] for row in flagged if row["q_blocks"] is not None and row["q_blocks"] > comparison.judging.alpha
    ]
    if inside:
        some = ", ".join(inside[:3]) + (", ..." if len(inside) > 3 else "")
        notes.append(
            f"{len(inside)} of {len(flagged)} flagged lie no farther out than the reference's own blocks: {some}"
        )
    notes += _common_direction(table)
    if comparison.classes is not None:
        notes += comparison.classes.notes((comparison.one, comparison.other))
    decides = comparison.judging.beyond == "blocks"
    notes += comparison.blocks.notes(table.num_rows, alpha=comparison.judging.alpha, decides=decides)
    return tuple(notes)


def _common_direction(table: pa.Table) -> list[str]:
    """Return a note where most of what moved is one direction that all concepts share, such as how drawn a picture looks."""
    moved = table["mean_current"].to_numpy() - table["mean_reference"].to_numpy()
    squares = float(moved @ moved)
    shared = len(moved) * float(moved.mean()) ** 2 / squares if squares > 0 else 0.0
    if len(moved) < FEWEST_CONCEPTS or shared < SHARED:
        return []
    way = "up" if moved.mean() > 0 else "down"
    return [f"{shared:.0%} of what the mean similarities moved is one direction, {way}, that all concepts share"]


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
