"""How often zero-shot predictions are right: overall with an interval, class by class, on the same images for each encoder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.statistics.proportions import wilson


@dataclass(frozen=True, slots=True)
class ZeroshotScore:
    """How often one encoder is right."""

    encoder: str
    """Encoder whose image features were classified."""
    role: Literal["aligned", "target"]
    """aligned: the source through the linear map; target: the CLIP's own image features."""
    n: int
    """Images with a label that is one of the classes."""
    correct: int
    """Of these, classified as labelled."""
    accuracy: float
    """correct / n."""
    low: float
    """Lower end of Wilson's 95 % interval."""
    high: float
    """Upper end of Wilson's 95 % interval."""


class Counted:
    """Hits of one or two tables of ZEROSHOT, on the images that both have and whose label is a class."""

    aligned: npt.NDArray[np.bool_]
    """(images,) whether the first table is right."""
    target: npt.NDArray[np.bool_] | None
    """(images,) whether the second is; None without one."""

    def __init__(self, classes: Sequence[str], aligned: pa.Table, target: pa.Table | None) -> None:
        self._classes = tuple(classes)
        code = {name: index for index, name in enumerate(classes)}
        rows = aligned["row"].to_numpy()
        shared = np.isin(rows, target["row"].to_numpy()) if target is not None else np.ones(len(rows), np.bool_)
        self._labels = np.array([code.get(label, -1) for label in aligned["label"].to_pylist()], dtype=np.int64)
        used = shared & (self._labels >= 0)
        self._labels = self._labels[used]
        self.aligned = self._hits(aligned, rows[used], code)
        self.target = self._hits(target, rows[used], code) if target is not None else None

    def _hits(self, table: pa.Table, rows: npt.NDArray[np.int64], code: Mapping[str, int]) -> npt.NDArray[np.bool_]:
        at = np.searchsorted(table["row"].to_numpy(), rows)
        predicted = np.array([code[name] for name in table["predicted"].to_pylist()], dtype=np.int64)
        return np.asarray(predicted[at] == self._labels, dtype=np.bool_)

    def majority(self) -> float | None:
        """Return the share of the commonest class among the labelled images."""
        return float(np.bincount(self._labels).max() / len(self._labels)) if len(self._labels) else None

    def by_class(self) -> pa.Table:
        """Return class, n, aligned, target for the classes that have labelled images, in order of class."""
        size = len(self._classes)
        n = np.bincount(self._labels, minlength=size)
        labelled = np.flatnonzero(n)

        def share(hits: npt.NDArray[np.bool_] | None) -> pa.Array:
            if hits is None:
                return pa.nulls(len(labelled), pa.float64())
            return pa.array(np.bincount(self._labels, weights=hits, minlength=size)[labelled] / n[labelled])

        names = pa.array([self._classes[index] for index in labelled], pa.string())
        return pa.table(
            {"class": names, "n": n[labelled], "aligned": share(self.aligned), "target": share(self.target)}
        )


def score_of(encoder: str, role: Literal["aligned", "target"], hits: npt.NDArray[np.bool_]) -> ZeroshotScore:
    """Return the score of hits (images,), at least one image."""
    n, correct = len(hits), int(hits.sum())
    return ZeroshotScore(encoder, role, n, correct, correct / n, *wilson(correct, n))
