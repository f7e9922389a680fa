"""Hard images: those of each class that least show a context their class usually has (figure 15)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from t2c.core.bottleneck.reading import farthest_below, usual_contexts
from t2c.flows.engine.answers import stored_once
from t2c.flows.reading.reading import Codes, Read, ReadingReport, image_classes, open_read, reading_report
from t2c.flows.rows.labels import LABEL
from t2c.flows.rows.predicted import predicted_classes, predictions_parent
from t2c.flows.rows.similarity_rows import find_concept, matrix
from t2c.schemas.digest import digest
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.answers.reading import HARD_IMAGES
from t2c.store.artifacts.concepts import open_concepts
from t2c.store.artifacts.selection import image_rows
from t2c.store.disk.root import Store

CONTEXT = "context"
"""Kind of concept that hard images are sought among, where a bank has any."""


def hard_images(
    store: Store,
    dataset: DatasetRef | str,
    *,
    contexts: Sequence[str] = (),
    model: str | None = None,
    images: int = 8,
    labels: str = LABEL,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
) -> ReadingReport:
    """Find the images of each class that least show a context their class usually has (figure 15).

    Contexts are the bank's concepts of that kind unless named (all concepts, where it has none). A class usually has
    one that nearly all of its images lie above the overall mean of (`t2c.core.bottleneck.reading`). With `model`, what its imported
    predictions say of each image stands beside it. Raises InputError for no labels, UnknownName, SpecError.
    """
    sides = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    if images < 1:
        raise SpecError(expected("number of images", "1 or more", str(images)))
    opened = open_read(store, dataset, duplicates=False, sides=sides)
    codes, classes = image_classes(opened.images, labels)
    keys, note = _contexts(opened, contexts)
    says = predicted_classes(opened.images, model) if model is not None else None
    parents = [*opened.parents, *([predictions_parent(opened.images)] if model is not None else [])]
    spec = opened.spec(keys=keys, images=images, model=model or "", labels=labels, truth=digest(codes.tolist()))
    search = _Search(keys, codes, classes, images, says)
    stored_answer = stored_once(store, "hard_images", lambda: _hard_images(opened, search), spec=spec, parents=parents)
    notes = [note] if note else []
    if not stored_answer.table.num_rows:
        notes.append("no class usually has any of these contexts")
    return reading_report(opened, stored_answer.table, stored_answer.path, new=stored_answer.new, notes=notes)


def _contexts(opened: Read, named: Sequence[str]) -> tuple[list[int], str]:
    """Return the keys of the contexts to look at, and what a reader must know of the choice."""
    names = opened.among.names
    if named:
        return [
            find_concept(names, concept, bank=opened.scores.bank, store=opened.scores.store) for concept in named
        ], ""
    kinds = open_concepts(opened.scores.store, opened.scores.bank).table(["kind"])["kind"].to_pylist()[: len(names)]
    contexts = [key for key, kind in enumerate(kinds) if kind == CONTEXT]
    if contexts:
        return contexts, ""
    return list(range(len(names))), f"bank {opened.scores.bank} holds no contexts, so every concept was looked at"


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """What hard images are sought by."""

    keys: list[int]
    codes: Codes
    names: tuple[str, ...]
    most: int
    says: list[str | None] | None


def _hard_images(opened: Read, search: _Search) -> pa.Table:
    rows, keys, names = opened.rows(), search.keys, search.names
    similarities = matrix(opened.among, keys, rows)
    codes, std = search.codes[rows], similarities.std(axis=0, dtype=np.float64)
    away = similarities - similarities.mean(axis=0, dtype=np.float64)
    z = np.divide(away, std, out=np.zeros_like(away), where=std > 0)
    lines = []
    for usual in usual_contexts(z, codes, classes=len(names)):
        inside = np.flatnonzero(codes == usual.label)
        places, below = farthest_below(similarities[inside, usual.concept], most=search.most)
        at = rows[inside[places]]
        about = image_rows(opened.images, at, ["image_id"])["image_id"].to_pylist()
        key = keys[usual.concept]
        head = {"label": names[usual.label], "key": key, "context": opened.among.names[key]}
        head |= {"usual_z": usual.mean, "usual_share": usual.share}
        lines += [
            {
                **head,
                "rank": rank,
                "row": int(row),
                "image_id": image_id,
                "similarity": float(similarities[inside[place], usual.concept]),
                "z": float(depth),
                "predicted": search.says[int(row)] if search.says is not None else None,
            }
            for rank, (row, image_id, place, depth) in enumerate(zip(at, about, places, below, strict=True), 1)
        ]
    return pa.Table.from_pylist(lines, schema=HARD_IMAGES)
