"""Which exemplars a concept is refined from: usable images, each content once, some kept aside, all by content."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.concepts.refine import FEWEST
from t2c.core.maps.row_keys import smallest_keys
from t2c.flows.concepts.refine_measure import Aside
from t2c.flows.rows.aligned import aligned_units
from t2c.flows.rows.features_of_rows import features_of, folds_of, keys_of
from t2c.flows.rows.similarity_rows import find_concept
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.answers.refine import EXEMPLARS
from t2c.store.artifacts.concepts import Concepts, open_concepts
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, content_hashes, open_images
from t2c.store.artifacts.linear_maps import StoredMap, identity_map, open_map
from t2c.store.artifacts.selection import image_rows
from t2c.store.artifacts.similarities import Scores, resolve_scores
from t2c.store.disk.root import Store
from t2c.store.queries.searched import searched

Method = Literal["mean", "classifier"]
Rows = npt.NDArray[np.int64]

SAMPLED, SAMPLED_A_POSITIVE = 100, 5
"""Images of the rest taken as negatives when none are named: so many at least, and so many a positive."""


@dataclass(frozen=True, slots=True)
class RefineOptions:
    """How a concept is refined."""

    method: Method | None = None
    """`mean` of the positives, or a linear `classifier` against the negatives; None: the latter when there are some."""
    name: str | None = None
    """Name of the new concept; None: `<concept> (refined)`, with a number when that is taken."""
    holdout: float = 0.3
    """Share of the exemplars that the vector is measured on instead of made from."""
    attribute: str | None = None
    """`label` or attribute that says which images show the concept; None takes the one of its name, if any."""
    value: str | None = None
    """Value of the attribute that stands for the concept; None takes the one of its name."""
    seed: int = 0
    """Seed of the choice of exemplars that are kept aside, by content."""

    def check(self) -> None:
        """Raise SpecError for an option out of its range."""
        if self.method not in (None, "mean", "classifier"):
            raise SpecError(expected("--method", "mean or classifier", repr(self.method)))
        if not 0 <= self.holdout < 1:
            raise SpecError(expected("--holdout", "a share of 0 to below 1", str(self.holdout)))


@dataclass(frozen=True, slots=True, eq=False)
class RefineJob:
    """What is refined, on what."""

    images: Images
    """The dataset as of a snapshot."""
    scores: Scores
    """Its similarities to the bank, under a map."""
    bank: Concepts
    """The bank of the concept."""
    linear_map: StoredMap
    """The map that aligns features to the bank's space."""
    features: Features
    """Features that are aligned."""
    key: int
    """The concept, by its place in the bank."""
    fold: npt.NDArray[np.int8]
    """(rows,) the fold of each row, for the map that never saw it; below 0 takes the full map."""
    eligible: Rows
    """Rows that count: current, scored, each content once."""
    positive: Rows
    """Rows that show the concept."""
    negative: Rows
    """Rows that do not."""
    sampled: bool
    """Whether the negatives are a sample of the rest, because none were named."""
    method: Method
    """How the vector is made."""

    def units(self, rows: Rows) -> npt.NDArray[np.float32]:
        """Return the unit aligned features of rows, each with the map that never saw it."""
        return aligned_units(self.features, self.linear_map, rows, fold=self.fold[rows])


def open_job(
    store: Store,
    dataset: DatasetRef | str,
    concept: str,
    *,
    positive: Sequence[int],
    negative: Sequence[int],
    options: RefineOptions,
    sides: Mapping[str, Any],
) -> RefineJob:
    """Return a concept's exemplars under similarities chosen by `sides`.

    Raises UnknownName for a concept, InputError for too few exemplars or an image on both sides.
    """
    images = open_images(store, dataset)
    scores = resolve_scores(store, dataset, **sides)
    bank = open_concepts(store, scores.bank)
    linear_map = identity_map(store, scores.source) if scores.identity else open_map(store, scores.map)
    among = searched(scores, images=images, exclude_duplicates=True)
    eligible = np.flatnonzero(~np.isnan(among.values(0)))
    hashes = content_hashes(images)
    shows, lacks = (
        _eligible(images, hashes, eligible, rows, side)
        for rows, side in ((positive, "positive"), (negative, "negative"))
    )
    shared = np.intersect1d(shows, lacks)
    if len(shared):
        name = image_rows(images, shared[:1], ["image_id"])["image_id"][0].as_py()
        raise InputError(expected("exemplars", "each image on one side", f"{name!r} on both"))
    sampled = not len(lacks)
    if sampled:
        lacks = _rest(hashes, eligible, shows, seed=options.seed)
    method: Method = options.method or ("mean" if sampled else "classifier")
    return RefineJob(
        images,
        scores,
        bank,
        linear_map,
        features_of(images, scores.source.id),
        find_concept(bank.names(), concept, bank=bank.bank),
        folds_of(linear_map.fitted(), hashes),
        eligible,
        shows,
        lacks,
        sampled,
        method,
    )


def _eligible(images: Images, hashes: pa.ChunkedArray, eligible: Rows, rows: Sequence[int], side: str) -> Rows:
    """Return the rows of a side, each content once as its first eligible row; raises InputError for too few positives."""
    content = hashes.take(pa.array(eligible)).to_pylist()
    row_of = dict(zip(content, eligible.tolist(), strict=True))
    named = hashes.take(pa.array(list(rows), pa.int64())).to_pylist()
    chosen = np.array(
        sorted({row_of[content_hash] for content_hash in named if content_hash in row_of}), dtype=np.int64
    )
    if (side == "positive" or len(rows)) and len(chosen) < FEWEST:
        todo = "Superseded and unreadable images, and those a map without folds was fitted on, do not count."
        raise InputError(expected(f"{side} exemplars of {images.dataset}", f"{FEWEST} or more", str(len(chosen)), todo))
    return chosen


def _rest(hashes: pa.ChunkedArray, eligible: Rows, positive: Rows, *, seed: int) -> Rows:
    """Return a sample of the images that are no positives, by content."""
    rest = np.setdiff1d(eligible, positive)
    keys = keys_of(hashes, rest, seed=seed)
    most = max(SAMPLED, SAMPLED_A_POSITIVE * len(positive))
    drawn: Rows = rest[smallest_keys(keys, most=most)]
    return drawn


def aside_of(job: RefineJob, options: RefineOptions) -> Aside:
    """Return which exemplars are kept aside, by content; at least FEWEST of a side are left to make the vector from."""
    masks = []
    for rows in (job.positive, job.negative):
        # not the seed that drew the negatives: smallest keys of the same seed would repeat that choice
        keys = keys_of(content_hashes(job.images), rows, seed=options.seed + 1)
        count = max(0, min(round(options.holdout * len(rows)), len(rows) - FEWEST))
        mask = np.zeros(len(rows), dtype=np.bool_)
        mask[smallest_keys(keys, most=count)] = True
        masks.append(mask)
    return Aside(job.positive, masks[0], job.negative, masks[1])


def exemplar_table(job: RefineJob, aside: Aside) -> pa.Table:
    """Return EXEMPLARS."""
    parts = []
    sides = (("positive", job.positive, aside.positive), ("negative", job.negative, aside.negative))
    for side, rows, mask in sides:
        about = image_rows(job.images, rows, ["image_id", "content_hash"])
        unused = side == "negative" and job.method == "mean"
        use = ["kept aside" if held_out or unused else "fitted" for held_out in mask.tolist()]
        columns = [pa.array(rows), *about.columns, pa.array([side] * len(rows)), pa.array(use)]
        parts.append(pa.table(columns, names=EXEMPLARS.names).cast(EXEMPLARS))
    return pa.concat_tables(parts)
