"""A bank's own background: the moments of its classes' similarities over varied images, as they travel with the bank.

A file of role `background` in the bank's manifest, an .npz of `mean` (classes,) and `upper`, the upper triangle of the
covariance row by row (classes (classes + 1) / 2,), both float32, `n`, `cosine`, and `provenance`, JSON text that says of what.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from t2c.schemas.errors import CorruptError, expected
from t2c.store.artifacts.concepts import BACKGROUND, Concepts
from t2c.store.disk.data_files import read_checked


@dataclass(frozen=True, slots=True, eq=False)
class BankBackground:
    """First two moments of centred similarities: unit feature times (unit row of a class less the mean of all rows)."""

    mean: NDArray[np.float64]
    """(classes,), in the order of the bank's classes."""
    covariance: NDArray[np.float64]
    """(classes, classes), divisor n, one weight an image."""
    n: int
    """Images behind it."""
    cosine: float
    """The 1 - 1e-4 quantile of the cosine between two different images: above it, two are near-copies."""
    provenance: Mapping[str, Any]
    """What images and vectors it was made of: `images`, `space` (its id), `weights` (sha256 of the head) and what else a reader needs."""


def parse_background(data: bytes, *, subject: str) -> BankBackground:
    """Parse a background file; raises CorruptError naming `subject`."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            mean, upper = (arrays[name].astype(np.float64) for name in ("mean", "upper"))
            n, cosine = int(arrays["n"]), float(arrays["cosine"])
            provenance = json.loads(str(arrays["provenance"]))
        covariance = np.zeros((len(mean), len(mean)))
        covariance[np.triu_indices(len(mean))] = upper
    except (ValueError, KeyError, OSError, EOFError, BadZipFile) as error:
        actual = f"{type(error).__name__}: {error}"
        raise CorruptError(expected(subject, "a bank's background", actual, "Run: t2c verify")) from error
    return BankBackground(mean, covariance + np.triu(covariance, 1).T, n, cosine, provenance)


def read_background(concepts: Concepts) -> BankBackground | None:
    """Return the background that a bank brings, or None; raises CorruptError when it is of other classes.

    Column c is the bank's c-th class: `np.flatnonzero(concepts.singles())[c]` is its key.
    """
    entries = concepts.manifest.with_role(BACKGROUND)
    if not entries:
        return None
    background = parse_background(read_checked(concepts.store, entries[0]), subject=entries[0].path)
    classes = int(concepts.singles().sum())
    if len(background.mean) != classes:
        raise CorruptError(expected(entries[0].path, f"moments of {classes:,} classes", f"{len(background.mean):,}"))
    return background
