"""Measure whether each concept of a bank may be believed under a map, and remember it: trusted, weak, unverified, untrusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from t2c.flows.engine.answers import Answer, stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.exemplars import every_exemplar
from t2c.flows.rows.labels import label_parents
from t2c.flows.rows.truths import check_matches, match, truths_of
from t2c.flows.trust.measure import TrustQuestion
from t2c.flows.trust.table import trust_table
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.linear_maps import identity_map, open_map
from t2c.store.artifacts.similarities import resolve_scores
from t2c.store.disk.manifest import Manifest, Parent
from t2c.store.disk.root import Store

DIRECTIONS = 200
"""Random directions of each kind: the 2.5 % level is the fifth largest of them."""
MOST_ROWS = 100_000
"""Rows measured at most, chosen by content: a rank correlation is known to 0.005 by then."""
_SIDES = ("dataset", "map", "bank")
MARKS = ("trusted", "weak", "unverified", "untrusted")
"""Marks, best first."""


@dataclass(frozen=True, slots=True, eq=False)
class TrustReport(Shown):
    """The answer to `trust`."""

    dataset: str
    """Dataset and snapshot that was measured on."""
    map: str
    """Map under which the concepts are judged."""
    bank: str
    """Concept bank."""
    labels: tuple[str, ...]
    """Labels and attributes that were asked."""
    table: pa.Table
    """TRUST, in order of key."""
    notes: tuple[str, ...]
    """What a reader must know."""
    path: str
    """Where the answer is stored; empty when it could not be."""
    new: bool
    """False when the same question had been answered before."""

    def count(self, mark: str) -> int:
        """Return how many concepts have a mark."""
        return int(self.table["mark"].to_pylist().count(mark))

    @property
    def headline(self) -> str:
        """One sentence for people."""
        counts = ", ".join(f"{self.count(mark)} {mark}" for mark in MARKS)
        return f"Trust of {self.table.num_rows} concepts of {self.bank} on {self.dataset}: {counts}"


def trust(
    store: Store,
    dataset: DatasetRef | str,
    *,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
    labels: Sequence[str] = (),
    mapping: Mapping[str, str] | None = None,
    directions: int = DIRECTIONS,
    max_rows: int = MOST_ROWS,
    seed: int = 0,
    progress: Progress | None = None,
) -> TrustReport:
    """Measure transport and meaning of every concept of a bank that the dataset was scored with, and store the marks.

    `labels` are `label` and names of attributes (default: all there are), `mapping` says which concept a value stands
    for where the names differ. Only rows the map was not fitted on, or those out of fold, are used, each content once.
    Raises UnknownName, SpecError, InputError for labels named that bear out no concept.
    """
    if directions < 40 or max_rows < 1:
        raise SpecError(expected("trust", "40 directions or more and a row", f"{directions} and {max_rows}"))
    images = open_images(store, dataset)
    scores = resolve_scores(store, dataset, source=source, target=target, bank=bank, linear_map=linear_map)
    concepts = open_concepts(store, scores.bank)
    truths = truths_of(images, labels)
    matches = match(truths, concepts.names(), bank=scores.bank, mapping=mapping)
    check_matches(matches, truths, concepts.names(), names=labels, dataset=images.dataset)
    found_map = identity_map(store, scores.source) if scores.identity else open_map(store, scores.map)
    spent = every_exemplar(store, concepts.bank)
    question = TrustQuestion(images, found_map, concepts, tuple(truths), matches, directions, max_rows, seed, spent)
    bar = progress or NoProgress()
    spec: dict[str, Any] = {
        "dataset": images.dataset,
        "map": scores.map,
        "bank": scores.bank,
        "labels": [truth.name for truth in truths],
        "mapping": dict(sorted((mapping or {}).items())),
        "directions": directions,
        "max_rows": max_rows,
        "seed": seed,
    }
    trust_answer = stored_once(
        store, "trust", lambda: trust_table(question, progress=bar), spec=spec, parents=_parents(question)
    )
    return TrustReport(
        dataset=f"{images.dataset}@{images.snapshot}",
        map=scores.map,
        bank=scores.bank,
        labels=tuple(truth.name for truth in truths),
        table=trust_answer.table,
        notes=(*question.notes(), *_in_use(store, trust_answer, spec)),
        path=trust_answer.path,
        new=trust_answer.new,
    )


def _in_use(store: Store, trust_answer: Answer, spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a note when these are not the marks that other commands will show."""
    if not trust_answer.path:
        return ("the answer was not stored: the store cannot be written",)
    same_sides = [
        manifest for manifest in list_answers(store, "trust") if all(manifest.spec[key] == spec[key] for key in _SIDES)
    ]
    if same_sides[-1].digest == trust_answer.digest:
        return ()
    labels = ", ".join(same_sides[-1].spec["labels"]) or "no labels"
    return (f"answered before; the marks in use are those of a later question, by {labels}",)


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """The marks in use for a dataset, a map and a bank."""

    rows: Mapping[int, Mapping[str, Any]]
    """Concept key to the row of TRUST that marks it, with the `dataset` it was measured on; a newer concept has none."""
    answers: tuple[Manifest, ...]
    """The answers they come from: parents of whatever depends on the marks."""

    @property
    def by_key(self) -> dict[int, str]:
        """Return concept key to mark."""
        return {key: row["mark"] for key, row in self.rows.items()}

    @property
    def by_name(self) -> dict[str, str]:
        """Return concept to mark."""
        return {row["concept"]: row["mark"] for row in self.rows.values()}


def marks_in_use(store: Store, dataset: str, *, map: str, bank: str) -> Marks | None:  # noqa: A002 - the store's word
    """Return the newest marks of a map and a bank measured on a dataset; None when none were measured anywhere.

    Marks belong to a map and a bank, so a concept that the dataset itself could not verify (it has no labels, or was
    never measured) has the newest mark from another dataset.
    """
    every = [
        manifest
        for manifest in list_answers(store, "trust")
        if (manifest.spec["map"], manifest.spec["bank"]) == (map, bank)
    ]
    newest: dict[bool, Manifest] = {manifest.spec["dataset"] == dataset: manifest for manifest in every}
    chosen = [newest[own] for own in (True, False) if own in newest]
    rows: dict[int, Mapping[str, Any]] = {}
    for manifest in chosen:
        for row in answer_table(store, manifest).to_pylist():
            if row["key"] not in rows or rows[row["key"]]["mark"] == "unverified":
                rows[row["key"]] = {**row, "dataset": manifest.spec["dataset"]}
    return Marks(rows, tuple(chosen)) if chosen else None


def marks_by_name(store: Store, dataset: str, *, map: str, bank: str) -> dict[str, str] | None:  # noqa: A002
    """Return the mark of each concept by name; None: not measured."""
    marks = marks_in_use(store, dataset, map=map, bank=bank)
    return None if marks is None else marks.by_name


def _parents(question: TrustQuestion) -> list[Parent]:
    """Return the artifacts that the answer rests on."""
    own = question.own()
    rests_on = (question.images, question.features(), question.concepts, own)
    parents = [artifact.manifest.as_parent() for artifact in rests_on if artifact is not None]
    parents += label_parents(question.images)
    linear_map = question.linear_map.as_parent()
    return [*parents, *([linear_map] if linear_map is not None else [])]
