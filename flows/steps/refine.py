"""Refine a concept from exemplars in the aligned space, save it with its provenance, measure it on images not used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flows.steps.aligned import aligned_units
from flows.steps.answers import answer
from flows.steps.bottleneck_rows import find_concept
from flows.steps.refine_measure import Aside, Measure, borne_out, measure_table
from flows.steps.refined import refinements
from flows.steps.rows import features_of, folds_of, store_path
from flows.steps.trust import marks_in_use
from schemas.answers.refine import EXEMPLARS, REFINED
from schemas.digest import digest, digest_bytes
from schemas.errors import InputError, SpecError, expected
from schemas.names import DatasetRef
from store import paths
from store.concepts import Concepts, add_concepts, open_concepts
from store.features import Features
from store.images import Images, content_hashes, open_images
from store.linear_maps import StoredMap, identity_map, open_map
from store.manifest import Parent, find_manifest, read_manifest
from store.queries.searched import searched
from store.root import Store
from store.selection import image_rows
from store.similarities import Scores, resolve_scores
from t2c_core.moments import row_keys
from t2c_core.refine import FEWEST, linear_classifier, mean_of_exemplars

Method = Literal["mean", "classifier"]
Rows = npt.NDArray[np.int64]

AVERAGING = {"mean": "mean of exemplars", "classifier": "linear classifier"}
"""What CONCEPTS says of a refined vector under `averaging`."""
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
class RefineReport:
    """The answer to `concepts refine`."""

    concept: str
    """The concept it was refined from."""
    name: str
    """The new concept."""
    bank: str
    """Bank that holds both."""
    dataset: str
    """Dataset and snapshot of the exemplars."""
    method: str
    """mean or classifier."""
    positives: int
    """Positives the vector was made from."""
    negatives: int
    """Negatives it was made from."""
    aside: tuple[int, int]
    """Positives and negatives kept aside."""
    cosine: float
    """Cosine of the new vector with the one it came from."""
    table: pa.Table
    """REFINEMENT: before and after, on images not used."""
    notes: tuple[str, ...]
    """What a reader must know."""
    path: str
    """Where the provenance is stored."""
    new: bool
    """False when the same had been done before."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """What is refined, on what."""

    images: Images
    scores: Scores
    bank: Concepts
    linear_map: StoredMap
    features: Features
    key: int
    fold: npt.NDArray[np.int8]
    eligible: Rows
    positive: Rows
    negative: Rows
    sampled: bool
    method: Method

    def units(self, rows: Rows) -> npt.NDArray[np.float32]:
        """Return the unit aligned features of rows, each with the map that never saw it."""
        return aligned_units(self.features, self.linear_map, rows, fold=self.fold[rows])


def refine_concept(
    store: Store,
    dataset: DatasetRef | str,
    concept: str,
    *,
    positive: Sequence[int],
    negative: Sequence[int] = (),
    options: RefineOptions | None = None,
    **sides: Any,
) -> RefineReport:
    """Make a new concept from images that show it (and images that do not), beside the one it came from.

    The vector is the mean of the positives' aligned features, or the normal of a linear classifier against the
    negatives (a sample of the rest when none are named); each image is aligned with the map that never saw it. A share
    of the exemplars is kept aside, and the old and new vector are compared there and, where an attribute or label goes
    by the concept's name, on every image that is no exemplar. `sides` (source, target, bank, linear_map) choose the
    similarities. Raises UnknownName, SpecError, InputError for too few exemplars or an image on both sides.
    """
    chosen = options or RefineOptions()
    chosen.check()
    job = _open(store, dataset, concept, positive=positive, negative=negative, options=chosen, sides=sides)
    told = borne_out(job.images, job.bank.names()[job.key], attribute=chosen.attribute, value=chosen.value)
    question, parents = _question(job, chosen), _parents(job)
    named = _named(store, job, question, chosen)
    aside = _aside(job, chosen)
    vector = _vector(job, aside)
    vector_digest = digest_bytes(vector.tobytes())
    spec = {
        "dataset": job.images.dataset,
        "bank": job.bank.bank,
        "concept": named,
        "question": question,
        "refined_from": job.bank.names()[job.key],
        "parent_vector": job.bank.table(["vector_digest"])["vector_digest"][job.key].as_py(),
        "vector": vector_digest,
        "method": job.method,
        "map": job.scores.map,
    }
    kept = answer(store, REFINED, lambda: _exemplars(job, aside), spec=spec, parents=parents)
    bank = _add(job, named, vector, provenance=kept.path and kept.digest)
    marks = marks_in_use(store, job.images.dataset, map=job.scores.map, bank=job.bank.bank)
    by_key: Mapping[int, str] = marks.by_key if marks is not None else {}
    old = job.bank.vectors()[job.key]
    measure = Measure(
        job.images,
        job.eligible,
        concept=spec["refined_from"],
        vectors=(old, vector),
        marks=(by_key.get(job.key), by_key.get(bank.key_of(named))),
        units=job.units,
    )
    rest = [one.as_parent() for one in (marks.answers if marks is not None else ())]
    attributes = find_manifest(store, paths.attributes(job.images.dataset))
    rest += [attributes.as_parent()] if attributes is not None else []
    table = answer(
        store,
        "refinement",
        lambda: measure_table(measure, aside, borne_out=told, sampled=job.sampled),
        spec={**spec, "attribute": chosen.attribute, "value": chosen.value},
        parents=[*parents, *rest],
    )
    used = [int(np.count_nonzero(~one)) for one in (aside.positive, aside.negative)]
    return RefineReport(
        concept=spec["refined_from"],
        name=named,
        bank=job.bank.bank,
        dataset=f"{job.images.dataset}@{job.images.snapshot}",
        method=job.method,
        positives=used[0],
        negatives=used[1] if job.method == "classifier" else 0,
        aside=(int(aside.positive.sum()), int(aside.negative.sum())),
        cosine=float(old.astype(np.float64) @ vector),
        table=table.table,
        notes=_notes(job, (len(positive), len(negative)), table.table),
        path=kept.path or store_path(store, job.bank.manifest.artifact),
        new=kept.new,
    )


def _open(
    store: Store,
    dataset: DatasetRef | str,
    concept: str,
    *,
    positive: Sequence[int],
    negative: Sequence[int],
    options: RefineOptions,
    sides: Mapping[str, Any],
) -> _Job:
    images = open_images(store, dataset)
    scores = resolve_scores(store, dataset, **sides)
    bank = open_concepts(store, scores.bank)
    linear_map = identity_map(store, scores.source) if scores.identity else open_map(store, scores.map)
    among = searched(scores, images=images, exclude_duplicates=True)
    eligible = np.flatnonzero(~np.isnan(among.values(0)))
    hashes = content_hashes(images)
    chosen = [
        _eligible(images, hashes, eligible, rows, side)
        for rows, side in ((positive, "positive"), (negative, "negative"))
    ]
    both = np.intersect1d(*chosen)
    if len(both):
        name = image_rows(images, both[:1], ["image_id"])["image_id"][0].as_py()
        raise InputError(expected("exemplars", "each image on one side", f"{name!r} on both"))
    sampled = not len(chosen[1])
    if sampled:
        chosen[1] = _rest(hashes, eligible, chosen[0], seed=options.seed)
    method: Method = options.method or ("mean" if sampled else "classifier")
    return _Job(
        images,
        scores,
        bank,
        linear_map,
        features_of(images, scores.source.id),
        find_concept(bank.names(), concept, bank=bank.bank),
        folds_of(linear_map.fitted(), hashes),
        eligible,
        *chosen,
        sampled=sampled,
        method=method,
    )


def _eligible(images: Images, hashes: pa.ChunkedArray, eligible: Rows, rows: Sequence[int], side: str) -> Rows:
    """Return the rows of a side, each content once as its first eligible row; raises InputError for too few positives."""
    content = hashes.take(pa.array(eligible)).to_pylist()
    row_of = dict(zip(content, eligible.tolist(), strict=True))
    wanted = hashes.take(pa.array(list(rows), pa.int64())).to_pylist()
    found = np.array(sorted({row_of[one] for one in wanted if one in row_of}), dtype=np.int64)
    if (side == "positive" or len(rows)) and len(found) < FEWEST:
        todo = "Superseded and unreadable images, and those a map without folds was fitted on, do not count."
        raise InputError(expected(f"{side} exemplars of {images.dataset}", f"{FEWEST} or more", str(len(found)), todo))
    return found


def _rest(hashes: pa.ChunkedArray, eligible: Rows, positive: Rows, *, seed: int) -> Rows:
    """Return a sample of the images that are no positives, by content."""
    rest = np.setdiff1d(eligible, positive)
    keys = row_keys(np.asarray(hashes.take(pa.array(rest))), seed=seed)
    most = max(SAMPLED, SAMPLED_A_POSITIVE * len(positive))
    return np.sort(rest[np.argsort(keys, kind="stable")[:most]])


def _aside(job: _Job, options: RefineOptions) -> Aside:
    """Return which exemplars are kept aside, by content; at least FEWEST of a side are left to make the vector from."""
    masks = []
    for rows in (job.positive, job.negative):
        keys = row_keys(np.asarray(content_hashes(job.images).take(pa.array(rows))), seed=options.seed + 1)
        count = max(0, min(round(options.holdout * len(rows)), len(rows) - FEWEST))
        mask = np.zeros(len(rows), dtype=np.bool_)
        mask[np.argsort(keys, kind="stable")[:count]] = True
        masks.append(mask)
    return Aside(job.positive, masks[0], job.negative, masks[1])


def _vector(job: _Job, aside: Aside) -> npt.NDArray[np.float32]:
    positive = job.units(job.positive[~aside.positive])
    if job.method == "mean":
        return mean_of_exemplars(positive)
    return linear_classifier(positive, job.units(job.negative[~aside.negative]))


def _question(job: _Job, options: RefineOptions) -> str:
    """Return the digest of what was asked, so that the same question finds the concept it made before."""
    asked = {
        "concept": job.bank.names()[job.key],
        "method": job.method,
        "name": options.name,
        "holdout": options.holdout,
        "seed": options.seed,
        "map": job.scores.map,
        "bank": job.bank.bank,
        "dataset": [job.images.dataset, job.images.manifest.content_digest],
        "rows": [job.positive.tolist(), job.negative.tolist()],
    }
    return digest(asked)


def _named(store: Store, job: _Job, question: str, options: RefineOptions) -> str:
    """Return the new concept's name: that of the same question before, the one asked for, or the first that is free."""
    before = next(
        (name for name, one in refinements(store, job.bank.bank).items() if one.spec["question"] == question), None
    )
    if before is not None:
        return before
    names = set(job.bank.names())
    if options.name is not None:
        if options.name in names:
            todo = "A bank never changes: choose another name."
            raise SpecError(expected("--name", f"a name that bank {job.bank.bank} lacks", repr(options.name), todo))
        return options.name
    plain = f"{job.bank.names()[job.key]} (refined)"
    numbered = (f"{plain[:-1]} {number})" for number in range(2, len(names) + 3))
    return plain if plain not in names else next(name for name in numbered if name not in names)


def _parents(job: _Job) -> list[Parent]:
    """Return what the vector rests on; the bank as of its first snapshot with the concept, whatever joined since."""
    found = [job.images.manifest.as_parent(), job.features.manifest.as_parent()]
    found += [parent for parent in (job.linear_map.as_parent(),) if parent is not None]
    artifact = job.bank.manifest.artifact
    first = next(
        one
        for number in range(1, job.bank.manifest.snapshot + 1)
        if (one := read_manifest(job.images.store, artifact, snapshot=number)).rows > job.key
    )
    return [*found, first.as_parent()]


def _exemplars(job: _Job, aside: Aside) -> pa.Table:
    parts = []
    sides = (("positive", job.positive, aside.positive), ("negative", job.negative, aside.negative))
    for side, rows, kept in sides:
        about = image_rows(job.images, rows, ["image_id", "content_hash"])
        unused = side == "negative" and job.method == "mean"
        use = ["kept aside" if one or unused else "fitted" for one in kept.tolist()]
        columns = [pa.array(rows), *about.columns, pa.array([side] * len(rows)), pa.array(use)]
        parts.append(pa.table(columns, names=EXEMPLARS.names).cast(EXEMPLARS))
    return pa.concat_tables(parts)


def _add(job: _Job, name: str, vector: npt.NDArray[np.float32], *, provenance: str) -> Concepts:
    """Add the vector to the bank; its provenance becomes a parent of the bank's snapshot."""
    table = pa.table(
        {
            "concept": [name],
            "prompts": pa.array([[]], pa.list_(pa.string())),
            "vector": pa.array([vector.tolist()], pa.list_(pa.float32())),
            "averaging": [AVERAGING[job.method]],
            "kind": ["refined"],
        }
    )
    store = job.images.store
    kept = [read_manifest(store, paths.answers(REFINED, provenance)).as_parent()] if provenance else []
    return add_concepts(
        store, job.bank.bank, table, space=job.bank.space, text_encoder=job.bank.text_encoder, parents=kept
    )


def _notes(job: _Job, given: tuple[int, int], table: pa.Table) -> tuple[str, ...]:
    notes = []
    for side, count, rows in (("positives", given[0], job.positive), ("negatives", given[1], job.negative)):
        left = count - len(rows)
        if count and left > 0:
            notes.append(
                f"{left:,} of {count:,} {side} took no part: copies, or images without a comparable similarity"
            )
    if job.sampled:
        notes.append("no negatives were named: a sample of the other images stands for them, some may show the concept")
    if not table.num_rows:
        notes.append(
            "too few exemplars were kept aside to measure anything, and no attribute goes by the concept's name"
        )
    return tuple(notes)
