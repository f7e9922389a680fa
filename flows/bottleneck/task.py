"""Which images a concept bottleneck is fitted and measured on: labelled, scored, each content once, split by content."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from t2c.core.maps.row_keys import block_of
from t2c.flows.maps.plan import AlignOptions, check_options, group_of_blocks
from t2c.flows.rows.blocks import BLOCKS, held_apart
from t2c.flows.rows.features_of_rows import keys_of
from t2c.flows.rows.labels import LABEL, check_some_labels, class_names, codes_of, truth_of
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.store.artifacts.images import Images, content_hashes, open_images
from t2c.store.artifacts.similarities import Scores, resolve_scores
from t2c.store.disk.root import Store
from t2c.store.queries.searched import Searched, searched

FOLDS = 5
"""Folds of the fitted rows: for choosing the strength of a sparse head and the ridge of the probe beside it."""
HELD_OUT = FOLDS
"""Group of a row that nothing is fitted on."""
FEWEST = 5
"""Images of a class to fit on, at least."""
SEED = 1
"""Default seed of the split: another than `align`'s, so that rows the map was fitted on fall on both sides."""


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """How labelled images are split; part of a bottleneck's digest."""

    holdout: float = 0.2
    """Share of the content blocks that accuracy is measured on."""
    seed: int = SEED
    """Seed of the assignment of content to blocks."""
    held_out_where: str | None = None
    """SQL condition on the rows to hold out, such as "split = 'test'"; replaces the share."""

    def check(self) -> None:
        """Raise SpecError for a share out of range."""
        if not 0 < self.holdout < 1:
            raise SpecError(expected("--holdout", "a share above 0 and below 1", str(self.holdout)))
        check_options(self.blocks())

    def blocks(self) -> AlignOptions:
        """Return the same split as `align` would make it."""
        return AlignOptions(folds=FOLDS, holdout=self.holdout, seed=self.seed)


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A labelled set of scored images."""

    images: Images
    """The dataset."""
    among: Searched
    """Its similarities."""
    labels: str
    """`label`, or the attribute that holds the class."""
    classes: tuple[str, ...]
    """Class names."""
    truth: tuple[str | None, ...]
    """Class of every image row, mapped; None when unknown."""
    rows: npt.NDArray[np.int64]
    """(labelled,) rows of the task, ascending."""
    codes: npt.NDArray[np.int64]
    """(labelled,) class of each."""
    groups: npt.NDArray[np.int8]
    """(labelled,) fold of each, or HELD_OUT."""
    unlabelled: int
    """Scored images without a label."""
    other_labels: int
    """Scored images whose label is no class."""

    @property
    def scores(self) -> Scores:
        """The similarities."""
        return self.among.scores

    @property
    def held_out(self) -> npt.NDArray[np.bool_]:
        """(labelled,) whether nothing is fitted on the row."""
        return np.asarray(self.groups == HELD_OUT)


def open_task(
    store: Store,
    dataset: DatasetRef | str,
    *,
    labels: str = LABEL,
    classes: Sequence[str] | None = None,
    mapping: Mapping[str, str] | None = None,
    where: str | None = None,
    split: SplitOptions,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
) -> Task:
    """Return the labelled images of a dataset under similarities chosen by `sides`, split into folds and held-out rows.

    Content that is held out anywhere is fitted nowhere. Raises InputError for fewer than FEWEST images of a class to
    fit on or none to measure on, SpecError for fewer than two classes, UnknownName for an attribute.
    """
    sides = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    split.check()
    images = open_images(store, dataset)
    scores = resolve_scores(store, dataset, **sides)
    truth = truth_of(images, labels, mapping=mapping or {})
    named = class_names(images, truth, classes=classes, labels=labels)
    check_some_labels(truth, named, subject=f"{labels} of {images.dataset}")
    among = searched(scores, images=images, where=where, exclude_duplicates=True)
    rows = np.flatnonzero(~np.isnan(among.values(0)))
    codes = codes_of(named, truth)[rows]
    labelled = codes >= 0
    unlabelled = sum(truth[row] is None for row in rows[~labelled].tolist())
    task = Task(
        images,
        among,
        labels,
        named,
        tuple(truth),
        rows[labelled],
        codes[labelled],
        _groups(images, rows[labelled], split),
        unlabelled,
        int(np.count_nonzero(~labelled)) - unlabelled,
    )
    _check_counts(task)
    return task


def _groups(images: Images, rows: npt.NDArray[np.int64], split: SplitOptions) -> npt.NDArray[np.int8]:
    """Return the fold of each row, or HELD_OUT: by content, or by a condition that content then follows."""
    hashes = content_hashes(images)
    keys = keys_of(hashes, rows, seed=split.seed)
    groups: npt.NDArray[np.int8] = group_of_blocks(split.blocks())[block_of(keys, blocks=BLOCKS)]
    if split.held_out_where is None:
        return groups
    apart = held_apart(images, split.held_out_where)[rows]
    folds = (block_of(keys, blocks=BLOCKS) % FOLDS).astype(np.int8)
    by_condition: npt.NDArray[np.int8] = np.where(apart, np.int8(HELD_OUT), folds).astype(np.int8)
    return by_condition


def _check_counts(task: Task) -> None:
    """Raise InputError for a class without images enough to fit on, or when no image is held out."""
    fitted = np.bincount(task.codes[~task.held_out], minlength=len(task.classes))
    few = np.flatnonzero(fitted < FEWEST)
    if len(few):
        first = int(few[0])
        more = f" (and {len(few) - 1} more classes have too few)" if len(few) > 1 else ""
        todo = "Label more, or leave the class out: --classes A,B"
        want = f"{FEWEST} images or more to fit on"
        subject = f"class {task.classes[first]!r} of {task.images.dataset}"
        raise InputError(expected(subject, want, f"{fitted[first]}{more}", todo))
    if not task.held_out.any():
        todo = "Raise --holdout, or widen --held-out-where."
        raise InputError(expected(f"held-out images of {task.images.dataset}", "some with a label", "none", todo))
