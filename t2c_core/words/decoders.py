"""What a decoder is: vectors of a CLIP space in, words out, best first (paper, section 4; any decoder can replace another)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, MismatchError, expected

if TYPE_CHECKING:
    from jaxtyping import Float

Array = NDArray[Any]

VOCABULARY_DECODERS = ("vocabulary", "sparse")
"""Decoders that choose among the words of a list (`t2c.core.words.vocabulary`, `t2c.core.words.sparse_code`)."""

LANGUAGE_DECODERS = ("zerocap", "rescore")
"""Decoders that let a language model write (`t2c.core.words.language`)."""

DECODERS = (*VOCABULARY_DECODERS, *LANGUAGE_DECODERS)
"""Every decoder, by the name that a user types."""

EncodeText = Callable[[list[str]], NDArray[np.float32]]
"""Texts to their vectors (prompts, target), float32, not normalised, in the space of the vectors to decode."""


@dataclass(frozen=True, slots=True)
class Word:
    """One word, or a few, that a decoder says of a vector."""

    text: str
    """The word or caption, without any prompt it was written after."""
    score: float
    """What this decoder ranks by, larger is better: a centred cosine (vocabulary), a coefficient (sparse), the CLIP
    similarity that guided the text (language models). Comparable within one decoder alone."""
    margin: float | None
    """Score minus that of the next word in the decoder's order, 0 or more; None where no further candidate exists."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder says of one vector."""

    words: tuple[Word, ...]
    """Words, best first; at most the number asked for, and none where a decoder found nothing to say."""
    cosine: float
    """Cosine that the answer as a whole reaches with the vector, in the decoder's own terms: the best word's for
    `vocabulary`, the combination's for `sparse`, the best text's for language models; 0 for an empty answer."""


class Decoder(Protocol):
    """Something that puts vectors into words; made once, then called with blocks of vectors."""

    @property
    def name(self) -> str:
        """One of DECODERS."""

    @property
    def target(self) -> int:
        """Dimension of the vectors it takes."""

    @property
    def centred(self) -> bool:
        """Whether it takes vectors less the mean image alone (differences and directions have none to lose).

        True for decoders over a word list, whose words are centred too, so that no hub word is near everything; False
        for those that compare with whole texts, which read vectors as they lie in the CLIP space as well.
        """

    @property
    def batch(self) -> int:
        """Vectors it likes to decode in one call; callers cut longer lists, to show progress and bound memory."""

    def decode(self, vectors: Float[np.ndarray, "images target"]) -> list[Decoded]:
        """Return what it says of each vector, in order; lengths of vectors do not matter.

        Raises as `check_vectors` does.
        """


def check_vectors(vectors: Array, *, target: int, decoder: str) -> None:
    """Refuse vectors that cannot be decoded: what every decoder calls first.

    Raises MismatchError for another dimension (both named), InputError naming the first vector that has NaN or infinity
    or is zero.
    """
    if vectors.ndim != 2 or vectors.shape[1] != target:
        raise MismatchError(
            expected(f"vectors for decoder {decoder}", f"shape (vectors, {target})", f"{vectors.shape}")
        )
    if len(bad := np.flatnonzero(~np.isfinite(vectors).all(axis=1))):
        raise InputError(expected(f"vector {int(bad[0])} for decoder {decoder}", "finite numbers", "NaN or infinity"))
    if len(bad := np.flatnonzero(~vectors.any(axis=1))):
        raise InputError(
            expected(f"vector {int(bad[0])} for decoder {decoder}", "a vector with a direction", "a zero vector")
        )
