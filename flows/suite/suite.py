"""Models times zero-shot tasks, against the CLIP's own encoder and chance (paper, section 4.2, figures 5 and 6).

Everything is kept in the store under the digest of what it was made from: pictures, features, maps, class vectors,
predictions, and one row a model and task. A run that was killed goes on there, and a second run computes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.engine.answers import Answer, stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import Runner, SerialRunner
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.features_of_rows import features_of
from t2c.flows.suite.banks import Vectors, class_banks
from t2c.flows.suite.class_maps import check_folders
from t2c.flows.suite.datasets import keep_classes, prepare
from t2c.flows.suite.models import (
    EncoderRun,
    TestedModel,
    check_models,
    extract_missing,
    name_of,
    named_maps,
    tested_models,
)
from t2c.flows.suite.plan import Skipped, plan_tasks
from t2c.flows.suite.tasks import Task
from t2c.flows.zeroshot.zeroshot import ZeroshotReport, zeroshot
from t2c.schemas.digest import SHORT, digest
from t2c.schemas.errors import InputError, expected
from t2c.schemas.tables.answers.suite import SUITE
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.images import Images
from t2c.store.disk.root import Store

if TYPE_CHECKING:
    from t2c.core.encoders.base import Encoder


@dataclass(frozen=True, slots=True, eq=False)
class SuiteReport(Shown):
    """The answer to `suite`: the table of accuracies, and what was new in this run."""

    target: str
    """The CLIP."""
    table: pa.Table
    """SUITE: one row a model and task, in the order of the suite, then of the models."""
    skipped: tuple[Skipped, ...]
    """Tasks that were not done, and why."""
    computed: int
    """Rows that the store did not hold before."""
    indexed: tuple[str, ...]
    """Datasets that were indexed now."""
    extracted: tuple[tuple[str, str], ...]
    """(dataset, encoder) whose features were extracted now."""

    @property
    def new(self) -> bool:
        """Whether anything was computed."""
        return bool(self.computed or self.indexed or self.extracted)

    @property
    def headline(self) -> str:
        """One sentence: how often the models are at least as good as the CLIP."""
        tested = [row for row in self.table.to_pylist() if row["model"] != self.target]
        as_good = sum(row["accuracy"] >= row["clip_accuracy"] for row in tested)
        tasks, models = len({row["task"] for row in tested}), len({row["model"] for row in tested})
        return (
            f"zero-shot suite: {models} model{'s' * (models != 1)} at {tasks} task{'s' * (tasks != 1)}; as accurate as {self.target} itself, "
            f"or more, in {as_good} of {len(tested)}"
        )


def suite(
    store: Store,
    data: str | Path,
    *,
    models: Sequence["str | Encoder"] = (),
    target: "str | Encoder",
    tasks: Sequence[str] = (),
    align_on: str | None = None,
    maps: Sequence[str] = (),
    pictures: Path | None = None,
    device: str = "auto",
    batch_size: int | None = None,
    workers: int | None = None,
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> SuiteReport:
    """Classify every task's pictures with every model through the classes' text vectors, and count.

    `data` holds the tasks' files (docs/suite.md); without `tasks`, every task whose files are there is done, and those
    that need none. `align_on` is the dataset that the models' maps are fitted on; `maps` are digests of further maps to
    test. `pictures` is where pictures that are no image files go (beside a local store when None).

    Raises InputError for a folder that is not there and for files that are missing (each named) or damaged, UnknownName
    for a task (nearest names) or a model without a map, SpecError, MismatchError, and what extracting raises.
    """
    plan = plan_tasks(Path(data), tasks)
    machine = EncoderRun(runner or SerialRunner(), progress or NoProgress(), device, batch_size, workers)
    named = named_maps(store, maps, target=target)
    check_models(models, named)
    vectors, unread = class_banks(store, plan, target, machine=machine)
    tested = tested_models(store, models, target=target, maps=named, align_on=align_on, machine=machine)
    work = _Work(store, target, tested, machine, {name_of(encoder): encoder for encoder in (*models, target)})
    for reader in dict.fromkeys(task.reader for task in vectors):
        tasks_of_reader = {task: class_vectors for task, class_vectors in vectors.items() if task.reader == reader}
        work.do(reader, tasks_of_reader, data=plan.data, pictures=pictures)
    order = {task.name: number for number, task in enumerate(plan.tasks)}
    answers = sorted(work.answers, key=lambda cell: order[cell.table["task"][0].as_py()])
    return SuiteReport(
        name_of(target),
        pa.concat_tables([SUITE.empty_table(), *(cell.table for cell in answers)]),
        (*plan.skipped, *unread),
        sum(cell.new for cell in answers),
        tuple(work.indexed),
        tuple(work.extracted),
    )


def _labels(images: Images) -> set[str | None]:
    """Return the labels of the images that can be read."""
    table = images.table(["label", "outcome"])
    return set(table["label"].filter(pc.equal(table["outcome"], "ok")).unique().to_pylist())


@dataclass(slots=True)
class _Work:
    """The answers of a run so far, with the datasets indexed and the features extracted for them."""

    store: Store
    target: "str | Encoder"
    tested: tuple[TestedModel, ...]
    machine: EncoderRun
    runnable: "dict[str, str | Encoder]"
    answers: list[Answer] = field(default_factory=list)
    indexed: list[str] = field(default_factory=list)
    extracted: list[tuple[str, str]] = field(default_factory=list)

    def do(self, reader: str, tasks: dict[Task, Vectors], *, data: Path, pictures: Path | None) -> None:
        """Do the tasks of one reader: index its pictures, extract what is missing, classify."""
        prepared = prepare(self.store, reader, data, pictures=pictures, progress=self.machine.progress)
        name, labels = prepared.images.dataset, _labels(prepared.images)
        # before features are extracted, which may take hours
        for task, vectors in tasks.items():
            check_folders(task, vectors.classes, labels=labels, place=f"pictures of {name}")
            if task.grouping is not None:
                keep_classes(prepared.images, task.name, vectors.classes.mapping)
        encoders = [*(self.runnable.get(contestant.name, contestant.name) for contestant in self.tested), self.target]
        lacking = extract_missing(self.store, name, encoders, machine=self.machine)
        self.indexed += [name] if prepared.new else []
        self.extracted += [(name, encoder) for encoder in lacking]
        for task, vectors in tasks.items():
            self.classify(task, vectors, images=prepared.images)

    def classify(self, task: Task, vectors: Vectors, *, images: Images) -> None:
        """Add a row for every contestant, from the store where it is there."""
        own = features_of(images, name_of(self.target)).manifest.as_parent()
        bank = open_concepts(self.store, vectors.bank).manifest.as_parent()
        for contestant in self.tested:
            through = contestant.linear_map.as_parent() if contestant.linear_map is not None else None
            parents = [
                images.manifest.as_parent(),
                features_of(images, contestant.name).manifest.as_parent(),
                own,
                bank,
            ]
            spec = {
                "dataset": images.dataset,
                "target": name_of(self.target),
                "model": contestant.name,
                "map": contestant.linear_map.digest if contestant.linear_map is not None else "",
                "task": task.name,
                "prompt": task.prompt,
                "mapping": digest(dict(vectors.classes.mapping)),
            }
            compute = partial(self._row, task, vectors, contestant, images)
            self.answers.append(
                stored_once(
                    self.store, "suite", compute, spec=spec, parents=[*parents, *([through] if through else [])]
                )
            )

    def _row(self, task: Task, vectors: Vectors, contestant: TestedModel, images: Images) -> pa.Table:
        """Return SUITE of one contestant and task."""
        itself = {"source": contestant.name, "target": contestant.name}
        sides = {"linear_map": contestant.linear_map.digest} if contestant.linear_map is not None else itself
        report = zeroshot(
            self.store,
            f"{images.dataset}@{images.snapshot}",
            bank=vectors.bank,
            classes=vectors.classes.classes,
            mapping=vectors.classes.mapping,
            name=task.name,
            runner=self.machine.runner,
            progress=self.machine.progress,
            **sides,
        )
        return _table(task, contestant, report)


def _table(task: Task, contestant: TestedModel, report: ZeroshotReport) -> pa.Table:
    """Return SUITE of one report; raises InputError when no image counts."""
    if not report.scores:
        raise InputError(expected(f"images of {task.title}", "labelled images with features", "none"))
    score, clip = report.scores[0], report.scores[-1]
    certificate = contestant.linear_map.certificate if contestant.linear_map is not None else None
    row = {
        "model": contestant.name,
        "aligner": "none" if certificate is None else certificate.aligner,
        "map": "identity" if contestant.linear_map is None else contestant.linear_map.digest[:SHORT],
        "group": task.group,
        "task": task.name,
        "classes": len(report.classes),
        **{name: getattr(score, name) for name in ("n", "correct", "accuracy", "low", "high")},
        **{f"clip_{name}": getattr(clip, name) for name in ("accuracy", "low", "high")},
        "chance": report.chance,
        "majority": report.majority,
        "other_labels": report.other_labels,
    }
    return pa.Table.from_pylist([row], schema=SUITE)
