"""The pair matrix of four encoders, moments to R2, CKA and Procrustes distance, against the bare products of their features."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row, at_most, paired
from t2c.core.laboratory.joint import fold_joint, joint_centre
from t2c.core.laboratory.joint_fit import choose_ridges, fit_pairs, ordered_pairs
from t2c.core.laboratory.space_similarity import space_similarity

ROWS, BLOCK = 393_216, 16_384
"""Rows, read as one block again and again: the products cannot tell."""
DIMENSIONS = (1280, 768, 512, 384)
"""EfficientNet-Lite0, a ViT-B, a CLIP and a ViT-S."""


def features(rows: int, *, dimensions: tuple[int, ...] = DIMENSIONS, seed: int = 0) -> list[NDArray[np.float32]]:
    """Return rectified, related features of the same images by encoders of these dimensions."""
    rng = np.random.default_rng(seed)
    causes = rng.standard_normal((rows, 300), dtype=np.float32)

    def one(width: int) -> NDArray[np.float32]:
        mix = rng.standard_normal((300, width), dtype=np.float32) / np.float32(300**0.5)
        noisy = causes @ mix + rng.standard_normal((rows, width), dtype=np.float32)
        found: NDArray[np.float32] = np.maximum(noisy, 0)
        return found

    return [one(width) for width in dimensions]


def rows(total: int = ROWS, *, pairs: int = 3) -> list[Row]:
    """Return the rows of this group."""
    block = features(min(BLOCK, total))
    joined = np.concatenate(block, axis=1)
    repeats = max(1, total // len(joined))
    group = np.random.default_rng(0).choice(3, size=len(joined), p=[0.72, 0.18, 0.1])

    def blocks() -> Iterator[tuple[list[NDArray[np.float32]], NDArray[np.int64]]]:
        for _ in range(repeats):
            yield block, group

    def products() -> None:
        for _ in range(repeats):
            joined.T @ joined

    def matrix() -> None:
        centre = joint_centre([one[:4096] for one in block])
        train, validation, held = fold_joint(blocks(), centre=centre, groups=3)
        ridges = choose_ridges(train, validation)
        fitted = train + validation
        list(fit_pairs(fitted, held, ridges=ridges))
        whole = fitted + held
        for source, target in ordered_pairs(len(block)):
            if source < target:
                space_similarity(whole, source, target)

    size = f"{len(joined) * repeats:,} rows x ({', '.join(map(str, DIMENSIONS))})"
    claim = (
        f"12 maps with ridge chosen, R2, CKA and Procrustes distance of 4 encoders against the bare product Z'Z, {size}"
    )
    return [at_most(claim, paired(matrix, products, pairs=pairs), 1.3)]
