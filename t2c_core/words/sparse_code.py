"""Vectors as a handful of words that together explain them: a non-negative lasso over a vocabulary (scikit-learn)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from t2c.core.statistics.unit_rows import unit
from t2c.core.words.decoders import Decoded, Word, check_vectors
from t2c.core.words.vocabulary import Vocabulary, check_k, nearest_words
from t2c.schemas.errors import InputError, expected

if TYPE_CHECKING:
    from jaxtyping import Float

Array = NDArray[Any]

PENALTY = 0.2
"""Default penalty, as a share of the smallest one at which no word is used."""

CANDIDATES = 512
"""Words that the lasso starts from, the nearest; any that it turns out to lack join afterwards."""

_ROUNDS = 20
_SLACK = 1e-4


@dataclass(frozen=True, slots=True)
class SparseDecoder:
    """Decodes a vector as words with non-negative coefficients whose sum comes near it.

    Minimises |v - D'w|^2 / 2 + penalty * max(Dv) * sum(w) over w >= 0, with v the vector and D the centred words, all of
    length 1. Only words near the vector take part at first; a word left out that would lower the sum is then added
    and the lasso solved again, so that the answer is that over the whole vocabulary.
    """

    vocabulary: Vocabulary
    """Words to choose from."""
    k: int = 6
    """Words a vector at most: those with the largest coefficients."""
    penalty: float = PENALTY
    """Share of the smallest penalty at which no word is used, above 0 and below 1; larger means fewer words."""

    def __post_init__(self) -> None:
        check_k(self.k)
        if not 0 < self.penalty < 1:
            raise InputError(expected("penalty of the sparse code", "a share above 0 and below 1", str(self.penalty)))

    @property
    def name(self) -> str:
        """sparse."""
        return "sparse"

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
        return 256

    def decode(self, vectors: Float[np.ndarray, "images target"]) -> list[Decoded]:
        """Return the words of each vector by falling coefficient; none when every word points away from it.

        `cosine` is that of the shown words' combination. Raises MismatchError for vectors of another dimension,
        InputError for NaN, infinity or a zero vector.
        """
        check_vectors(vectors, target=self.target, decoder=self.name)
        directions = unit(vectors.astype(np.float64))
        near, cosines = nearest_words(self.vocabulary, directions, k=CANDIDATES, decoder=self.name)
        floors = self.penalty * np.maximum(cosines[:, 0], 0).astype(np.float64)
        codes = [self._solve(v, words, floor) for v, words, floor in zip(directions, near, floors, strict=True)]
        for _ in range(_ROUNDS if len(self.vocabulary.words) > CANDIDATES else 0):
            joined = self._joined(directions, codes, floors)
            if not joined:
                break
            for place, words in joined.items():
                codes[place] = self._solve(directions[place], words, floors[place])
        return [self._decoded(v, code) for v, code in zip(directions, codes, strict=True)]

    def _solve(self, direction: Array, words: Array, floor: float) -> _Code:
        """Return the lasso's solution over some words; all zero where no word points the vector's way."""
        if floor <= 0:
            return _Code(words, np.zeros(len(words)))
        from sklearn.linear_model import Lasso

        lasso = Lasso(alpha=floor / self.target, positive=True, fit_intercept=False, max_iter=20_000)
        return _Code(words, lasso.fit(self.vocabulary.at(words).astype(np.float64).T, direction).coef_)

    def _joined(self, directions: Array, codes: list[_Code], floors: Array) -> dict[int, Array]:
        """Return the words to solve with again, by vector, where words left out have more to say than the penalty."""
        rest = np.stack([v - self._sum(code) for v, code in zip(directions, codes, strict=True)]).astype(np.float32)
        bar = np.where(floors > 0, floors * (1 + _SLACK) + _SLACK, np.inf).astype(np.float32)
        lacking: dict[int, list[int]] = {}
        for start, block in self.vocabulary.blocks():
            for place, word in zip(*np.nonzero(rest @ block.T > bar[:, None]), strict=True):
                lacking.setdefault(int(place), []).append(start + int(word))
        joined = {place: np.union1d(codes[place].words, words) for place, words in lacking.items()}
        return {place: words for place, words in joined.items() if len(words) > len(codes[place].words)}

    def _sum(self, code: _Code) -> Array:
        used = code.weights > 0
        return code.weights[used] @ self.vocabulary.at(code.words[used]).astype(np.float64)

    def _decoded(self, direction: Array, code: _Code) -> Decoded:
        order = [place for place in np.lexsort((code.words, -code.weights)) if code.weights[place] > 0]
        top = np.asarray(order[: self.k], np.int64)
        after = [*code.weights[order[1 : self.k + 1]], None][: len(top)]
        words = tuple(
            Word(
                self.vocabulary.words[code.words[place]],
                float(weight),
                None if next_ is None else float(weight - next_),
            )
            for place, weight, next_ in zip(top, code.weights[top], after, strict=True)
        )
        reached = unit(self._sum(_Code(code.words[top], code.weights[top]))[None])[0]
        return Decoded(words, float(np.clip(reached @ direction, -1, 1)))


@dataclass(frozen=True, slots=True, eq=False)
class _Code:
    """Words and their coefficients, (words,) each."""

    words: Array
    weights: Array
