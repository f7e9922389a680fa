"""The table of an objective comparison: every source, task and objective on one set of images, and their means (table 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.statistics.paired import Difference, mean_difference, paired_difference
from t2c.flows.engine.progress import Progress
from t2c.flows.objectives.tasks import Task, right, unseen_rows
from t2c.schemas.tables.answers.objectives import OBJECTIVES
from t2c.store.artifacts.linear_maps import StoredMap

Hits = npt.NDArray[np.bool_]
Judged = Mapping[tuple[str, int, str], tuple[npt.NDArray[np.int64], Hits]]
"""(source, place of the task, aligner) to the rows judged and whether each was right."""

REGRESSION = "ridge"
"""Aligner that the others are compared with."""
EVERY = "all"
"""Group of a mean over every source."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What is compared on what."""

    tasks: list[Task]
    """Tasks."""
    sources: tuple[str, ...]
    """Source encoders."""
    against: tuple[str, ...]
    """Objectives that regression is compared with."""
    maps: Mapping[tuple[str, str], StoredMap]
    """(source, aligner) to its map; the aligner is `ridge` or an objective."""
    groups: Mapping[str, str]
    """Source to group; empty text where it is in none."""
    bank: str
    """Bank of the class vectors; empty encodes prompts."""
    device: str
    """Where the text encoder runs."""
    progress: Progress
    """Who watches."""


def compare(plan: Comparison) -> pa.Table:
    """Return every source, task and objective, then the means."""
    rows: list[dict[str, Any]] = []
    hits_of: dict[tuple[str, int, str], tuple[npt.NDArray[np.int64], Hits]] = {}
    plan.progress.start("compare objectives", len(plan.tasks) * len(plan.sources), "tasks")
    try:
        for at, task in enumerate(plan.tasks):
            vectors = task.vectors(plan.maps[plan.sources[0], REGRESSION], bank=plan.bank, device=plan.device)
            for source in plan.sources:
                maps = {name: plan.maps[source, name] for name in (REGRESSION, *plan.against)}
                used = unseen_rows(task, list(maps.values()))
                for name, linear_map in maps.items():
                    hits_of[source, at, name] = used, right(task, linear_map, used, vectors)
                rows += [
                    _row(task, source, name, hits_of[source, at, REGRESSION][1], hits_of[source, at, name][1])
                    for name in plan.against
                ]
                plan.progress.advance(1)
    finally:
        plan.progress.done()
    return pa.Table.from_pylist([*rows, *_means(plan, hits_of)], schema=OBJECTIVES)


def _row(task: Task, source: str, objective: str, regression: Hits, other: Hits) -> dict[str, Any]:
    difference = paired_difference(regression, other)
    about = {"task": task.name, "related": task.spec.related, "chance": task.chance}
    return _told(difference, scope="task", source=source, objective=objective, **about)


def _told(difference: Difference, **about: Any) -> dict[str, Any]:
    return {
        **about,
        "n": difference.n,
        "regression": difference.first,
        "other": difference.second,
        "difference": difference.difference,
        "low": difference.low,
        "high": difference.high,
    }


def _means(plan: Comparison, hits_of: Judged) -> list[dict[str, Any]]:
    """Return the mean difference of related and of unrelated tasks: over all sources, then group by group."""
    rows = []
    named = [name for name in dict.fromkeys(plan.groups.values()) if name]
    for objective in plan.against:
        for related in (True, False):
            tasks = [at for at, task in enumerate(plan.tasks) if task.spec.related == related]
            for group in (EVERY, *named) if tasks else ():
                sources = [source for source in plan.sources if group in (EVERY, plan.groups[source])]
                parts = _parts(plan, hits_of, sources=sources, tasks=tasks, objective=objective)
                chance = float(np.mean([plan.tasks[at].chance for at in tasks]))
                word = "related" if related else "unrelated"
                about = {"scope": "mean", "source": group, "task": word, "related": related, "chance": chance}
                rows.append(_told(mean_difference(parts), objective=objective, **about))
    return rows


def _parts(
    plan: Comparison,
    hits_of: Judged,
    *,
    sources: Sequence[str],
    tasks: Sequence[int],
    objective: str,
) -> list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
    """Return what regression and the other got right, one pair of (images, source and task) arrays a dataset."""
    parts = []
    for name in dict.fromkeys(plan.tasks[at].images.dataset for at in tasks):
        places = [at for at in tasks if plan.tasks[at].images.dataset == name]
        longest = max(plan.tasks[at].images.rows for at in places)  # snapshots of a dataset share their first rows
        sides = []
        for which in (REGRESSION, objective):
            columns = np.full((longest, len(places) * len(sources)), np.nan)
            for column, (at, source) in enumerate((at, source) for at in places for source in sources):
                rows, hits = hits_of[source, at, which]
                columns[rows, column] = hits
            sides.append(columns[~np.isnan(columns).all(axis=1)])
        parts.append((sides[0], sides[1]))
    return parts
