"""Every aligner behind one interface: it says what it needs and what it optimises, and fits a linear map to evidence.

torch is loaded by the aligners that descend, when they fit, and by no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from t2c.core.maps.data_free import fit_heads
from t2c.core.maps.gradient.options import SgdOptions
from t2c.core.maps.heads import Head, check_same_classes
from t2c.core.maps.linear_map import LinearMap
from t2c.core.maps.low_rank import fit_low_rank
from t2c.core.maps.moments import Moments
from t2c.core.maps.procrustes import fit_rotation
from t2c.core.maps.ridge import Solution
from t2c.core.maps.ridge import fit as fit_ridge
from t2c.schemas.errors import InputError, expected
from t2c.schemas.extras import require

if TYPE_CHECKING:
    from jaxtyping import Float, Int64

Array = NDArray[Any]
Part = TypeVar("Part")
Need = Literal["moments", "rows", "labels", "source head", "target head"]
"""A kind of evidence; `labels` are those of the rows."""

PAIRS = "features of both encoders on the same images"
SOURCE_ROWS = "features of the source encoder"


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows that an aligner reads one by one, held in memory in the dtype they are stored in."""

    x: Float[np.ndarray, "images source"]
    """Source features."""
    y: Float[np.ndarray, "images target"]
    """Target features of the same images."""
    codes: Int64[np.ndarray, " images"] | None = None
    """Class of each image as its position in the target head, -1 where unknown; None when no aligner asked."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What an aligner may be given; it reads what its `needs` names."""

    moments: Moments | None = None
    """Of the rows to fit."""
    rows: Rows | None = None
    """The rows to fit."""
    source_head: Head | None = None
    """A classifier of the source space."""
    target_head: Head | None = None
    """A classifier of the target space, of the same classes in the same order."""
    watch: Callable[[int], None] = field(default=lambda _: None)
    """Told the rows of each batch that is done."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted map and what is known of the fit."""

    map: LinearMap
    """The map."""
    method: str
    """How it was solved: cholesky, eigen, svd, trust-region or sgd."""
    n: int
    """Rows fitted; 0 when none was read."""
    rank: int
    """Numerical rank of the fitted source features; of X'Y for a rotation, of the weight where no system was solved."""
    condition: float | None = None
    """Condition of the system solved; None when there was none."""
    ridge: float = 0.0
    """Ridge strength; for SGD the one that its weight decay pulls towards."""
    notes: tuple[str, ...] = ()
    """What a reader must know."""


@dataclass(frozen=True, slots=True)
class Aligner:
    """A way to fit a linear map from a source to a target space."""

    name: str
    """What certificates call it."""
    objective: str
    """What it minimises, in one sentence."""
    needed: tuple[str, ...]
    """What it needs, in words."""
    needs: frozenset[Need]
    """The evidence that it reads."""
    solve: Callable[[Evidence], Fit]
    """Fits, given evidence that is there and finite."""

    def fit(self, evidence: Evidence) -> Fit:
        """Return the map; raises InputError for evidence that is missing or not finite, and what its module raises."""
        by_need: dict[Need, object] = {
            "moments": evidence.moments,
            "rows": evidence.rows,
            "labels": evidence.rows.codes if evidence.rows is not None else None,
            "source head": evidence.source_head,
            "target head": evidence.target_head,
        }
        for need in sorted(self.needs):
            if by_need[need] is None:
                raise InputError(expected(f"evidence for {self.name}", need, "none"))
        _check_finite(evidence)
        return self.solve(evidence)


def least_squares(ridge: float = 0.0) -> Aligner:
    """Return exact least squares, or ridge regression, in closed form (paper, section 3)."""
    name, penalty = ("ridge", " plus ridge times the squared weights") if ridge else ("least-squares", "")
    objective = f"squared error of the target features{penalty}, solved exactly"
    return Aligner(name, objective, (PAIRS,), frozenset({"moments"}), partial(_least_squares, ridge))


def procrustes() -> Aligner:
    """Return orthogonal Procrustes with scale: a rotation, one scale and a shift."""
    objective = "squared error of the target features, among maps that rotate, scale all lengths alike and shift"
    return Aligner("procrustes", objective, (PAIRS,), frozenset({"moments"}), _procrustes)


def low_rank(rank: int, *, ridge: float = 0.0) -> Aligner:
    """Return reduced-rank regression through `rank` dimensions."""
    penalty = " plus ridge times the squared weights" if ridge else ""
    objective = f"squared error of the target features{penalty}, among maps through {rank} dimensions"
    return Aligner("low-rank", objective, (PAIRS,), frozenset({"moments"}), partial(_low_rank, rank, ridge))


def sgd(options: SgdOptions, *, device: str = "auto") -> Aligner:
    """Return the published SGD (paper, appendix D)."""
    objective = (
        f"mean squared error of scaled features by {options.epochs} epochs of SGD, "
        f"weight decay {options.weight_decay:g}{' on every parameter' if options.decay_bias else ''}"
    )
    return Aligner("sgd", objective, (PAIRS,), frozenset({"rows"}), partial(_sgd, options, device))


def cross_entropy(temperature: float, options: SgdOptions, *, device: str = "auto") -> Aligner:
    """Return cross-entropy on labels through the target head (paper, appendix A.2 a)."""
    objective = f"cross-entropy of the labels under the target head's logits of mapped features / {temperature:g}"
    needed = (SOURCE_ROWS, "labels", "a head of the target space")
    solve = partial(_cross_entropy, temperature, options, device)
    return Aligner("cross-entropy", objective, needed, frozenset({"rows", "labels", "target head"}), solve)


def self_labels(temperature: float, options: SgdOptions, *, device: str = "auto") -> Aligner:
    """Return cross-entropy on the source model's own predictions: faithful to the source, no labels (A.2 b)."""
    objective = (
        "cross-entropy of the source head's own predictions under the target head's logits of mapped features "
        f"/ {temperature:g}"
    )
    needed = (SOURCE_ROWS, "a head of the source space", "a head of the target space")
    solve = partial(_self_labels, temperature, options, device)
    return Aligner("self-labels", objective, needed, frozenset({"rows", "source head", "target head"}), solve)


def data_free(ridge: float = 0.0) -> Aligner:
    """Return the map from two heads alone (A.2 c), with a ridge where one is given."""
    penalty = ", plus ridge times the squared weights" if ridge else ""
    objective = (
        "squared difference of the target head after the map and the source head, up to what is added to all "
        f"classes alike{penalty}"
    )
    needed = ("a head of the source space", "a head of the target space")
    return Aligner(
        "data-free", objective, needed, frozenset({"source head", "target head"}), partial(_data_free, ridge)
    )


def _least_squares(ridge: float, evidence: Evidence) -> Fit:
    return _of_solution(fit_ridge(_given(evidence.moments), ridge=ridge))


def _low_rank(rank: int, ridge: float, evidence: Evidence) -> Fit:
    fitted = _of_solution(fit_low_rank(_given(evidence.moments), rank=rank, ridge=ridge))
    return replace(fitted, notes=(f"the map passes through {rank:,} dimensions; rank is that of the source features",))


def _of_solution(solution: Solution) -> Fit:
    condition = solution.condition if np.isfinite(solution.condition) else None
    return Fit(solution.map, solution.method, solution.n, solution.rank, condition, solution.ridge)


def _procrustes(evidence: Evidence) -> Fit:
    rotation = fit_rotation(_given(evidence.moments))
    notes = [f"one scale for all lengths: {rotation.scale:.6g}"]
    if not rotation.converged:
        promise = f"the next promised {rotation.promise:.2g} of the squared error removed"
        notes.append(f"the rotation had not come to rest after {rotation.steps} steps: {promise}")
    method = "trust-region" if rotation.steps else "svd"
    return Fit(rotation.map, method, rotation.n, rotation.rank, notes=tuple(notes))


def _sgd(options: SgdOptions, device: str, evidence: Evidence) -> Fit:
    require("extract", subject="aligner sgd")
    from t2c.core.maps.gradient.sgd import fit_sgd

    rows = _given(evidence.rows)
    descended = fit_sgd(rows.x, rows.y, options=options, device=device, watch=evidence.watch)
    only = "ridge is what the weights' decay alone amounts to: here the bias decays too, which no ridge does"
    notes = (only,) if options.decay_bias and descended.ridge else ()
    return Fit(descended.map, "sgd", len(rows.x), _rank(descended.map), ridge=descended.ridge, notes=notes)


def _cross_entropy(temperature: float, options: SgdOptions, device: str, evidence: Evidence) -> Fit:
    rows = _given(evidence.rows)
    return _crossed(evidence, _given(rows.codes), temperature=temperature, options=options, device=device)


def _self_labels(temperature: float, options: SgdOptions, device: str, evidence: Evidence) -> Fit:
    own, target = _given(evidence.source_head), _given(evidence.target_head)
    check_same_classes(own.classes, target.classes, sides=("the source head", "the target head"))
    codes = own.predict(_given(evidence.rows).x)
    return _crossed(evidence, codes, temperature=temperature, options=options, device=device)


def _crossed(evidence: Evidence, codes: Array, *, temperature: float, options: SgdOptions, device: str) -> Fit:
    require("extract", subject="aligner cross-entropy")
    from t2c.core.maps.gradient.cross_entropy import fit_cross_entropy

    head, x = _given(evidence.target_head), _given(evidence.rows).x
    fitted = fit_cross_entropy(
        x, codes, head=head, temperature=temperature, options=options, device=device, watch=evidence.watch
    )
    notes = ("only directions of mapped features were trained: R2 says little, mean cosine and accuracy more",)
    return Fit(fitted, "sgd", int((codes >= 0).sum()), _rank(fitted), notes=notes if head.normalise else ())


def _data_free(ridge: float, evidence: Evidence) -> Fit:
    source, target = _given(evidence.source_head), _given(evidence.target_head)
    head_map = fit_heads(source, target, ridge=ridge)
    notes = [f"the composition reproduces {head_map.explained:.1%} of the source head's squared weights"]
    if head_map.rank < target.dimension:
        decided = f"{head_map.rank:,} of {target.dimension:,} target dimensions"
        notes.append(f"two heads of {len(target.classes):,} classes decide {decided}; the others are 0")
    if source.normalise or target.normalise:
        notes.append("a text head is taken without its normalising, which only scales an image's logits")
    return Fit(head_map.map, "svd", 0, head_map.rank, head_map.condition, ridge, tuple(notes))


def _rank(linear_map: LinearMap) -> int:
    return int(np.linalg.matrix_rank(linear_map.weight))


def _given(value: Part | None) -> Part:
    """Return evidence that `Aligner.fit` has found to be there."""
    if value is None:
        raise InputError(expected("evidence", "what the aligner needs", "none"))
    return value


def _check_finite(evidence: Evidence) -> None:
    """Raise InputError when moments are not finite, or naming the first row that is not."""
    moments, rows = evidence.moments, evidence.rows
    if moments is not None and not all(np.isfinite(part).all() for part in (moments.xx, moments.xy, moments.yy)):
        raise InputError(expected("features to align", "finite numbers", f"NaN or infinity among {moments.n:,} rows"))
    for side, values in (("source", rows.x), ("target", rows.y)) if rows is not None else ():
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(bad):
            raise InputError(expected(f"{side} features of row {bad[0]}", "finite numbers", "NaN or infinity"))
