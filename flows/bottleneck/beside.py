"""What a bottleneck is held against: a probe on the full features, the same head on true attributes, and AUROCs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from t2c.core.statistics.auroc import auroc
from t2c.flows.bottleneck.task import FOLDS, HELD_OUT, Task
from t2c.flows.maps.heads import HeadSpec, open_head
from t2c.flows.rows.exemplars import exemplars
from t2c.flows.rows.features_of_rows import find_features
from t2c.flows.rows.truths import match, truths_of
from t2c.schemas.tables.answers.bottleneck import ATTRIBUTE_AUROC
from t2c.store.artifacts.dataset_tables import read_attributes
from t2c.store.artifacts.images import content_hashes

Vectors = npt.NDArray[np.float32]

MOST_VALUES = 50
"""Values of a text attribute that become inputs; one with more is an id rather than an attribute."""
_READ_ROWS = 8192


def probe_predictions(task: Task) -> tuple[npt.NDArray[np.int64], int] | None:
    """Return the classes that a least-squares probe on the source's own features gives the held-out rows, and its width.

    Fitted on the bottleneck's fitted rows, its ridge chosen over their folds. None without the features.
    """
    features = find_features(task.images, task.scores.source.id)
    if features is None:
        return None
    groups = np.full(task.images.rows, -1, dtype=np.int8)
    groups[task.rows] = np.where(task.groups == HELD_OUT, np.int8(-1), task.groups)
    spec = HeadSpec("probe", labels=task.labels, classes=task.classes)
    head = open_head(task.images, spec, features=features, truth=task.truth, groups=groups, folds=FOLDS)
    rows = task.rows[task.held_out]
    parts = [
        head.predict(features.take(rows[start : start + _READ_ROWS]).astype(np.float32))
        for start in range(0, len(rows), _READ_ROWS)
    ]
    return np.concatenate(parts), features.dimension


@dataclass(frozen=True, slots=True, eq=False)
class Attributes:
    """True attributes as inputs of a head."""

    names: tuple[str, ...]
    """Columns: an attribute, or `attribute = value`."""
    values: Vectors
    """(labelled, columns) standardised over the fitted rows; 0, the mean, where an attribute is missing."""
    missing: int
    """Cells that are missing."""
    left_out: tuple[str, ...]
    """Attributes that are no input: the label itself, or more than MOST_VALUES values."""


def attribute_inputs(task: Task) -> Attributes | None:
    """Return the imported attributes of the task's rows, or None when there are none that may be inputs."""
    table = read_attributes(task.images.store, task.images.dataset)
    names, columns, left_out = [], [], []
    for name in table["name"].unique().to_pylist():
        attribute_rows = table.filter(pc.equal(table["name"], name))
        inputs = {} if name == task.labels or _is_label(task, attribute_rows) else _columns(task, name, attribute_rows)
        names += list(inputs)
        columns += list(inputs.values())
        left_out += [] if inputs else [str(name)]
    if not columns:
        return None
    values = np.stack(columns, axis=1)
    # mean and spread of the fitted rows alone, so that nothing held out enters the head
    fitted = values[~task.held_out]
    with np.errstate(invalid="ignore"):
        present = np.maximum((~np.isnan(fitted)).sum(axis=0), 1)
        mean = np.nansum(fitted, axis=0) / present
        std = np.sqrt(np.nansum((fitted - mean) ** 2, axis=0) / present)
    z = np.divide(values - mean, std, out=np.zeros_like(values), where=std > 0)
    missing = int(np.isnan(values).sum())
    return Attributes(tuple(names), np.nan_to_num(z, nan=0.0).astype(np.float32), missing, tuple(left_out))


def _is_label(task: Task, attribute_rows: pa.Table) -> bool:
    """Say whether an attribute repeats the label wherever it is known."""
    pairs = zip(attribute_rows["row"].to_pylist(), attribute_rows["value"].to_pylist(), strict=True)
    labelled = [
        (task.truth[row], value) for row, value in pairs if row < len(task.truth) and task.truth[row] is not None
    ]
    return bool(labelled) and all(label == value for label, value in labelled)


def _columns(task: Task, name: str, attribute_rows: pa.Table) -> dict[str, npt.NDArray[np.float64]]:
    """Return one column of numbers, or one a value of text; NaN where the attribute is missing."""
    rows, inside = attribute_rows["row"].to_numpy(), attribute_rows["row"].to_numpy() < task.images.rows
    every = np.full(task.images.rows, np.nan)
    if attribute_rows["number"].null_count == 0:
        every[rows[inside]] = attribute_rows["number"].to_numpy()[inside]
        return {name: every[task.rows]}
    coded = attribute_rows["value"].combine_chunks().dictionary_encode()
    values = coded.dictionary.to_pylist()
    if len(values) > MOST_VALUES:
        return {}
    every[rows[inside]] = np.asarray(coded.indices, dtype=np.float64)[inside]
    codes = every[task.rows]
    present = np.where(np.isnan(codes), np.nan, 1.0)
    return {f"{name} = {value}": (codes == code) * present for code, value in enumerate(values)}


def auroc_table(task: Task, marks: Sequence[str], *, mapping: Mapping[str, str] | None = None) -> pa.Table:
    """Return ATTRIBUTE_AUROC of every concept that a label or attribute bears out, over the task's rows that know it.

    `marks` are the trust marks in order of key. Images that a refined concept was made from do not count for it. Largest
    area first. Raises SpecError when one value could mean two concepts.
    """
    names = task.among.names
    truths = truths_of(task.images, ())
    lines: list[dict[str, Any]] = []
    for key, matched in match(truths, names, bank=task.scores.bank, mapping=mapping).items():
        truth = truths[matched.truth]
        codes = truth.codes[task.rows]
        counted = (codes >= 0) & ~_made_from(task, names[key])
        positive = np.isin(codes, matched.codes)
        if not positive[counted].any() or positive[counted].all():
            continue
        area = auroc(task.among.values(key)[task.rows][counted].astype(np.float64), positive[counted])
        about = {"attribute": truth.name, "value": truth.values[matched.codes[0]], "key": key, "concept": names[key]}
        counts = {"positives": area.positives, "negatives": area.negatives}
        bounds = {"auroc": area.auroc, "low": area.low, "high": area.high}
        lines.append({**about, "mark": marks[key], **counts, **bounds})
    lines.sort(key=lambda row: (-row["auroc"], row["key"]))
    return pa.Table.from_pylist(lines, schema=ATTRIBUTE_AUROC)


def _made_from(task: Task, concept: str) -> npt.NDArray[np.bool_]:
    """Say of each row of the task whether a concept was refined from its content."""
    content = exemplars(task.images.store, task.scores.bank, concept)
    if not content:
        return np.zeros(len(task.rows), dtype=np.bool_)
    hashes = content_hashes(task.images).take(pa.array(task.rows)).to_pylist()
    return np.array([content_hash in content for content_hash in hashes], dtype=np.bool_)
