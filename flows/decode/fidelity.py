"""What speaks for each decoded word: cosine, rank, the images it finds, its trust as a concept; the rows of DECODED."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.core.statistics.unit_rows import unit
from t2c.core.words.decoders import Decoded, Word
from t2c.core.words.fidelity import (
    AUROC_FLOOR,
    agreement,
    images_compared,
    nearest_images,
    separation,
    separation_floor,
)
from t2c.core.words.vocabulary import Vocabulary, chance_cosine, nearest_words, word_ranks
from t2c.flows.concepts.vocabularies import OpenVocabulary
from t2c.flows.decode.change import FALLEN, Change
from t2c.flows.decode.images import DecodeImages
from t2c.flows.decode.vectors import Decodable
from t2c.flows.rows.aligned import aligned_units
from t2c.flows.trust.trust import marks_in_use
from t2c.store.artifacts.concepts import list_banks, open_concepts
from t2c.store.artifacts.linear_maps import StoredMap
from t2c.store.disk.manifest import Parent
from t2c.store.disk.root import Store

NOT_MEASURED = "not measured"
"""Trust of a word that was never measured as a concept."""
UNTRUSTED = "untrusted"
"""Trust mark that puts a word below the floor."""
AT_ONCE = 64
"""Vectors whose images are compared at once."""
SHOWN = 5
"""Image rows kept of each end, for the report."""

Array = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """The images that words and vectors are compared on, in both spaces."""

    source: Array
    """(images, source) features less the mean."""
    mean: Array
    """(source,) mean feature of the dataset."""
    units: Array
    """(images, target) aligned features of length 1, each by a map that never saw it."""
    rows: npt.NDArray[np.int64]
    """(images,) row of each in its dataset."""
    current: npt.NDArray[np.bool_] | None = None
    """(images,) which are of the current set, of a shift; else None."""
    datasets: tuple[str, str] = ("", "")
    """Dataset of the images that are not current, and of those that are."""

    def by_vectors(self, found: Decodable, places: slice) -> Array:
        """Return how near each image is to some vectors, (vectors, images)."""
        vectors = found.vectors[places]
        if found.near == "aligned":
            return self.by_words(vectors)
        if found.near == "projection":
            product: Array = vectors.astype(np.float32) @ self.source.T
            return product
        lengths = np.maximum(np.linalg.norm(self.source, axis=1), np.float32(1e-30))
        cosine: Array = (vectors - self.mean).astype(np.float32) @ self.source.T / lengths
        return cosine

    def by_words(self, vectors: Array) -> Array:
        """Return the cosine of each image with some words, (words, images): what `score` gives."""
        cosine: Array = vectors.astype(np.float32) @ self.units.T
        return cosine


def compared_images(images: DecodeImages, mean: Array) -> Compared:
    """Return a dataset's sample."""
    rows = images.sample()
    source, units = _in_both_spaces(images, rows, mean)
    return Compared(source, mean, units, rows, None, (images.images.dataset, ""))


def compared_sides(change: Change, mean: Array) -> Compared:
    """Return samples of both sides of a shift, the reference first."""
    sides = (change.reference, change.current)
    rows = [side.images.sample(side.chosen) for side in sides]
    parts = [_in_both_spaces(side.images, chosen, mean) for side, chosen in zip(sides, rows, strict=True)]
    source, units = (np.concatenate(part) for part in zip(*parts, strict=True))
    current = np.repeat([False, True], [len(chosen) for chosen in rows])
    names = (change.reference.images.images.dataset, change.current.images.images.dataset)
    return Compared(source, mean, units, np.concatenate(rows), current, names)


def _in_both_spaces(images: DecodeImages, rows: npt.NDArray[np.int64], mean: Array) -> tuple[Array, Array]:
    source = images.features.take(rows).astype(np.float32) - mean.astype(np.float32)
    return source, aligned_units(images.features, images.linear_map, rows, fold=images.fold[rows])


@dataclass(frozen=True, eq=False)
class Judge:
    """Measures words against vectors."""

    vocabulary: Vocabulary
    """Words that ranks are among."""
    compared: Compared
    """Images."""
    trust: Mapping[str, str]
    """Word to its mark as a concept."""
    texts: Mapping[str, Array]
    """Unit vectors of words outside of the vocabulary, (target,) each."""

    def rows(self, found: Decodable, decoded: Sequence[Decoded]) -> Iterator[dict[str, Any]]:
        """Yield the rows of DECODED, by vector, then by place."""
        own = self._own(found, found.centred)
        plain = self._own(found, found.plain) if found.plain is not None else [None] * len(own)
        nearest = self._nearest(found.plain)
        for start in range(0, len(decoded), AT_ONCE):
            places = slice(start, start + AT_ONCE)
            by_vectors = self.compared.by_vectors(found, places)
            texts = sorted({word.text for answer in decoded[places] for word in answer.words})
            by_words = dict(zip(texts, self._by_words(texts), strict=True))
            for place, by_vector in enumerate(by_vectors, start=start):
                facts = {
                    "vector": found.names[place],
                    "origin": found.origins[place],
                    "images": found.counts[place],
                    "reached": decoded[place].cosine,
                    "own_rank": own[place],
                    "plain_rank": plain[place],
                    "plain_word": nearest[place] if nearest else None,
                }
                measured = self._words(found, place, decoded[place].words, by_vector=by_vector, by_words=by_words)
                yield from ({**facts, **row} for row in measured)

    def _by_words(self, texts: Sequence[str]) -> Array:
        none: Array = np.empty((0, len(self.compared.rows)), np.float32)
        return self.compared.by_words(np.stack([self._vector(text) for text in texts])) if texts else none

    def _words(
        self,
        decodable: Decodable,
        place: int,
        words: Sequence[Word],
        *,
        by_vector: Array,
        by_words: Mapping[str, Array],
    ) -> Iterator[dict[str, Any]]:
        if not words:
            return
        direction = unit(decodable.centred[place][None].astype(np.float64))
        centred = self.vocabulary.centred(np.stack([self._vector(word.text) for word in words]))
        cosines = (centred @ direction[0]).astype(np.float32)
        ranks = word_ranks(self.vocabulary, np.repeat(direction, len(words), axis=0), cosines)
        among, dataset = self._among(decodable.names[place])
        near_vector, fallen = self._shown(by_vector, among), decodable.names[place] == FALLEN
        for number, word in enumerate(words):
            by_word = by_words[word.text]
            row = {
                "place": number + 1,
                "word": word.text,
                "score": word.score,
                "margin": word.margin,
                "cosine": float(cosines[number]),
                "word_rank": int(ranks[number]),
                **self._measured(by_vector, by_word, fallen=fallen),
                "trust": self.trust.get(word.text, NOT_MEASURED),
                "shown": dataset,
                "rows_of_vector": near_vector,
                "rows_of_word": self._shown(by_word, among),
            }
            yield {**row, "below_floor": self._shortfall(row, fallen=fallen)}

    def _measured(self, by_vector: Array, by_word: Array, *, fallen: bool) -> dict[str, Any]:
        """Return overlap, area, and what they are of."""
        images = len(by_vector)
        k = images_compared(images)
        blank: dict[str, Any] = {"overlap": None, "auroc": None, "compared": images, "nearest": k, "z": 0.0}
        if not k:
            return blank
        fidelity = agreement(by_vector, by_word, k=k)
        if self.compared.current is None:
            return {**blank, "overlap": fidelity.overlap, "auroc": fidelity.auroc}
        apart = separation(by_word[~self.compared.current], by_word[self.compared.current])
        return {**blank, "overlap": fidelity.overlap, "auroc": apart.auroc, "z": -apart.z if fallen else apart.z}

    def _shortfall(self, row: Mapping[str, Any], *, fallen: bool) -> str:
        """Return why a word should not be believed, empty when nothing speaks against it."""
        words = len(self.vocabulary.words)
        floor = chance_cosine(words=words, target=self.vocabulary.target)
        why = []
        if row["cosine"] < floor:
            why.append(f"cosine {row['cosine']:.2f}, but the best of {words:,} random words has {floor:.2f}")
        if self.compared.current is not None:
            bar = separation_floor(words)
            if row["auroc"] is not None and row["z"] < bar:
                verb = "fallen" if fallen else "risen"
                why.append(f"not surely {verb}: {row['z']:.1f} standard errors, but {words:,} words need {bar:.1f}")
        elif row["auroc"] is not None and row["auroc"] < AUROC_FLOOR:
            why.append(f"finds other images: auroc {row['auroc']:.2f} below {AUROC_FLOOR}")
        if row["trust"] == UNTRUSTED:
            why.append("untrusted as a concept")
        return "; ".join(why)

    def _vector(self, text: str) -> Array:
        place = self._places.get(text)
        return self.texts[text] if place is None else unit(self.vocabulary.vectors[place][None].astype(np.float64))[0]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.vocabulary.words)}

    def _own(self, decodable: Decodable, centred: Array | None) -> list[int | None]:
        """Return the rank of each vector's own name among the vocabulary, None where it is no word of it."""
        if centred is None:
            return [None] * len(decodable.names)
        index = self.vocabulary.index()
        places = [index.get(own_name(name)) for name in decodable.names]
        ranked = [place for place, word in enumerate(places) if word is not None]
        ranks: list[int | None] = [None] * len(places)
        if ranked:
            words = self.vocabulary.at(np.array([places[place] for place in ranked]))
            directions = unit(centred[ranked].astype(np.float64))
            cosines = np.einsum("it,it->i", words, directions).astype(np.float32)
            for place, rank in zip(ranked, word_ranks(self.vocabulary, directions, cosines), strict=True):
                ranks[place] = int(rank)
        return ranks

    def _nearest(self, plain: Array | None) -> list[str]:
        """Return the nearest word of each vector as it would be without rescaling; nothing where nothing was."""
        if plain is None:
            return []
        return [self.vocabulary.words[place] for place in nearest_words(self.vocabulary, plain, k=1)[0][:, 0]]

    def _among(self, name: str) -> tuple[npt.NDArray[np.int64], str]:
        """Return which images are shown for a vector, and their dataset: of a shift, those of the side it points to."""
        if self.compared.current is None:
            return np.arange(len(self.compared.rows)), self.compared.datasets[0]
        risen = name != FALLEN
        return np.flatnonzero(self.compared.current == risen), self.compared.datasets[int(risen)]

    def _shown(self, similarities: Array, among: npt.NDArray[np.int64]) -> list[int]:
        chosen: list[int] = self.compared.rows[among[nearest_images(similarities[among], k=SHOWN)]].tolist()
        return chosen


def own_name(name: str) -> str:
    """Return what a vector is called as a word: the first of several names, in lower case."""
    return name.partition(",")[0].strip().casefold()


def trust_of_words(
    store: Store, dataset: str, linear_map: StoredMap, words: OpenVocabulary
) -> tuple[dict[str, str], list[Parent]]:
    """Return the trust mark of each word that was measured as a concept, and the answers that they come from."""
    banks = [words.bank] if words.bank else list_banks(store)
    trust: dict[str, str] = {}
    parents: list[Parent] = []
    for bank in banks:
        marks = marks_in_use(store, dataset, map=linear_map.name, bank=bank)
        if marks is None:
            continue
        parents += [mark_answer.as_parent() for mark_answer in marks.answers]
        names = open_concepts(store, bank).names()
        for key, mark in marks.by_key.items():
            trust.setdefault(names[key], mark)
    return trust, parents
