"""Read a dataset through its concepts: classes ranked by concept, concepts that come together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.bottleneck.reading import cooccurrence
from t2c.flows.engine.answers import stored_once
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.labels import LABEL, codes_of, label_names, truth_of
from t2c.flows.rows.similarity_rows import find_concept
from t2c.schemas.digest import digest
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.answers.reading import CLASS_RANKS, COOCCURRENCE
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.images import Images, open_images
from t2c.store.artifacts.similarities import Scores, resolve_scores
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store
from t2c.store.queries.rank import largest
from t2c.store.queries.searched import Searched, searched
from t2c.store.queries.summary import TOP_SHARE

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class ReadingReport(Shown):
    """A table read from a dataset."""

    dataset: str
    """Dataset and snapshot."""
    map: str
    """Map it was scored with."""
    bank: str
    """Concept bank."""
    table: pa.Table
    """CLASS_RANKS, HARD_IMAGES or COOCCURRENCE."""
    notes: tuple[str, ...]
    """What a reader must know."""
    path: str
    """Where the answer is stored; empty when it could not be."""
    new: bool
    """False when the same had been asked before."""


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """What is read."""

    images: Images
    """The dataset as of a snapshot."""
    scores: Scores
    """Its similarities to a bank under a map."""
    among: Searched
    """Which of them count: those of current images, out of fold where the map was fitted on them."""

    @property
    def parents(self) -> list[Parent]:
        """What was read, as parents."""
        return [self.images.manifest.as_parent(), self.scores.manifest.as_parent()]

    def spec(self, **more: Any) -> dict[str, Any]:
        """Return the spec of an answer."""
        return {"dataset": self.images.dataset, "map": self.scores.map, "bank": self.scores.bank, **more}

    def rows(self) -> npt.NDArray[np.int64]:
        """Return the rows that may be compared, each content once; raises InputError for none."""
        rows = np.flatnonzero(~np.isnan(self.among.values(0)))
        if not len(rows):
            raise self.among.empty()
        return rows


def class_ranks(
    store: Store,
    dataset: DatasetRef | str,
    concepts: Sequence[str] = (),
    *,
    images: int = 4,
    labels: str = LABEL,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
) -> ReadingReport:
    """Rank the classes of a dataset by their mean similarity to concepts (figure 2) and by share of the top 1 %.

    All concepts of the bank when none is named; `images` most and least similar images are kept of each class. `labels`
    is `label` or an attribute. Raises InputError when no image has one, UnknownName, SpecError for fewer than 0 images.
    """
    sides = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    if images < 0:
        raise SpecError(expected("number of images", "0 or more", str(images)))
    opened = open_read(store, dataset, duplicates=True, sides=sides)
    names = opened.among.names
    keys = [
        find_concept(names, concept, bank=opened.scores.bank, store=opened.scores.store) for concept in concepts
    ] or list(range(len(names)))
    codes, classes = image_classes(opened.images, labels)
    spec = opened.spec(keys=keys, images=images, labels=labels, truth=digest(codes.tolist()))
    stored_answer = stored_once(
        store,
        "class_ranks",
        lambda: _class_ranks(opened, keys, codes, classes, most=images),
        spec=spec,
        parents=opened.parents,
    )
    return reading_report(opened, stored_answer.table, stored_answer.path, new=stored_answer.new)


def image_classes(images: Images, labels: str) -> tuple[Codes, tuple[str, ...]]:
    """Return the class of every image row, -1 when unknown, and the classes' names; raises InputError without any."""
    truth = truth_of(images, labels, mapping={})
    names = label_names(truth, of=f"{labels} of {images.dataset}")
    return codes_of(names, truth), names


def _class_ranks(opened: Read, keys: Sequence[int], codes: Codes, names: Sequence[str], *, most: int) -> pa.Table:
    lines: list[dict[str, Any]] = []
    for key in keys:
        values = opened.among.values(key)
        mean, std = opened.among.moments(key, values)
        row_codes = codes[: len(values)]
        everyone = int(np.count_nonzero(~np.isnan(values)))
        best = largest(values, max(1, round(TOP_SHARE * everyone)))
        class_rows = []
        for code, name in enumerate(names):
            inside = np.where(row_codes == code, values, np.float32(np.nan))
            count = int(np.count_nonzero(~np.isnan(inside)))
            if count:
                average = float(np.nanmean(inside, dtype=np.float64))
                ends = {"most": largest(inside, most).tolist(), "least": largest(-inside, most).tolist()}
                shares = {"top_share": float((row_codes[best] == code).mean()), "share": count / everyone}
                z = (average - mean) / std if std > 0 else 0.0
                class_rows.append({"label": name, "count": count, "mean": average, "z": z, **shares, **ends})
        by_mean = sorted(class_rows, key=lambda row: -row["mean"])
        # the sort is stable: classes of equal share stay in the order of their means
        by_share = sorted(by_mean, key=lambda row: -row["top_share"])
        top_rank = {row["label"]: rank for rank, row in enumerate(by_share, 1)}
        head = {"key": key, "concept": opened.among.names[key]}
        lines += [{**head, **row, "rank": at, "top_rank": top_rank[row["label"]]} for at, row in enumerate(by_mean, 1)]
    return pa.Table.from_pylist(lines, schema=CLASS_RANKS)


def concept_pairs(
    store: Store,
    dataset: DatasetRef | str,
    *,
    k: float = 1.0,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
) -> ReadingReport:
    """Count which concepts come together: present means a similarity above mean + k standard deviations.

    The strongest correlation of presence comes first. Raises SpecError for a k that is not finite, InputError for fewer
    than two concepts or no images.
    """
    sides = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    if not np.isfinite(k):
        raise SpecError(expected("-k", "a finite number of standard deviations", str(k)))
    opened = open_read(store, dataset, duplicates=False, sides=sides)
    stored_answer = stored_once(
        store, "cooccurrence", lambda: _pairs(opened, k), spec=opened.spec(k=k), parents=opened.parents
    )
    return reading_report(opened, stored_answer.table, stored_answer.path, new=stored_answer.new)


def _pairs(opened: Read, k: float) -> pa.Table:
    rows, names = opened.rows(), opened.among.names
    present = np.empty((len(rows), len(names)), dtype=np.bool_)
    for key in range(len(names)):
        values = opened.among.values(key)
        mean, std = opened.among.moments(key, values)
        present[:, key] = values[rows].astype(np.float64) > mean + k * std
    pairs = cooccurrence(present)
    vectors = open_concepts(opened.scores.store, opened.scores.bank).vectors()[: len(names)]
    order = np.lexsort((pairs.second, pairs.first, -np.abs(pairs.phi)))
    first, second = pairs.first[order], pairs.second[order]
    columns = {
        "key": first.astype(np.int32),
        "concept": [names[at] for at in first.tolist()],
        "other_key": second.astype(np.int32),
        "other": [names[at] for at in second.tolist()],
        "n": np.full(len(order), len(rows), dtype=np.int64),
        "n_concept": pairs.n_first[order],
        "n_other": pairs.n_second[order],
        "n_both": pairs.both[order],
        "lift": pairs.lift[order],
        "phi": pairs.phi[order],
        "cosine": np.einsum("ij,ij->i", vectors[first], vectors[second]).astype(np.float64),
    }
    return pa.table(columns, schema=COOCCURRENCE)


def open_read(store: Store, dataset: DatasetRef | str, *, duplicates: bool, sides: dict[str, str | None]) -> Read:
    """Return a dataset under the similarities that `sides` choose; raises UnknownName, SpecError, MismatchError."""
    images = open_images(store, dataset)
    scores = resolve_scores(store, dataset, **sides)
    return Read(images, scores, searched(scores, images=images, exclude_duplicates=not duplicates))


def reading_report(one: Read, table: pa.Table, path: str, *, new: bool, notes: Sequence[str] = ()) -> ReadingReport:
    """Return the report of an answer that is stored at `path`."""
    ref = f"{one.images.dataset}@{one.images.snapshot}"
    return ReadingReport(ref, one.scores.map, one.scores.bank, table, tuple(notes), path, new)
