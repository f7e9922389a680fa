"""Ask a fitted bottleneck: why it gave images their class, which concepts make it err, what an edit changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from t2c.flows.bottleneck.measure import (
    Measured,
    accuracy_row,
    error_table,
    example_rows,
    explanation_table,
    open_measured,
)
from t2c.flows.concepts.exemplar_rows import rows_of_ids
from t2c.flows.engine.answers import store_path, stored_once
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.similarity_rows import find_concept
from t2c.schemas.bottleneck_certificate import BottleneckCertificate, Edit
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import DatasetRef, parse_dataset_ref
from t2c.schemas.tables.answers.bottleneck import BOTTLENECK, BOTTLENECK_EDITS
from t2c.store.artifacts.bottlenecks import (
    BottleneckArrays,
    StoredBottleneck,
    list_bottlenecks,
    resolve_bottleneck,
    write_bottleneck,
)
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.selection import image_rows
from t2c.store.disk.root import Store

BOTTLENECKS = pa.schema(
    {
        "model": pa.string(),
        "dataset": pa.string(),
        "labels": pa.string(),
        "bank": pa.string(),
        "head": pa.string(),
        "concepts": pa.int64(),
        "used": pa.int64(),
        "classes": pa.int64(),
        "fitted": pa.int64(),
        "held_out": pa.int64(),
        "edits": pa.string(),
    }
)
"""Columns of the list of bottlenecks."""


@dataclass(frozen=True, slots=True, eq=False)
class ExplainReport(Shown):
    """The answer to `cbm explain`."""

    name: str
    """The bottleneck."""
    dataset: str
    """Dataset and snapshot of the images."""
    table: pa.Table
    """EXPLANATIONS."""
    images: pa.Table
    """row, image_id, uri: where the explained images are, in order."""
    path: str
    """Where the answer is stored; empty when it could not be."""
    new: bool
    """False when the same had been asked before."""


@dataclass(frozen=True, slots=True, eq=False)
class ErrorsReport(Shown):
    """The answer to `cbm errors`."""

    name: str
    """The bottleneck."""
    dataset: str
    """Dataset and snapshot it was measured on."""
    measured: int
    """Labelled images that the head was not fitted on."""
    wrong: int
    """Of these, images classified otherwise than labelled."""
    table: pa.Table
    """BOTTLENECK_ERRORS, errors that one concept tipped first."""
    path: str
    """Where the answer is stored; empty when it could not be."""
    new: bool
    """False when the same had been asked before."""


@dataclass(frozen=True, slots=True, eq=False)
class EditReport(Shown):
    """The answer to `cbm edit`."""

    name: str
    """The edited bottleneck, an artifact of its own."""
    edited_from: str
    """The bottleneck it was made from."""
    dataset: str
    """Dataset and snapshot it was measured on."""
    certificate: BottleneckCertificate
    """All edits so far."""
    accuracy: pa.Table
    """BOTTLENECK: after the edit (`concepts`), then before it."""
    changed: pa.Table
    """BOTTLENECK_EDITS: every prediction that changed."""
    path: str
    """Where the edited bottleneck is stored."""
    new: bool
    """False when the same edit had been made and measured before."""


def bottleneck_table(store: Store) -> pa.Table:
    """Return BOTTLENECKS, oldest first."""
    lines = []
    for stored in list_bottlenecks(store):
        certificate = stored.certificate
        plain = ("dataset", "labels", "bank", "head", "concepts", "used", "fitted", "held_out")
        edits = ", ".join(f"{edit.concept} x {edit.factor:g}" for edit in certificate.edits)
        facts = {"model": stored.name, "classes": len(certificate.classes), "edits": edits}
        lines.append({**{name: getattr(certificate, name) for name in plain}, **facts})
    return pa.Table.from_pylist(lines, schema=BOTTLENECKS)


def explain_images(
    store: Store,
    dataset: DatasetRef | str,
    images: Sequence[str] = (),
    *,
    rows: Sequence[int] = (),
    model: str | None = None,
    raw: bool = False,
) -> ExplainReport:
    """Explain the class of some images (ids or rows), or of the surest errors and hits when none is named.

    `raw` takes the shares of the similarities themselves, as the paper does, instead of the standardised ones.
    Raises UnknownName for a model, InputError for an image that the dataset lacks or has no similarity of.
    """
    measured = _open(store, dataset, model, duplicates=bool(images or rows))
    chosen = [*rows_of_ids(measured.images, images), *rows] or example_rows(measured)
    explained = stored_once(
        store,
        "explanations",
        lambda: explanation_table(measured, chosen, raw=raw),
        spec=measured.spec(rows=chosen, **({"raw": True} if raw else {})),
        parents=measured.parents,
    )
    where = image_rows(measured.images, chosen, ["image_id", "uri"]).add_column(0, "row", pa.array(chosen, pa.int64()))
    return ExplainReport(measured.stored.name, _ref(measured), explained.table, where, explained.path, explained.new)


def bottleneck_errors(store: Store, dataset: DatasetRef | str, *, model: str | None = None) -> ErrorsReport:
    """Return the misclassified images of a dataset by the concept that tipped them: where a spurious one shows.

    Only labelled images that the head was not fitted on count; raises InputError when there are none.
    """
    measured = _open(store, dataset, model)
    right = _right(measured)
    accuracy_row(right)
    errors = stored_once(
        store, "bottleneck_errors", lambda: error_table(measured), spec=measured.spec(), parents=measured.parents
    )
    wrong = int(np.count_nonzero(~right))
    return ErrorsReport(measured.stored.name, _ref(measured), len(right), wrong, errors.table, errors.path, errors.new)


def edit_bottleneck(
    store: Store,
    dataset: DatasetRef | str,
    *,
    off: Sequence[str] = (),
    scale: Mapping[str, float] | None = None,
    model: str | None = None,
) -> EditReport:
    """Switch concepts off, or multiply their weights, and measure what changes on a dataset; nothing is fitted again.

    The edited bottleneck is stored beside the one it came from. Raises SpecError for no edit or a concept named twice,
    UnknownName for a concept the bottleneck does not see, InputError for a factor that is not finite.
    """
    measured = _open(store, dataset, model)
    stored, names = measured.stored, measured.model.concepts
    factors: dict[int, float] = {}
    for concept, factor in [*((name, 0.0) for name in off), *(scale or {}).items()]:
        place = find_concept(names, concept, bank=stored.certificate.bank)
        if place in factors:
            raise SpecError(expected("edits", "each concept once", f"{names[place]!r} twice"))
        factors[place] = float(factor)
    if not factors:
        todo = 'Switch one off (--off "in snow") or re-weight it (--scale "in snow=0.5").'
        raise SpecError(expected("edits", "one or more", "none", todo))
    after = replace(measured, stored=_write_edit(measured, factors), model=measured.model.edited(factors))
    spec, parents = after.spec(before=stored.name), [*after.parents, stored.manifest.as_parent()]
    accuracy = stored_once(store, "bottleneck", lambda: _before_and_after(measured, after), spec=spec, parents=parents)
    changed = stored_once(store, "bottleneck_edits", lambda: _changed(measured, after), spec=spec, parents=parents)
    return EditReport(
        name=after.stored.name,
        edited_from=stored.name,
        dataset=_ref(measured),
        certificate=after.stored.certificate,
        accuracy=accuracy.table,
        changed=changed.table,
        path=store_path(store, after.stored.manifest.artifact),
        new=accuracy.new or changed.new,
    )


def _write_edit(measured: Measured, factors: Mapping[int, float]) -> StoredBottleneck:
    stored, model = measured.stored, measured.model.edited(factors)
    edits = [Edit(model.concepts[place], factor) for place, factor in sorted(factors.items())]
    used = int(np.count_nonzero(np.abs(model.weight).max(axis=0)))
    inherited = {name: stored.manifest.spec.get(name) for name in ("where", "mapping")}
    return write_bottleneck(
        stored.store,
        BottleneckArrays(model.weight, model.bias, model.scale.mean, model.scale.std),
        replace(stored.certificate, used=used, edits=(*stored.certificate.edits, *edits)),
        concepts=stored.concepts(),
        rows=stored.rows(),
        spec={**inherited, "edits": [[edit.concept, edit.factor] for edit in edits]},
        parents=[stored.manifest.as_parent()],
    )


def _before_and_after(before: Measured, after: Measured) -> pa.Table:
    inputs = len(after.model.concepts)
    lines = [
        {"who": who, "inputs": inputs, **accuracy_row(_right(measured))}
        for who, measured in (("concepts", after), ("before", before))
    ]
    return pa.Table.from_pylist(lines, schema=BOTTLENECK)


def _changed(before: Measured, after: Measured) -> pa.Table:
    counted = np.flatnonzero(before.counted)
    first, second = (measured.model.predict(measured.z[counted]) for measured in (before, after))
    names = before.model.classes
    lines = [
        {
            "row": int(before.rows[counted[at]]),
            "label": names[before.codes[counted[at]]],
            "before": names[first[at]],
            "after": names[second[at]],
        }
        for at in np.flatnonzero(first != second).tolist()
    ]
    return pa.Table.from_pylist(lines, schema=BOTTLENECK_EDITS)


def _open(store: Store, dataset: DatasetRef | str, model: str | None, *, duplicates: bool = False) -> Measured:
    ref = parse_dataset_ref(dataset) if isinstance(dataset, str) else dataset
    open_images(store, ref)  # an unknown dataset is the better message
    return open_measured(resolve_bottleneck(store, ref.name, model), ref, duplicates=duplicates)


def _right(measured: Measured) -> np.ndarray:
    return np.asarray(measured.model.predict(measured.z[measured.counted]) == measured.codes[measured.counted])


def _ref(measured: Measured) -> str:
    return f"{measured.images.dataset}@{measured.images.snapshot}"
