"""Merge annotators' files into the paper's tables 1, 5 and 6, with agreement beside chance and checks of attention."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from t2c.core.statistics.agreement import GRAINS, RATES, UNRELATED, AnswerShare, agreement, pairs_of, rate
from t2c.flows.engine.answers import stored_once
from t2c.flows.engine.shown import Shown
from t2c.flows.study.design import Study
from t2c.flows.study.key_file import read_key
from t2c.flows.study.results import Result, read_results
from t2c.schemas.errors import InputError, MismatchError, SpecError, expected
from t2c.schemas.tables.answers.study import STUDY, STUDY_ANSWERS
from t2c.store.artifacts.images import open_images
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store


@dataclass(frozen=True, slots=True)
class Attention:
    """How an annotator did on the checks."""

    annotator: str
    """Who."""
    checks: int
    """Checks on the page."""
    failed: int
    """Of these, answered on the wrong side of related and unrelated."""
    counted: bool
    """False when the annotator was left out for them."""


@dataclass(frozen=True, slots=True, eq=False)
class ReadReport(Shown):
    """The answer to `study read`: rates and agreement, every answer, attention, and whose file is missing."""

    study: str
    """Digest of the study."""
    dataset: str
    """Dataset and snapshot."""
    table: pa.Table
    """STUDY."""
    answers: pa.Table
    """STUDY_ANSWERS, of those left out too."""
    attention: tuple[Attention, ...]
    """One an annotator."""
    waiting: tuple[str, ...]
    """Annotators of the study whose file was not given."""
    path: str
    """Where the table is kept; empty when it could not be stored."""
    new: bool
    """False when these files had been read before."""


def read(store: Store, files: Sequence[Path], *, key: Path, most_failed: int | None = None) -> ReadReport:
    """Read annotators' files of the study in `key` and store their tables.

    `most_failed` leaves out annotators who failed more checks of attention. Raises InputError or MismatchError naming the
    file and both sides; UnknownName when the store does not hold the study's dataset, MismatchError when it is another.
    """
    if most_failed is not None and most_failed < 0:
        raise SpecError(expected("failed checks allowed", "0 or more", str(most_failed)))
    study = read_key(key)
    parent = _parent(store, study)
    results = read_results(files, study)
    attention = tuple(_attention(result, study, most_failed) for result in results)
    counted = [result for result, standing in zip(results, attention, strict=True) if standing.counted]
    if not counted:
        todo = "Allow more with --most-failed, or ask other annotators"
        raise InputError(expected("annotators", f"one who failed at most {most_failed} checks", "none", todo))
    spec = {
        "dataset": study.dataset.partition("@")[0],
        "study": study.digest,
        "answers": {result.annotator: result.answers for result in results},
        "most_failed": most_failed,
    }
    everything = stored_once(store, "study_answers", lambda: answers_table(results, study), spec=spec, parents=[parent])
    summary = stored_once(store, "study", lambda: study_table(counted, study), spec=spec, parents=[parent])
    waiting = tuple(name for name in study.pages if name not in {result.annotator for result in results})
    return ReadReport(
        study.digest, study.dataset, summary.table, everything.table, attention, waiting, summary.path, summary.new
    )


def study_table(results: Sequence[Result], study: Study) -> pa.Table:
    """Return STUDY: rates, and agreement wherever an item has two annotators or more; checks do not count."""
    items = [item for item in study.items if item.answer is None]
    sources = sorted({item.source for item in items})
    rows: list[dict[str, Any]] = []
    for source in [*sources, *([""] if len(sources) > 1 else [])]:
        together = source == "" and len(sources) > 1
        answers_of_items = [
            {result.annotator: result.answers[item.id] for result in results if item.id in result.answers}
            for item in items
            if together or item.source == source
        ]
        rows += _figures(source, answers_of_items)
    return pa.Table.from_pylist(rows, schema=STUDY)


def _figures(source: str, answers_of_items: Iterable[dict[str, int]]) -> list[dict[str, Any]]:
    by_item = list(answers_of_items)
    answers = np.array([value for by_annotator in by_item for value in by_annotator.values()], np.int64)
    pairs = np.array([pair for by_annotator in by_item for pair in pairs_of(by_annotator)], np.int64).reshape(-1, 2)
    if not len(answers):
        return []
    rows = [_row(source, "rate", which, rate(answers, which)) for which in RATES]
    if len(pairs):
        rows += [_row(source, "agreement", grain, agreement(pairs, grain)) for grain in GRAINS]
    return rows


def _row(source: str, figure: str, grain: str, share: AnswerShare) -> dict[str, Any]:
    numbers = {
        name: getattr(share, name) for name in ("n", "count", "rate", "low", "high", "chance", "chance_observed")
    }
    return {"source": source, "figure": figure, "grain": grain, **numbers}


def answers_table(results: Sequence[Result], study: Study) -> pa.Table:
    """Return STUDY_ANSWERS, by annotator, in the order of their page."""
    items = study.by_id
    rows = [
        {
            "annotator": result.annotator,
            "item": name,
            "source": items[name].source,
            "label": items[name].label,
            "word": items[name].word,
            "given": value,
            "seconds": result.seconds[name],
            "known": items[name].answer,
            "passed": None if (right_answer := items[name].answer) is None else passed(value, right_answer),
        }
        for result in results
        for name, value in result.answers.items()
    ]
    return pa.Table.from_pylist(rows, schema=STUDY_ANSWERS)


def passed(value: int, known: int) -> bool:
    """Tell whether an answer lies on the same side of related and unrelated as the known one."""
    return (value == UNRELATED) == (known == UNRELATED)


def _attention(result: Result, study: Study, most_failed: int | None) -> Attention:
    right_answers = {item.id: item.answer for item in study.items if item.answer is not None}
    checked = [(value, right_answers[name]) for name, value in result.answers.items() if name in right_answers]
    failed = sum(not passed(value, right) for value, right in checked)
    return Attention(result.annotator, len(checked), failed, counted=most_failed is None or failed <= most_failed)


def _parent(store: Store, study: Study) -> Parent:
    """Return the snapshot of images that the study's pictures are from."""
    images = open_images(store, study.dataset)
    parent = images.manifest.as_parent()
    if images.manifest.content_digest != study.content:
        want, actual = f"content {study.content[:12]}", f"content {images.manifest.content_digest[:12]} in this store"
        raise MismatchError(
            expected(f"dataset {study.dataset} of the study", want, actual, "Name the study's own store")
        )
    return parent
