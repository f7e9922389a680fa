"""Refine a concept from exemplars in the aligned space, save it with its provenance, measure it on images not used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.concepts.refine import linear_classifier, mean_of_exemplars
from t2c.flows.concepts.refine_job import RefineJob, RefineOptions, aside_of, exemplar_table, open_job
from t2c.flows.concepts.refine_measure import Aside, Measure, borne_out, falls, measure_table
from t2c.flows.engine.answers import store_path, stored_once
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.exemplars import refinements
from t2c.flows.rows.labels import label_parents
from t2c.flows.trust.trust import marks_in_use
from t2c.schemas.digest import digest, digest_bytes
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.answers.refine import REFINED
from t2c.store.artifacts.concepts import Concepts, add_concepts
from t2c.store.disk import paths
from t2c.store.disk.manifest import Parent, read_manifest
from t2c.store.disk.root import Store

AVERAGING = {"mean": "mean of exemplars", "classifier": "linear classifier"}
"""What CONCEPTS says of a refined vector under `averaging`."""


@dataclass(frozen=True, slots=True, eq=False)
class RefineReport(Shown):
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


def refine_concept(
    store: Store,
    dataset: DatasetRef | str,
    concept: str,
    *,
    positive: Sequence[int],
    negative: Sequence[int] = (),
    options: RefineOptions | None = None,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
) -> RefineReport:
    """Make a new concept from images that show it (and images that do not), beside the one it came from.

    The vector is the mean of the positives' aligned features, or the normal of a linear classifier against the
    negatives (a sample of the rest when none are named); each image is aligned with the map that never saw it. A share
    of the exemplars is kept aside, and the old and new vector are compared there and, where an attribute or label goes
    by the concept's name, on every image that is no exemplar. `source`, `target`, `bank` and `linear_map` choose the
    similarities. Raises UnknownName, SpecError, InputError for too few exemplars or an image on both sides.
    """
    sides = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    chosen = options or RefineOptions()
    chosen.check()
    job = open_job(store, dataset, concept, positive=positive, negative=negative, options=chosen, sides=sides)
    evidence = borne_out(job.images, job.bank.names()[job.key], attribute=chosen.attribute, value=chosen.value)
    question, parents = _question(job, chosen), _parents(job)
    named = _named(store, job, question, chosen)
    aside = aside_of(job, chosen)
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
    provenance = stored_once(store, REFINED, lambda: exemplar_table(job, aside), spec=spec, parents=parents)
    grown = _add(job, named, vector, provenance=provenance.path and provenance.digest)
    marks = marks_in_use(store, job.images.dataset, map=job.scores.map, bank=job.bank.bank)
    by_key: Mapping[int, str] = marks.by_key if marks is not None else {}
    old = job.bank.vectors()[job.key]
    measure = Measure(
        job.images,
        job.eligible,
        concept=spec["refined_from"],
        vectors=(old, vector),
        marks=(by_key.get(job.key), by_key.get(grown.key_of(named))),
        units=job.units,
    )
    rest = [mark_answer.as_parent() for mark_answer in (marks.answers if marks is not None else ())]
    rest += label_parents(job.images)
    table = stored_once(
        store,
        "refinement",
        lambda: measure_table(measure, aside, borne_out=evidence, sampled=job.sampled),
        spec={**spec, "attribute": chosen.attribute, "value": chosen.value},
        parents=[*parents, *rest],
    )
    used = [int(np.count_nonzero(~mask)) for mask in (aside.positive, aside.negative)]
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
        path=provenance.path or store_path(store, job.bank.manifest.artifact),
        new=provenance.new,
    )


def _vector(job: RefineJob, aside: Aside) -> npt.NDArray[np.float32]:
    positive = job.units(job.positive[~aside.positive])
    if job.method == "mean":
        return mean_of_exemplars(positive)
    return linear_classifier(positive, job.units(job.negative[~aside.negative]))


def _question(job: RefineJob, options: RefineOptions) -> str:
    """Return the digest of what was asked, so that the same question finds the concept it made before."""
    question = {
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
    return digest(question)


def _named(store: Store, job: RefineJob, question: str, options: RefineOptions) -> str:
    """Return the new concept's name: that of the same question before, the one asked for, or the first that is free."""
    before = next(
        (name for name, manifest in refinements(store, job.bank.bank).items() if manifest.spec["question"] == question),
        None,
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


def _parents(job: RefineJob) -> list[Parent]:
    """Return what the vector rests on; the bank as of its first snapshot with the concept, whatever joined since."""
    parents = [job.images.manifest.as_parent(), job.features.manifest.as_parent()]
    parents += [parent for parent in (job.linear_map.as_parent(),) if parent is not None]
    artifact = job.bank.manifest.artifact
    first = next(
        manifest
        for number in range(1, job.bank.manifest.snapshot + 1)
        if (manifest := read_manifest(job.images.store, artifact, snapshot=number)).rows > job.key
    )
    return [*parents, first.as_parent()]


def _add(job: RefineJob, name: str, vector: npt.NDArray[np.float32], *, provenance: str) -> Concepts:
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
    parents = [read_manifest(store, paths.answers(REFINED, provenance)).as_parent()] if provenance else []
    return add_concepts(
        store, job.bank.bank, table, space=job.bank.space, text_encoder=job.bank.text_encoder, parents=parents
    )


def _notes(job: RefineJob, counts: tuple[int, int], table: pa.Table) -> tuple[str, ...]:
    notes = []
    for side, count, rows in (("positives", counts[0], job.positive), ("negatives", counts[1], job.negative)):
        unused = count - len(rows)
        if count and unused > 0:
            notes.append(
                f"{unused:,} of {count:,} {side} took no part: copies, or images without a comparable similarity"
            )
    if job.sampled:
        notes.append("no negatives were named: a sample of the other images stands for them, some may show the concept")
    if not table.num_rows:
        notes.append(
            "too few exemplars were kept aside to measure anything, and no attribute goes by the concept's name"
        )
    return (*notes, *falls(table))
