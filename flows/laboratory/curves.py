"""Efficiency curves: quality and accuracy against the number of samples or classes a map is fitted on (paper, fig 12).

Rows are read once: about 64 random row blocks, or as many seeded buckets of classes, are summed apart and then merged in
other orders, so that a whole curve costs little more than one fit. Accuracies read the rows not fitted once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from t2c.core.laboratory.curves import CurvePoint, curve, point_counts
from t2c.core.laboratory.joint import JointMoments, merge_joint
from t2c.core.laboratory.joint_fit import choose_ridges
from t2c.flows.engine.answers import stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.laboratory.curve_plan import CurvePlan, by_classes, by_samples
from t2c.flows.laboratory.head_accuracy import Candidate, Judge, Judged, accuracy_columns, judge
from t2c.flows.laboratory.joint_heads import JointHeads, joint_heads
from t2c.flows.laboratory.joint_plan import NO_RIDGE_NOTE, Sides, joint_moments, open_sides
from t2c.flows.rows.blocks import BLOCKS
from t2c.flows.rows.labels import LABEL, truth_of
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.answers.laboratory import CURVES
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from t2c.store.queries.where import tables_read

By = Literal["samples", "classes"]


@dataclass(frozen=True, slots=True, eq=False)
class CurvesReport(Shown):
    """The answer to `curves`."""

    dataset: str
    """Dataset and snapshot."""
    source: str
    """Encoder mapped from."""
    target: str
    """Encoder mapped to."""
    table: pa.Table
    """CURVES, seed by seed, point by point."""
    notes: tuple[str, ...]
    """What a reader must know."""
    digest: str
    """Digest of the answer; empty when it could not be stored."""
    path: str
    """Where it is stored; empty when it could not be."""
    new: bool
    """False when the same question had been answered before."""

    @property
    def headline(self) -> str:
        """One sentence for people."""
        by, points = self.table["by"][0].as_py(), len(set(self.table["point"].to_pylist()))
        seeds = len(set(self.table["seed"].to_pylist()))
        return f"curve by {by} from {self.source} to {self.target} on {self.dataset}: points {points}, seeds {seeds}"


def curves(
    store: Store,
    dataset: DatasetRef | str,
    *,
    source: str,
    target: str,
    by: By = "samples",
    points: int = 12,
    seeds: int = 3,
    head: str | None = None,
    labels: str = LABEL,
    classes: Sequence[str] = (),
    ridge: float | None = None,
    holdout: float = 0.1,
    seed: int = 0,
    max_rows: int | None = None,
    held_out_where: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> CurvesReport:
    """Fit and judge maps on growing numbers of samples (or classes), in several orders, and store the table.

    `head` classifies in the target space: `probe` (the default where there are labels), `classifier`, `zeroshot[:BANK]`
    or `none`. The ridge is one for the whole curve; None chooses it once, on a fifth of the rows to fit. Raises
    UnknownName, SpecError, MismatchError, InputError, PlanError.
    """
    _check(points, seeds, ridge)
    images = open_images(store, dataset)
    sides = open_sides(
        images, [source, target], seed=seed, holdout=holdout, max_rows=max_rows, held_out_where=held_out_where
    )
    heads = [f"{target}={head}"] if head is not None else None
    named: dict[str, Any] = {"labels": labels, "classes": classes, "labels_used": by == "classes"}
    judges = joint_heads(images, [source, target], heads=heads, **named, device=device)
    truth = truth_of(images, labels, mapping={}) if by == "classes" else []
    plan = by_classes(sides, truth, labels=labels) if by == "classes" else by_samples(sides)
    spec: dict[str, Any] = {
        "dataset": images.dataset,
        "source": sides.names[0],
        "target": sides.names[1],
        "by": by,
        "points": points,
        "seeds": seeds,
        "labels": labels,
        **judges.spec(),
        "ridge": ridge,
        **({"ridge_chosen_on": plan.chosen_on} if ridge is None else {}),
        "holdout": holdout,
        "seed": seed,
        "blocks": BLOCKS,
        **sides.limits(),
    }
    parents = [
        images.manifest.as_parent(),
        *(feature.manifest.as_parent() for feature in sides.features),
        *judges.parents(),
    ]
    parents += tables_read(images, held_out_where)
    options = _Options(by, points, seeds, ridge, seed)
    stored_answer = stored_once(
        store,
        "curves",
        partial(_measure, sides, plan, judges, options, progress=progress or NoProgress()),
        spec=spec,
        parents=parents,
    )
    notes = _notes(plan, stored_answer.table, ridge=ridge, points=points, stored=bool(stored_answer.path))
    labelled = {1: stored_answer.table["labelled"][0].as_py()}
    notes += sides.notes()
    notes += judges.notes(sides.names, plan.groups == plan.held, labelled=labelled)
    where = f"{images.dataset}@{images.snapshot}"
    return CurvesReport(
        where,
        sides.names[0],
        sides.names[1],
        stored_answer.table,
        notes,
        stored_answer.digest,
        stored_answer.path,
        stored_answer.new,
    )


def _check(points: int, seeds: int, ridge: float | None) -> None:
    if points < 1 or seeds < 1:
        raise SpecError(expected("--points and --seeds", "1 or more", f"{points} and {seeds}"))
    if ridge is not None and not (np.isfinite(ridge) and ridge >= 0):
        raise SpecError(expected("--ridge", "a finite number of 0 or more", str(ridge)))


@dataclass(frozen=True, slots=True)
class _Options:
    """How the curve is drawn."""

    by: By
    points: int
    seeds: int
    ridge: float | None
    seed: int


def _measure(sides: Sides, plan: CurvePlan, judges: JointHeads, options: _Options, *, progress: Progress) -> pa.Table:
    heads = judges.open(sides.features, sides.groups(), only=[1])
    *parts, held = joint_moments(sides, plan.groups, count=plan.held + 1, dtype=np.float32, progress=progress)
    ridge = _ridge(plan, parts, held) if options.ridge is None else options.ridge
    _join(plan, parts)
    counts = point_counts(plan.parts, options.points)
    seeds = range(options.seed, options.seed + options.seeds)
    drawn = list(curve(parts, held, counts=counts, seeds=seeds, ridge=ridge))
    verdicts = _judged(sides, plan, heads, drawn, progress=progress)
    return pa.Table.from_pylist(
        [
            _row(plan, point, verdict, options=options, counts=counts, ridge=ridge, held=held.n, head=judges.text(1))
            for point, verdict in zip(drawn, verdicts, strict=True)
        ],
        schema=CURVES,
    )


def _ridge(plan: CurvePlan, groups: Sequence[JointMoments], held: JointMoments) -> float:
    """Return the ridge of the map fitted on most of the rows that does best on those set aside to choose it; 0 without."""
    chooses = plan.validation()
    sides = [
        [moments for moments, chosen in zip(groups, chooses, strict=True) if chosen == side] for side in (False, True)
    ]
    train, validation = (merge_joint(side, centre=held.centre) for side in sides)
    return choose_ridges(train, validation, pairs=[(0, 1)])[0, 1]


def _join(plan: CurvePlan, groups: list[JointMoments]) -> None:
    """Add what was summed apart to choose the ridge to its part, one part at a time: all at once would need more memory."""
    for part in reversed(range(plan.parts if plan.split else 0)):
        groups[part] += groups.pop()


def _judged(
    sides: Sides, plan: CurvePlan, heads: Mapping[int, Judge], points: Sequence[CurvePoint], *, progress: Progress
) -> list[Judged]:
    """Judge every map on the held-out rows, read once; maps that several seeds share are judged once."""
    different = {id(point.linear_map): point.linear_map for point in points}
    candidates = [Candidate(0, 1, linear_map) for linear_map in different.values()]
    held = plan.groups == plan.held
    verdicts = judge(sides.features, held, candidates, judges=heads, cosines=False, progress=progress)
    by_map = dict(zip(different, verdicts, strict=True))
    return [by_map[id(point.linear_map)] for point in points]


def _row(
    plan: CurvePlan,
    point: CurvePoint,
    verdict: Judged,
    *,
    options: _Options,
    counts: Sequence[int],
    ridge: float,
    held: int,
    head: str | None,
) -> dict[str, Any]:
    quality = {name: value for name, value in asdict(point.quality).items() if name != "n"} if point.quality else {}
    return {
        "by": options.by,
        "seed": point.seed,
        "point": counts.index(len(point.parts)),
        "share": len(point.parts) / plan.parts,
        "classes": sum(plan.classes[index] for index in point.parts) if plan.classes else None,
        "fitted": point.n,
        "ridge": ridge,
        "held_out": held,
        **quality,
        **accuracy_columns(head, verdict.hits),
    }


def _notes(plan: CurvePlan, table: pa.Table, *, ridge: float | None, points: int, stored: bool) -> tuple[str, ...]:
    notes = [
        "all parts together are merged in one order: the last point is one fit, whatever the seed",
        "rows were read once for all points; those not fitted once more for accuracies, and a probe's fitted rows",
    ]
    if ridge is None:
        notes.append(f"one ridge for the whole curve, chosen on {plan.chosen_on}" if plan.chosen_on else NO_RIDGE_NOTE)
    if plan.parts < points:
        what = "class buckets" if plan.classes else "row blocks"
        notes.append(f"{plan.parts} points, not {points}: there are {plan.parts} {what}")
    if table["held_out"][0].as_py() < 2:
        notes.append("no rows held out: quality on unseen rows is not known")
    if table["aligned"].null_count == table.num_rows:
        notes.append("no accuracy: no labelled rows outside the fitted ones, or no head")
    if not stored:
        notes.append("the answer was not stored: the store cannot be written")
    return tuple(notes)
