"""What a curve sums apart: blocks of rows or buckets of classes, and the rows that no point of it is fitted on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.steps.align_plan import BLOCKS, LEFT_OUT
from flows.steps.joint_plan import Sides
from flows.steps.zeroshot_sides import label_names
from t2c_core.heads import UNLABELLED


@dataclass(frozen=True, slots=True, eq=False)
class CurvePlan:
    """What is summed apart: parts of the rows to fit, and the rows held out."""

    groups: npt.NDArray[np.int8]
    """Part of each row, 0 and up; `parts` for a held-out row, LEFT_OUT for a row that takes no part."""
    parts: int
    """Number of parts."""
    classes: tuple[int, ...] = ()
    """Classes in each part; empty by samples."""


def by_samples(sides: Sides) -> CurvePlan:
    """Return a part for each block to fit that has rows; copies of an image share a block."""
    there = set(np.unique(sides.blocks[sides.blocks >= 0]).tolist())
    parts = [block for block in sides.fit_blocks() if block in there]
    return CurvePlan(_numbered(sides, {block: place for place, block in enumerate(parts)}, sides.blocks), len(parts))


def by_classes(sides: Sides, truth: Sequence[str | None], *, labels: str) -> CurvePlan:
    """Return up to BLOCKS buckets of classes, dealt by the seed; unlabelled rows are not fitted, and none held out.

    Raises InputError when no row to fit has a label.
    """
    known = truth[: sides.rows]
    fitted = np.isin(sides.blocks, sides.fit_blocks())
    there = (label for label, used in zip(known, fitted, strict=True) if used)
    names = label_names(there, of=f"{labels} of {sides.images.dataset}")
    order = np.random.default_rng(sides.seed).permutation(len(names))
    parts = min(BLOCKS, len(names))
    bucket = {names[index]: place % parts for place, index in enumerate(order)}
    codes = np.array([bucket.get(label, UNLABELLED) if label is not None else UNLABELLED for label in known])
    groups = _numbered(sides, {place: place for place in range(parts)}, codes)
    sizes = np.bincount(list(bucket.values()), minlength=parts)
    return CurvePlan(groups, parts, tuple(int(size) for size in sizes))


def _numbered(sides: Sides, parts: Mapping[int, int], keys: npt.NDArray[Any]) -> npt.NDArray[np.int8]:
    """Return the part of each row by its key; the held-out rows of the blocks get the number after the last part."""
    number = np.array([parts.get(int(key), LEFT_OUT) for key in keys], dtype=np.int8)
    held = (sides.blocks >= 0) & ~np.isin(sides.blocks, sides.fit_blocks())
    number[held] = len(parts)
    number[sides.blocks < 0] = LEFT_OUT
    return number
