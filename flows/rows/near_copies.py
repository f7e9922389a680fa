"""Near-copies of a dataset: looked for once for its features and a cosine, whatever is compared with what afterwards."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.shift.near_copies import near_copies
from t2c.flows.engine.answers import stored_once
from t2c.flows.rows.blocks import READ_ROWS
from t2c.flows.rows.features_of_rows import features_of, ranges
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.tables.answers.rows import ANSWERS, NEAR_COPIES
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images

AUTO, OFF = "auto", "off"
"""Words of the option: the usual cosine; every image is an observation of its own."""
USUAL = 0.98
"""Cosine from which images count as nearly the same; a lower one would join different pictures of one thing."""
FEWEST_DIMENSIONS = 16
"""Dimensions below which `auto` looks for none: there different images come as close as USUAL by chance."""
RUN_ROWS = 100_000
"""Rows looked at together: near-copies that lie farther apart in a dataset are not seen."""


def near_copy_cosine(option: str, *, dimension: int, background: float | None = None) -> float | None:
    """Return the cosine that `auto`, `off` or a number asks for; None for none, as `auto` in few dimensions.

    `background` is the cosine that hardly any two different images reach, where a background of the space knows it:
    `auto` takes it when it is the larger one. Raises SpecError for anything else, or a number below USUAL.
    """
    if option.lower() == OFF:
        return None
    if option.lower() == AUTO:
        return max(USUAL, background or 0.0) if dimension >= FEWEST_DIMENSIONS else None
    try:
        cosine = float(option)
    except ValueError:
        cosine = float("nan")
    if not USUAL <= cosine <= 1:
        raise SpecError(expected("--near-copies", f"auto, off, or a cosine of {USUAL} to 1", option))
    return cosine


def near_copies_of(images: Images, space: str, *, cosine: float) -> pa.Table:
    """Return the near-copies among a dataset's features in a space: row, the earlier row each is like, and their cosine.

    Kept in the store for these features. Raises UnknownName for features that are not there.
    """
    features = features_of(images, space)
    spec = {"dataset": images.dataset, "encoder": features.encoder, "cosine": cosine}
    parents = [features.manifest.as_parent()]
    return stored_once(
        store=images.store, kind=NEAR_COPIES, compute=lambda: _table(features, cosine), spec=spec, parents=parents
    ).table


def _table(features: Features, cosine: float) -> pa.Table:
    tables = []
    for start, stop in ranges(features.rows, RUN_ROWS):
        copies = near_copies(_units(features, start, stop), cosine=cosine)
        tables.append(
            pa.table([copies.row + start, copies.first + start, copies.cosine], schema=ANSWERS[NEAR_COPIES].schema)
        )
    return pa.concat_tables(tables) if tables else ANSWERS[NEAR_COPIES].schema.empty_table()


def _units(features: Features, start: int, stop: int) -> npt.NDArray[np.float32]:
    """Return features of length 1, (stop - start, source); zeros where there is none."""
    units = np.zeros((stop - start, features.dimension), dtype=np.float32)
    for begin, end in ranges(stop - start, READ_ROWS):
        block = units[begin:end]
        block[:] = features.read(start + begin, start + end)
        block[~features.present(start + begin, start + end)] = 0
        lengths = np.linalg.norm(block, axis=1, keepdims=True)
        block /= np.where(lengths > 0, lengths, np.float32(1))
    return units
