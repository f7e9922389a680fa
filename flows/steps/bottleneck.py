"""Fit a concept bottleneck on a dataset's similarities and measure it beside what it replaces (paper, section 5.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from flows.progress import NoProgress, Progress
from flows.steps.answers import Answer, answer
from flows.steps.bottleneck_beside import attribute_inputs, auroc_table, probe_predictions
from flows.steps.bottleneck_measure import (
    Measured,
    accuracy_row,
    class_table,
    error_table,
    example_rows,
    explanation_table,
    open_measured,
)
from flows.steps.bottleneck_rows import SplitOptions, Task, matrix, open_task, read_alike
from flows.steps.refined import refinements
from flows.steps.rows import store_path
from flows.steps.trust import Marks, marks_in_use
from flows.steps.zeroshot_sides import LABEL
from schemas.answers.bottleneck import BOTTLENECK, BOTTLENECK_WEIGHTS
from schemas.bottleneck_certificate import BottleneckCertificate, LeftOut
from schemas.digest import digest
from schemas.errors import InputError, SpecError, expected
from schemas.names import DatasetRef
from store import paths
from store.bottlenecks import (
    FITTED,
    HELD_OUT,
    BottleneckArrays,
    StoredBottleneck,
    find_bottleneck,
    write_bottleneck,
)
from store.images import content_hashes
from store.manifest import Parent, find_manifest
from store.queries.where import tables_read
from store.root import Store
from t2c_core.bottleneck import Scale
from t2c_core.gradient.linear_head import HeadOptions, LinearHead, fit_linear_head
from t2c_core.sparse_head import STRENGTHS, fit_sparse_head

HeadKind = Literal["sgd", "sparse"]
NOT_MEASURED = "not measured"
"""What stands for the trust mark of a concept whose trust was never measured."""
UNTRUSTED = "untrusted"
PARTS = 7
"""Parts that a fit reports its progress in: the head, then each table."""


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


@dataclass(frozen=True, slots=True, eq=False)
class BottleneckReport:
    """The answer to `cbm fit`."""

    name: str
    """The first 12 hex digits of its digest."""
    dataset: str
    """Dataset and snapshot."""
    certificate: BottleneckCertificate
    """What it was fitted on, how, and what was left out."""
    accuracy: pa.Table
    """BOTTLENECK: the bottleneck, then what it is held against, all on the same images that nothing was fitted on."""
    by_class: pa.Table
    """BOTTLENECK_CLASSES, hardest first."""
    weights: pa.Table
    """BOTTLENECK_WEIGHTS."""
    aurocs: pa.Table
    """ATTRIBUTE_AUROC; empty where no label or attribute goes by a concept's name."""
    errors: pa.Table
    """BOTTLENECK_ERRORS."""
    path: str
    """Where it is stored."""
    new: bool
    """False when it had been fitted before."""

    @property
    def headline(self) -> str:
        """One sentence for people."""
        rows = {row["who"]: row for row in self.accuracy.to_pylist()}
        mine = rows["concepts"]
        beside = f", linear probe on the features {rows['features']['accuracy']:.1%}" if "features" in rows else ""
        seen = f"{self.certificate.concepts} concepts of {self.certificate.bank}"
        return f"Bottleneck {self.name} of {self.dataset} on {seen}: {mine['accuracy']:.1%} of {mine['n']:,} held-out images{beside}"


def fit_bottleneck(
    store: Store,
    dataset: DatasetRef | str,
    *,
    labels: str = LABEL,
    classes: Sequence[str] | None = None,
    mapping: Mapping[str, str] | None = None,
    where: str | None = None,
    split: SplitOptions | None = None,
    options: FitOptions | None = None,
    means: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    **sides: Any,
) -> BottleneckReport:
    """Fit a linear head on standardised similarities, store it, and store how it fares beside its peers.

    `sides` (source, target, bank, linear_map) choose the similarities, which are out of fold where the map was fitted;
    `mapping` renames labels to classes; `means` says which concept an attribute's value stands for where names differ.
    Accuracy is on rows that neither head nor map was fitted on as they are measured. Raises InputError for too few
    images of a class, constant similarities or labels that are no class, SpecError, UnknownName, MismatchError.
    """
    chosen, apart = options or FitOptions(), split or SplitOptions()
    chosen.check()
    shown = progress or NoProgress()
    task = open_task(store, dataset, labels=labels, classes=classes, mapping=mapping, where=where, split=apart, **sides)
    marks = marks_in_use(store, task.images.dataset, map=task.scores.map, bank=task.scores.bank)
    spec = {
        "dataset": task.images.dataset,
        "labels": labels,
        "mapping": dict(sorted((mapping or {}).items())),
        "classes": list(task.classes),
        "truth": digest(list(task.truth)),
        "where": where,
        "split": asdict(apart),
        "fit": asdict(chosen),
    }
    parents = _parents(task, marks, (where, apart.held_out_where))
    stored = find_bottleneck(store, spec, parents)
    new = stored is None
    shown.start(f"fit a bottleneck on {task.images.dataset}", PARTS, "parts")
    try:
        stored = stored or _fit(task, chosen, marks, spec=spec, parents=parents)
        shown.advance(1)
        return _report(task, stored, means=means, marks=marks, new=new, progress=shown)
    finally:
        shown.done()


def _parents(task: Task, marks: Marks | None, conditions: Sequence[str | None]) -> list[Parent]:
    parents = [task.images.manifest.as_parent(), task.scores.manifest.as_parent()]
    parents += [one.as_parent() for one in marks.answers] if marks is not None else []
    for condition in conditions:
        parents += [one for one in tables_read(task.images, condition) if one not in parents]
    return parents


def _fit(
    task: Task,
    options: FitOptions,
    marks: Marks | None,
    *,
    spec: Mapping[str, Any],
    parents: Sequence[Parent],
) -> StoredBottleneck:
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
    kept = scale.std > 0
    keys, scale = [key for key, keep in zip(keys, kept, strict=True) if keep], Scale(scale.mean[kept], scale.std[kept])
    z = scale.apply(similarities[:, kept])
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
        concepts=pa.table(concepts, schema=pa.schema({"key": pa.int32(), "concept": pa.string(), "mark": pa.string()})),
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
        recipe = (
            f"{sgd.epochs} epochs of SGD on cross-entropy, rate {sgd.lr:g} falling to 0, momentum {sgd.momentum:g}, "
        )
        recipe += f"weight decay {sgd.weight_decay:g}, batches of {sgd.batch}, seed {sgd.seed}"
        return fit_linear_head(z, codes, classes=classes, options=sgd), recipe, []
    strengths = STRENGTHS if options.strength is None else (options.strength,)
    found = fit_sparse_head(z, codes, aside=groups == 0, classes=classes, strengths=strengths, seed=options.sgd.seed)
    how = (
        "as named" if options.strength is not None else "the sparsest within one standard error of the best on one fold"
    )
    recipe = f"logistic regression with an L1 penalty, C = {found.strength:g} ({how})"
    return found.head, recipe, [] if found.converged else ["the solver stopped before it met its tolerance"]


def _notes(task: Task, names: Sequence[str], marks: Marks | None) -> list[str]:
    notes = [
        f"concepts {' and '.join(repr(one) for one in group)} read alike: their weights can hardly be told apart"
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
    sides = [HELD_OUT if one else FITTED for one in task.held_out.tolist()]
    columns = {
        "row": pa.array(task.rows),
        "content_hash": content_hashes(task.images).take(pa.array(task.rows)),
        "side": pa.array(sides),
        "label": pa.array([task.classes[code] for code in task.codes.tolist()]),
    }
    return pa.table(columns)


def _report(
    task: Task,
    stored: StoredBottleneck,
    *,
    means: Mapping[str, str] | None,
    marks: Marks | None,
    new: bool,
    progress: Progress,
) -> BottleneckReport:
    measured = open_measured(stored, f"{task.images.dataset}@{task.images.snapshot}")
    store, by_key = stored.store, marks.by_key if marks is not None else {}
    attributes = find_manifest(store, paths.attributes(task.images.dataset))
    known = [attributes.as_parent()] if attributes is not None else []
    every = [by_key.get(key, NOT_MEASURED) for key in range(len(task.among.names))]
    made_from = [one.as_parent() for one in refinements(store, task.scores.bank).values()]

    def ask(kind: str, compute: Any, *, parents: Sequence[Parent] = (), **more: Any) -> Answer:
        found = answer(store, kind, compute, spec=measured.spec(**more), parents=[*measured.parents, *parents])
        progress.advance(1)
        return found

    accuracy = ask("bottleneck", lambda: _accuracy(task, measured), parents=known)
    by_class = ask("bottleneck_classes", lambda: class_table(measured))
    weights = ask("bottleneck_weights", lambda: weight_table(measured))
    mapped = dict(sorted((means or {}).items()))
    aurocs = ask(
        "attribute_auroc",
        lambda: auroc_table(task, every, mapping=mapped),
        parents=[*known, *made_from],
        means=mapped,
    )
    errors = ask("bottleneck_errors", lambda: error_table(measured))
    examples = example_rows(measured)
    ask("explanations", lambda: explanation_table(measured, examples), rows=examples)
    return BottleneckReport(
        name=stored.name,
        dataset=f"{task.images.dataset}@{task.images.snapshot}",
        certificate=stored.certificate,
        accuracy=accuracy.table,
        by_class=by_class.table,
        weights=weights.table,
        aurocs=aurocs.table,
        errors=errors.table,
        path=store_path(store, stored.manifest.artifact),
        new=new or any(one.new for one in (accuracy, by_class, weights, aurocs, errors)),
    )


def weight_table(measured: Measured) -> pa.Table:
    """Return BOTTLENECK_WEIGHTS: classes in order, each with its concepts, largest weight first."""
    seen, weight = measured.stored.concepts().to_pylist(), measured.model.weight
    lines = [
        {"class": name, **seen[place], "weight": float(weight[code, place])}
        for code, name in enumerate(measured.model.classes)
        for place in np.argsort(-weight[code], kind="stable").tolist()
    ]
    return pa.Table.from_pylist(lines, schema=BOTTLENECK_WEIGHTS)


def _accuracy(task: Task, measured: Measured) -> pa.Table:
    """Return BOTTLENECK: the bottleneck, a probe on the features, the head on true attributes, the commonest class."""
    truth, fitted = task.codes[task.held_out], task.codes[~task.held_out]
    mine = measured.model.predict(measured.z[measured.counted])
    lines = [{"who": "concepts", "inputs": len(measured.model.concepts), **accuracy_row(mine == truth)}]
    probe = probe_predictions(task)
    if probe is not None:
        lines.append({"who": "features", "inputs": probe[1], **accuracy_row(probe[0] == truth)})
    attributes = attribute_inputs(task)
    if attributes is not None:
        head = fit_linear_head(attributes.values[~task.held_out], fitted, classes=len(task.classes))
        guess = (attributes.values[task.held_out] @ head.weight.T + head.bias).argmax(axis=1)
        lines.append({"who": "attributes", "inputs": len(attributes.names), **accuracy_row(guess == truth)})
    commonest = int(np.bincount(fitted).argmax())
    lines.append({"who": "majority", "inputs": 0, **accuracy_row(truth == commonest)})
    return pa.Table.from_pylist(lines, schema=BOTTLENECK)
