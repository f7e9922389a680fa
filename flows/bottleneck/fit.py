"""Fit a concept bottleneck on a dataset's similarities and measure it beside what it replaces (paper, section 5.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from t2c.core.maps.gradient.linear_head import fit_linear_head
from t2c.flows.bottleneck.beside import attribute_inputs, auroc_table, probe_predictions
from t2c.flows.bottleneck.head import NOT_MEASURED, FitOptions, fit_and_store
from t2c.flows.bottleneck.measure import (
    Measured,
    accuracy_row,
    class_table,
    error_table,
    example_rows,
    explanation_table,
    open_measured,
)
from t2c.flows.bottleneck.task import SplitOptions, Task, open_task
from t2c.flows.engine.answers import Answer, store_path, stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.exemplars import refinements
from t2c.flows.rows.labels import LABEL, label_parents
from t2c.flows.trust.trust import Marks, marks_in_use
from t2c.schemas.bottleneck_certificate import BottleneckCertificate
from t2c.schemas.digest import digest
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.answers.bottleneck import BOTTLENECK, BOTTLENECK_WEIGHTS
from t2c.store.artifacts.bottlenecks import (
    StoredBottleneck,
    find_bottleneck,
)
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store
from t2c.store.queries.where import tables_read

PARTS = 7
"""Parts that a fit reports its progress in: the head, then each table."""


@dataclass(frozen=True, slots=True, eq=False)
class BottleneckReport(Shown):
    """The answer to `cbm fit`."""

    name: str
    """The first 12 hex digits of its digest."""
    dataset: str
    """Dataset and snapshot."""
    certificate: BottleneckCertificate
    """What it was fitted on, how, and what was left out."""
    accuracy: pa.Table
    """BOTTLENECK: the bottleneck, then what it is held against, all on the same images that nothing was fitted on."""
    by_class: pa.Table
    """BOTTLENECK_CLASSES, hardest first."""
    weights: pa.Table
    """BOTTLENECK_WEIGHTS."""
    aurocs: pa.Table
    """ATTRIBUTE_AUROC; empty where no label or attribute goes by a concept's name."""
    errors: pa.Table
    """BOTTLENECK_ERRORS."""
    path: str
    """Where it is stored."""
    new: bool
    """False when it had been fitted before."""

    @property
    def headline(self) -> str:
        """One sentence for people."""
        rows = {row["who"]: row for row in self.accuracy.to_pylist()}
        own = rows["concepts"]
        beside = f", linear probe on the features {rows['features']['accuracy']:.1%}" if "features" in rows else ""
        inputs = f"{self.certificate.concepts} concepts of {self.certificate.bank}"
        return f"Bottleneck {self.name} of {self.dataset} on {inputs}: {own['accuracy']:.1%} of {own['n']:,} held-out images{beside}"


def fit_bottleneck(
    store: Store,
    dataset: DatasetRef | str,
    *,
    labels: str = LABEL,
    classes: Sequence[str] | None = None,
    mapping: Mapping[str, str] | None = None,
    where: str | None = None,
    split: SplitOptions | None = None,
    options: FitOptions | None = None,
    means: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
) -> BottleneckReport:
    """Fit a linear head on standardised similarities, store it, and store how it fares beside its peers.

    `source`, `target`, `bank` and `linear_map` choose the similarities, which are out of fold where the map was fitted;
    `mapping` renames labels to classes; `means` says which concept an attribute's value stands for where names differ.
    Accuracy is on rows that neither head nor map was fitted on as they are measured. Raises InputError for too few
    images of a class, constant similarities or labels that are no class, SpecError, UnknownName, MismatchError.
    """
    sides = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    chosen, apart = options or FitOptions(), split or SplitOptions()
    chosen.check()
    reporter = progress or NoProgress()
    task = open_task(store, dataset, labels=labels, classes=classes, mapping=mapping, where=where, split=apart, **sides)
    marks = marks_in_use(store, task.images.dataset, map=task.scores.map, bank=task.scores.bank)
    spec = {
        "dataset": task.images.dataset,
        "labels": labels,
        "mapping": dict(sorted((mapping or {}).items())),
        "classes": list(task.classes),
        "truth": digest(list(task.truth)),
        "where": where,
        "split": asdict(apart),
        "fit": asdict(chosen),
    }
    parents = _parents(task, marks, (where, apart.held_out_where))
    stored = find_bottleneck(store, spec, parents)
    new = stored is None
    reporter.start(f"fit a bottleneck on {task.images.dataset}", PARTS, "parts")
    try:
        stored = stored or fit_and_store(task, chosen, marks, spec=spec, parents=parents)
        reporter.advance(1)
        return _report(task, stored, means=means, marks=marks, new=new, progress=reporter)
    finally:
        reporter.done()


def _parents(task: Task, marks: Marks | None, conditions: Sequence[str | None]) -> list[Parent]:
    parents = [task.images.manifest.as_parent(), task.scores.manifest.as_parent()]
    parents += [mark_answer.as_parent() for mark_answer in marks.answers] if marks is not None else []
    for condition in conditions:
        parents += [parent for parent in tables_read(task.images, condition) if parent not in parents]
    return parents


def _report(
    task: Task,
    stored: StoredBottleneck,
    *,
    means: Mapping[str, str] | None,
    marks: Marks | None,
    new: bool,
    progress: Progress,
) -> BottleneckReport:
    measured = open_measured(stored, f"{task.images.dataset}@{task.images.snapshot}")
    store, by_key = stored.store, marks.by_key if marks is not None else {}
    label_sources = label_parents(task.images)
    every = [by_key.get(key, NOT_MEASURED) for key in range(len(task.among.names))]
    made_from = [manifest.as_parent() for manifest in refinements(store, task.scores.bank).values()]

    def ask(kind: str, compute: Any, *, parents: Sequence[Parent] = (), **more: Any) -> Answer:
        part = stored_once(store, kind, compute, spec=measured.spec(**more), parents=[*measured.parents, *parents])
        progress.advance(1)
        return part

    accuracy = ask("bottleneck", lambda: _accuracy(task, measured), parents=label_sources)
    by_class = ask("bottleneck_classes", lambda: class_table(measured))
    weights = ask("bottleneck_weights", lambda: weight_table(measured))
    mapped = dict(sorted((means or {}).items()))
    aurocs = ask(
        "attribute_auroc",
        lambda: auroc_table(task, every, mapping=mapped),
        parents=[*label_sources, *made_from],
        means=mapped,
    )
    errors = ask("bottleneck_errors", lambda: error_table(measured))
    examples = example_rows(measured)
    ask("explanations", lambda: explanation_table(measured, examples), rows=examples)
    return BottleneckReport(
        name=stored.name,
        dataset=f"{task.images.dataset}@{task.images.snapshot}",
        certificate=stored.certificate,
        accuracy=accuracy.table,
        by_class=by_class.table,
        weights=weights.table,
        aurocs=aurocs.table,
        errors=errors.table,
        path=store_path(store, stored.manifest.artifact),
        new=new or any(part.new for part in (accuracy, by_class, weights, aurocs, errors)),
    )


def weight_table(measured: Measured) -> pa.Table:
    """Return BOTTLENECK_WEIGHTS: classes in order, each with its concepts, largest weight first."""
    concepts, weight = measured.stored.concepts().to_pylist(), measured.model.weight
    lines = [
        {"class": name, **concepts[place], "weight": float(weight[code, place])}
        for code, name in enumerate(measured.model.classes)
        for place in np.argsort(-weight[code], kind="stable").tolist()
    ]
    return pa.Table.from_pylist(lines, schema=BOTTLENECK_WEIGHTS)


def _accuracy(task: Task, measured: Measured) -> pa.Table:
    """Return BOTTLENECK: the bottleneck, a probe on the features, the head on true attributes, the commonest class."""
    truth, fitted = task.codes[task.held_out], task.codes[~task.held_out]
    predicted = measured.model.predict(measured.z[measured.counted])
    lines = [{"who": "concepts", "inputs": len(measured.model.concepts), **accuracy_row(predicted == truth)}]
    probe = probe_predictions(task)
    if probe is not None:
        lines.append({"who": "features", "inputs": probe[1], **accuracy_row(probe[0] == truth)})
    attributes = attribute_inputs(task)
    if attributes is not None:
        head = fit_linear_head(attributes.values[~task.held_out], fitted, classes=len(task.classes))
        guess = (attributes.values[task.held_out] @ head.weight.T + head.bias).argmax(axis=1)
        lines.append({"who": "attributes", "inputs": len(attributes.names), **accuracy_row(guess == truth)})
    commonest = int(np.bincount(fitted).argmax())
    lines.append({"who": "majority", "inputs": 0, **accuracy_row(truth == commonest)})
    return pa.Table.from_pylist(lines, schema=BOTTLENECK)
