"""The two sides of a comparison: which rows each has, under one map and one bank, with no image on both sides."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.rows.near_copies import AUTO, near_copies_of, near_copy_cosine
from t2c.schemas.errors import InputError, MismatchError, SpecError, UnknownName, expected
from t2c.schemas.names import DatasetRef, parse_dataset_ref
from t2c.schemas.tables.tables import FOLD_IN_SAMPLE
from t2c.store.artifacts.images import Images, open_images
from t2c.store.artifacts.selection import searchable
from t2c.store.artifacts.similarities import Scores, list_similarities, resolve_scores
from t2c.store.disk.root import Store
from t2c.store.queries.searched import Searched, searched
from t2c.store.queries.where import where_mask

EXAMPLES = 5
"""Pairs of near-copies shown, so that a reader can see what was taken for the same."""
FEW = 30
"""Images on a side below which a note says that only large shifts can be seen."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A dataset, or the part of it that a condition picks."""

    dataset: DatasetRef
    """Dataset, as of a snapshot when one is named."""
    where: str | None = None
    """SQL condition on the columns of `images`; None is all of it."""

    def __str__(self) -> str:
        return str(self.dataset) if self.where is None else f"{self.dataset} where {self.where}"


@dataclass(frozen=True, slots=True)
class Side:
    """One side, ready to be read concept by concept."""

    name: str
    """What it is, for people."""
    among: Searched
    """Its searched set."""
    left_out: npt.NDArray[np.bool_]
    """(rows,) rows that are on the other side, picked out by the rest rule, or exact copies."""
    copies: int = 0
    """Rows left out because the same bytes are on this side already."""
    near_copies: int = 0
    """Rows left out because they are nearly the same as an image that is on this side."""
    notes: tuple[str, ...] = ()
    """What else a reader must know about how the side came to be."""

    def values(self, key: int) -> npt.NDArray[np.float32]:
        """Return a concept's similarities on this side, (images,) float32, sorted."""
        values = self.among.values(key)
        values[self.left_out] = np.nan
        return np.sort(values[~np.isnan(values)])

    def rows(self) -> npt.NDArray[np.bool_]:
        """Say which rows are on this side, (rows,)."""
        return ~np.isnan(self.among.values(0)) & ~self.left_out

    def told(self) -> list[str]:
        """Return what a reader must know of the side, copies first."""
        what = "1 exact copy is" if self.copies == 1 else f"{self.copies:,} exact copies are"
        copies = [f"{what} left out of {self.name} (--duplicates counts them)"] if self.copies else []
        return [*copies, *self.notes]

    def not_scored(self) -> int:
        """Return the number of images of the dataset that were added after it was scored."""
        images = self.among.images
        return int(np.count_nonzero(searchable(images)[self.among.scores.rows :]))


def two_slices(
    reference: Slice | str, current: Slice | str | None, *, where: str | None, reference_where: str | None
) -> tuple[Slice, Slice]:
    """Return both slices as asked for: two datasets, or one dataset whose `where` rows are compared with the others.

    Raises SpecError when only one side is named, or one twice.
    """
    reference_slice = _slice(reference, reference_where)
    if current is None and where is None:
        todo = "Name a second dataset, or a slice: --where \"captured_at >= '2026-11-14'\""
        raise SpecError(expected("shift", "two sides to compare", f"only {reference_slice}", todo))
    current_slice = _slice(current, where) if current is not None else Slice(reference_slice.dataset, where)
    if current_slice == reference_slice and current is not None:
        todo = "No image may be on both sides: name another dataset, or a slice with --where."
        raise SpecError(expected("shift", "two sides that differ", f"{reference_slice} twice", todo))
    return reference_slice, current_slice


def open_sides(
    store: Store,
    reference: Slice,
    current: Slice,
    *,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
    duplicates: bool = False,
    near_copies: str = AUTO,
) -> tuple[Side, Side]:
    """Open both sides under the same map and bank; a content counts once on a side unless `duplicates` counts copies.

    Copies are no independent observations: 40 pictures 6 times are 40. Nor are near-copies, which `near_copies` asks for
    (auto, off or a cosine); with `duplicates` neither is left out. On one dataset, rows of the reference leave the current side, and a reference without a condition of its own is the
    rest: all rows but those of `where`. Raises MismatchError when the two were scored under different maps or a side
    holds in-sample rows, InputError when a side has no image left.
    """
    sides = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    first, second = common_scores(store, reference.dataset, current.dataset, **sides)
    reference_side, current_side = _side(first, reference), _side(second, current)
    if first.dataset == second.dataset:
        reference_side, current_side = _apart(reference_side, current_side, reference=reference, current=current)
    if not duplicates:
        reference_side, current_side = (_once(side, near_copies) for side in (reference_side, current_side))
    return _some(reference_side), _some(current_side)


def open_side(
    store: Store, slice_: Slice, *, duplicates: bool = False, near_copies: str = AUTO, **scored: str | None
) -> Side:
    """Open one side, as `open_sides` opens each of two. Raises as `resolve_scores` does, MismatchError, InputError."""
    side = _side(resolve_scores(store, slice_.dataset, **scored), slice_)
    return _some(side if duplicates else _once(side, near_copies))


def _some(side: Side) -> Side:
    """Return a side that has images; raises InputError for another."""
    if not side.rows().any():
        todo = "Widen the condition, or score more rows: t2c score"
        raise InputError(expected(f"{side.name}", "at least one held-out or out-of-fold image", "none", todo))
    return side


def _once(side: Side, near_copies: str) -> Side:
    """Return a side without exact copies and near-copies."""
    cosine = near_copy_cosine(near_copies, dimension=side.among.scores.source.dimension)
    return _without_near_copies(_without_copies(side), cosine)


def common_scores(
    store: Store,
    reference: DatasetRef,
    current: DatasetRef,
    *,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
) -> tuple[Scores, Scores]:
    """Return the similarities of both datasets under one map and bank: the newest of the reference that both have.

    Raises as `resolve_scores` does, and MismatchError naming both sides when they share none.
    """
    first = resolve_scores(store, reference, source=source, target=target, bank=bank, linear_map=linear_map)
    if reference.name == current.name:
        return first, first
    current_scores = {(scores.map, scores.bank): scores for scores in list_similarities(store, dataset=current.name)}
    if (first.map, first.bank) in current_scores:
        return first, current_scores[first.map, first.bank]
    sides = (first.source.id, first.target.id, first.bank)
    reference_scores = [
        scores for scores in list_similarities(store, dataset=reference.name) if _sides(scores) == sides
    ]
    # a map that was named is never replaced by another one
    shared = [
        scores for scores in reference_scores if linear_map is None and (scores.map, scores.bank) in current_scores
    ]
    if not shared:
        actual = ", ".join(sorted(f"{map_} with {name}" for map_, name in current_scores)) or "none"
        todo = f"Score it: t2c score {current.name} --source {first.source.name} --concepts {first.bank}"
        want = f"the map and bank of {reference.name}, {first.map} with {first.bank}"
        raise MismatchError(expected(f"similarities of {current.name}", want, actual, todo))
    newest = max(shared, key=lambda scores: scores.manifest.created_at)
    return newest, current_scores[newest.map, newest.bank]


def _sides(scores: Scores) -> tuple[str, str, str]:
    return scores.source.id, scores.target.id, scores.bank


def _slice(side: Slice | str, where: str | None) -> Slice:
    slice_ = Slice(parse_dataset_ref(side)) if isinstance(side, str) else side
    if where is None:
        return slice_
    if slice_.where is not None:
        raise SpecError(expected(f"condition of {slice_}", "one condition", f"a second one, {where!r}"))
    return replace(slice_, where=where)


def _without_copies(side: Side) -> Side:
    """Return the side with the first row of each content alone."""
    rows = np.flatnonzero(side.rows())
    hashes = side.among.images.table(["content_hash"], current=False)["content_hash"].combine_chunks()
    codes = hashes.take(pa.array(rows)).dictionary_encode().indices
    _, first = np.unique(np.asarray(codes), return_index=True)
    copies = np.delete(rows, first)
    left_out = side.left_out.copy()
    left_out[copies] = True
    return replace(side, left_out=left_out, copies=len(copies))


def _without_near_copies(side: Side, cosine: float | None) -> Side:
    """Return the side with the first row of each neighbourhood alone, and the pairs that were hardest to tell in a note."""
    if cosine is None:
        return side
    images = side.among.images
    try:
        table = near_copies_of(images, side.among.scores.source.id, cosine=cosine)
    except UnknownName:
        note = f"near-copies of {side.name} were not looked for: its features are gone"
        return replace(side, notes=(*side.notes, note))
    leader = np.arange(max(images.rows, len(side.left_out)))
    inside = table.filter(pc.less(table["row"], len(leader)))
    leader[inside["row"].to_numpy()] = inside["near_copy_of"].to_numpy()
    rows = np.flatnonzero(side.rows())
    copies = np.delete(rows, np.unique(leader[rows], return_index=True)[1])
    if not len(copies):
        return side
    left_out = side.left_out.copy()
    left_out[copies] = True
    pairs = inside.filter(pc.is_in(inside["row"], pa.array(copies))).sort_by("cosine").slice(0, EXAMPLES)
    ids = images.table(["image_id"], current=False)["image_id"]
    listed = "; ".join(
        f"{ids[pair['row']]} ~ {ids[pair['near_copy_of']]} ({pair['cosine']:.3f})" for pair in pairs.to_pylist()
    )
    head = "1 near-copy is" if len(copies) == 1 else f"{len(copies):,} near-copies are"
    note = f"{head} left out of {side.name} (cosine {cosine:g} or more; --near-copies off counts them), least alike: {listed}"
    return replace(side, left_out=left_out, near_copies=len(copies), notes=(*side.notes, note))


def _side(scores: Scores, slice_: Slice) -> Side:
    images = open_images(scores.store, slice_.dataset)
    among = searched(scores, images=images, where=slice_.where)
    _check_held_out(scores, among, str(slice_))
    return Side(str(slice_), among, np.zeros(scores.rows, dtype=np.bool_))


def _check_held_out(scores: Scores, among: Searched, name: str) -> None:
    """Raise MismatchError when rows of the side have only in-sample similarities: they would flatter the map."""
    column = scores.column(0)
    rows = column.rows[column.fold == FOLD_IN_SAMPLE]
    count = int(among.mask[rows].sum()) if among.mask is not None else len(rows)
    if count:
        todo = (
            f"Fit the map with folds, which scores its own rows out of fold: t2c align {scores.dataset} --source "
            f"{scores.source.name} --target {scores.target.name}, then t2c score."
        )
        want = "held-out or out-of-fold similarities"
        raise MismatchError(expected(name, want, f"{count:,} in-sample ones, which the map was fitted on", todo))


def _apart(reference_side: Side, current_side: Side, *, reference: Slice, current: Slice) -> tuple[Side, Side]:
    """Return two sides of one dataset with every row on one side at most."""
    whole_reference = reference.where is None and reference.dataset == current.dataset
    if whole_reference and current.where is not None:
        rest = replace(
            reference_side,
            name=f"the rest of {reference.dataset}",
            left_out=_picked(current_side.among.images, current, reference_side),
        )
        return rest, current_side
    return reference_side, replace(current_side, left_out=reference_side.rows())


def _picked(images: Images, current: Slice, side: Side) -> npt.NDArray[np.bool_]:
    """Say which rows the current slice's condition picks, (rows,), readable or not."""
    picked = np.zeros(len(side.left_out), dtype=np.bool_)
    if current.where is not None:
        matches = where_mask(images, current.where)[: len(picked)]
        picked[: len(matches)] = matches
    return picked
