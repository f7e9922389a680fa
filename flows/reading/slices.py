"""Where a model errs, in words: conjunctions of concepts found on one half of the images and measured on the other."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.bottleneck.slices import Slice, SliceOptions, find_slices
from t2c.core.maps.row_keys import block_of
from t2c.core.statistics.proportions import wilson
from t2c.flows.engine.answers import stored_once
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.features_of_rows import keys_of
from t2c.flows.rows.labels import LABEL, truth_of
from t2c.flows.rows.predicted import named_classes, predicted_classes, predictions_parent
from t2c.schemas.digest import digest
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.logic import And, Constraint, Expression, render
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.answers.reading import SLICES
from t2c.store.artifacts.images import Images, content_hashes, open_images
from t2c.store.artifacts.similarities import resolve_scores
from t2c.store.disk.root import Store
from t2c.store.queries.searched import Searched, searched

FEWEST = 40
"""Images that are labelled, predicted and scored below which nothing is sought."""
_LISTED = 24


@dataclass(frozen=True, slots=True, eq=False)
class SlicesReport(Shown):
    """The answer to `slices`."""

    dataset: str
    """Dataset and snapshot."""
    model: str
    """Model whose predictions were read."""
    bank: str
    """Concept bank."""
    labels: str
    """`label`, or the attribute that holds the true class."""
    n: int
    """Images that are labelled, predicted and scored, each content once."""
    errors: int
    """Of these, images the model gets wrong."""
    table: pa.Table
    """SLICES."""
    notes: tuple[str, ...]
    """What a reader must know."""
    path: str
    """Where the answer is stored; empty when it could not be."""
    new: bool
    """False when the same had been asked before."""

    @property
    def confirmed(self) -> int:
        """Slices confirmed on the half they were not found on."""
        return int(np.count_nonzero(self.table["confirmed"].to_pylist()))

    @property
    def headline(self) -> str:
        """One sentence for people."""
        rate = f"{self.model} errs on {self.errors / self.n:.1%} of {self.n:,} images of {self.dataset}"
        confirmed = [row for row in self.table.to_pylist() if row["confirmed"]]
        if not confirmed:
            return f"{rate}; no slice by concepts is worse than the rest"
        first = confirmed[0]
        return f"{rate}, and on {first['error_rate']:.0%} of those with {first['slice']} ({first['n']:,} held out)"


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """What is searched."""

    images: Images
    among: Searched
    rows: npt.NDArray[np.int64]
    wrong: npt.NDArray[np.bool_]
    search: npt.NDArray[np.bool_]
    k: float
    options: SliceOptions


def model_slices(
    store: Store,
    dataset: DatasetRef | str,
    *,
    model: str,
    labels: str = LABEL,
    k: float = 1.0,
    options: SliceOptions | None = None,
    seed: int = 0,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
) -> SlicesReport:
    """Name the conjunctions of at most three concepts on which a model's imported predictions err most.

    A term is `concept > k` or `concept < -k`, in standard deviations over the dataset, as `t2c find` reads it. Slices
    are found on one half of the images, chosen by content, and sized, rated and confirmed on the other. Raises
    UnknownName for a model or attribute, InputError for too few images or labels the model never names, SpecError.
    """
    sides = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    chosen = options or SliceOptions()
    chosen.check()
    if not (np.isfinite(k) and k >= 0):
        raise SpecError(expected("-k", "a finite number of standard deviations, 0 or more", str(k)))
    images = open_images(store, dataset)
    scores = resolve_scores(store, dataset, **sides)
    says, truth = predicted_classes(images, model), truth_of(images, labels, mapping={})
    named = named_classes(images, model)
    among = searched(scores, images=images, exclude_duplicates=True)
    question = _question(images, among, says=says, truth=truth, k=k, options=chosen, seed=seed)
    foreign = _check(question, truth, named, model=model, labels=labels)
    spec = {
        "dataset": images.dataset,
        "map": scores.map,
        "bank": scores.bank,
        "model": model,
        "labels": labels,
        "truth": digest(truth),
        "k": k,
        "seed": seed,
        "options": asdict(chosen),
    }
    parents = [images.manifest.as_parent(), scores.manifest.as_parent(), predictions_parent(images)]
    stored_answer = stored_once(store, "slices", lambda: _table(question), spec=spec, parents=parents)
    notes = []
    if foreign:
        notes.append(f"{foreign:,} images have a label that the model never names: they count as errors")
    if not question.wrong.any():
        notes.append("the model makes no error on these images")
    return SlicesReport(
        dataset=f"{images.dataset}@{images.snapshot}",
        model=model,
        bank=scores.bank,
        labels=labels,
        n=len(question.rows),
        errors=int(question.wrong.sum()),
        table=stored_answer.table,
        notes=tuple(notes),
        path=stored_answer.path,
        new=stored_answer.new,
    )


def _question(
    images: Images,
    among: Searched,
    *,
    says: list[str | None],
    truth: list[str | None],
    k: float,
    options: SliceOptions,
    seed: int,
) -> _Question:
    scored = np.flatnonzero(~np.isnan(among.values(0))).tolist()
    rows = np.array([row for row in scored if says[row] is not None and truth[row] is not None], dtype=np.int64)
    wrong = np.array([says[row] != truth[row] for row in rows.tolist()], dtype=np.bool_)
    keys = keys_of(content_hashes(images), rows, seed=seed)
    return _Question(images, among, rows, wrong, block_of(keys, blocks=2) == 0, k, options)


def _check(question: _Question, truth: list[str | None], named: set[str], *, model: str, labels: str) -> int:
    """Return how many images have a label the model never names; raise InputError for too few images, or only such."""
    true_labels = [truth[row] for row in question.rows.tolist()]
    if len(true_labels) < FEWEST:
        want = f"{FEWEST} images or more that are labelled, predicted by {model} and scored"
        raise InputError(expected(f"{question.images.dataset}", want, str(len(true_labels))))
    foreign = sum(label not in named for label in true_labels)
    if foreign == len(true_labels):
        some = ", ".join(repr(label) for label in sorted({str(label) for label in true_labels})[:3])
        want = f"labels among {', '.join(map(repr, sorted(named)[:3]))}"
        todo = "Name the attribute that holds the true class: --labels ATTRIBUTE"
        raise InputError(expected(f"{labels} of {question.images.dataset}", want, some, todo))
    return foreign


def _table(question: _Question) -> pa.Table:
    names = question.among.names
    high = np.empty((len(question.rows), len(names)), dtype=np.bool_)
    low = np.empty_like(high)
    for key in range(len(names)):
        values = question.among.values(key)
        mean, std = question.among.moments(key, values)
        similarities = values[question.rows].astype(np.float64)
        high[:, key], low[:, key] = similarities > mean + question.k * std, similarities < mean - question.k * std
    slices = find_slices(high, low, wrong=question.wrong, search=question.search, options=question.options)
    rest = ~question.search
    overall = float(question.wrong[rest].mean())
    lines = [
        _line(question, error_slice, high, low, rank=rank, overall=overall)
        for rank, error_slice in enumerate(slices, 1)
    ]
    return pa.Table.from_pylist(lines, schema=SLICES)


def _line(question: _Question, error_slice: Slice, high: Any, low: Any, *, rank: int, overall: float) -> dict[str, Any]:
    inside = np.logical_and.reduce([(high if sign > 0 else low)[:, at] for at, sign in error_slice.terms])
    bounds = wilson(error_slice.measured.errors, error_slice.measured.n) if error_slice.measured.n else (0.0, 1.0)
    return {
        "rank": rank,
        "slice": expression_of(error_slice, question.among.names, k=question.k),
        "concepts": len(error_slice.terms),
        "found_n": error_slice.found.n,
        "found_errors": error_slice.found.errors,
        "n": error_slice.measured.n,
        "errors": error_slice.measured.errors,
        "error_rate": error_slice.measured.rate,
        "low": bounds[0],
        "high": bounds[1],
        "overall": overall,
        "p": error_slice.p,
        "confirmed": error_slice.confirmed,
        "rows": question.rows[inside & question.wrong][:_LISTED].tolist(),
    }


def expression_of(one: Slice, names: list[str], *, k: float) -> str:
    """Return a slice as the expression that finds its images."""
    terms: list[Expression] = [Constraint(names[at], 1 if sign > 0 else -1, k) for at, sign in one.terms]
    return render(terms[0] if len(terms) == 1 else And(tuple(terms)))
