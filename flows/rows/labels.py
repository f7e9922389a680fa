"""True classes of a dataset's rows: the label column or an attribute, and their codes among class names."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from t2c.core.maps.heads import UNLABELLED
from t2c.schemas.errors import InputError, SpecError, expected, unknown
from t2c.store.artifacts.dataset_tables import read_attributes
from t2c.store.artifacts.images import Images
from t2c.store.disk import paths
from t2c.store.disk.manifest import Parent, find_manifest

LABEL = "label"
"""Name under which the images' own label column is asked for; any other is an imported attribute."""


def truth_of(images: Images, labels: str, *, mapping: Mapping[str, str]) -> list[str | None]:
    """Return the true class of every row, None when unknown: the label column or an attribute, mapped where asked for.

    Raises UnknownName with the nearest names for an attribute that was not imported.
    """
    if labels == LABEL:
        values: list[str | None] = images.table([LABEL], current=False)[LABEL].to_pylist()
    else:
        values = _attribute(images, labels)
    return [None if value is None else mapping.get(value, value) for value in values]


def label_parents(images: Images, labels: str | None = None) -> tuple[Parent, ...]:
    """Return the dataset's imported attributes, as of now, when `labels` is one of them or left open; else nothing."""
    manifest = None if labels == LABEL else find_manifest(images.store, paths.attributes(images.dataset))
    return () if manifest is None else (manifest.as_parent(),)


def _attribute(images: Images, name: str) -> list[str | None]:
    table = read_attributes(images.store, images.dataset)
    names = table["name"].unique().to_pylist()
    if name not in names:
        todo = f"Import it: t2c attributes import {images.dataset} FILE"
        raise unknown(f"attribute of {images.dataset}", name, [LABEL, *names], todo=todo)
    values: list[str | None] = [None] * images.rows
    entries = table.filter(pc.equal(table["name"], name))
    for row, value in zip(entries["row"].to_pylist(), entries["value"].to_pylist(), strict=True):
        if row < images.rows:
            values[row] = value
    return values


def class_names(
    images: Images, truth: Sequence[str | None], *, classes: Sequence[str] | None, labels: str
) -> tuple[str, ...]:
    """Return the classes: those given, else every label there is, sorted. Raises SpecError unless two or more differ."""
    names = tuple(classes) if classes else tuple(sorted({label for label in truth if label is not None}))
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise SpecError(expected("--classes", "each class once", f"{twice!r} twice"))
    if len(names) < 2:
        where = "labels" if labels == LABEL else f"values of attribute {labels!r}"
        actual = f"{len(names)} in the {where} of {images.dataset}" if not classes else str(len(names))
        raise SpecError(expected("classes", "two or more", actual, "Name them: --classes cat,dog"))
    return names


def label_names(truth: Iterable[str | None], *, of: str) -> tuple[str, ...]:
    """Return the labels there are, sorted; raises InputError when there is none. `of` says whose: `label of photos`."""
    names = tuple(sorted({label for label in truth if label is not None}))
    if not names:
        todo = (
            "Classes come from folders or a column (t2c index --label-from), or from an attribute: --labels ATTRIBUTE"
        )
        raise InputError(expected(of, "some labelled images", "none", todo))
    return names


def check_some_labels(truth: Sequence[str | None], classes: Sequence[str], *, subject: str) -> None:
    """Raise InputError when there are labels but none of them is a class."""
    labels = sorted({label for label in truth if label is not None})
    if labels and not set(labels) & set(classes):
        actual = ", ".join(repr(label) for label in labels[:5]) + (", ..." if len(labels) > 5 else "")
        todo = "Name the classes as the labels are written, or map them in the audit file."
        raise InputError(expected(subject, f"labels among {', '.join(map(repr, classes[:5]))}", actual, todo))


def codes_of(classes: Sequence[str], truth: Sequence[str | None]) -> npt.NDArray[np.int64]:
    """Return the index of each row's class, (rows,) int64; UNLABELLED for a label that is no class of the head."""
    code: Mapping[str | None, int] = {name: index for index, name in enumerate(classes)}
    return np.array([code.get(label, UNLABELLED) for label in truth], dtype=np.int64)


def labels_outside(classes: Sequence[str], truth: Iterable[str | None], *, most: int = 5) -> str:
    """Return the labels that are none of the classes with their counts, most frequent first; empty when there are none."""
    inside = {None, *classes}
    outside = Counter(label for label in truth if label not in inside).most_common()
    listed = ", ".join(f"{label!r} ({count:,})" for label, count in outside[:most])
    return listed + (", ..." if len(outside) > most else "")
