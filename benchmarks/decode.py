"""Decoding 1,000 vectors against 100,000 words costs at most twice the bare matrix product with top-k."""

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Row, at_most, paired
from t2c.core.words.vocabulary import Vocabulary, VocabularyDecoder

VECTORS, WORDS, TARGET, K = 1_000, 100_000, 512, 5


def rows(*, vectors: int = VECTORS, words: int = WORDS, target: int = TARGET, pairs: int = 5) -> list[Row]:
    """Compare the decoder, words and margins in hand, with X @ W.T and one argpartition over finished unit vectors."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(vectors, target)).astype(np.float32)
    known = (rng.normal(size=(words, target)) + 1).astype(np.float32)
    decoder = VocabularyDecoder(Vocabulary.of([f"w{index}" for index in range(words)], known), k=K)
    units = known / np.linalg.norm(known, axis=1, keepdims=True)
    ratio = paired(lambda: decoder.decode(x), lambda: bare(x, units), pairs=pairs)
    return [at_most(f"vocabulary decoding, {vectors:,} vectors, {words:,} words of {target}", ratio, 2.0)]


def bare(x: npt.NDArray[np.float32], units: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the K largest products of each vector, sorted: what any decoding must do."""
    scores = x @ units.T
    best = np.argpartition(scores, -K, axis=1)[:, -K:]
    found = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-found, axis=1)
    return np.take_along_axis(found, order, axis=1)
