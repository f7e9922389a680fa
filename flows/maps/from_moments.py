"""Maps that need no more than moments: rows are read once, everything else is arithmetic on the sums."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.core.maps.aligners import Aligner, Evidence, least_squares, low_rank, procrustes
from t2c.core.maps.moments import Centre, Moments, estimate_centre, fold_moments, merge
from t2c.core.maps.quality import quality
from t2c.core.maps.ridge import choose_ridge
from t2c.flows.engine.memory import check_memory
from t2c.flows.engine.progress import Progress
from t2c.flows.engine.runner import Runner
from t2c.flows.maps.fitted import Fitted
from t2c.flows.maps.plan import AlignOptions
from t2c.flows.rows.blocks import Part, parts_of
from t2c.schemas.certificate import HeldOut
from t2c.schemas.errors import InputError, expected
from t2c.schemas.specs.align import MethodSpec
from t2c.store.artifacts.features import Features


def fit_from_moments(
    wanted: MethodSpec,
    x: Features,
    y: Features,
    groups: npt.NDArray[np.int8],
    *,
    options: AlignOptions,
    runner: Runner,
    progress: Progress,
) -> Fitted:
    """Sum the moments of every group, fit the full map and one map a fold, and judge it on the held-out moments.

    Raises PlanError when the moments do not fit into memory, InputError when fewer than two folds have rows.
    """
    check_memory("align", _peak_bytes(x.dimension, y.dimension, options.folds, runner.parallel))
    moments = sum_moments(x, y, groups, count=options.folds + 1, runner=runner, progress=progress)
    by_fold, held = moments[: options.folds], moments[options.folds]
    if sum(part.n > 0 for part in by_fold) < 2:
        rows = sum(part.n for part in moments)
        todo = "Extract more images; a few dozen different ones are the least that can be fitted and checked."
        raise InputError(expected("images to align", "different images in 2 folds or more", f"{rows} in all", todo))
    aligner, notes = _aligner(wanted, by_fold)
    total = merge(by_fold)
    full = aligner.fit(Evidence(moments=total))
    # moments add up: those of all other folds are the total less the fold's own, without a second pass over rows
    folds = tuple(aligner.fit(Evidence(moments=total - fold)) for fold in by_fold)
    measured = HeldOut(**asdict(quality(held, full.map, train_mean=total.mean_y))) if held.n >= 2 else None
    return Fitted(aligner, full, folds, measured, notes)


def _aligner(spec: MethodSpec, by_fold: Sequence[Moments]) -> tuple[Aligner, tuple[str, ...]]:
    """Return the aligner that was asked for, its ridge chosen over the folds unless given, and what to note."""
    if spec.method == "procrustes":
        return procrustes(), ()
    if spec.method == "least-squares":
        return least_squares(), ()
    chosen = spec.ridge is None
    ridge = choose_ridge(by_fold).ridge if spec.ridge is None else spec.ridge
    notes = ("ridge chosen by cross-validation over the folds; held-out rows took no part",) if chosen else ()
    if spec.rank is not None:
        return low_rank(spec.rank, ridge=ridge), notes
    return least_squares(ridge), notes


def sum_moments(
    x: Features, y: Features, groups: npt.NDArray[np.int8], *, count: int, runner: Runner, progress: Progress
) -> list[Moments]:
    """Return the moments of groups 0 to count - 1, merged in row order."""
    parts = parts_of(x, y, groups)
    first = next(block for part in parts for block in _blocks(part))
    centre = estimate_centre(first[0], first[1])
    total = [Moments.zero(centre) for _ in range(count)]
    progress.start(f"align {x.dataset}", len(groups), "images")
    try:
        work = partial(part_moments, centre=centre, groups=count)
        for part, part_sums in zip(parts, runner.map(work, parts), strict=True):
            total = [merge(pair) for pair in zip(total, part_sums, strict=True)]
            progress.advance(len(part.groups))
    finally:
        progress.done()
    return total


def part_moments(part: Part, *, centre: Centre, groups: int) -> tuple[Moments, ...]:
    """Return the moments of each group over one part: what a worker does."""
    return fold_moments(_blocks(part), centre=centre, folds=groups)


def _blocks(part: Part) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.int8]]]:
    """Yield (x, y, group) of the rows of a part that are in a group, range by range."""
    first = part.spans[0][0]
    for start, stop in part.spans:
        group = part.groups[start - first : stop - first]
        used = np.flatnonzero(group >= 0)
        if len(used):
            x, y = part.source.read(start, stop), part.target.read(start, stop)
            yield x[used].astype(np.float32), y[used].astype(np.float32), group[used]


def _peak_bytes(source: int, target: int, folds: int, parallel: int) -> int:
    """Return the bytes of the moments at their peak: a total, what a merge makes, and one result for each worker."""
    moments_bytes = 8 * (source * source + source * target + 2 * (source + target))
    return moments_bytes * (folds + 1) * (2 + parallel)
