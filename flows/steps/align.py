"""Fit the linear map from one encoder's space to another's, closed form, and certify it on rows it never saw.

Paper, section 3. Rows are read once, as moments of five folds and one held-out set; every other number (the ridge by
cross-validation, the fold maps for out-of-fold scores, R2 on held-out rows) comes from those moments.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.progress import NoProgress, Progress
from flows.runner import Runner, SerialRunner
from flows.steps.align_plan import (
    AlignOptions,
    Part,
    check_options,
    fitted_rows,
    groups_of_rows,
    parts_of,
)
from flows.steps.plan import check_memory
from flows.steps.rows import features_of, store_path
from schemas.certificate import Certificate, HeldOut
from schemas.digest import artifact_digest
from schemas.errors import InputError, MismatchError, expected
from schemas.names import DatasetRef
from store import paths
from store.features import Features
from store.images import Images, open_images
from store.linear_maps import StoredMap, open_map, write_map
from store.manifest import Parent, find_manifest
from store.root import Store
from t2c_core.moments import Centre, Moments, estimate_centre, fold_moments, merge
from t2c_core.quality import quality
from t2c_core.ridge import Solution, choose_ridge, fit, fit_folds


@dataclass(frozen=True, slots=True)
class AlignReport:
    """What `align` made."""

    dataset: str
    """Dataset and snapshot it was fitted on, such as `photos@12`."""
    digest: str
    """The map's digest."""
    path: str
    """Where the map is."""
    certificate: Certificate
    """What it was fitted on, how, and how good it is."""
    new: bool
    """False when the same map was there already and nothing was done."""


def align(
    store: Store,
    dataset: DatasetRef | str,
    *,
    source: str,
    target: str,
    ridge: float | None = None,
    folds: int = 5,
    holdout: float = 0.1,
    seed: int = 0,
    max_rows: int | None = None,
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> AlignReport:
    """Fit the map from the source encoder's features of a dataset to the target's, store it, and certify it.

    `source` and `target` are encoder names or space ids with features in the store. The same options on the same
    snapshot do nothing the second time. Raises UnknownName for features that are not there (naming the command that
    extracts them), MismatchError for one space on both sides or features of other rows, SpecError, InputError.
    """
    options = AlignOptions(ridge, folds, holdout, seed, max_rows)
    check_options(options)
    images = open_images(store, dataset)
    x, y = features_of(images, source), features_of(images, target)
    _check_two_spaces(x, y)
    parents = [images.manifest.as_parent(), x.manifest.as_parent(), y.manifest.as_parent()]
    known = _known_map(store, x, y, options, parents)
    if known is not None:
        return _report(known, images, new=False)
    groups = groups_of_rows(images, x, y, options=options)
    check_memory("align", _peak_bytes(x.dimension, y.dimension, folds, (runner or SerialRunner()).parallel))
    moments = _moments(x, y, groups, folds=folds, runner=runner or SerialRunner(), progress=progress or NoProgress())
    fitted = _fit(moments, options)
    certificate = _certificate(images, x, y, fitted=fitted, held=moments[folds])
    stored = write_map(
        store,
        fitted.solution.map,
        certificate,
        fitted=fitted_rows(images, groups, folds=folds),
        fold_maps=[solution.map for solution in fitted.by_fold],
        spec=options.spec(),
        parents=parents,
    )
    return _report(stored, images, new=True)


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


def _moments(
    x: Features, y: Features, groups: npt.NDArray[np.int8], *, folds: int, runner: Runner, progress: Progress
) -> list[Moments]:
    """Return the moments of the folds and, last, of the held-out rows, merged in row order."""
    parts = parts_of(x, y, groups)
    first = next(block for part in parts for block in _blocks(part))
    centre = estimate_centre(first[0], first[1])
    total = [Moments.zero(centre) for _ in range(folds + 1)]
    progress.start(f"align {x.dataset}", len(groups), "images")
    try:
        work = partial(part_moments, centre=centre, groups=folds + 1)
        for part, found in zip(parts, runner.map(work, parts), strict=True):
            total = [merge(pair) for pair in zip(total, found, strict=True)]
            progress.advance(len(part.groups))
    finally:
        progress.done()
    return total


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The full map and those of the folds."""

    options: AlignOptions
    solution: Solution
    by_fold: tuple[Solution, ...]
    mean_y: npt.NDArray[Any]
    """Mean target of the fitted rows: what the mean predictor says."""


def _fit(moments: list[Moments], options: AlignOptions) -> _Fitted:
    """Fit the full map and one map a fold, with the ridge asked for or the one that cross-validation prefers."""
    by_fold = moments[: options.folds]
    with_rows = sum(part.n > 0 for part in by_fold)
    if with_rows < 2:
        rows = sum(part.n for part in moments)
        todo = "Extract more images; a few dozen different ones are the least that can be fitted and checked."
        raise InputError(expected("images to align", "different images in 2 folds or more", f"{rows} in all", todo))
    ridge = choose_ridge(by_fold).ridge if options.ridge is None else options.ridge
    total = merge(by_fold)
    return _Fitted(options, fit(total, ridge=ridge), fit_folds(by_fold, ridge=ridge), total.mean_y)


def _certificate(images: Images, x: Features, y: Features, *, fitted: _Fitted, held: Moments) -> Certificate:
    solution, options = fitted.solution, fitted.options
    return Certificate(
        source=x.space,
        target=y.space,
        dataset=images.dataset,
        snapshot=images.snapshot,
        ridge=solution.ridge,
        rank=solution.rank,
        condition=solution.condition if np.isfinite(solution.condition) else None,
        method=solution.method,
        fitted=solution.n,
        folds=options.folds,
        seed=options.seed,
        held_out=_held_out(fitted, held) if held.n >= 2 else None,
        notes=_notes(solution, x.dimension, held.n, chosen=options.ridge is None),
    )


def _held_out(fitted: _Fitted, held: Moments) -> HeldOut:
    return HeldOut(**asdict(quality(held, fitted.solution.map, train_mean=fitted.mean_y)))


def _notes(solution: Solution, dimension: int, held: int, *, chosen: bool) -> tuple[str, ...]:
    """Return what a reader of the certificate must know."""
    notes = []
    if chosen:
        notes.append("ridge chosen by cross-validation over the folds; held-out rows took no part")
    if solution.n < dimension:
        notes.append(f"fewer rows ({solution.n:,}) than source dimensions ({dimension:,})")
    if solution.rank < dimension:
        rest = "the ridge gives the others no weight" if solution.ridge else "minimum-norm solution"
        notes.append(f"source features span {solution.rank:,} of {dimension:,} dimensions: {rest}")
    if held < 2:
        notes.append("no rows held out: quality on unseen rows is not known")
    return tuple(notes)


def _check_two_spaces(x: Features, y: Features) -> None:
    if x.space.id == y.space.id:
        todo = "One space needs no map: score it as it is, with --source alone."
        raise MismatchError(expected("--target", f"another space than {x.space.describe()}", "the same", todo))


def _known_map(
    store: Store, x: Features, y: Features, options: AlignOptions, parents: list[Parent]
) -> StoredMap | None:
    spec = {"source": x.space.id, "target": y.space.id, **options.spec()}
    name = artifact_digest(spec, [parent.digest for parent in parents])
    return open_map(store, name) if find_manifest(store, paths.linear_map(name)) is not None else None


def _report(stored: StoredMap, images: Images, *, new: bool) -> AlignReport:
    if stored.certificate is None:
        raise MismatchError(expected("linear map", "a stored map with a certificate", "the identity"))
    path = store_path(stored.store, paths.linear_map(stored.digest))
    return AlignReport(f"{images.dataset}@{images.snapshot}", stored.digest, path, stored.certificate, new)


def _peak_bytes(source: int, target: int, folds: int, parallel: int) -> int:
    """Return the bytes of the moments at their peak: a total, what a merge makes, and one result for each worker."""
    one = 8 * (source * source + source * target + 2 * (source + target))
    return one * (folds + 1) * (2 + parallel)
