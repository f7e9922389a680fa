"""Several encoders over the same images: which rows serve what, and their joint moments in one pass."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.core.laboratory.joint import WAITING_AT_MOST, JointCentre, JointMoments, fold_joint, joint_centre, merge_joint
from t2c.flows.engine.memory import check_memory
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import Runner, SerialRunner
from t2c.flows.rows.blocks import BLOCKS, LEFT_OUT, check_max_rows, coverage_notes, held_out_blocks, rows_and_blocks
from t2c.flows.rows.features_of_rows import features_of, in_parts, keys_of, ranges
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, content_hashes
from t2c.store.artifacts.selection import searchable

READ_ROWS = 16_384
"""Rows read at a time."""
PARTS = 4
"""Runs of rows whose moments are summed apart and merged in order; more would only move more moments about."""
LARGE_BYTES = 2**30
"""Moments of more bytes than this are summed in one run: a second set would double the memory."""
FITTED, VALIDATION, HELD = range(3)
"""Groups of rows: fitted, fitted but left out while the ridge is chosen, never fitted."""
VALIDATION_SHARE = 5
"""One in this many of the parts to fit chooses the ridge, then joins the others; of two to four parts, the last."""

NO_RIDGE_NOTE = "no ridge was chosen, for there are too few rows to fit to choose by: it is 0, exact least squares"


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """The features of several encoders on the rows that all of them cover."""

    images: Images
    """The dataset."""
    features: tuple[Features, ...]
    """One an encoder."""
    blocks: npt.NDArray[np.int8]
    """Random block of each row, by content, 0 to BLOCKS - 1, or APART; LEFT_OUT for a row that some encoder lacks or that
    is past max_rows."""
    seed: int
    """Seed of the blocks."""
    holdout: float
    """Share of the blocks that are never fitted."""
    max_rows: int | None = None
    """Rows used at most; None uses all."""
    held_out_where: str | None = None
    """Condition on the rows that are never fitted, in place of the share."""

    def limits(self) -> dict[str, Any]:
        """Return the choice of rows as an answer's spec says it: nothing where all may be used, as before there were limits."""
        limits = {"max_rows": self.max_rows, "held_out_where": self.held_out_where}
        return {name: value for name, value in limits.items() if value is not None}

    @property
    def rows(self) -> int:
        """Rows that every encoder could cover."""
        return len(self.blocks)

    @property
    def names(self) -> tuple[str, ...]:
        """Encoder names, in order."""
        return tuple(feature.encoder for feature in self.features)

    def notes(self) -> tuple[str, ...]:
        """Return what a reader must know of the rows: that encoders cover different ones, with their numbers."""
        return coverage_notes(self.images, self.features)

    def fit_blocks(self) -> list[int]:
        """Return the blocks that may be fitted, in the order of the seed; the others are held out."""
        order = np.random.default_rng(self.seed).permutation(BLOCKS)
        blocks: list[int] = order[held_out_blocks(self.holdout) :].tolist()
        return blocks

    def parts(self) -> list[int]:
        """Return the blocks to fit that have rows, in the order of the seed."""
        filled = set(np.unique(self.blocks).tolist())
        return [block for block in self.fit_blocks() if block in filled]

    def validation(self) -> npt.NDArray[np.bool_]:
        """Say which rows to fit choose the ridge, (rows,): some blocks; of a single block, every other content."""
        parts = self.parts()
        if len(parts) > 1:
            return np.isin(self.blocks, np.array(parts)[validating(len(parts))])
        rows = np.flatnonzero(np.isin(self.blocks, parts))
        keys = keys_of(content_hashes(self.images), rows, seed=self.seed)
        contents, content = np.unique(keys, return_inverse=True)
        chooses = np.zeros(self.rows, dtype=np.bool_)
        chooses[rows] = (np.arange(len(contents)) % 2 == 1)[content]
        return chooses

    def validation_text(self) -> str:
        """Say in words what those rows are."""
        parts = len(self.parts())
        return share_text(parts, "row blocks to fit") if parts > 1 else "half of the contents of the one block to fit"

    def groups(self) -> npt.NDArray[np.int8]:
        """Return the group of each row: FITTED, VALIDATION, HELD or LEFT_OUT; the held-out rows are those of `align`."""
        groups = np.where(self.blocks >= 0, np.int8(HELD), np.int8(LEFT_OUT)).astype(np.int8)
        groups[np.isin(self.blocks, self.fit_blocks())] = FITTED
        groups[self.validation()] = VALIDATION
        return groups


def validating(parts: int) -> npt.NDArray[np.bool_]:
    """Say which of the parts choose the ridge, (parts,): one in VALIDATION_SHARE, of two to four the last."""
    if parts < 2:
        return np.zeros(parts, dtype=np.bool_)
    chooses: npt.NDArray[np.bool_] = np.arange(parts) % VALIDATION_SHARE == min(VALIDATION_SHARE, parts) - 1
    return chooses


def share_text(parts: int, what: str) -> str:
    """Say in words which of the parts choose the ridge."""
    return f"one of the {parts} {what}" if parts < VALIDATION_SHARE else f"one in {VALIDATION_SHARE} of the {what}"


def open_sides(
    images: Images,
    encoders: Sequence[str],
    *,
    seed: int,
    holdout: float,
    max_rows: int | None = None,
    held_out_where: str | None = None,
) -> Sides:
    """Open the features of two encoders or more, on all rows or on a random `max_rows` of them.

    An encoder named twice, or two names of one space, is refused: a map from a space to itself says nothing. Raises
    UnknownName, SpecError, InputError, MismatchError.
    """
    # two blocks must stay: one to fit, one that chooses the ridge
    if not 0 <= holdout < 1 or held_out_blocks(holdout) > BLOCKS - 2:
        raise SpecError(expected("--holdout", f"a share of 0 to {(BLOCKS - 2) / BLOCKS:.2f}", str(holdout)))
    check_max_rows(max_rows)
    features = tuple(features_of(images, name) for name in encoders)
    _check_distinct(features)
    rows = min([images.rows, *(feature.rows for feature in features)])
    usable = searchable(images)[:rows]
    for feature in features:
        usable = usable & feature.present(0, rows)
    if not usable.any():
        named = " ".join(f"--encoder {feature.encoder}" for feature in features)
        todo = f"Extract all: t2c extract {images.dataset} {named}"
        complete_rows = f"rows with features of {', '.join(feature.encoder for feature in features)}"
        raise InputError(expected(f"{images.dataset}@{images.snapshot}", complete_rows, "none", todo))
    chosen, chosen_blocks = rows_and_blocks(images, usable, seed=seed, max_rows=max_rows, held_out_where=held_out_where)
    blocks = np.full(rows, LEFT_OUT, dtype=np.int8)
    blocks[chosen] = chosen_blocks
    # the condition has held its rows out already: no share of the blocks on top
    share = holdout if held_out_where is None else 0.0
    return Sides(images, features, blocks, seed, share, max_rows, held_out_where)


def _check_distinct(features: Sequence[Features]) -> None:
    if len(features) < 2:
        raise SpecError(expected("encoders", "two or more", str(len(features)), "Name another: --encoder ENCODER"))
    feature_of_space: dict[str, Features] = {}
    for feature in features:
        other = feature_of_space.setdefault(feature.space.id, feature)
        if other is not feature:
            actual = f"{other.encoder} and {feature.encoder}, both {feature.space.describe()}"
            raise SpecError(expected("encoders", "a space each", actual, "Name each space once."))


@dataclass(frozen=True, slots=True, eq=False)
class JointPart:
    """A run of rows whose moments are summed in one go."""

    features: tuple[Features, ...]
    """One an encoder."""
    spans: tuple[tuple[int, int], ...]
    """Row ranges [start, stop), ascending and adjoining."""
    groups: npt.NDArray[np.int8]
    """Group of each row of the spans."""

    def blocks(self) -> Iterator[tuple[list[npt.NDArray[Any]], npt.NDArray[np.int8]]]:
        """Yield (features by encoder, group) of every span that has rows in a group."""
        first = self.spans[0][0]
        for start, stop in self.spans:
            group = self.groups[start - first : stop - first]
            if (group >= 0).any():
                yield [feature.read(start, stop) for feature in self.features], group


def part_moments(
    part: JointPart, *, centre: JointCentre, groups: int, dtype: type[np.floating[Any]]
) -> tuple[JointMoments, ...]:
    """Return the moments of each group over one part: what a worker does."""
    return fold_joint(part.blocks(), centre=centre, groups=groups, dtype=dtype)


def joint_moments(
    sides: Sides,
    groups: npt.NDArray[np.int8],
    *,
    count: int,
    dtype: type[np.floating[Any]] = np.float64,
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> tuple[JointMoments, ...]:
    """Return the moments of `count` groups, `groups` (rows,) saying which each row is in; rows are read once.

    Raises PlanError when they do not fit into memory, naming both numbers.
    """
    run, bar = runner or SerialRunner(), progress or NoProgress()
    width = sum(feature.dimension for feature in sides.features)
    parts = PARTS if moment_bytes(width, count, dtype=dtype) <= LARGE_BYTES else 1
    todo = "Name fewer encoders at a time."
    check_memory("joint moments", peak_bytes(width, count, dtype=dtype, at_once=min(parts, run.parallel)), todo=todo)
    spans = in_parts(ranges(sides.rows, READ_ROWS), parts)
    plan = [
        JointPart(sides.features, tuple(part_spans), groups[part_spans[0][0] : part_spans[-1][1]])
        for part_spans in spans
    ]
    centre = _centre(sides, groups)
    totals: list[JointMoments] = []
    bar.start(f"moments of {sides.images.dataset}", sides.rows, "images")
    try:
        for part, sums in zip(
            plan, run.map(partial(part_moments, centre=centre, groups=count, dtype=dtype), plan), strict=True
        ):
            totals = (
                [merge_joint(pair, centre=centre) for pair in zip(totals, sums, strict=True)] if totals else list(sums)
            )
            bar.advance(len(part.groups))
    finally:
        bar.done()
    return tuple(totals)


def _centre(sides: Sides, groups: npt.NDArray[np.int8]) -> JointCentre:
    """Return the mean of the first rows in a group."""
    first = np.flatnonzero(groups >= 0)[:4096]
    return joint_centre([feature.take(first) for feature in sides.features])


def moment_bytes(width: int, count: int, *, dtype: type[np.floating[Any]]) -> int:
    """Return the bytes of the Gram matrices of `count` groups over features that are `width` long together."""
    return count * width * width * np.dtype(dtype).itemsize


def peak_bytes(width: int, count: int, *, dtype: type[np.floating[Any]], at_once: int = 1) -> int:
    """Return the bytes that `joint_moments` needs at its peak: moments, with one more set and a product beside them."""
    moments = moment_bytes(width, count, dtype=dtype)
    sets = 1 if moments > LARGE_BYTES else 1 + at_once
    rows = min(WAITING_AT_MOST, 8192 * count) + READ_ROWS
    return sets * moments + 12 * width * width + 4 * width * rows * at_once
