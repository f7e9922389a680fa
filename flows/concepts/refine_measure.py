"""A concept vector before and after refinement, on images it was not made from: exemplars kept aside, attributes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.statistics.auroc import auroc
from t2c.flows.rows.truths import Truth, match, truths_of
from t2c.schemas.tables.answers.refine import REFINEMENT
from t2c.store.artifacts.images import Images

Rows = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float32]

NOT_MEASURED = "not measured"
"""What stands for a trust mark that was never measured."""


@dataclass(frozen=True, slots=True, eq=False)
class Aside:
    """Exemplars, and which of them the vector is not made from."""

    positive_rows: Rows
    """(positives,) image rows."""
    positive: Mask
    """(positives,) whether each is kept aside."""
    negative_rows: Rows
    """(negatives,) image rows."""
    negative: Mask
    """(negatives,) whether each is kept aside."""

    def kept(self) -> tuple[Rows, Mask]:
        """Return the rows kept aside, and which of them are positive."""
        positive, negative = self.positive_rows[self.positive], self.negative_rows[self.negative]
        return np.concatenate([positive, negative]), np.arange(len(positive) + len(negative)) < len(positive)


@dataclass(frozen=True, slots=True, eq=False)
class Measure:
    """Two vectors and the images they may be measured on."""

    images: Images
    """The dataset."""
    eligible: Rows
    """Rows with a comparable similarity, each content once."""
    concept: str
    """The concept that was refined."""
    vectors: tuple[Vector, Vector]
    """Before and after, unit vectors (target,)."""
    marks: tuple[str | None, str | None]
    """Their trust marks."""
    units: Callable[[Rows], Vector]
    """Unit aligned features of rows, (rows, target)."""


def measure_table(one: Measure, aside: Aside, *, borne_out: "BorneOut | None", sampled: bool) -> pa.Table:
    """Return REFINEMENT; empty when nothing could be measured.

    Exemplars kept aside tell, and an attribute that bears the concept out: on every image that is no exemplar.
    """
    rows, positive = aside.kept()
    name = "kept aside, against a sample of the rest" if sampled else "kept aside"
    lines = [] if positive.all() or not positive.any() else list(_lines(one, name, rows, positive))
    if borne_out is not None:
        truth, codes = borne_out.truth, borne_out.codes
        used = np.concatenate(
            [aside.positive_rows, aside.negative_rows[~aside.negative] if sampled else aside.negative_rows]
        )
        rest = np.setdiff1d(one.eligible, used)
        rest = rest[truth.codes[rest] >= 0]
        shows = np.isin(truth.codes[rest], codes)
        if shows.any() and not shows.all():
            value = truth.values[codes[0]]
            name = truth.name if value == truth.name else f"{truth.name} = {value}"
            lines += _lines(one, name, rest, shows)
    return pa.Table.from_pylist(lines, schema=REFINEMENT)


def _lines(measure: Measure, name: str, rows: Rows, positive: Mask) -> Iterator[dict[str, object]]:
    units = measure.units(rows)
    for which, vector, mark in zip(("before", "after"), measure.vectors, measure.marks, strict=True):
        area = auroc((units @ vector).astype(np.float64), positive)
        counts = {"positives": area.positives, "negatives": area.negatives}
        bounds = {"auroc": area.auroc, "low": area.low, "high": area.high}
        yield {"measured_on": name, "vector": which, **counts, **bounds, "mark": mark or NOT_MEASURED}


def falls(table: pa.Table) -> Iterator[str]:
    """Yield a warning for each set of images of REFINEMENT that the new vector tells worse than the old one."""
    lines = table.to_pylist()
    for before, after in zip(lines[::2], lines[1::2], strict=True):
        if after["auroc"] < before["auroc"]:
            figures = f"AUROC {after['auroc']:.3f}, before {before['auroc']:.3f}"
            chance = ", which may be chance" if after["high"] >= before["low"] else ""
            yield f"warning: the new vector tells worse on images {before['measured_on']}: {figures}{chance}"


@dataclass(frozen=True, slots=True, eq=False)
class BorneOut:
    """What says which images show a concept."""

    truth: Truth
    """The label or attribute."""
    codes: tuple[int, ...]
    """Codes of its values that mean the concept."""


def borne_out(images: Images, concept: str, *, attribute: str | None, value: str | None) -> BorneOut | None:
    """Return the attribute or label named, or the one that goes by the concept's name; None when there is none.

    Raises UnknownName for an attribute that was not imported, or a value that it does not have.
    """
    truths = truths_of(images, () if attribute is None else [attribute])
    concept_value = value if value is not None else attribute
    named = concept_value is not None and (value is not None or any(concept_value in truth.values for truth in truths))
    matched = match(
        truths, [concept], bank="", mapping={concept_value: concept} if named and concept_value else {}
    ).get(0)
    return None if matched is None else BorneOut(truths[matched.truth], matched.codes)
