"""A stored bottleneck on a dataset: inputs, predictions, errors by concept, explanations; only unfitted images count."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.bottleneck.bottleneck import Bottleneck, Contribution, Scale, explain
from t2c.core.bottleneck.contribution import Group, blame, group_errors
from t2c.core.statistics.proportions import wilson
from t2c.flows.rows.labels import check_some_labels, codes_of, truth_of
from t2c.flows.rows.similarity_rows import matrix
from t2c.schemas.errors import InputError, UnknownName, expected
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.answers.bottleneck import BOTTLENECK_CLASSES, BOTTLENECK_ERRORS, EXPLANATIONS
from t2c.store.artifacts.bottlenecks import FITTED, HELD_OUT, StoredBottleneck
from t2c.store.artifacts.images import Images, content_hashes, open_images
from t2c.store.artifacts.similarities import Scores, resolve_scores
from t2c.store.disk.manifest import Parent
from t2c.store.queries.searched import searched

EXAMPLE_ERRORS, EXAMPLE_HITS = 8, 4
"""Images explained when nobody names any: the surest errors, and the surest of as many classes."""
_LISTED = 24


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A bottleneck's inputs on a dataset."""

    stored: StoredBottleneck
    """The bottleneck."""
    model: Bottleneck
    """Its numbers."""
    images: Images
    """The dataset."""
    scores: Scores
    """Its similarities."""
    rows: npt.NDArray[np.int64]
    """(scored,) image rows, each content once, ascending."""
    z: npt.NDArray[np.float32]
    """(scored, concepts) standardised similarities."""
    codes: npt.NDArray[np.int64]
    """(scored,) class of each; -1 when unknown or no class of the model."""
    fitted: npt.NDArray[np.bool_]
    """(scored,) whether the head was fitted on the content."""

    @property
    def counted(self) -> npt.NDArray[np.bool_]:
        """(scored,) rows that accuracy is measured on: labelled, not fitted."""
        return (self.codes >= 0) & ~self.fitted

    @property
    def parents(self) -> list[Parent]:
        """What an answer about it rests on."""
        return [part.manifest.as_parent() for part in (self.stored, self.images, self.scores)]

    def spec(self, **more: Any) -> dict[str, Any]:
        """Return the spec of an answer about it."""
        return {"dataset": self.images.dataset, "model": self.stored.name, **more}


def open_measured(stored: StoredBottleneck, dataset: DatasetRef | str, *, duplicates: bool = False) -> Measured:
    """Return a bottleneck's inputs on a dataset that was scored under its map and bank.

    Raises UnknownName when it was not, InputError when it has labels and none of them is a class of the model.
    """
    certificate, images = stored.certificate, open_images(stored.store, dataset)
    sides = {"bank": certificate.bank, "linear_map": certificate.map}
    scores = resolve_scores(stored.store, dataset, **sides)
    own = images.dataset == certificate.dataset
    where: str | None = stored.manifest.spec.get("where") if own else None
    among = searched(scores, images=images, where=where, exclude_duplicates=not duplicates)
    rows = np.flatnonzero(~np.isnan(among.values(0)))
    concepts = stored.concepts()
    model = model_of(stored, concepts)
    truth = _truth(stored, images)
    hashes = content_hashes(images).take(pa.array(rows))
    return Measured(
        stored,
        model,
        images,
        scores,
        rows,
        model.scale.apply(matrix(among, concepts["key"].to_pylist(), rows)),
        codes_of(certificate.classes, truth)[rows],
        _fitted(stored, hashes.to_pylist()),
    )


def model_of(stored: StoredBottleneck, seen: pa.Table | None = None) -> Bottleneck:
    """Return the numbers of a stored bottleneck."""
    arrays = stored.arrays()
    concepts = (stored.concepts() if seen is None else seen)["concept"].to_pylist()
    scale = Scale(arrays.mean, arrays.std)
    return Bottleneck(stored.certificate.classes, tuple(concepts), arrays.weight, arrays.bias, scale)


def _truth(stored: StoredBottleneck, images: Images) -> list[str | None]:
    certificate = stored.certificate
    mapping: dict[str, str] = stored.manifest.spec.get("mapping", {})
    try:
        truth = truth_of(images, certificate.labels, mapping=mapping)
    except UnknownName:
        if images.dataset == certificate.dataset:
            raise
        return [None] * images.rows  # another dataset without the attribute: classified, never counted
    check_some_labels(truth, certificate.classes, subject=f"{certificate.labels} of {images.dataset}")
    return truth


def _fitted(stored: StoredBottleneck, hashes: Sequence[str]) -> npt.NDArray[np.bool_]:
    table = stored.rows()
    sides = zip(table["content_hash"].to_pylist(), table["side"].to_pylist(), strict=True)
    fitted = {content for content, side in sides if side == FITTED}
    return np.array([content_hash in fitted for content_hash in hashes], dtype=np.bool_)


def accuracy_row(right: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Return n, correct, accuracy and its Wilson interval; raises InputError for no image."""
    if not len(right):
        todo = "Only labelled images that the head was not fitted on are counted."
        raise InputError(expected("images to measure accuracy on", "1 or more", "none", todo))
    correct = int(np.count_nonzero(right))
    low, high = wilson(correct, len(right))
    return {"n": len(right), "correct": correct, "accuracy": correct / len(right), "low": low, "high": high}


def class_table(one: Measured) -> pa.Table:
    """Return BOTTLENECK_CLASSES, hardest class first; classes without an image to measure on are left out."""
    codes, right = one.codes[one.counted], _right(one)
    rows = [
        {"class": name, **accuracy_row(right[codes == code])}
        for code, name in enumerate(one.model.classes)
        if (codes == code).any()
    ]
    rows.sort(key=lambda row: (row["accuracy"], row["class"]))
    return pa.Table.from_pylist(rows, schema=BOTTLENECK_CLASSES)


def _right(measured: Measured) -> npt.NDArray[np.bool_]:
    return np.asarray(measured.model.predict(measured.z[measured.counted]) == measured.codes[measured.counted])


def example_rows(one: Measured) -> list[int]:
    """Return rows worth explaining: the surest errors, then the surest right answer of some classes."""
    counted = np.flatnonzero(one.counted)
    logits = one.model.logits(one.z[counted])
    # the two largest logits of each image, ascending: their difference says how sure the class is
    two = np.partition(logits, -2, axis=1)[:, -2:]
    margin, predicted = two[:, 1] - two[:, 0], logits.argmax(axis=1)
    order = np.argsort(-margin, kind="stable")
    right = (predicted == one.codes[counted])[order]
    errors, hits = order[~right][:EXAMPLE_ERRORS], order[right]
    _, first = np.unique(predicted[hits], return_index=True)
    chosen = [*errors.tolist(), *hits[np.sort(first)][:EXAMPLE_HITS].tolist()]
    return [int(one.rows[counted[at]]) for at in chosen]


def explanation_table(one: Measured, rows: Sequence[int], *, raw: bool = False) -> pa.Table:
    """Return EXPLANATIONS of some image rows, in the order given; with `raw`, shares of the similarities themselves.

    Raises InputError naming a row without a similarity that may be compared.
    """
    keys = one.stored.concepts()["key"].to_pylist()
    lines = []
    for row in rows:
        at = int(np.searchsorted(one.rows, row))
        if at >= len(one.rows) or one.rows[at] != row:
            todo = "It may be superseded, unreadable, or not scored yet: t2c score"
            raise InputError(expected(f"row {row} of {one.images.dataset}", "a similarity to explain", "none", todo))
        explanation = explain(one.model, one.z[at], raw=raw)
        code = int(one.codes[at])
        head = {
            "row": int(row),
            "label": one.model.classes[code] if code >= 0 else None,
            "predicted": one.model.classes[explanation.predicted],
            "runner_up": one.model.classes[explanation.runner_up],
            "margin": explanation.margin,
            "side": FITTED if one.fitted[at] else HELD_OUT,
        }
        for part, shares in (("share", explanation.shares), ("difference", explanation.differences)):
            named = f"raw {part}" if raw else part
            lines += [
                {**head, "part": named, "rank": rank, **_share(one, keys, share)}
                for rank, share in enumerate(shares, 1)
            ]
    return pa.Table.from_pylist(lines, schema=EXPLANATIONS)


def _share(measured: Measured, keys: Sequence[int], share: Contribution) -> dict[str, Any]:
    named = {"key": keys[share.concept], "concept": measured.model.concepts[share.concept]}
    return {**named, "z": share.z, "share": share.predicted, "runner_up_share": share.runner_up}


def error_table(one: Measured) -> pa.Table:
    """Return BOTTLENECK_ERRORS: errors on unfitted images by the concept that did most, the largest gap first.

    A spurious concept shows as a gap: the class fares well where the concept goes its usual way, badly where it does not.
    """
    counted = np.flatnonzero(one.counted)
    z, truth = one.z[counted], one.codes[counted]
    predicted = one.model.predict(z)
    errors = blame(one.model, z, truth)
    concepts = one.stored.concepts().to_pylist()
    lines = []
    for group in group_errors(one.model, errors, truth=truth, predicted=predicted):
        in_group = (
            (errors.concept == group.concept)
            & (truth[errors.rows] == group.true)
            & (predicted[errors.rows] == group.predicted)
        )
        order = np.argsort(~errors.right_without[in_group], kind="stable")
        listed = one.rows[counted[errors.rows[in_group][order][:_LISTED]]].tolist()
        lines.append(
            {**concepts[group.concept], **_group(one, group, z=z, truth=truth, predicted=predicted), "rows": listed}
        )
    lines.sort(key=lambda line: (1.0 if line["gap"] is None else -line["gap"], -line["right_without"], -line["errors"]))
    return pa.Table.from_pylist(lines, schema=BOTTLENECK_ERRORS)


def _group(measured: Measured, group: Group, *, z: Any, truth: Any, predicted: Any) -> dict[str, Any]:
    """Return the evidence: how the class fares with images that lean one way and the other."""
    lean = z[:, group.concept] * group.lean > 0
    right, of_label, of_predicted = predicted == truth, truth == group.true, truth == group.predicted
    pushed, other = right[of_label & lean], right[of_label & ~lean]
    pushed_accuracy = accuracy_row(pushed) if len(pushed) else {"accuracy": 0.0, "low": 0.0, "high": 1.0}
    without = measured.model.edited({group.concept: 0.0}).predict(z) == truth
    return {
        "label": measured.model.classes[group.true],
        "predicted": measured.model.classes[group.predicted],
        "lean": "more" if group.lean > 0 else "less",
        "errors": group.errors,
        "right_without": group.right_without,
        "pushed": len(pushed),
        **{f"pushed_{name}": pushed_accuracy[name] for name in ("accuracy", "low", "high")},
        "other": len(other),
        "other_accuracy": float(other.mean()) if len(other) else None,
        # down to the upper end of the interval, so that chance among a few pushed images makes no gap
        "gap": float(other.mean()) - pushed_accuracy["high"] if len(other) else None,
        "lean_label": float(lean[of_label].mean()),
        "lean_predicted": float(lean[of_predicted].mean()) if of_predicted.any() else None,
        "accuracy_without": float(without.mean()),
    }
