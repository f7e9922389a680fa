"""Features and concept vectors that a user brings: first-class, with an identity of their own.

Imported vectors are in a space of their own: by default the digest of their bytes, which nothing else shares; files
imported with the same declared `space` and dimension may meet, and the user vouches for that.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.flows.data.table_imports import TableImportReport, import_attributes, import_predictions
from t2c.flows.engine.answers import store_path
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.features.join import join_rows
from t2c.flows.features.vector_files import Vectors, open_vectors
from t2c.flows.rows.features_of_rows import check_rows
from t2c.schemas.errors import InputError, MismatchError, SpecError, expected
from t2c.schemas.names import check_name
from t2c.schemas.spaces import Space
from t2c.store.artifacts.concepts import add_concepts, open_concepts
from t2c.store.artifacts.feature_writer import FeatureWriter
from t2c.store.artifacts.features import Features, list_features
from t2c.store.artifacts.images import Images
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import find_manifest
from t2c.store.disk.root import Store

__all__ = [
    "ConceptImportReport",
    "ImportReport",
    "TableImportReport",
    "import_attributes",
    "import_concepts",
    "import_features",
    "import_predictions",
    "imported_space",
]

Unknown = Literal["refuse", "skip", "add"]
"""What happens to ids that a dataset does not hold."""


@dataclass(frozen=True, slots=True)
class ImportReport(Shown):
    """The imported features: space, snapshot, and how many vectors matched, were added or left out."""

    dataset: str
    """Dataset name."""
    encoder: str
    """Name the features go by."""
    space: Space
    """Space of the vectors."""
    snapshot: int
    """Snapshot of the features."""
    images_snapshot: int
    """Snapshot of the image index that they belong to."""
    path: str
    """Where the features are."""
    vectors: int
    """Vectors in the files."""
    matched: int
    """Vectors whose id was in the dataset."""
    added: int
    """Rows that were made for ids that were not."""
    skipped: int
    """Vectors left out because their id is not in the dataset (`unknown="skip"`)."""
    without: int
    """Current rows of the dataset that have no vector here: NaN, named by the ledger."""
    notes: tuple[str, ...]
    """What else a person should know, such as a change of data type."""


@dataclass(frozen=True, slots=True)
class ConceptImportReport(Shown):
    """The imported bank: space, snapshot, and how many concepts it holds and gained."""

    bank: str
    """Concept bank."""
    space: Space
    """Space of the vectors."""
    snapshot: int
    """Snapshot of the bank."""
    path: str
    """Where the bank is."""
    concepts: int
    """Concepts in the bank now."""
    added: int
    """Concepts that were not there before."""
    notes: tuple[str, ...]
    """What else a person should know."""


def imported_space(name: str, dimension: int, *, space: str | None, digest: str) -> Space:
    """Return the space of imported vectors: the declared one, or one that only these very bytes are in."""
    if space is None:
        return Space("imported", name, dimension, f"sha256:{digest}")
    if not space.strip():
        raise SpecError(expected("space", "a name", repr(space), "Leave it out, or name what made the vectors."))
    return Space("imported", space, dimension, f"declared:{space}")


def import_features(
    store: Store,
    dataset: str,
    vectors: str | Path,
    *,
    encoder: str,
    ids: str | Path | None = None,
    space: str | None = None,
    id_column: str = "",
    vector_column: str = "",
    unknown: Unknown = "refuse",
    progress: Progress | None = None,
) -> ImportReport:
    """Import vectors (images, source) joined on image id; the dataset is made from the ids when it does not exist.

    Importing the same files again commits nothing; more vectors for rows that were added since may follow in a
    declared space. Raises InputError for files, NaN and ids (see `open_vectors`) and for ids the dataset does not
    hold, MismatchError when the encoder is there in another space or a row has another vector already, SpecError,
    BusyError, StoreWriteError.
    """
    check_name(dataset, what="dataset name")
    if not encoder.strip():
        raise SpecError(expected("encoder name", "some text", repr(encoder)))
    opened = open_vectors(vectors, ids, id_column=id_column, vector_column=vector_column)
    vector_space = imported_space(encoder, opened.dimension, space=space, digest=opened.digest(what=str(vectors)))
    _check_encoder(store, dataset, encoder, vector_space)
    joined = join_rows(store, dataset, opened, unknown=unknown)
    features = _write(
        store,
        joined.images,
        opened,
        joined.rows,
        encoder=encoder,
        space=vector_space,
        progress=progress or NoProgress(),
    )
    current = np.asarray(joined.images.table(["row"])["row"], dtype=np.int64)
    present = features.present(0, features.rows)
    return ImportReport(
        dataset=dataset,
        encoder=features.encoder,
        space=vector_space,
        snapshot=features.snapshot,
        images_snapshot=joined.images.snapshot,
        path=store_path(store, features.manifest.artifact),
        vectors=opened.rows,
        matched=opened.rows - joined.added - joined.skipped,
        added=joined.added,
        skipped=joined.skipped,
        without=int((~present[current]).sum()),
        notes=opened.notes,
    )


def import_concepts(
    store: Store, bank: str, vectors: str | Path, *, names: str | Path, space: str | None = None
) -> ConceptImportReport:
    """Import concept vectors (concepts, target), normalised to length 1, with their names in the order of the rows.

    Names come from .txt, .json (a list) or .csv. Raises InputError for files, NaN, zero vectors and a name that comes
    twice, MismatchError when the bank is in another space or a concept has another vector already.
    """
    check_name(bank, what="concept bank")
    opened = open_vectors(vectors, names)
    vector_space = imported_space(bank, opened.dimension, space=space, digest=opened.digest(what=str(vectors)))
    before = open_concepts(store, bank).count if find_manifest(store, paths.concepts(bank)) else 0
    after = add_concepts(
        store, bank, _concept_table(opened), space=vector_space, text_encoder=f"imported:{vector_space.name}"
    )
    notes = opened.notes
    if space is None:
        notes += (
            "in a space of its own, which no features share: pass --space NAME, the one the features were imported with",
        )
    path = store_path(store, paths.concepts(bank))
    return ConceptImportReport(
        bank, vector_space, after.manifest.snapshot, path, after.count, after.count - before, notes
    )


def _concept_table(vectors: Vectors) -> pa.Table:
    units = []
    for start, block in vectors.blocks():
        wide = block.astype(np.float64)
        lengths = np.linalg.norm(wide, axis=1, keepdims=True)
        if (zero := np.flatnonzero(lengths[:, 0] == 0)).size:
            subject = f"vector of concept {vectors.ids[start + int(zero[0])][:200]!r}"
            raise InputError(expected(subject, "a direction", "zeros only", "Remove the concept."))
        units.append((wide / lengths).astype(np.float32))
    count = vectors.rows
    return pa.table(
        {
            "concept": pa.array(vectors.ids, pa.string()),
            "prompts": pa.array([[]] * count, pa.list_(pa.string())),
            "vector": pa.array(list(np.concatenate(units)), pa.list_(pa.float32())),
            "averaging": ["imported"] * count,
            "kind": ["imported"] * count,
        }
    )


def _check_encoder(store: Store, dataset: str, encoder: str, space: Space) -> None:
    """Raise MismatchError when the dataset has features by this name in another space."""
    for features in list_features(store, dataset):
        if features.encoder == encoder and features.space.id != space.id:
            todo = "Choose another --encoder name; to add vectors later, declare the same --space each time."
            subject = f"space of {encoder} features of {dataset}"
            raise MismatchError(expected(subject, features.space.describe(), space.describe(), todo))


def _write(
    store: Store,
    images: Images,
    vectors: Vectors,
    rows: npt.NDArray[np.int64],
    *,
    encoder: str,
    space: Space,
    progress: Progress,
) -> Features:
    """Write the vectors at their image rows (-1: left out), chunk by chunk, and commit one snapshot."""
    existing = next(
        (features for features in list_features(store, images.dataset) if features.space.id == space.id), None
    )
    source = np.full(images.rows, -1, dtype=np.int64)
    source[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    if existing is not None:
        check_rows(images, existing)
        _check_same(existing, vectors, source)
    artifact = existing.manifest.artifact if existing else paths.features(images.dataset, encoder, space)
    with lease(store, artifact, purpose=f"import {encoder}") as token:
        writer = FeatureWriter.open(
            store,
            images.dataset,
            encoder=encoder,
            space=space,
            dtype=None if existing else vectors.dtype,
            spec={"source": "import"},
        )
        tasks = writer.pending(images.rows)
        progress.start(f"import {encoder}", sum(task.stop - task.start for task in tasks), "rows")
        for task in tasks:
            source_rows = source[task.start : task.stop]
            values = np.full((len(source_rows), vectors.dimension), np.nan, dtype=vectors.dtype)
            values[source_rows >= 0] = vectors.take(source_rows[source_rows >= 0])
            writer.write_chunk(task, values, source_rows >= 0)
            progress.advance(len(source_rows))
        progress.done()
        return writer.commit(images.rows, parents=[images.manifest.as_parent()], token=token)


def _check_same(existing: Features, vectors: Vectors, source: npt.NDArray[np.int64]) -> None:
    """Raise MismatchError when a row that is already written would get another vector, or one where it has none."""
    for start, stop in existing.blocks():
        source_rows = source[start:stop]
        at = np.flatnonzero(source_rows >= 0)
        if not len(at):
            continue
        with np.errstate(over="ignore"):
            new = vectors.take(source_rows[at]).astype(existing.dtype)
        differs = np.flatnonzero((existing.read(start, stop)[at] != new).any(axis=1))
        if len(differs):
            row = int(at[differs[0]])
            subject = f"{existing.encoder} features of {existing.dataset}, {vectors.ids[source_rows[row]][:200]!r}"
            committed = (
                "the vector it has" if existing.present(start + row, start + row + 1)[0] else "no vector, as committed"
            )
            todo = "Rows never change: import under another --encoder and --space."
            raise MismatchError(
                expected(subject, committed, "another one" if committed.startswith("the") else "one", todo)
            )
