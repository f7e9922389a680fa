"""Fit the linear map from one encoder's space to another's, by any aligner, and certify it on rows it never saw.

Paper, section 3 and appendix A.2. What can be answered from moments reads each row once (`align_moments`); SGD and
cross-entropy read rows in every epoch and data-free reads two heads (`align_rows`).
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from t2c.flows.engine.answers import store_path
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import Runner, SerialRunner
from t2c.flows.engine.shown import Shown
from t2c.flows.maps.fit_heads import Heads, heads_alone, heads_of
from t2c.flows.maps.fitted import Fitted
from t2c.flows.maps.from_heads import align_heads, check_two_spaces, rows_are_there
from t2c.flows.maps.from_moments import fit_from_moments
from t2c.flows.maps.from_rows import fit_from_rows, sgd_options
from t2c.flows.maps.plan import AlignOptions, check_options, fitted_rows, groups_of_rows
from t2c.flows.rows.blocks import LEFT_OUT, coverage_notes
from t2c.flows.rows.features_of_rows import features_of
from t2c.flows.rows.labels import labels_outside
from t2c.schemas.certificate import Certificate
from t2c.schemas.digest import artifact_digest
from t2c.schemas.errors import MismatchError, expected
from t2c.schemas.names import DatasetRef
from t2c.schemas.specs.align import DESCENDING, FROM_MOMENTS, MethodSpec
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, open_images
from t2c.store.artifacts.linear_maps import StoredMap, open_map, write_map
from t2c.store.disk import paths
from t2c.store.disk.manifest import Parent, find_manifest
from t2c.store.disk.root import Store
from t2c.store.queries.where import tables_read


@dataclass(frozen=True, slots=True)
class AlignReport(Shown):
    """The fitted map: where it is, its digest, and the certificate of its quality."""

    dataset: str
    """Dataset and snapshot it was fitted on, such as `photos@12`; empty when it was fitted to heads alone."""
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
    method: MethodSpec | None = None,
    ridge: float | None = None,
    folds: int = 5,
    holdout: float = 0.1,
    seed: int = 0,
    max_rows: int | None = None,
    held_out_where: str | None = None,
    device: str = "auto",
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> AlignReport:
    """Fit the map from the source encoder's features of a dataset to the target's, store it, and certify it.

    `source` and `target` are encoder names or space ids with features in the store; `method` is the aligner with its
    options, by default ridge regression of strength `ridge` (None: chosen by cross-validation). A data-free map needs no
    features: a side may be an encoder or the space of its head's bank. The same options on the
    same snapshot do nothing the second time. `held_out_where` names the rows never fitted, instead of a share. `folds=0`
    fits no fold maps, for methods that read rows in every epoch. Raises UnknownName for features that are not there
    (naming the command that extracts them), MismatchError for one space on both sides, features of other rows or heads of
    other classes, SpecError, InputError, PlanError.
    """
    method_spec = method or MethodSpec.model_construct(ridge=ridge)
    options = AlignOptions(_ridge(method_spec), folds, holdout, seed, max_rows, held_out_where)
    check_options(options, foldless=method_spec.method in DESCENDING)
    images = open_images(store, dataset)
    if method_spec.method == "data-free" and not rows_are_there(images, source, target):
        pair = heads_alone(method_spec)
        if pair is not None:
            strength = method_spec.ridge or 0.0
            stored, new = align_heads(images, pair, source=source, target=target, ridge=strength, device=device)
            return _report(stored, images, new=new)
    x, y = features_of(images, source), features_of(images, target)
    check_two_spaces(x.space, y.space)
    heads = heads_of(images, method_spec, options=options, device=device)
    spec = {**options.spec(), **_method_settings(method_spec, heads)}
    parents = [images.manifest.as_parent(), x.manifest.as_parent(), y.manifest.as_parent(), *heads.parents()]
    parents += tables_read(images, held_out_where)
    existing = _known_map(store, x, y, spec, parents)
    if existing is not None:
        return _report(existing, images, new=False)
    groups = groups_of_rows(images, x, y, options=options)
    # no row is fitted, so that all of them can judge the map
    if method_spec.method == "data-free" and not heads.labelled:
        groups = np.where(groups == LEFT_OUT, LEFT_OUT, options.held).astype(np.int8)
    job = _Job(x, y, groups, options, runner or SerialRunner(), progress or NoProgress())
    fitted = job.of(method_spec, heads, device=device)
    rows = fitted_rows(images, groups, folds=options.folds)
    notes = (*coverage_notes(images, (x, y)), *_unlabelled(fitted, heads, rows=rows.num_rows))
    fitted = replace(fitted, notes=(*fitted.notes, *notes))
    stored = write_map(
        store,
        fitted.full.map,
        _certificate(images, x, y, fitted=fitted, options=options, settings=spec, rows=rows.num_rows),
        fitted=rows,
        fold_maps=[fit.map for fit in fitted.by_fold],
        spec=spec,
        parents=parents,
    )
    return _report(stored, images, new=True)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """The rows of a fit, and where and how it runs."""

    x: Features
    y: Features
    groups: npt.NDArray[np.int8]
    options: AlignOptions
    runner: Runner
    progress: Progress

    def of(self, spec: MethodSpec, heads: Heads, *, device: str) -> Fitted:
        """Return what the method makes of the rows."""
        sides = (self.x, self.y, self.groups)
        if spec.method in FROM_MOMENTS:
            return fit_from_moments(spec, *sides, options=self.options, runner=self.runner, progress=self.progress)
        return fit_from_rows(spec, *sides, options=self.options, heads=heads, device=device, progress=self.progress)


def _ridge(spec: MethodSpec) -> float | None:
    if spec.method == "least-squares":
        return 0.0
    return None if spec.ridge is None else float(spec.ridge)


def _method_settings(spec: MethodSpec, heads: Heads) -> dict[str, Any]:
    """Return what the method adds to a map's digest: nothing for regression, whose digests are older than methods."""
    if spec.method in ("ridge", "least-squares"):
        return {}
    descent = asdict(sgd_options(spec, seed=0)) if spec.method in DESCENDING else {}
    descent.pop("seed", None)  # the seed of the rows, which the spec holds already
    return {"algorithm": spec.method, **descent, **spec.settings(), **heads.spec()}


_ROWS = ("algorithm", "blocks", "ridge", "folds", "holdout", "seed", "max_rows", "truth")
"""Parts of a map's spec that say which rows were fitted, or that the certificate holds elsewhere."""


def _certificate(
    images: Images,
    x: Features,
    y: Features,
    *,
    fitted: Fitted,
    options: AlignOptions,
    settings: dict[str, Any],
    rows: int,
) -> Certificate:
    full, aligner = fitted.full, fitted.aligner
    return Certificate(
        source=x.space,
        target=y.space,
        dataset=images.dataset,
        snapshot=images.snapshot,
        ridge=full.ridge,
        rank=full.rank,
        condition=full.condition,
        method=full.method,
        fitted=full.n or rows,
        folds=len(fitted.by_fold),
        seed=options.seed,
        held_out=fitted.held_out,
        notes=_notes(fitted, x.dimension),
        aligner=aligner.name,
        objective=aligner.objective,
        needed=aligner.needed,
        settings=tuple((name, _text(value)) for name, value in settings.items() if name not in _ROWS),
    )


def _text(value: Any) -> str:
    """Return one setting as a certificate shows it: a head by its name, a list by its length."""
    if isinstance(value, dict):
        return str(value["head"])
    return f"{len(value):,} named" if isinstance(value, list) else str(value)


def _notes(fitted: Fitted, dimension: int) -> tuple[str, ...]:
    """Return what a reader of the certificate must know."""
    full, notes = fitted.full, [*fitted.notes, *fitted.full.notes]
    if fitted.aligner.name in ("ridge", "least-squares", "low-rank"):
        if full.n < dimension:
            notes.append(f"fewer rows ({full.n:,}) than source dimensions ({dimension:,})")
        if full.rank < dimension:
            rest = "the ridge gives the others no weight" if full.ridge else "minimum-norm solution"
            notes.append(f"source features span {full.rank:,} of {dimension:,} dimensions: {rest}")
    if fitted.held_out is None:
        notes.append("no rows held out: quality on unseen rows is not known")
    return tuple(notes)


def _unlabelled(fitted: Fitted, heads: Heads, *, rows: int) -> tuple[str, ...]:
    """Return a note when an aligner that needs labels left out rows without one, or whose label is no class of its head."""
    without = rows - fitted.full.n
    if "labels" not in fitted.aligner.needs or heads.target is None or not without:
        return ()
    outside = labels_outside(heads.target.classes, heads.truth[heads.labels]) if heads.target.classes else ""
    which = f"; labels outside the classes: {outside}" if outside else ""
    return (f"{without:,} of {rows:,} rows to fit have no label among the head's classes: they were not fitted{which}",)


def _known_map(store: Store, x: Features, y: Features, spec: dict[str, Any], parents: list[Parent]) -> StoredMap | None:
    full = {"source": x.space.id, "target": y.space.id, **spec}
    name = artifact_digest(full, [parent.digest for parent in parents])
    return open_map(store, name) if find_manifest(store, paths.linear_map(name)) is not None else None


def _report(stored: StoredMap, images: Images, *, new: bool) -> AlignReport:
    if stored.certificate is None:
        raise MismatchError(expected("linear map", "a stored map with a certificate", "the identity"))
    path = store_path(stored.store, paths.linear_map(stored.digest))
    fitted_on = f"{images.dataset}@{images.snapshot}" if stored.certificate.dataset else ""
    return AlignReport(fitted_on, stored.digest, path, stored.certificate, new)
