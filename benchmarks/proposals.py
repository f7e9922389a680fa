"""Proposing from 20,000 words over 100,000 images costs at most twice the bare product of images and words.

Everything that `t2c concepts propose` computes once features are aligned: moments, spreads of six backgrounds, the word
that stands out in each image under both lenses, families, tests.
"""

import numpy as np
import numpy.typing as npt

from benchmarks.harness import Row, at_most, paired
from t2c.core.shift.background import Background, without_each
from t2c.core.shift.proposals import (
    Proposal,
    candidate_words,
    lens_counts,
    propose,
    standing_out,
    word_families,
)
from t2c.core.shift.ranking import Lens

LENSES: tuple[Lens, ...] = ("within", "at large")
IMAGES, WORDS, TARGET, PARTS, BLOCK = 100_000, 20_000, 512, 5, 8192

Vectors = npt.NDArray[np.float32]


def rows(*, images: int = IMAGES, words: int = WORDS, target: int = TARGET, pairs: int = 3) -> list[Row]:
    """Compare the whole computation, half of the images on each side, with X @ W.T in blocks alone."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(images, target)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    directions = rng.normal(size=(words, target)).astype(np.float32)
    directions -= directions.mean(axis=0)
    ratio = paired(lambda: whole(x, directions), lambda: bare(x, directions), pairs=pairs)
    return [at_most(f"proposing, {words:,} words, {images:,} images of {target}: against the bare product", ratio, 2.0)]


def whole(x: Vectors, directions: Vectors) -> list[Proposal]:
    """Return the proposals between the first half of the images and the second."""
    side = np.arange(len(x)) < len(x) // 2
    part, search = np.arange(len(x)) % PARTS, np.arange(len(x)) // PARTS % 2 == 0
    own = [Background.of(x[side & (part == number)]) for number in range(PARTS)]
    large = sum(own, start=Background.of(x[~side]))
    within = [rest.spread(directions) for rest in without_each(own)]
    at_large = large.spread(directions)
    keys = np.empty((2, len(x)), np.int32)
    for start in range(0, len(x), BLOCK):
        for number in range(PARTS):
            here = start + np.flatnonzero(part[start : start + BLOCK] == number)
            keys[:, here] = standing_out(x[here], directions, [within[number], at_large])
    halves = [
        [
            lens_counts(lens, [keys[at, side & half], keys[at, ~side & half]], words=len(directions))
            for at, lens in enumerate(LENSES)
        ]
        for half in (search, ~search)
    ]
    words = candidate_words(halves[0])
    return propose(halves[0], halves[1], words, families=word_families(directions, words, large))


def bare(x: Vectors, directions: Vectors) -> float:
    """Return the sum of one column of X @ W.T, block by block: the product and nothing else."""
    total = 0.0
    for start in range(0, len(x), BLOCK // 4):
        total += float((x[start : start + BLOCK // 4] @ directions.T)[0, 0])
    return total
