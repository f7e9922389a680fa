"""Vectors as the nearest words of a list: cosine in a CLIP text space, less what all words share (paper, section 4).

The words of a text encoder lie in a narrow cone, so a few hub words are near everything. Words are therefore compared
by what is left of their unit vectors once the mean of all of them is taken away.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.unit_rows import unit
from t2c.core.words.decoders import Decoded, Word, check_vectors
from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float, Float32, Float64, Int64

Array = NDArray[Any]

BLOCK_WORDS = 8192
"""Words compared at once: centred in one buffer, so that a large vocabulary is never copied whole."""

_CROWD = 16
"""Candidates a vector and place wanted above which a block is cut to its own best before candidates are merged."""


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """Words and their vectors in one text space."""

    words: tuple[str, ...]
    """Two or more words, each once."""
    vectors: Float32[np.ndarray, "concepts target"]
    """Their vectors; lengths do not matter."""
    mean: Float64[np.ndarray, " target"]
    """Mean of the unit vectors: what all words share."""
    scale: Float32[np.ndarray, " concepts"]
    """1 / |vector|, which makes a word's vector a unit vector."""
    spread: Float32[np.ndarray, " concepts"]
    """1 / |unit vector - mean|; 0 for a word that is the mean itself and so says nothing."""

    @classmethod
    def of(cls, words: Sequence[str], vectors: Float[np.ndarray, "_concepts target"]) -> Self:
        """Return the vocabulary of words and their vectors, of any length, in one text space.

        Raises InputError for fewer than two words, one twice, or a vector that is zero or not finite, MismatchError
        when there is not one vector a word.
        """
        _check(words, vectors)
        contiguous = np.ascontiguousarray(vectors, dtype=np.float32)
        lengths = np.linalg.norm(contiguous, axis=1)
        if not lengths.all():
            word = words[int(np.argmin(lengths))]
            raise InputError(expected(f"vector of word {word!r}", "a vector with a direction", "a zero vector"))
        unit_spread, origin = np.ones(len(words), np.float32), np.zeros(contiguous.shape[1])
        plain = cls(tuple(words), contiguous, origin, (1 / lengths).astype(np.float32), unit_spread)
        total = sum((block.sum(axis=0, dtype=np.float64) for _, block in plain.blocks()), origin)
        moved = replace(plain, mean=total / len(words))
        away = np.concatenate([np.linalg.norm(block, axis=1) for _, block in moved.blocks()])
        return replace(moved, spread=_inverse(away))

    @property
    def target(self) -> int:
        """Dimension of the text space."""
        return int(self.vectors.shape[1])

    def blocks(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield (first word, centred unit vectors) over all words; the array is valid until the next step."""
        buffer = np.empty((min(BLOCK_WORDS, len(self.words)), self.target), np.float32)
        mean = self.mean.astype(np.float32)
        for start in range(0, len(self.words), BLOCK_WORDS):
            stop = min(start + BLOCK_WORDS, len(self.words))
            block = np.multiply(self.vectors[start:stop], self.scale[start:stop, None], out=buffer[: stop - start])
            block -= mean
            block *= self.spread[start:stop, None]
            yield start, block

    def centred(self, vectors: Float[np.ndarray, "images target"]) -> Float32[np.ndarray, "images target"]:
        """Return text vectors of the same encoder as unit vectors less what all words share, of length 1 again."""
        return unit(unit(vectors.astype(np.float64)) - self.mean).astype(np.float32)

    def at(self, places: Int64[np.ndarray, " _concepts"]) -> Float32[np.ndarray, "_concepts target"]:
        """Return the centred unit vectors of some words."""
        units = self.vectors[places] * self.scale[places, None]
        centred: NDArray[np.float32] = (units - self.mean.astype(np.float32)) * self.spread[places, None]
        return centred

    def index(self) -> dict[str, int]:
        """Return the place of each word, folded to lower case; of equals the first."""
        places: dict[str, int] = {}
        for place, word in enumerate(self.words):
            places.setdefault(word.casefold(), place)
        return places


@dataclass(frozen=True, slots=True)
class VocabularyDecoder:
    """Decodes a vector as the words nearest to it; a word's score is its centred cosine."""

    vocabulary: Vocabulary
    """Words to choose from."""
    k: int = 5
    """Words a vector; fewer when the vocabulary has fewer."""

    def __post_init__(self) -> None:
        check_k(self.k)

    @property
    def name(self) -> str:
        """vocabulary."""
        return "vocabulary"

    @property
    def target(self) -> int:
        """Dimension of the vectors it takes."""
        return self.vocabulary.target

    @property
    def centred(self) -> bool:
        """It wants vectors less the mean image."""
        return True

    @property
    def batch(self) -> int:
        """Vectors of one call."""
        return 1024

    def decode(self, vectors: Float[np.ndarray, "images target"]) -> list[Decoded]:
        """Return the nearest words of each vector; of equally near words the first of the list comes first.

        Raises MismatchError for vectors of another dimension, InputError for NaN, infinity or a zero vector.
        """
        places, cosines = nearest_words(self.vocabulary, vectors, k=self.k + 1, decoder=self.name)
        return [self._decoded(*pair) for pair in zip(places, cosines, strict=True)]

    def _decoded(self, places: Array, cosines: Array) -> Decoded:
        count = min(self.k, len(places))
        next_best = [float(value) for value in cosines[1:]] + [None]
        words = tuple(
            Word(self.vocabulary.words[place], float(score), None if after is None else float(score) - after)
            for place, score, after in zip(places[:count], cosines[:count], next_best, strict=False)
        )
        return Decoded(words, words[0].score)


def nearest_words(
    vocabulary: Vocabulary, vectors: Float[np.ndarray, "images target"], *, k: int, decoder: str = "vocabulary"
) -> tuple[Int64[np.ndarray, "images _concepts"], Float32[np.ndarray, "images _concepts"]]:
    """Return the places of the k words nearest to each vector, nearest first, and their centred cosines.

    k is cut to the size of the vocabulary. Raises as `Decoder.decode`.
    """
    check_vectors(vectors, target=vocabulary.target, decoder=decoder)
    directions = _directions(vectors)
    k = min(k, len(vocabulary.words))
    best = _Best.none(len(directions), k)
    for start, block in vocabulary.blocks():
        best = best.merged(directions @ block.T, start)
    return best.places, np.clip(best.scores, -1, 1)


def word_ranks(
    vocabulary: Vocabulary,
    vectors: Float[np.ndarray, "images target"],
    cosines: Float[np.ndarray, " images"],
) -> Int64[np.ndarray, " images"]:
    """Return for each vector the rank, from 1, that a text of that centred cosine takes among the words.

    A hair of rounding is allowed for, so that a word of the list is never behind itself.
    """
    directions = _directions(vectors)
    ahead = np.zeros(len(directions), np.int64)
    bar = cosines[:, None] + np.float32(1e-5)
    for _, block in vocabulary.blocks():
        ahead += np.count_nonzero(directions @ block.T > bar, axis=1)
    return ahead + 1


def chance_cosine(*, words: int, target: int) -> float:
    """Return about the cosine that the best of so many random directions has with a vector.

    A cosine with a random direction is nearly normal with standard deviation 1 / sqrt(target); the expected largest of
    them is Blom's (1958) normal score.
    """
    return NormalDist().inv_cdf((words - 0.375) / (words + 0.25)) / math.sqrt(target)


def check_k(k: int) -> None:
    """Raise InputError unless k is 1 or more."""
    if k < 1:
        raise InputError(expected("words a vector", "1 or more", str(k)))


@dataclass(frozen=True, slots=True)
class _Best:
    """The best words of each vector so far, best first, the earlier word first among equals."""

    places: Array
    """(vectors, k) int64."""
    scores: Array
    """(vectors, k) float32; -inf where there is none yet."""

    @classmethod
    def none(cls, vectors: int, k: int) -> _Best:
        return cls(np.full((vectors, k), -1, np.int64), np.full((vectors, k), -np.inf, np.float32))

    def merged(self, scores: Array, start: int) -> _Best:
        """Return the best of these and a block's scores (vectors, block): only what beats the last place is sorted."""
        k = self.scores.shape[1]
        over = scores > self.scores[:, -1:]
        if np.count_nonzero(over) > _CROWD * k * len(scores) and scores.shape[1] > k:
            # all must be sorted below, and no more than a block's own k best can stay
            over &= scores >= np.partition(scores, -k, axis=1)[:, -k, None]
        rows, columns = np.nonzero(over)
        row = np.concatenate([np.repeat(np.arange(len(scores)), k), rows])
        place = np.concatenate([self.places.ravel(), columns + start])
        score = np.concatenate([self.scores.ravel(), scores[rows, columns]])
        order = np.lexsort((place, -score, row))
        first = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(scores)))[:-1]])
        best = order[first[:, None] + np.arange(k)]
        return _Best(place[best], score[best])


def _directions(vectors: Array) -> NDArray[np.float32]:
    return unit(vectors.astype(np.float64)).astype(np.float32)


def _inverse(lengths: Array) -> NDArray[np.float32]:
    """Return 1 / length, and 0 for lengths that are rounding alone."""
    inverse: NDArray[np.float32] = np.divide(1, lengths, out=np.zeros(len(lengths), np.float32), where=lengths > 1e-6)
    return inverse


def _check(words: Sequence[str], vectors: Array) -> None:
    if len(words) < 2:
        actual = f"{len(words)}" + (f": {words[0]!r}" if words else "")
        todo = "Of one word alone nothing can be said: the nearest is always it."
        raise InputError(expected("words of a vocabulary", "2 or more", actual, todo))
    if vectors.ndim != 2 or len(vectors) != len(words):
        raise MismatchError(
            expected("vectors of a vocabulary", f"shape ({len(words)}, target), one a word", f"{vectors.shape}")
        )
    if len(set(words)) < len(words):
        twice = max(words, key=Counter(words).__getitem__)
        raise InputError(expected("words of a vocabulary", "each once", f"{twice!r} twice"))
    if not (finite := np.isfinite(vectors).all(axis=1)).all():
        word = words[int(np.argmin(finite))]
        raise InputError(expected(f"vector of word {word!r}", "finite numbers", "NaN or infinity"))
