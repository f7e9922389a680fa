"""Objectives of the aligner compared by zero-shot accuracy: regression against cross-entropy (paper, A.2 and table 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.engine.answers import Answer, stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import Runner
from t2c.flows.engine.shown import Shown
from t2c.flows.maps.align import align
from t2c.flows.objectives.table import EVERY, REGRESSION, Comparison, compare
from t2c.flows.objectives.tasks import open_tasks
from t2c.flows.objectives.training import ENOUGH, Training, too_short, trainings
from t2c.flows.rows.features_of_rows import features_of
from t2c.schemas.errors import SpecError, expected, unknown
from t2c.schemas.names import DatasetRef
from t2c.schemas.specs.align import DESCENDING, MethodSpec
from t2c.schemas.specs.objectives import OBJECTIVE_NAMES, Objective, TaskSpec, check_once
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.images import Images, open_images
from t2c.store.artifacts.linear_maps import StoredMap, open_map
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store


@dataclass(frozen=True, slots=True)
class Fitting:
    """How the maps of a comparison are fitted."""

    labels: str = "label"
    """`label`, or the attribute with the classes that cross-entropy is fitted on."""
    classes: tuple[str, ...] = ()
    """Those classes in order; empty takes the labels there are."""
    source_head: str = "classifier"
    """Head of the source encoder whose predictions self-labels are, and that data-free carries over: classifier, probe or
    probe:ATTRIBUTE."""
    bank: str = ""
    """Concept bank that holds the class vectors of fit and tasks; empty encodes prompts with the target's text encoder."""
    epochs: int | None = None
    """Passes of cross-entropy over the rows; None is the published 6."""
    learning_rate: float | None = None
    """Its learning rate; None is the published 0.01."""
    holdout: float = 0.1
    """Share of the rows that no map is fitted on."""
    seed: int = 0
    """Seed of the row blocks and of SGD."""
    max_rows: int | None = None
    """Rows used at most; None uses all."""

    def method(self, objective: Objective) -> MethodSpec:
        """Return the aligner of an objective."""
        options: dict[str, Any] = {"labels": self.labels, "classes": self.classes}
        options["head"] = f"zeroshot:{self.bank}" if self.bank else None
        if objective != "data-free":
            options |= {"epochs": self.epochs, "learning_rate": self.learning_rate}
        if objective != "cross-entropy":
            options["source_head"] = self.source_head
        return MethodSpec(method=objective, **options)


@dataclass(frozen=True, slots=True, eq=False)
class ObjectivesReport(Shown):
    """The answer to `objectives`."""

    dataset: str
    """Dataset and snapshot that the maps were fitted on."""
    target: str
    """Target encoder."""
    table: pa.Table
    """OBJECTIVES: every source, task and objective, then the means."""
    maps: Mapping[tuple[str, str], str]
    """(source, aligner) to the digest of its map; the aligner is ridge or an objective."""
    trained: tuple[Training, ...]
    """How long each map of the other objectives was trained."""
    notes: tuple[str, ...]
    """What a reader must know."""
    digest: str
    """Digest of the answer; empty when it could not be stored."""
    path: str
    """Where the table is; empty when it could not be stored."""
    new: bool
    """False when the same comparison was there already."""

    @property
    def headline(self) -> str:
        """One sentence for people."""
        means = self.table.filter((pc.field("scope") == "mean") & (pc.field("source") == EVERY)).to_pylist()
        gains: dict[str, list[str]] = {}
        for row in means:
            gains.setdefault(row["objective"], []).append(
                f"{100 * row['difference']:+.1f} points on {row['task']} tasks"
            )
        claims = "; ".join(
            f"regression against {name}{self._doubt(name)} {', '.join(parts)}" for name, parts in gains.items()
        )
        return f"aligners to {self.target} on {self.dataset}: {claims}"

    def _doubt(self, objective: str) -> str:
        few = min((training.steps for training in self.trained if training.objective == objective), default=ENOUGH)
        return f" ({few:,} steps: it may not have converged)" if few < ENOUGH else ""


def objectives(
    store: Store,
    dataset: DatasetRef | str,
    *,
    sources: Sequence[str],
    target: str,
    tasks: Sequence[TaskSpec],
    against: Sequence[Objective] = ("cross-entropy", "self-labels"),
    groups: Mapping[str, str] | None = None,
    fitting: Fitting | None = None,
    device: str = "auto",
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> ObjectivesReport:
    """Fit each source's map by regression and by the other objectives, and compare them on tasks, image by image.

    All maps of a comparison hold out the same rows; a task is judged on images that none of a source's maps was fitted
    on. Means are over tasks and sources of a group (`groups`: source to group), each pair counting once, apart for tasks
    related and unrelated to the classes used for fitting. Raises SpecError for no source or task, the same one twice and
    an objective that is none, UnknownName for a group of what is no source, and what `align` raises.
    """
    how, bar = fitting or Fitting(), progress or NoProgress()
    _check(sources, against, groups or {})
    images = open_images(store, dataset)
    _check_spaces(images, sources, target)
    opened = open_tasks(tasks, images, bank=how.bank)
    methods: dict[str, MethodSpec] = {REGRESSION: MethodSpec(), **{name: how.method(name) for name in against}}
    maps = {
        (source, name): _fit(images, source, target, method, how=how, device=device, runner=runner, progress=bar)
        for source in sources
        for name, method in methods.items()
    }
    grouped = {source: (groups or {}).get(source, "") for source in sources}
    plan = Comparison(opened, tuple(sources), tuple(against), maps, grouped, how.bank, device, bar)
    stored_answer = _answer(store, images, target, plan)
    trained = trainings({key: linear_map.certificate for key, linear_map in maps.items()})
    return ObjectivesReport(
        dataset=f"{images.dataset}@{images.snapshot}",
        target=target,
        table=stored_answer.table,
        maps={key: linear_map.digest for key, linear_map in maps.items()},
        trained=trained,
        notes=_notes(tasks, trained, bank=how.bank, stored=bool(stored_answer.path)),
        digest=stored_answer.digest,
        path=stored_answer.path,
        new=stored_answer.new,
    )


def _notes(tasks: Sequence[TaskSpec], trained: Sequence[Training], *, bank: str, stored: bool) -> tuple[str, ...]:
    notes = list(too_short(trained))
    unused = [f"{task.name}={task.prompt}" for task in tasks if bank and task.prompt]
    if unused:
        notes.append(f"the vectors of {bank} name the classes, and no prompt was used: not {', '.join(unused)}")
    if not stored:
        notes.append("the answer was not stored: the store cannot be written")
    return tuple(notes)


def _check(sources: Sequence[str], against: Sequence[str], grouped: Mapping[str, str]) -> None:
    for what, names in (("--source", sources), ("--against", against)):
        if not names:
            raise SpecError(expected(what, "one or more", "none"))
        check_once(what, names)
    for name in against:
        if name not in OBJECTIVE_NAMES:
            raise unknown("objective", name, OBJECTIVE_NAMES)
    for name in grouped:
        if name not in sources:
            raise unknown("--group", name, sources)


def _check_spaces(images: Images, sources: Sequence[str], target: str) -> None:
    """Raise UnknownName for features that are not there, SpecError where two sources' names are of the same ones."""
    first_of_space: dict[str, str] = {}
    for source in sources:
        first = first_of_space.setdefault(features_of(images, source).space.id, source)
        if first != source:
            raise SpecError(expected("--source", "each encoder once", f"{first} and {source}, which are the same"))
    features_of(images, target)


def _fit(
    images: Images,
    source: str,
    target: str,
    method: MethodSpec,
    *,
    how: Fitting,
    device: str,
    runner: Runner | None,
    progress: Progress,
) -> StoredMap:
    """Return one map; those that descend have no fold maps, since only held-out rows are judged."""
    report = align(
        images.store,
        DatasetRef(images.dataset, images.snapshot),
        source=source,
        target=target,
        method=method,
        folds=0 if method.method in DESCENDING else 5,
        holdout=how.holdout,
        seed=how.seed,
        max_rows=how.max_rows,
        device=device,
        runner=runner,
        progress=progress,
    )
    return open_map(images.store, report.digest)


def _answer(store: Store, images: Images, target: str, plan: Comparison) -> Answer:
    parents: list[Parent] = [images.manifest.as_parent()]
    parents += [parent for linear_map in plan.maps.values() if (parent := linear_map.as_parent()) is not None]
    for task in plan.tasks:
        parents += [
            features_of(task.images, plan.maps[source, REGRESSION].source.id).manifest.as_parent()
            for source in plan.sources
        ]
    parents += [open_concepts(store, plan.bank).manifest.as_parent()] if plan.bank else []
    spec = {
        "dataset": images.dataset,
        "target": target,
        "sources": list(plan.sources),
        "groups": dict(plan.groups),
        "against": list(plan.against),
        "bank": plan.bank,
        "tasks": [task.question(bank=plan.bank) for task in plan.tasks],
    }
    return stored_once(store, "objectives", partial(compare, plan), spec=spec, parents=parents)
