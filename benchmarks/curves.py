"""A whole efficiency curve, 12 points by 3 seeds, against one fit on the same rows; its accuracy pass shown apart."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness import Row, at_most, paired, seconds
from benchmarks.pairs import features
from t2c.core.concepts.heads import compose
from t2c.core.laboratory.curves import CurvePoint, curve, point_counts
from t2c.core.laboratory.joint import JointMoments, fold_joint, joint_centre, merge_joint
from t2c.core.laboratory.joint_fit import choose_ridges
from t2c.core.maps.heads import Head
from t2c.core.maps.moments import estimate_centre, fold_moments
from t2c.core.maps.quality import quality
from t2c.core.maps.ridge import fit

ROWS, BLOCK, SOURCE, TARGET = 114_688, 16_384, 1280, 512
PARTS, HELD = 64, 6
"""Row blocks, and those of them that are held out."""
CLASSES = 100

Block = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]
Blocks = Callable[[], Iterator[Block]]


def rows(total: int = ROWS, *, pairs: int = 3) -> list[Row]:
    """Return the rows of this group."""
    x, y = features(min(BLOCK, total), dimensions=(SOURCE, TARGET))
    part = np.random.default_rng(0).integers(0, PARTS, len(x))
    repeats = max(1, round(total / len(x)))

    def blocks() -> Iterator[Block]:
        for _ in range(repeats):
            yield x, y, part

    ridge = _ridge(_moments(blocks()))
    ratio = paired(partial(_curve, blocks, None), partial(_one_fit, blocks, ridge), pairs=pairs)
    size = f"{len(x) * repeats:,} x {SOURCE} -> {TARGET}"
    claim = f"12 points x 3 seeds with the ridge chosen, R2 of each, against one fit and its R2 at that ridge, {size}"
    return [at_most(claim, ratio, 3), _accuracies(blocks, x, seconds_of_fit=ratio.seconds_b)]


def _moments(blocks: Iterator[Block]) -> list[JointMoments]:
    stream = (([x, y], part) for x, y, part in blocks)
    first = next(stream)
    centre = joint_centre([one[:4096] for one in first[0]])

    def everything() -> Iterator[tuple[list[NDArray[np.float32]], NDArray[np.int64]]]:
        yield first
        yield from stream

    return list(fold_joint(everything(), centre=centre, groups=PARTS, dtype=np.float32))


def _ridge(parts: list[JointMoments]) -> float:
    centre, fitted = parts[0].centre, parts[HELD:]
    cut = len(fitted) - len(fitted) // 5
    return choose_ridges(
        merge_joint(fitted[:cut], centre=centre), merge_joint(fitted[cut:], centre=centre), pairs=[(0, 1)]
    )[0, 1]


def _curve(blocks: Blocks, ridge: float | None) -> list[CurvePoint]:
    parts = _moments(blocks())
    held = merge_joint(parts[:HELD], centre=parts[0].centre)
    counts = point_counts(PARTS - HELD, 12)
    return list(
        curve(parts[HELD:], held, counts=counts, seeds=(0, 1, 2), ridge=_ridge(parts) if ridge is None else ridge)
    )


def _one_fit(blocks: Blocks, ridge: float) -> None:
    x, y, _ = next(blocks())
    centre = estimate_centre(x[:4096], y[:4096])
    stream = ((x, y, (part < HELD).astype(np.int8)) for x, y, part in blocks())
    fitted, held = fold_moments(stream, centre=centre, folds=2)
    quality(held, fit(fitted, ridge=ridge).map, train_mean=fitted.mean_y)


def _accuracies(blocks: Blocks, x: NDArray[np.float32], *, seconds_of_fit: float) -> Row:
    """Return what the accuracies of all points cost beside one fit: shown, not promised."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((CLASSES, TARGET), dtype=np.float32)
    head = Head(tuple(map(str, range(CLASSES))), weight, np.zeros(CLASSES, np.float32), "probe")
    found = _curve(blocks, 1000.0)
    seen = sum(len(one[2]) for one in blocks()) * HELD // PARTS

    def work() -> None:
        over = [compose(head, one.linear_map) for one in {id(one.linear_map): one for one in found}.values()]
        for start in range(0, seen, len(x)):
            held = x[: min(len(x), seen - start)]
            for one in over:
                one.predict(held)

    took = seconds(work) / seconds_of_fit
    claim = f"accuracies of all points on {seen:,} held-out rows, {CLASSES} classes, against one fit"
    return Row(claim, "shown apart", f"{took:.2f}x", held=True)
