"""What similarities are standardised by at large: a varied background, and the families that it shows to be one thing.

The background is the bank's own, or the one that is named, or else the union of every dataset that is scored alike. Its
mean and spread of each concept, and the families, are an answer of their own, frozen with what they were made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.shift.background import FEWEST, SMALL, Spread
from t2c.core.shift.families import Families, families_of
from t2c.flows.engine.answers import stored_once
from t2c.flows.prominence.candidates import Candidates, columns, scores_of_banks, similarity_to_mean
from t2c.schemas.errors import UnknownName, expected
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.tables.answers.prominence import STANDARDS
from t2c.store.artifacts.bank_background import read_background
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.selection import searchable
from t2c.store.artifacts.similarities import Scores, list_similarities
from t2c.store.disk.manifest import Parent

FAMILY_ROWS = 20_000
"""Images of the background from which correlations are read, evenly spread: they are known to 0.01 by then."""
FAMILY_VALUES = 2**26
"""Most similarities held for that: a quarter of a gigabyte."""
MOST_CONCEPTS = 6000
"""Concepts above which each is a family of its own: pairs would not fit in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Standards:
    """The background at large, as it bears on the candidates."""

    background: str
    """Its name, for people and in lineage."""
    n: int
    """Images."""
    spread: Spread
    """Mean and standard deviation of each candidate's centred similarity; of one part."""
    families: Families
    """Families of the candidates."""
    parents: tuple[Parent, ...]
    """What it was made of, or the answer that holds it."""
    notes: tuple[str, ...]
    """What a reader must know of it."""


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """Rows of one dataset with its similarities to the candidates."""

    by_bank: tuple[Scores, ...]
    """Similarities, a bank each."""
    rows: npt.NDArray[np.int64]
    """Rows that count: current, readable, scored, each content once."""


def standards_of(scores: Scores, candidates: Candidates, *, background: str | None) -> Standards:
    """Return the background at large for similarities; raises UnknownName for one that is not there."""
    own = _own(scores, candidates) if background is None else None
    if own is not None:
        return own
    named, chosen = _datasets(scores, candidates, background)
    populations = [_population(one, candidates) for one in chosen]
    count = sum(len(population.rows) for population in populations)
    parents = [part.manifest.as_parent() for population in populations for part in population.by_bank]
    spec: dict[str, Any] = {"map": scores.map, "bank": "+".join(candidates.banks), "background": named}
    spec |= {
        "algorithm": "moments of centred similarities, families by complete linkage",
        "counts": list(candidates.counts),
    }
    answer = stored_once(
        scores.store,
        "standards",
        lambda: _measured(populations, candidates),
        spec=spec,
        parents=[*parents, *candidates.parents],
    )
    table = answer.table
    numbers = {name: table[name].to_numpy() for name in ("mean", "std", "family", "head")}
    heads = np.flatnonzero(numbers["head"])
    families = Families(numbers["family"], heads[np.argsort(numbers["family"][heads])].astype(np.int32))
    notes = [] if count >= SMALL else [f"the background at large has only {count:,} images ({named}): shares are rough"]
    return Standards(
        named, count, Spread(numbers["mean"][None], numbers["std"][None]), families, tuple(parents), tuple(notes)
    )


def _own(scores: Scores, candidates: Candidates) -> Standards | None:
    """Return the background that the bank brings along, where it is asked alone; groups of classes never stand out."""
    concepts = open_concepts(scores.store, candidates.banks[0])
    moments = read_background(concepts) if len(candidates.banks) == 1 else None
    if moments is None:
        return None
    total = len(candidates.names)
    mean, std = np.zeros(total), np.zeros(total)
    covariance = moments.covariance
    classes = np.flatnonzero(concepts.singles()[:total])
    mean[classes], std[classes] = moments.mean, np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    scale = np.outer(std[classes], std[classes])
    together = np.zeros((total, total))
    together[np.ix_(classes, classes)] = covariance / np.where(scale > 0, scale, 1)
    families = families_of(_texts(candidates), together)
    named = str(moments.provenance.get("images", f"the background of {concepts.bank}"))
    return Standards(named, moments.n, Spread(mean[None], std[None]), families, (concepts.manifest.as_parent(),), ())


def _texts(candidates: Candidates) -> npt.NDArray[np.float64]:
    """Return the cosines of the candidates' centred vectors, 0 between what is judged and what is not."""
    directions = candidates.directions()
    unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-12)
    judged = candidates.judged
    cosines: npt.NDArray[np.float64] = np.where(judged[:, None] & judged[None, :], unit @ unit.T, 0.0)
    return cosines


def _datasets(scores: Scores, candidates: Candidates, background: str | None) -> tuple[str, list[Scores]]:
    """Return the name of the background, and the similarities of the datasets that it is made of."""
    alike = [
        other
        for other in list_similarities(scores.store)
        if other.map == scores.map and other.bank == scores.bank and _complete(other, candidates)
    ]
    if background is None:
        names = sorted({other.dataset for other in alike})
        return f"all of {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}", alike
    name = parse_dataset_ref(background).name
    chosen = [other for other in alike if other.dataset == name]
    if not chosen:
        want = f"a dataset scored alike: {', '.join(sorted(other.dataset for other in alike)) or 'none is'}"
        todo = f"Score it: t2c score {name} --source {scores.source.name} --concepts {scores.bank}"
        raise UnknownName(expected("--background", want, repr(background), todo))
    return name, chosen


def _complete(scores: Scores, candidates: Candidates) -> bool:
    """Say whether a dataset is scored with every bank of the candidates, with all of their concepts."""
    beside = {
        other.bank: other
        for other in list_similarities(scores.store, dataset=scores.dataset)
        if other.map == scores.map
    }
    return all(
        bank in beside and beside[bank].concepts >= count
        for bank, count in zip(candidates.banks, candidates.counts, strict=True)
    )


def _population(scores: Scores, candidates: Candidates) -> Population:
    by_bank = scores_of_banks(scores, candidates)
    images = open_images(scores.store, f"{scores.dataset}@{scores.images_snapshot}")
    mask = searchable(images, exclude_duplicates=True)
    for part in by_bank:
        scored = np.zeros(len(mask), dtype=np.bool_)
        there = ~np.isnan(part.values(0)[: len(mask)])
        scored[: len(there)] = there
        mask &= scored
    return Population(by_bank, np.flatnonzero(mask))


def _measured(populations: Sequence[Population], candidates: Candidates) -> pa.Table:
    """Return STANDARDS: one pass for the similarity to the mean vector, one for the moments and a sample."""
    to_mean = [similarity_to_mean(part.by_bank, candidates, part.rows) for part in populations]
    count = sum(len(part.rows) for part in populations)
    total = len(candidates.names)
    sample = np.arange(0, count, max(1, -(-count // min(FAMILY_ROWS, FAMILY_VALUES // max(total, 1)))))
    drawn = np.empty((total, len(sample)), dtype=np.float32)
    mean, std = np.zeros(total), np.zeros(total)
    streams = [columns(part.by_bank, candidates, part.rows) for part in populations]
    for parts in zip(*streams, strict=True):
        number = parts[0][0]
        values = np.concatenate([values - own for (_, values), own in zip(parts, to_mean, strict=True)])
        if count >= FEWEST:
            mean[number], std[number] = values.mean(dtype=np.float64), values.std(dtype=np.float64)
        drawn[number] = values[sample]
    families = _families(drawn, candidates)
    heads = np.zeros(total, dtype=np.bool_)
    heads[families.head] = True
    banks = np.repeat(candidates.banks, candidates.counts)
    return pa.table(
        {
            "number": np.arange(total, dtype=np.int32),
            "concept_bank": banks,
            "concept": list(candidates.names),
            "n": np.full(total, count),
            "mean": mean,
            "std": std,
            "eligible": candidates.eligible,
            "family": families.family,
            "head": heads,
        },
        schema=STANDARDS,
    )


def _families(drawn: npt.NDArray[np.float32], candidates: Candidates) -> Families:
    """Return the families of the candidates, from their texts and a sample (concepts, images) of centred similarities."""
    total = len(drawn)
    if total > MOST_CONCEPTS or drawn.shape[1] < FEWEST:
        every = np.arange(total, dtype=np.int32)
        return Families(every, every)
    spread = drawn - drawn.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.einsum("ci,ci->c", spread, spread))
    unit = spread / np.where(scale > 0, scale, 1)[:, None]
    return families_of(_texts(candidates), unit @ unit.T)
