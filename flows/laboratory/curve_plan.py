"""What a curve sums apart: blocks of rows or buckets of classes, and the rows that no point of it is fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from t2c.core.maps.heads import UNLABELLED
from t2c.flows.laboratory.joint_plan import Sides, share_text, validating
from t2c.flows.rows.blocks import APART, BLOCKS, LEFT_OUT
from t2c.flows.rows.labels import label_names


@dataclass(frozen=True, slots=True, eq=False)
class CurvePlan:
    """What is summed apart: parts of the rows to fit, and the rows held out."""

    groups: npt.NDArray[np.int8]
    """Group of each row: its part, 0 and up; `parts` more where a split part chooses the ridge; `held`; LEFT_OUT."""
    parts: int
    """Number of parts."""
    split: bool
    """Whether each part is summed in two groups, so that some rows of every part choose the ridge; else whole parts do."""
    chosen_on: str
    """What the ridge can be chosen on, in words; empty when there are too few rows to choose by."""
    classes: tuple[int, ...] = ()
    """Classes in each part; empty by samples."""

    @property
    def held(self) -> int:
        """Group of the rows held out, the last."""
        return self.parts * (2 if self.split else 1)

    def validation(self) -> npt.NDArray[np.bool_]:
        """Say which groups to fit choose the ridge, (held,)."""
        return np.arange(self.held) >= self.parts if self.split else validating(self.parts)


def by_samples(sides: Sides) -> CurvePlan:
    """Return a part for each block to fit that has rows; copies of an image share a block."""
    parts = sides.parts()
    part_of_block = np.full(APART + 1, LEFT_OUT)
    part_of_block[parts] = np.arange(len(parts))
    return _plan(sides, part_of_block[sides.blocks], len(parts), what="row blocks", split=len(parts) < 2)


def by_classes(sides: Sides, truth: Sequence[str | None], *, labels: str) -> CurvePlan:
    """Return up to BLOCKS buckets of classes, dealt by the seed; unlabelled rows are not fitted, but may be held out.

    Buckets few enough to be split choose the ridge on row blocks, as the held-out rows of every class judge it; more
    choose it on whole buckets. Raises InputError when no row to fit has a label.
    """
    labels_of_rows = truth[: sides.rows]
    fitted = np.isin(sides.blocks, sides.fit_blocks())
    fitted_labels = (label for label, used in zip(labels_of_rows, fitted, strict=True) if used)
    names = label_names(fitted_labels, of=f"{labels} of {sides.images.dataset}")
    order = np.random.default_rng(sides.seed).permutation(len(names))
    parts = min(BLOCKS, len(names))
    bucket = {names[index]: place % parts for place, index in enumerate(order)}
    codes = np.array([bucket.get(label, UNLABELLED) if label is not None else UNLABELLED for label in labels_of_rows])
    sizes = np.bincount(list(bucket.values()), minlength=parts)
    split = 2 * parts <= BLOCKS
    return _plan(sides, codes, parts, what="class buckets", split=split, classes=tuple(int(size) for size in sizes))


def _plan(
    sides: Sides,
    part: npt.NDArray[np.int64],
    parts: int,
    *,
    what: str,
    split: bool,
    classes: tuple[int, ...] = (),
) -> CurvePlan:
    """Return the plan of rows whose part is known, (rows,), negative for none; held-out rows are those of the blocks."""
    fitted = np.isin(sides.blocks, sides.fit_blocks()) & (part >= 0)
    chooses = fitted & (sides.validation() if split else np.append(validating(parts), False)[part])
    groups = np.where(fitted, part + parts * (chooses if split else 0), LEFT_OUT)
    groups[(sides.blocks >= 0) & ~np.isin(sides.blocks, sides.fit_blocks())] = parts * (2 if split else 1)
    text = sides.validation_text() if split else share_text(parts, f"{what} to fit")
    enough = min(np.count_nonzero(chooses), np.count_nonzero(fitted & ~chooses)) > 1
    return CurvePlan(groups.astype(np.int8), parts, split, text if enough else "", classes)
