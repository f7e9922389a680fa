"""Maps that need rows or heads: SGD and cross-entropy read rows in every epoch, data-free reads none."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.core.maps.aligners import Aligner, Evidence, Fit, Rows, cross_entropy, data_free, self_labels, sgd
from t2c.core.maps.gradient.options import PRESETS, SgdOptions
from t2c.core.maps.heads import Head
from t2c.flows.engine.memory import check_memory
from t2c.flows.engine.progress import Progress
from t2c.flows.maps.fit_heads import Heads
from t2c.flows.maps.fitted import Fitted, in_blocks, measured
from t2c.flows.maps.plan import AlignOptions
from t2c.flows.rows.blocks import READ_ROWS
from t2c.flows.rows.features_of_rows import ranges
from t2c.schemas.errors import InputError, expected
from t2c.schemas.specs.align import MethodSpec
from t2c.store.artifacts.features import Features

TEXT_TEMPERATURE = 0.01
"""Temperature of a text head's cosines: CLIP's logit scale of 100."""
_SGD_FIELDS = ("epochs", "batch", "learning_rate", "momentum", "weight_decay")


def fit_from_rows(
    wanted: MethodSpec,
    x: Features,
    y: Features,
    groups: npt.NDArray[np.int8],
    *,
    options: AlignOptions,
    heads: Heads,
    device: str,
    progress: Progress,
) -> Fitted:
    """Read the rows into memory, fit the full map and one map a fold, and judge it on the held-out rows.

    Raises PlanError when the rows do not fit into memory (naming both numbers), InputError for no rows to fit.
    """
    used = np.flatnonzero(groups >= 0)
    _check_memory(x, y, len(used), descends=wanted.method != "data-free")
    sides = heads.open(x, y, groups)
    aligner = _aligner(wanted, sides[1], seed=options.seed, device=device)
    rows = Rows(_read(x, used), _read(y, used), heads.codes(sides[1])[used] if sides[1] is not None else None)
    group = groups[used]
    fitted = group < options.held
    if not fitted.any() and "rows" in aligner.needs:
        raise InputError(expected("images to align", "some that are not held out", f"{len(used)} held out"))

    def fit(chosen: npt.NDArray[np.bool_], opened: tuple[Head | None, Head | None]) -> Fit:
        evidence = Evidence(
            rows=_some(rows, chosen), source_head=opened[0], target_head=opened[1], watch=progress.advance
        )
        return aligner.fit(evidence)

    progress.start(f"align {x.dataset}", _steps(wanted, fitted, group, options), "images")
    try:
        full = fit(fitted, sides)
        by_fold = tuple(
            fit(fitted & (group != fold), heads.open(x, y, groups, without=fold) if heads.labelled else sides)
            for fold in range(options.folds if fitted.any() else 0)
        )
    finally:
        progress.done()
    mean = rows.y[fitted].mean(axis=0, dtype=np.float64) if fitted.any() else None
    quality = measured(full.map, in_blocks(rows.x[~fitted], rows.y[~fitted]), train_mean=mean)
    return Fitted(aligner, full, by_fold, quality, _notes(heads, options, fitted))


def sgd_options(wanted: MethodSpec, *, seed: int) -> SgdOptions:
    """Return the preset with the options that were given in its place."""
    overrides = {name: getattr(wanted, name) for name in _SGD_FIELDS if getattr(wanted, name) is not None}
    return replace(PRESETS[wanted.preset or "paper"], seed=seed, **overrides)


def _aligner(spec: MethodSpec, head: Head | None, *, seed: int, device: str) -> Aligner:
    if spec.method == "data-free":
        return data_free(spec.ridge or 0.0)
    options = sgd_options(spec, seed=seed)
    if spec.method == "sgd" or head is None:
        return sgd(options, device=device)
    temperature = spec.temperature or (TEXT_TEMPERATURE if head.normalise else 1.0)
    make = cross_entropy if spec.method == "cross-entropy" else self_labels
    return make(temperature, options, device=device)


def _read(features: Features, used: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    """Return the named rows, ascending, in the dtype they are stored in."""
    values = np.empty((len(used), features.dimension), dtype=features.dtype)
    for start, stop in ranges(features.rows, READ_ROWS):
        first, last = np.searchsorted(used, (start, stop))
        if first < last:
            values[first:last] = features.read(start, stop)[used[first:last] - start]
    return values


def _some(rows: Rows, chosen: npt.NDArray[np.bool_]) -> Rows:
    codes = rows.codes[chosen] if rows.codes is not None else None
    return Rows(rows.x[chosen], rows.y[chosen], codes)


def _steps(
    spec: MethodSpec, fitted: npt.NDArray[np.bool_], group: npt.NDArray[np.int8], options: AlignOptions
) -> int | None:
    """Return the rows that all fits together will pass over; None where labels decide it."""
    if spec.method != "sgd":
        return None
    rest = [int((fitted & (group != fold)).sum()) for fold in range(options.folds)]
    return sgd_options(spec, seed=0).epochs * (int(fitted.sum()) + sum(rest))


def _notes(heads: Heads, options: AlignOptions, fitted: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    notes: Sequence[str] = ()
    if not fitted.any():
        notes = ("no row was fitted: every row is scored with the full map, and the mean predictor is their own mean",)
    elif not options.folds:
        notes = ("no fold maps: fitted rows are left out of every comparison",)
    if heads.labelled:
        notes = (*notes, "a probe was fitted on the labels of the fitted rows, for each fold without it")
    return tuple(notes)


def _check_memory(x: Features, y: Features, rows: int, *, descends: bool) -> None:
    """Raise PlanError unless the rows fit into memory: as read, and once more for a fold's part of them."""
    row = x.dimension * x.dtype.itemsize + y.dimension * y.dtype.itemsize
    todo = "Fit fewer rows: --max-rows; or --method ridge, which holds no rows."
    check_memory("align", rows * row * (2 if descends else 1), todo=todo)
