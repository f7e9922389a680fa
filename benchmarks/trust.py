"""Trust of 1,000 concepts over 50,000 images, random directions and labels included, against its bare work."""

import numpy as np

from benchmarks.harness import Row, at_most, paired
from t2c.core.concepts.trust import bank_directions, sphere_directions
from t2c.core.statistics.rank_agreement import AT_ONCE, Known, measure

IMAGES, CONCEPTS, TARGET, DIRECTIONS, CLASSES = 50_000, 1_000, 512, 200, 100


def rows() -> list[Row]:
    """Return the rows of this group."""
    rng = np.random.default_rng(0)
    aligned, own, vectors = (_units(rng, count) for count in (IMAGES, IMAGES, CONCEPTS))
    drawn = bank_directions(vectors, DIRECTIONS, rng=rng)
    even = sphere_directions(TARGET, DIRECTIONS, rng=rng)
    known = [Known(rng.integers(0, CLASSES, IMAGES).astype(np.int32), CLASSES)]

    def trust() -> None:
        for directions in (vectors, drawn):
            measure(aligned, directions, own=own, known=known)
        measure(aligned, even, known=known)

    def bare() -> None:
        for side in (aligned, own):
            for start in range(0, CONCEPTS, AT_ONCE):
                for values in vectors[start : start + AT_ONCE] @ side.T:
                    np.argsort(values)

    claim = (
        f"{CONCEPTS:,} concepts over {IMAGES:,} images, with {2 * DIRECTIONS} random directions and {CLASSES} classes, "
        "against the two products and an argsort a column"
    )
    return [at_most(claim, paired(trust, bare, pairs=3), 2)]


def _units(rng: np.random.Generator, count: int) -> np.ndarray:
    values = rng.normal(size=(count, TARGET)).astype(np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)
