"""Joining imported vectors on image ids: which row each belongs to, and new rows for ids that have none."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from t2c.schemas.errors import InputError, expected
from t2c.store.artifacts.images import Images
from t2c.store.sources.metadata import name_key


def row_index(images: Images) -> dict[str, int]:
    """Return image id -> current row."""
    table = images.table(["image_id", "row"])
    return dict(zip(table["image_id"].to_pylist(), table["row"].to_pylist(), strict=True))


def find_rows(images: Images, ids: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the current row of each id, shape (ids,): by image id, URI, or as a path; -1 where there is none or two.

    As paths `./a/b.jpg`, `a\\b.jpg` and `a/b.jpg` are one, and so are composed and decomposed letters; case counts.
    """
    by_id = row_index(images)
    rows = np.array([by_id.get(image_id, -1) for image_id in ids], dtype=np.int64)
    if (rows < 0).any():
        table = images.table(["uri", "row"])
        by_uri = dict(zip(table["uri"].to_pylist(), table["row"].to_pylist(), strict=True))
        by_path: dict[str, int] = {}
        for image_id, row in by_id.items():
            by_path[name_key(image_id)] = -1 if name_key(image_id) in by_path else row
        for at in np.flatnonzero(rows < 0).tolist():
            rows[at] = by_uri.get(ids[at], by_path.get(name_key(ids[at]), -1))
    return rows


def unknown_ids(dataset: str, ids: Sequence[str], lost: npt.NDArray[np.int64], *, todo: str) -> InputError:
    """Return the error that names the first of the ids (by position) that a dataset lacks."""
    listed = ", ".join(repr(ids[at][:80]) for at in lost[:5].tolist()) + (", ..." if len(lost) > 5 else "")
    actual = f"{len(lost)} of {len(ids)} that it lacks: {listed}"
    return InputError(expected(f"ids for {dataset}", "image ids of the dataset", actual, todo))
