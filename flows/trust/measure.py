"""What trust rests on: the rows that may be judged, and agreement and areas of concepts beside random directions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from t2c.core.concepts.trust import bank_directions, sphere_directions
from t2c.core.maps.row_keys import smallest_keys
from t2c.core.statistics.rank_agreement import Agreement, Known, measure
from t2c.flows.engine.progress import Progress
from t2c.flows.rows.aligned import aligned_units
from t2c.flows.rows.features_of_rows import features_of, find_features, folds_of, keys_of
from t2c.flows.rows.truths import Match, Truth, merged
from t2c.schemas.errors import InputError, expected
from t2c.schemas.tables.tables import FOLD_IN_SAMPLE
from t2c.store.artifacts.concepts import Concepts
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, content_hashes
from t2c.store.artifacts.linear_maps import StoredMap, identity_map
from t2c.store.artifacts.selection import searchable

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class TrustQuestion:
    """One question of trust: concepts, a map, and what is known about a dataset's images."""

    images: Images
    """Images to measure on."""
    linear_map: StoredMap
    """The map, or the identity."""
    concepts: Concepts
    """The bank."""
    truths: tuple[Truth, ...]
    """Labels and attributes."""
    matches: Mapping[int, Match]
    """Concept key to the value that bears it out."""
    directions: int
    """Random directions of each kind."""
    max_rows: int
    """Rows measured at most."""
    seed: int
    """Seed of the directions and of the choice of rows."""
    exemplars: frozenset[str] = frozenset()
    """Content that a refined concept of the bank was fitted on: there any of them would be flattered."""

    def refined_on(self, hashes: pa.Array) -> npt.NDArray[np.bool_]:
        """Return which content hashes are among the exemplars."""
        is_exemplar: npt.NDArray[np.bool_] = np.asarray(pc.is_in(hashes, pa.array(sorted(self.exemplars), hashes.type)))
        return is_exemplar

    def features(self) -> Features:
        """Open the source's features."""
        return features_of(self.images, self.linear_map.source.id)

    def own(self) -> Features | None:
        """Open the target's own features; None when the dataset has none."""
        return find_features(self.images, self.linear_map.target.id)

    def notes(self) -> tuple[str, ...]:
        """Return what a reader of the table must know."""
        notes = []
        bare = self.concepts.count - len(self.matches)
        if bare:
            which = (
                "no label or attribute" if self.truths else "the dataset has neither labels nor attributes, so nothing"
            )
            notes.append(
                f"{bare} of {self.concepts.count} concepts are unverified: {which} says which images have them"
            )
        for place, truth in enumerate(self.truths):
            borne = {code for match in self.matches.values() if match.truth == place for code in match.codes}
            unmatched = [value for code, value in enumerate(truth.values) if value and code not in borne]
            if borne and unmatched:
                some = ", ".join(map(repr, unmatched[:3])) + (", ..." if len(unmatched) > 3 else "")
                count = f"{len(unmatched)} value{'s' if len(unmatched) > 1 else ''} of {truth.name}"
                notes.append(f"{count} with no concept of the same name, negatives alone: {some}")
            labelled = int(np.count_nonzero(truth.codes >= 0))
            if borne and labelled < len(truth.codes):
                notes.append(
                    f"{truth.name} is known for {labelled:,} of {len(truth.codes):,} rows; the others are not used"
                )
        if spent := int(self.refined_on(content_hashes(self.images)).sum()):
            notes.append(f"{spent:,} images that refined concepts were fitted on are left out")
        if self.own() is None and not self.linear_map.identity:
            todo = f"t2c extract {self.images.dataset} --encoder {self.linear_map.target.name}"
            notes.append(f"transport is not known without the target's own features: {todo}")
        return tuple(notes)


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """The rows that are measured."""

    at: Rows
    """Image rows, ascending."""
    fold: npt.NDArray[np.int8]
    """Map of each."""
    has_own: npt.NDArray[np.bool_] | None
    """Which of them have the target's own feature; None: all, or no own features are used."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Agreement and areas of a bank's concepts, and of random directions."""

    agreed: int
    """Rows compared with the target's own similarities; 0 without its features."""
    concepts: Agreement
    """Of the concepts, in order of key."""
    bank: Agreement
    """Of random directions with the bank's mean and covariance."""
    sphere: Agreement
    """Of directions drawn evenly; areas alone."""
    truth_codes: Mapping[int, Known]
    """Truth -> the class of each row measured."""

    def areas(self, truth: int, code: int) -> tuple[npt.NDArray[np.float64], ...]:
        """Return the areas of a value: concepts, then both kinds of random directions."""
        place = list(self.truth_codes).index(truth)
        return tuple(agreement.areas[place][:, code] for agreement in (self.concepts, self.bank, self.sphere))

    def counts(self, truth: int, code: int) -> tuple[int, int]:
        """Return how many rows are known to have a value, and known not to."""
        codes = self.truth_codes[truth].codes
        positives = int(np.count_nonzero(codes == code))
        return positives, int(np.count_nonzero(codes >= 0)) - positives


def measure_trust(asked: TrustQuestion, *, progress: Progress) -> Measured:
    """Measure every concept of a bank and the random directions. Raises InputError when no row may be judged."""
    own = None if asked.linear_map.identity else asked.own()
    rows = _rows(asked, own)
    vectors = asked.concepts.vectors()
    rng = np.random.default_rng(asked.seed)
    drawn = bank_directions(vectors, asked.directions, rng=rng)
    even = sphere_directions(vectors.shape[1], asked.directions, rng=rng)
    truth_codes = {
        place: Known(merged(truth, _groups(asked, place))[rows.at], len(truth.values))
        for place, truth in _asked_truths(asked)
    }
    progress.start("trust", len(vectors) + 2 * asked.directions, "directions")
    try:
        aligned = aligned_units(asked.features(), asked.linear_map, rows.at, fold=rows.fold)
        own_units = aligned if asked.linear_map.identity else None
        if own is not None:
            at = rows.at if rows.has_own is None else rows.at[rows.has_own]
            none = np.full(len(at), -1, np.int8)
            own_units = aligned_units(own, identity_map(asked.images.store, own.space), at, fold=none)
        options: dict[str, Any] = {"known": list(truth_codes.values()), "advance": progress.advance}
        concepts = measure(aligned, vectors, own=own_units, both=rows.has_own, **options)
        bank = measure(aligned, drawn, own=own_units, both=rows.has_own, **options)
        sphere = measure(aligned, even, **options)
    finally:
        progress.done()
    return Measured(0 if own_units is None else len(own_units), concepts, bank, sphere, truth_codes)


def _asked_truths(question: TrustQuestion) -> list[tuple[int, Truth]]:
    """Return the truths that bear out a concept, with their places."""
    used = {match.truth for match in question.matches.values()}
    return [(place, truth) for place, truth in enumerate(question.truths) if place in used]


def _groups(question: TrustQuestion, place: int) -> list[tuple[int, ...]]:
    return [match.codes for match in question.matches.values() if match.truth == place]


def _rows(question: TrustQuestion, own: Features | None) -> _Rows:
    """Return the rows with a feature that are current and readable, each content once, none in-sample."""
    images, features = question.images, question.features()
    count = min(images.rows, features.rows)
    hashes = content_hashes(images)
    fold = folds_of(question.linear_map.fitted(), hashes)[:count]
    usable = searchable(images, exclude_duplicates=True)[:count] & (fold != FOLD_IN_SAMPLE) & features.present(0, count)
    usable &= ~question.refined_on(hashes)[:count]
    at = np.flatnonzero(usable)
    if not len(at):
        todo = "Rows a map was fitted on without folds are never used: t2c align with --folds, then t2c score."
        raise InputError(expected(f"rows of {images.dataset}", "one or more out of fold or held out", "none", todo))
    if len(at) > question.max_rows:
        at = at[smallest_keys(keys_of(hashes, at, seed=question.seed), most=question.max_rows)]
    has_own = None
    if own is not None:
        # the target may have features of fewer rows than the source, or of more
        present = np.zeros(max(count, own.rows), dtype=np.bool_)
        present[: own.rows] = own.present(0, own.rows)
        has_own = None if present[at].all() else present[at]
    return _Rows(at, fold[at], has_own)
