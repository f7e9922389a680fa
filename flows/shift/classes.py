"""Which classes a shift is split by: labels, an attribute or a model's predictions of both sides, as one numbering."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from t2c.core.shift.class_shift import ClassMix, class_mix
from t2c.flows.rows.labels import LABEL, label_parents, truth_of
from t2c.flows.rows.predicted import predicted_classes, predictions_parent
from t2c.flows.rows.sides import Side
from t2c.store.artifacts.dataset_tables import read_predictions
from t2c.store.artifacts.images import Images
from t2c.store.disk.manifest import Parent

AUTO, NONE, PREDICTION = "auto", "none", "prediction:"
"""Words of the option: labels or the one model with predictions on both sides; no split; the model named after it."""

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """Both sides' classes, for exactly the rows that are compared."""

    name: str
    """`label`, an attribute, or `prediction:MODEL`."""
    mix: ClassMix
    """Codes and counts."""
    values: tuple[str, ...]
    """Class by code."""
    parents: tuple[Parent, ...]
    """Imported tables that were read."""

    def notes(self, sides: tuple[Side, Side]) -> tuple[str, ...]:
        """Return what a reader of the split must know: classes on one side only, images without a class."""
        mix, notes = self.mix, []
        one_sided = [
            (side, alone)
            for side, own, other in (
                (sides[0], mix.counts_reference, mix.counts_current),
                (sides[1], mix.counts_current, mix.counts_reference),
            )
            if len(alone := np.flatnonzero((own > 0) & (other == 0)))
        ]
        for side, alone in one_sided:
            some = ", ".join(repr(self.values[code]) for code in alone[:3]) + (", ..." if len(alone) > 3 else "")
            plural = "classes are" if len(alone) > 1 else "class is"
            notes.append(f"{len(alone)} {plural} in {side.name} alone, which counts as class mix: {some}")
        if not mix.shared.any():
            notes.append(f"no {self.name} has enough images on both sides: every shift is reported as class mix")
        elif few := int(np.count_nonzero(~mix.shared & (mix.counts_reference > 0) & (mix.counts_current > 0))):
            plural = "classes have" if few > 1 else "class has"
            notes.append(f"{few} {plural} fewer than 5 images on a side: what they change counts as class mix")
        for side, bare in zip(sides, mix.unknown(), strict=True):
            if bare:
                notes.append(f"{bare:,} images of {side.name} have no {self.name} and take no part in the split")
        return tuple(notes)


def classes_of(one: Side, other: Side, *, classes: str) -> Classes | None:
    """Return the classes of both sides, or None when there is nothing to split by (or `none` was asked).

    `auto` takes labels where both sides have some, else the only model with predictions on both. Raises UnknownName for
    an attribute or model that a side does not have.
    """
    images = (one.among.images, other.among.images)
    name = _chosen(images) if classes == AUTO else classes
    if name in (NONE, ""):
        return None
    truths = [_truth(handle, name) for handle in images]
    sides = [
        np.asarray(truth, dtype=object)[np.flatnonzero(side.rows())]
        for truth, side in zip(truths, (one, other), strict=True)
    ]
    if classes == AUTO and not all(any(value is not None for value in side) for side in sides):
        return None
    values = sorted({value for side in sides for value in side if value is not None})
    code = {value: index for index, value in enumerate(values)}
    codes = [np.array([-1 if value is None else code[value] for value in side], dtype=np.int64) for side in sides]
    return Classes(name, class_mix(*codes, classes=max(1, len(values))), tuple(values), _parents(images, name))


def _chosen(images: tuple[Images, Images]) -> str:
    """Return what both sides have: labels, or the one model that predicted both; empty for neither."""
    if all(handle.table([LABEL])[LABEL].null_count < len(handle.table([LABEL])) for handle in images):
        return LABEL
    models = [set(read_predictions(handle.store, handle.dataset)["model"].unique().to_pylist()) for handle in images]
    shared = sorted(models[0] & models[1])
    return f"{PREDICTION}{shared[0]}" if len(shared) == 1 else ""


def _truth(images: Images, name: str) -> list[str | None]:
    if name.startswith(PREDICTION):
        return predicted_classes(images, name.removeprefix(PREDICTION))
    return truth_of(images, name, mapping={})


def _parents(images: tuple[Images, Images], name: str) -> tuple[Parent, ...]:
    if name.startswith(PREDICTION):
        return tuple(predictions_parent(handle) for handle in images)
    return tuple(parent for handle in images for parent in label_parents(handle, name))
