"""Zero-shot classification through the linear map, beside the CLIP target itself and chance (paper, section 4.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.concepts.zeroshot import Prediction, predict
from t2c.flows.engine.answers import Answer, stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import Runner, SerialRunner
from t2c.flows.engine.shown import Shown
from t2c.flows.maps.sides import Classifier, classifier, own_classifier
from t2c.flows.rows.features_of_rows import folds_of
from t2c.flows.rows.labels import LABEL, check_some_labels, class_names, truth_of
from t2c.flows.rows.texts import class_vectors
from t2c.flows.scores.blocks import BLOCK_ROWS, similarities_of
from t2c.flows.zeroshot.counts import Counted, ZeroshotScore, score_of
from t2c.schemas.digest import digest
from t2c.schemas.names import DatasetRef
from t2c.schemas.specs.base import DEFAULT_TEMPLATES
from t2c.schemas.tables.tables import FOLD_IN_SAMPLE, ZEROSHOT
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, content_hashes, open_images
from t2c.store.artifacts.selection import searchable
from t2c.store.disk.root import Store

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ZeroshotReport(Shown):
    """The answer to `zeroshot`."""

    name: str
    """What the task is called."""
    dataset: str
    """Dataset and snapshot."""
    labels: str
    """`label` or the attribute that holds the true class."""
    classes: tuple[str, ...]
    """Class names."""
    templates: tuple[str, ...]
    """Prompts with {} for the class; empty when vectors came from a bank."""
    scores: tuple[ZeroshotScore, ...]
    """Aligned first, then the target's own where its features exist, both on the same images; empty without labels."""
    chance: float
    """Accuracy of a uniform guess."""
    majority: float | None
    """Accuracy of always naming the commonest class; None without labels."""
    by_class: pa.Table
    """class, n, aligned, target: share classified as labelled; target is null without its features."""
    predictions: pa.Table
    """ZEROSHOT of the aligned encoder: every image with a feature, labelled or not."""
    unlabelled: int
    """Images without a label."""
    other_labels: int
    """Images whose label is not one of the classes."""
    path: str
    """Where the predictions are stored; empty when they could not be."""
    new: bool
    """False when the same task had been done before."""


def zeroshot(
    store: Store,
    dataset: DatasetRef | str,
    *,
    source: str | None = None,
    target: str | None = None,
    linear_map: str | None = None,
    classes: Sequence[str] | None = None,
    bank: str | None = None,
    templates: Sequence[str] = DEFAULT_TEMPLATES,
    labels: str = LABEL,
    mapping: Mapping[str, str] | None = None,
    name: str | None = None,
    device: str = "auto",
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> ZeroshotReport:
    """Classify every image by the class vector nearest to its aligned feature; store the predictions; count the hits.

    Classes are the labels of the dataset (or the values of the attribute `labels`) unless named; their vectors come
    from a bank, or from prompts encoded by the target's text encoder, which is loaded only for a task not done before.
    `mapping` renames labels to classes. Fitted images are classified out of fold. Raises UnknownName, SpecError,
    MismatchError, InputError.
    """
    images = open_images(store, dataset)
    aligned = classifier(store, images, source=source, target=target, linear_map=linear_map, bank=bank)
    truth = truth_of(images, labels, mapping=mapping or {})
    named = class_names(images, truth, classes=classes, labels=labels)
    check_some_labels(truth, named, subject=f"{labels} of {images.dataset}")
    task = _Task(images, named, tuple(() if bank else templates), bank, tuple(truth), labels)
    vectors = _Vectors(task, aligned, device)
    run, bar = runner or SerialRunner(), progress or NoProgress()
    aligned_answer = _classified(task, aligned, vectors, runner=run, progress=bar)
    own = own_classifier(images, aligned)
    own_answer = _classified(task, own, vectors, runner=run, progress=bar) if own is not None else None
    return _report(task, name or labels, aligned_answer, own_answer, encoders=(aligned, own))


@dataclass(frozen=True, slots=True, eq=False)
class _Task:
    """What is classified into what."""

    images: Images
    classes: tuple[str, ...]
    templates: tuple[str, ...]
    bank: str | None
    truth: tuple[str | None, ...]
    labels: str


class _Vectors:
    """The class vectors, made when first asked for: a task that is in the store already needs no text encoder."""

    def __init__(self, task: _Task, aligned: Classifier, device: str) -> None:
        self._task, self._aligned, self._device = task, aligned, device
        self._made: Vectors | None = None

    def __call__(self) -> Vectors:
        """Return unit vectors (classes, target)."""
        if self._made is None:
            self._made = class_vectors(
                self._task.images.store,
                self._task.classes,
                linear_map=self._aligned.linear_map,
                bank=self._task.bank,
                templates=self._task.templates,
                device=self._device,
            )
        return self._made


def _classified(task: _Task, side: Classifier, vectors: _Vectors, *, runner: Runner, progress: Progress) -> Answer:
    """Return ZEROSHOT of one encoder, from the store when it is there."""
    images, linear_map = task.images, side.linear_map
    parents = [images.manifest.as_parent(), side.features.manifest.as_parent()]
    parents += [parent for parent in (linear_map.as_parent(),) if parent is not None]
    parents += [open_concepts(images.store, task.bank).manifest.as_parent()] if task.bank else []
    spec: dict[str, Any] = {
        "dataset": images.dataset,
        "labels": task.labels,
        "truth": digest(list(task.truth)),
        "classes": list(task.classes),
        "templates": list(task.templates),
        "bank": task.bank or "",
        "map": linear_map.digest,
        "target": linear_map.target.id,
    }
    work = partial(_classify, task, side, vectors, runner=runner, progress=progress)
    return stored_once(images.store, "zeroshot", work, spec=spec, parents=parents)


@dataclass(frozen=True, slots=True)
class _Block:
    """Rows to classify; the vectors travel with it."""

    features: Features
    linear_map: str
    vectors: Vectors
    span: tuple[int, int]
    fold: npt.NDArray[np.int8]


def classify_block(block: _Block) -> tuple[npt.NDArray[np.int64], Prediction]:
    """Return the rows of a block that have a feature, and their predictions: what a worker does."""
    rows, similarities = similarities_of(
        block.features, block.span, linear_map=block.linear_map, vectors=block.vectors, fold=block.fold
    )
    if not len(rows):
        return rows, Prediction(rows, np.empty(0, np.float32), np.empty(0, np.float32))
    return rows, predict(similarities)


def _classify(task: _Task, side: Classifier, vectors: _Vectors, *, runner: Runner, progress: Progress) -> pa.Table:
    """Return ZEROSHOT of the current, readable images that were not fitted in-sample, in order of row."""
    images, features = task.images, side.features
    rows = min(images.rows, features.rows)
    fold = folds_of(side.linear_map.fitted(), content_hashes(images))[:rows]
    digest_of = "" if side.linear_map.identity else side.linear_map.digest
    spans = [(start, min(start + BLOCK_ROWS, rows)) for start in range(0, rows, BLOCK_ROWS)]
    blocks = [_Block(features, digest_of, vectors(), span, fold[slice(*span)]) for span in spans]
    usable = searchable(images)[:rows] & (fold != FOLD_IN_SAMPLE)
    parts = [ZEROSHOT.empty_table()]
    progress.start(f"classify {images.dataset}", rows, "images")
    try:
        for at, predictions in runner.map(classify_block, blocks):
            keep = usable[at]
            parts.append(_table(task, at[keep], predictions, keep))
            progress.advance(len(at))
    finally:
        progress.done()
    return pa.concat_tables(parts)


def _table(task: _Task, rows: npt.NDArray[np.int64], predictions: Prediction, keep: npt.NDArray[np.bool_]) -> pa.Table:
    columns = [
        pa.array(rows),
        pa.array([task.truth[row] for row in rows], pa.string()),
        pa.array([task.classes[index] for index in predictions.index[keep]], pa.string()),
        pa.array(predictions.similarity[keep]),
        pa.array(predictions.margin[keep]),
    ]
    return pa.table(columns, schema=ZEROSHOT)


def _report(
    task: _Task,
    name: str,
    aligned_answer: Answer,
    own_answer: Answer | None,
    *,
    encoders: tuple[Classifier, Classifier | None],
) -> ZeroshotReport:
    counted = Counted(task.classes, aligned_answer.table, own_answer.table if own_answer else None)
    sides = [("aligned", encoders[0], counted.aligned), ("target", encoders[1], counted.target)]
    # under the identity the source is the target: there is nothing aligned to compare with it
    if encoders[0].linear_map.identity:
        sides = [("target", encoders[0], counted.aligned)]
    scores = [
        score_of(side.features.encoder, "aligned" if role == "aligned" else "target", hits)
        for role, side, hits in sides
        if side is not None and hits is not None and len(hits)
    ]
    labels = aligned_answer.table["label"].to_pylist()
    return ZeroshotReport(
        name=name,
        dataset=f"{task.images.dataset}@{task.images.snapshot}",
        labels=task.labels,
        classes=task.classes,
        templates=task.templates,
        scores=tuple(scores),
        chance=1 / len(task.classes),
        majority=counted.majority(),
        by_class=counted.by_class(),
        predictions=aligned_answer.table,
        unlabelled=sum(label is None for label in labels),
        other_labels=sum(label is not None and label not in set(task.classes) for label in labels),
        path=aligned_answer.path,
        new=aligned_answer.new,
    )
