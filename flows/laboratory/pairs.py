"""The pair matrix: every ordered pair of encoders over one dataset, aligned and judged (paper, section 3, fig 3, 10, 11).

Rows are read once for the moments of all pairs (R2, CKA, Procrustes distance) and the rows that were not fitted once
more for accuracies and cosines. A probe reads its encoder's fitted rows once too. From a space to itself there is no map.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from t2c.core.laboratory.joint import JointMoments
from t2c.core.laboratory.joint_fit import PairFit, choose_ridges, fit_pairs, ordered_pairs
from t2c.core.laboratory.space_similarity import space_similarity
from t2c.flows.engine.answers import stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import Runner, SerialRunner
from t2c.flows.engine.shown import Shown
from t2c.flows.laboratory.head_accuracy import Candidate, Judged, accuracy_columns, judge
from t2c.flows.laboratory.joint_heads import JointHeads, joint_heads
from t2c.flows.laboratory.joint_plan import FITTED, HELD, NO_RIDGE_NOTE, VALIDATION, Sides, joint_moments, open_sides
from t2c.flows.rows.blocks import BLOCKS
from t2c.flows.rows.labels import LABEL
from t2c.schemas.errors import InputError, SpecError, expected, unknown
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.answers.laboratory import PAIRS
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from t2c.store.queries.where import tables_read

IDENTITY_NOTE = "identity pairs are left out: from a space to itself there is no map to fit"
READS_NOTE = (
    "rows were read once for all moments; those not fitted once more for accuracies and cosines, "
    "and a probe's fitted rows by its own encoder"
)


@dataclass(frozen=True, slots=True, eq=False)
class PairsReport(Shown):
    """The answer to `pairs`."""

    dataset: str
    """Dataset and snapshot."""
    encoders: tuple[str, ...]
    """Encoders, in order."""
    table: pa.Table
    """PAIRS, source by source."""
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
        retained = [value for value in self.table["retained"].to_pylist() if value is not None]
        mean = f"mean retained accuracy {np.mean(retained):.2f}" if retained else "no accuracy: no labels or heads"
        return f"{self.table.num_rows} pairs of {len(self.encoders)} encoders on {self.dataset}: {mean}"


def pairs(
    store: Store,
    dataset: DatasetRef | str,
    encoders: Sequence[str],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    heads: Sequence[str] | None = None,
    labels: str = LABEL,
    classes: Sequence[str] = (),
    ridge: float | None = None,
    holdout: float = 0.1,
    seed: int = 0,
    max_rows: int | None = None,
    held_out_where: str | None = None,
    device: str = "auto",
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> PairsReport:
    """Fit and judge the map of every ordered pair of encoders, and store the table.

    `groups` names encoders that are averaged together; `heads` are `HEAD` for all targets or `ENCODER=HEAD` for one
    (`t2c.flows.laboratory.joint_heads`). `ridge` None chooses one for each pair on a fifth of the fitted blocks. Raises
    UnknownName, SpecError, InputError for no rows in common, MismatchError for rows or heads that do not fit.
    """
    if ridge is not None and not (np.isfinite(ridge) and ridge >= 0):
        raise SpecError(expected("--ridge", "a finite number of 0 or more", str(ridge)))
    images = open_images(store, dataset)
    sides = open_sides(images, encoders, seed=seed, holdout=holdout, max_rows=max_rows, held_out_where=held_out_where)
    named = _groups(sides.names, encoders, groups or {})
    judges = joint_heads(images, encoders, heads=heads, labels=labels, classes=classes, device=device)
    chosen_on = {"ridge_chosen_on": _chosen_on(sides)} if ridge is None else {}
    spec: dict[str, Any] = {
        "dataset": images.dataset,
        "encoders": list(sides.names),
        "groups": list(named),
        **judges.spec(),
        "ridge": ridge,
        **chosen_on,
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
    work = partial(
        _measure, sides, judges, named, ridge=ridge, runner=runner or SerialRunner(), progress=progress or NoProgress()
    )
    stored_answer = stored_once(store, "pairs", work, spec=spec, parents=parents)
    notes = _notes(
        sides, judges, stored_answer.table, chosen_on=chosen_on.get("ridge_chosen_on"), stored=bool(stored_answer.path)
    )
    where = f"{images.dataset}@{images.snapshot}"
    return PairsReport(
        where, sides.names, stored_answer.table, notes, stored_answer.digest, stored_answer.path, stored_answer.new
    )


def _groups(names: Sequence[str], typed: Sequence[str], groups: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the group of each encoder: its own name where none was given."""
    group_of: dict[str, str] = {}
    for group, members in groups.items():
        for member in members:
            if member not in typed:
                raise unknown(f"encoder of group {group!r}", member, typed, todo="Name it with --encoder too.")
            if group_of.setdefault(member, group) != group:
                raise SpecError(expected(f"group of {member}", "one group", f"{group_of[member]!r} and {group!r}"))
    return tuple(group_of.get(member, name) for member, name in zip(typed, names, strict=True))


def _measure(
    sides: Sides,
    judges: JointHeads,
    groups: Sequence[str],
    *,
    ridge: float | None,
    runner: Runner,
    progress: Progress,
) -> pa.Table:
    group = sides.groups()
    heads = judges.open(sides.features, group)
    train, validation, held = joint_moments(sides, group, count=3, runner=runner, progress=progress)
    order = ordered_pairs(len(sides.features))
    ridges = choose_ridges(train, validation) if ridge is None else dict.fromkeys(order, ridge)
    total = train + validation
    del train, validation  # the widest arrays of all: one more set may not fit
    if total.n < 2:
        todo = "Extract more images, or lower --holdout."
        raise InputError(expected(f"images of {sides.images.dataset} to fit", "2 or more", str(total.n), todo))
    fits = list(fit_pairs(total, held, ridges=ridges))
    candidates = [Candidate(fit.source, fit.target, fit.solution.map) for fit in fits]
    verdicts = judge(sides.features, group == HELD, candidates, judges=heads, cosines=True, progress=progress)
    likeness = _likeness(total + held)
    rows = [
        _row(sides, judges, groups, fit, verdict, held=held.n) | likeness[frozenset((fit.source, fit.target))]
        for fit, verdict in zip(fits, verdicts, strict=True)
    ]
    return pa.Table.from_pylist(rows, schema=PAIRS)


def _likeness(moments: JointMoments) -> dict[frozenset[int], dict[str, float | None]]:
    """Return CKA and Procrustes distance of every unordered pair, null where a space does not vary."""
    measures_of_pair = {}
    for source, target in ordered_pairs(len(moments.centre.dimensions)):
        if source < target:
            similarity = space_similarity(moments, source, target)
            measures_of_pair[frozenset((source, target))] = {
                name: _known(value) for name, value in asdict(similarity).items()
            }
    return measures_of_pair


def _row(
    sides: Sides, judges: JointHeads, groups: Sequence[str], fit: PairFit, verdict: Judged, *, held: int
) -> dict[str, Any]:
    quality = {name: value for name, value in asdict(fit.quality).items() if name != "n"} if fit.quality else {}
    return {
        "source": sides.names[fit.source],
        "target": sides.names[fit.target],
        "source_group": groups[fit.source],
        "target_group": groups[fit.target],
        "fitted": fit.solution.n,
        "ridge": fit.solution.ridge,
        "rank": fit.solution.rank,
        "held_out": held,
        **quality,
        "mean_cosine": _known(verdict.cosine),
        **accuracy_columns(judges.text(fit.target), verdict.hits),
    }


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _chosen_on(sides: Sides) -> str:
    """Say on which rows ridges are chosen; nothing when there are too few to choose by."""
    groups = sides.groups()
    few = any(np.count_nonzero(groups == role) < 2 for role in (FITTED, VALIDATION))
    return "" if few else sides.validation_text()


def _notes(
    sides: Sides, judges: JointHeads, table: pa.Table, *, chosen_on: str | None, stored: bool
) -> tuple[str, ...]:
    """Return what a reader must know; `chosen_on` says where ridges were chosen, None where one was given."""
    notes = [IDENTITY_NOTE, READS_NOTE, *sides.notes()]
    if chosen_on is not None:
        notes.append(f"each pair's ridge was chosen on {chosen_on}" if chosen_on else NO_RIDGE_NOTE)
    fitted = table["fitted"][0].as_py()
    few = [feature.encoder for feature in sides.features if feature.dimension > fitted]
    if few:
        notes.append(f"fewer rows fitted ({fitted:,}) than dimensions of {', '.join(few)}")
    if table["held_out"][0].as_py() < 2:
        notes.append("no rows held out: quality on unseen rows is not known")
    if table["aligned"].null_count == table.num_rows:
        notes.append("no accuracy: no labelled rows outside the fitted ones, or no heads")
    labelled = dict(zip(table["target"].to_pylist(), table["labelled"].to_pylist(), strict=True))
    by_place = {place: labelled[name] for place, name in enumerate(sides.names)}
    notes += judges.notes(sides.names, sides.groups() == HELD, labelled=by_place)
    if not stored:
        notes.append("the answer was not stored: the store cannot be written")
    return tuple(notes)
