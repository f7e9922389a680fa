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
        mine = table.filter(pc.equal(table["name"], name))
        found = {} if name == task.labels or _is_label(task, mine) else _columns(task, name, mine)
        names += list(found)
        columns += list(found.values())
        left_out += [] if found else [str(name)]
    if not columns:
        return None
    values = np.stack(columns, axis=1)
    fitted = values[~task.held_out]
    with np.errstate(invalid="ignore"):
        known = np.maximum((~np.isnan(fitted)).sum(axis=0), 1)
        mean = np.nansum(fitted, axis=0) / known
        std = np.sqrt(np.nansum((fitted - mean) ** 2, axis=0) / known)
    z = np.divide(values - mean, std, out=np.zeros_like(values), where=std > 0)
    missing = int(np.isnan(values).sum())
    return Attributes(tuple(names), np.nan_to_num(z, nan=0.0).astype(np.float32), missing, tuple(left_out))


def _is_label(task: Task, mine: pa.Table) -> bool:
    """Say whether an attribute repeats the label wherever it is known."""
    pairs = zip(mine["row"].to_pylist(), mine["value"].to_pylist(), strict=True)
    both = [(task.truth[row], value) for row, value in pairs if row < len(task.truth) and task.truth[row] is not None]
    return bool(both) and all(label == value for label, value in both)


def _columns(task: Task, name: str, mine: pa.Table) -> dict[str, npt.NDArray[np.float64]]:
    """Return one column of numbers, or one a value of text; NaN where the attribute is missing."""
    rows, inside = mine["row"].to_numpy(), mine["row"].to_numpy() < task.images.rows
    every = np.full(task.images.rows, np.nan)
    if mine["number"].null_count == 0:
        every[rows[inside]] = mine["number"].to_numpy()[inside]
        return {name: every[task.rows]}
    coded = mine["value"].combine_chunks().dictionary_encode()
    values = coded.dictionary.to_pylist()
    if len(values) > MOST_VALUES:
        return {}
    every[rows[inside]] = np.asarray(coded.indices, dtype=np.float64)[inside]
    codes = every[task.rows]
    known = np.where(np.isnan(codes), np.nan, 1.0)
    return {f"{name} = {value}": (codes == code) * known for code, value in enumerate(values)}


def auroc_table(task: Task, marks: Sequence[str], *, mapping: Mapping[str, str] | None = None) -> pa.Table:
    """Return ATTRIBUTE_AUROC of every concept that a label or attribute bears out, over the task's rows that know it.

    `marks` are the trust marks in order of key. Images that a refined concept was made from do not count for it. Largest
    area first. Raises SpecError when one value could mean two concepts.
    """
    names = task.among.names
    truths = truths_of(task.images, ())
    found: list[dict[str, Any]] = []
    for key, one in match(truths, names, bank=task.scores.bank, mapping=mapping).items():
        truth = truths[one.truth]
        codes = truth.codes[task.rows]
        known = (codes >= 0) & ~_made_from(task, names[key])
        positive = np.isin(codes, one.codes)
        if not positive[known].any() or positive[known].all():
            continue
        area = auroc(task.among.values(key)[task.rows][known].astype(np.float64), positive[known])
        about = {"attribute": truth.name, "value": truth.values[one.codes[0]], "key": key, "concept": names[key]}
        counts = {"positives": area.positives, "negatives": area.negatives}
        bounds = {"auroc": area.auroc, "low": area.low, "high": area.high}
        found.append({**about, "mark": marks[key], **counts, **bounds})
    found.sort(key=lambda row: (-row["auroc"], row["key"]))
    return pa.Table.from_pylist(found, schema=ATTRIBUTE_AUROC)


def _made_from(task: Task, concept: str) -> npt.NDArray[np.bool_]:
    """Say of each row of the task whether a concept was refined from its content."""
    content = exemplars(task.images.store, task.scores.bank, concept)
    if not content:
        return np.zeros(len(task.rows), dtype=np.bool_)
    hashes = content_hashes(task.images).take(pa.array(task.rows)).to_pylist()
    return np.array([one in content for one in hashes], dtype=np.bool_)
