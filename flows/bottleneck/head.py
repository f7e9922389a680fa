"""Fit the head of a bottleneck on the rows of its task, and store it with what it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.bottleneck.bottleneck import Scale
from t2c.core.bottleneck.sparse_head import STRENGTHS, fit_sparse_head
from t2c.core.maps.gradient.linear_head import HeadOptions, LinearHead, fit_linear_head
from t2c.flows.bottleneck.task import Task
from t2c.flows.rows.similarity_rows import matrix, read_alike
from t2c.flows.trust.trust import Marks
from t2c.schemas.bottleneck_certificate import BottleneckCertificate, LeftOut
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.store.artifacts.bottlenecks import (
    CONCEPTS_SEEN,
    FITTED,
    HELD_OUT,
    BottleneckArrays,
    StoredBottleneck,
    write_bottleneck,
)
from t2c.store.artifacts.images import content_hashes
from t2c.store.disk.manifest import Parent

HeadKind = Literal["sgd", "sparse"]
NOT_MEASURED = "not measured"
"""What stands for the trust mark of a concept whose trust was never measured."""
UNTRUSTED = "untrusted"


@dataclass(frozen=True, slots=True)
class FitOptions:
    """How the head is fitted; part of the digest."""

    head: HeadKind = "sgd"
    """`sgd`: the paper's 40 epochs; `sparse`: logistic regression with an L1 penalty."""
    strength: float | None = None
    """Inverse penalty of the sparse head; None chooses it on one fold of the fitted rows."""
    sgd: HeadOptions = field(default_factory=HeadOptions)
    """Options of the SGD."""
    untrusted: bool = False
    """Whether concepts marked untrusted are inputs too."""

    def check(self) -> None:
        """Raise SpecError for an option out of its range."""
        if self.head not in ("sgd", "sparse"):
            raise SpecError(expected("--head", "sgd or sparse", repr(self.head)))
        if self.strength is not None and self.head != "sparse":
            raise SpecError(expected("--strength", "a sparse head", f"--head {self.head}", "Add: --head sparse"))
        if self.strength is not None and not (np.isfinite(self.strength) and self.strength > 0):
            raise SpecError(expected("--strength", "a number above 0", str(self.strength)))


def fit_and_store(
    task: Task,
    options: FitOptions,
    marks: Marks | None,
    *,
    spec: Mapping[str, Any],
    parents: Sequence[Parent],
) -> StoredBottleneck:
    """Fit the head on the task's fitted rows and commit it; untrusted and constant concepts are left out and named.

    Raises InputError when no concept is left, or when all similarities are constant.
    """
    names, by_key = task.among.names, marks.by_key if marks is not None else {}
    untrusted = [] if options.untrusted else [key for key in range(len(names)) if by_key.get(key) == UNTRUSTED]
    keys = [key for key in range(len(names)) if key not in set(untrusted)]
    if not keys:
        todo = "See why: t2c trust. To fit on them all the same: --untrusted"
        raise InputError(expected(f"concepts of {task.scores.bank}", "some that are not untrusted", "none", todo))
    fitted = ~task.held_out
    similarities = matrix(task.among, keys, task.rows[fitted])
    scale = Scale.of(similarities)
    constant = [key for key, std in zip(keys, scale.std, strict=True) if std == 0]
    varies = scale.std > 0
    keys, scale = (
        [key for key, keep in zip(keys, varies, strict=True) if keep],
        Scale(scale.mean[varies], scale.std[varies]),
    )
    z = scale.apply(similarities[:, varies])
    head, recipe, notes = _head(z, task.codes[fitted], task.groups[fitted], classes=len(task.classes), options=options)
    left_out = [LeftOut(names[key], UNTRUSTED) for key in untrusted] + [
        LeftOut(names[key], "constant") for key in constant
    ]
    certificate = BottleneckCertificate(
        dataset=task.images.dataset,
        snapshot=task.images.snapshot,
        labels=task.labels,
        classes=task.classes,
        bank=task.scores.bank,
        map=task.scores.map,
        source=task.scores.source.name,
        head=options.head,
        recipe=recipe,
        concepts=len(keys),
        used=int(np.count_nonzero(np.abs(head.weight).max(axis=0))),
        left_out=tuple(left_out),
        fitted=int(fitted.sum()),
        held_out=int(task.held_out.sum()),
        unlabelled=task.unlabelled,
        other_labels=task.other_labels,
        notes=(*notes, *_notes(task, [names[key] for key in keys], marks)),
    )
    concepts = {
        "key": keys,
        "concept": [names[key] for key in keys],
        "mark": [by_key.get(key, NOT_MEASURED) for key in keys],
    }
    return write_bottleneck(
        task.images.store,
        BottleneckArrays(head.weight, head.bias, scale.mean, scale.std),
        certificate,
        concepts=pa.table(concepts, schema=CONCEPTS_SEEN),
        rows=_rows(task),
        spec=spec,
        parents=parents,
    )


def _head(
    z: npt.NDArray[np.float32],
    codes: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int8],
    *,
    classes: int,
    options: FitOptions,
) -> tuple[LinearHead, str, list[str]]:
    """Return the fitted head, how it was fitted, and what a reader must know of it."""
    if options.head == "sgd":
        sgd = options.sgd
        recipe = f"{sgd.epochs} epochs of SGD on cross-entropy, rate {sgd.learning_rate:g} falling to 0, momentum {sgd.momentum:g}, "
        recipe += f"weight decay {sgd.weight_decay:g}, batches of {sgd.batch}, seed {sgd.seed}"
        return fit_linear_head(z, codes, classes=classes, options=sgd), recipe, []
    strengths = STRENGTHS if options.strength is None else (options.strength,)
    sparse = fit_sparse_head(z, codes, aside=groups == 0, classes=classes, strengths=strengths, seed=options.sgd.seed)
    how = (
        "as named" if options.strength is not None else "the sparsest within one standard error of the best on one fold"
    )
    recipe = f"logistic regression with an L1 penalty, C = {sparse.strength:g} ({how})"
    return sparse.head, recipe, [] if sparse.converged else ["the solver stopped before it met its tolerance"]


def _notes(task: Task, names: Sequence[str], marks: Marks | None) -> list[str]:
    notes = [
        f"concepts {' and '.join(repr(concept) for concept in group)} read alike: their weights can hardly be told apart"
        for group in read_alike(names)
    ]
    if marks is None:
        todo = f"t2c trust {task.images.dataset} --concepts {task.scores.bank}"
        notes.append(f"trust was not measured, so no concept was left out for it: {todo}")
    held = set(task.codes[task.held_out].tolist())
    missing = [name for code, name in enumerate(task.classes) if code not in held]
    if missing:
        notes.append(f"no image is held out of {', '.join(map(repr, missing[:5]))}: their accuracy is not known")
    return notes


def _rows(task: Task) -> pa.Table:
    sides = [HELD_OUT if held_out else FITTED for held_out in task.held_out.tolist()]
    columns = {
        "row": pa.array(task.rows),
        "content_hash": content_hashes(task.images).take(pa.array(task.rows)),
        "side": pa.array(sides),
        "label": pa.array([task.classes[code] for code in task.codes.tolist()]),
    }
    return pa.table(columns)
