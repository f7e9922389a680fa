"""Scoring a dataset: what is missing is planned by a memory budget, written concept by concept, committed at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from t2c.schemas.errors import InputError, MismatchError, PlanError, expected
from t2c.schemas.spaces import check_same_space
from t2c.schemas.tables.tables import CONCEPT_STATS, FOLD_FULL, SIMILARITIES
from t2c.store.artifacts.concepts import Concepts
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.linear_maps import StoredMap
from t2c.store.artifacts.selection import Mask, searchable
from t2c.store.artifacts.similarities import STATS_ROLE, Column, Scores, empty_stats
from t2c.store.disk import paths
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import (
    FileEntry,
    Manifest,
    Parent,
    commit,
    find_manifest,
    write_file,
    write_parquet,
)
from t2c.store.disk.root import Store

GROUP_ROWS = 262_144
"""Most rows of a row group: large enough to read fast, small enough that DuckDB shares a concept between threads."""

BUDGET = 256 * 2**20
"""Bytes of similarities held at once when nobody says otherwise."""

Statistics = Callable[[NDArray[np.float32]], Mapping[str, Any]]
"""From similarities (images,), at least one, to the columns of CONCEPT_STATS besides key and concept."""

Mapper = Callable[[Statistics, Iterable[NDArray[np.float32]]], Iterable[Mapping[str, Any]]]
"""An ordered map, such as `runner.map`."""


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the similarity matrix to compute and write as one file."""

    first_key: int
    last_key: int
    """One past the last concept key."""
    start: int
    stop: int
    """One past the last image row."""

    @property
    def concepts(self) -> int:
        """Number of concepts."""
        return self.last_key - self.first_key

    @property
    def bytes(self) -> int:
        """Bytes of the similarities held while the region is written."""
        return 4 * self.concepts * (self.stop - self.start)


@dataclass(frozen=True, slots=True)
class ScoreBlock:
    """Similarities of some images of a region."""

    rows: NDArray[np.int64]
    """(images,) ascending rows, above those of earlier blocks; rows without a feature are left out."""
    similarities: NDArray[np.float32]
    """(images, concepts) cosine to the region's concepts, in order of key."""
    fold: NDArray[np.int8]
    """(images,) as in SIMILARITIES."""


def plan_scores(newest: Scores | None, *, concepts: int, rows: int, budget: int = BUDGET) -> tuple[Region, ...]:
    """Return the regions that are missing: new concepts for the old rows, all concepts for the new rows.

    Each holds at most `budget` bytes. Raises PlanError when even one row group of rows does not fit.
    """
    old_keys, old_rows = (newest.concepts, newest.rows) if newest else (0, 0)
    return (
        *_split(old_keys, concepts, 0, old_rows, budget=budget),
        *_split(0, concepts, old_rows, rows, budget=budget),
    )


def _split(first_key: int, last_key: int, start: int, stop: int, *, budget: int) -> Iterator[Region]:
    if last_key <= first_key or stop <= start:
        return
    most = budget // (4 * (last_key - first_key))
    if most < min(stop - start, 1024):
        want = f"{4 * (last_key - first_key) * 1024:,} bytes for 1,024 images of {last_key - first_key} concepts"
        raise PlanError(expected("memory for similarities", want, f"{budget:,} bytes", "Raise the memory budget."))
    files = -(-(stop - start) // most)
    size = -(-(stop - start) // files)
    for begin in range(start, stop, size):
        yield Region(first_key, last_key, begin, min(begin + size, stop))


def write_scores(
    images: Images,
    blocks: Callable[[Region], Iterable[ScoreBlock]],
    *,
    linear_map: StoredMap,
    concepts: Concepts,
    rows: int,
    parents: Sequence[Parent],
    stats: Statistics,
    mapper: Mapper = map,
    budget: int = BUDGET,
    kind: str = "similarities",
    into: Store | None = None,
) -> Scores:
    """Score what is missing of a dataset under a map and a bank, and commit it as one snapshot with new concept_stats.

    `rows` is the number of rows of the features, `parents` the features (and any more); images, map and bank are
    added. `blocks(region)` computes a region's similarities. Nothing to do returns the newest snapshot; when only the
    image index has changed, the statistics are made again over the rows that are current now. `kind` is the artifact's,
    another one for similarities under another rule of folds; `into` is the store written to, by default the images' own.

    Raises MismatchError when the bank is not in the map's target space, InputError for similarities that are not
    cosines or rows that are not in order, PlanError, BusyError, ConflictError, StoreWriteError.
    """
    store, name = into or images.store, f"{images.dataset}/{linear_map.name}/{concepts.bank}"
    artifact = paths.artifact(kind, name)
    _check_sides(images, linear_map, concepts, rows=rows)
    with lease(store, artifact, purpose=f"score {images.dataset}") as token:
        newest_manifest = find_manifest(store, artifact)
        newest = Scores(store, newest_manifest) if newest_manifest else None
        if newest is not None and concepts.count < newest.concepts:
            want = f"a snapshot with the {newest.concepts} concepts scored already"
            raise MismatchError(expected(f"concept bank {concepts.bank}", want, f"{concepts.count}"))
        regions = plan_scores(newest, concepts=concepts.count, rows=rows, budget=budget)
        if newest is not None and not regions and newest.images_snapshot == images.snapshot:
            return newest
        number = newest_manifest.snapshot + 1 if newest_manifest else 1
        new = [
            _write_region(store, region, blocks(region), path=paths.data_file(artifact, number, n=n))
            for n, region in enumerate(regions)
        ]
        files = (*(newest_manifest.with_role("data") if newest_manifest else ()), *new)
        _check_same_rows(files, name=name)
        manifest = Manifest(
            kind,
            name,
            number,
            spec={
                "bank": concepts.bank,
                "dataset": images.dataset,
                "map": linear_map.digest,
                "source": asdict(linear_map.source),
                "target": asdict(linear_map.target),
            },
            parents=_parents(images, linear_map, concepts, parents),
            files=files,
            rows=sum(entry.rows for entry in files),
            summary={"concepts": concepts.count, "rows": max(rows, newest.rows if newest else 0)},
        )
        complete = _with_stats(Scores(store, manifest), concepts.names(), images, stats=stats, mapper=mapper)
        return Scores(store, commit(store, artifact, complete, check=token.check))


def _check_sides(images: Images, linear_map: StoredMap, concepts: Concepts, *, rows: int) -> None:
    todo = f"Score with a bank in that space, or fit a map to {concepts.space.name}: t2c align"
    check_same_space(f"concept bank {concepts.bank}", linear_map.target, concepts.space, todo=todo)
    if rows > images.rows:
        want = f"at most {images.rows:,} rows, as {images.dataset}@{images.snapshot} has"
        raise MismatchError(
            expected(f"features of {images.dataset}", want, f"{rows:,}", "Open the newest image index.")
        )


def write_columns(
    store: Store, path: str, columns: Iterable[tuple[int, Column]], *, keys: tuple[int, int], rows: tuple[int, int]
) -> FileEntry:
    """Write concepts' columns, in order of key and all of the same rows, as one clustered Parquet file."""
    counts: set[int] = set()

    def write(file: IO[bytes]) -> None:
        with _parquet_writer(file) as writer:
            for key, column in columns:
                counts.add(len(column.rows))
                if len(column.rows):
                    writer.write_table(_table(key, column), row_group_size=GROUP_ROWS)

    entry = write_file(store, path, write, rows=0)
    scored = counts.pop()
    extra = {"keys": list(keys), "rows": list(rows), "scored": scored, "groups": -(-scored // GROUP_ROWS)}
    return FileEntry(entry.path, entry.size, entry.sha256, scored * (keys[1] - keys[0]), "data", extra)


def _parquet_writer(file: IO[bytes]) -> pq.ParquetWriter:
    """Return a writer: rows as deltas (they are nearly consecutive), cosines plain (they do not compress)."""
    return pq.ParquetWriter(
        file,
        SIMILARITIES,
        compression="none",
        use_dictionary=["key", "fold"],
        column_encoding={"row": "DELTA_BINARY_PACKED"},
    )


def _table(key: int, column: Column) -> pa.Table:
    keys = np.full(len(column.rows), key, dtype=np.int32)
    return pa.table([keys, column.rows, column.similarity, column.fold], schema=SIMILARITIES)


def _write_region(store: Store, region: Region, blocks: Iterable[ScoreBlock], *, path: str) -> FileEntry:
    matrix, rows, fold = _gather(region, blocks)
    columns = ((region.first_key + index, Column(rows, matrix[index], fold)) for index in range(region.concepts))
    keys = (region.first_key, region.last_key)
    return write_columns(store, path, columns, keys=keys, rows=(region.start, region.stop))


def _gather(
    region: Region, blocks: Iterable[ScoreBlock]
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int8]]:
    """Return the similarities by concept, (concepts, images), with the rows and folds of the images."""
    matrix = np.empty((region.concepts, region.stop - region.start), dtype=np.float32)
    rows, folds, filled = [np.empty(0, np.int64)], [np.empty(0, np.int8)], 0
    for block in blocks:
        _check_block(region, block, after=int(rows[-1][-1]) if filled else region.start - 1)
        matrix[:, filled : filled + len(block.rows)] = block.similarities.T
        rows.append(np.asarray(block.rows, dtype=np.int64))
        folds.append(np.asarray(block.fold, dtype=np.int8))
        filled += len(block.rows)
    # rows without a feature are left out, so the last columns may be unused
    return matrix[:, :filled], np.concatenate(rows), np.concatenate(folds)


def _check_block(region: Region, block: ScoreBlock, *, after: int) -> None:
    subject = f"similarities of rows {region.start} to {region.stop - 1}"
    shape = (len(block.rows), region.concepts)
    if block.similarities.shape != shape or block.fold.shape != shape[:1]:
        raise InputError(expected(subject, f"shape {shape} and a fold a row", f"{block.similarities.shape}"))
    steps = np.diff(block.rows, prepend=after)
    if len(block.rows) and ((steps < 1).any() or block.rows[-1] >= region.stop):
        raise InputError(expected(subject, f"ascending rows from {after + 1} below {region.stop}", f"{block.rows[:5]}"))
    wrong = ~(np.abs(block.similarities) <= 1)
    if wrong.any():
        image, concept = np.argwhere(wrong)[0]
        where = f"similarity of row {block.rows[image]} to concept {region.first_key + concept}"
        raise InputError(expected(where, "a cosine, -1 to 1", f"{block.similarities[image, concept]}"))


def _check_same_rows(files: Sequence[FileEntry], *, name: str) -> None:
    """Raise InputError unless every concept has the same number of rows: the matrix has no holes."""
    counts: dict[int, int] = {}
    for entry in files:
        for key in range(*entry.extra["keys"]):
            counts[key] = counts.get(key, 0) + int(entry.extra["scored"])
    if len(set(counts.values())) > 1:
        todo = "Features of rows already scored have changed; score under a new bank, or delete the similarities."
        actual = f"{min(counts.values()):,} to {max(counts.values()):,}"
        raise InputError(expected(f"similarities {name}", "the same rows for every concept", actual, todo))


def _parents(images: Images, linear_map: StoredMap, concepts: Concepts, more: Sequence[Parent]) -> tuple[Parent, ...]:
    own = (images.manifest.as_parent(), linear_map.as_parent(), concepts.manifest.as_parent())
    return (*(parent for parent in own if parent is not None), *more)


def _with_stats(scores: Scores, names: Sequence[str], images: Images, *, stats: Statistics, mapper: Mapper) -> Manifest:
    """Return the manifest with its file of concept_stats, and the number of similarities that they set aside.

    Set aside is what may be compared by its fold, but is of a row that is not current and ok.
    """
    mask = searchable(images)
    every = np.ones(images.rows, dtype=np.bool_)
    compared, may = (len(_eligible(scores, 0, which)) if names else 0 for which in (mask, every))
    columns = (_eligible(scores, key, mask) for key in range(len(names)))
    rows = list(mapper(stats, columns)) if compared else [empty_stats() for _ in names]
    table = pa.Table.from_pylist(
        [{"key": key, "concept": name, **row} for key, (name, row) in enumerate(zip(names, rows, strict=True))],
        schema=CONCEPT_STATS,
    )
    manifest = scores.manifest
    path = paths.data_file(manifest.artifact, manifest.snapshot, n=len(manifest.files))
    entry = write_parquet(scores.store, path, table, role=STATS_ROLE)
    summary = {**manifest.summary, "compared": compared, "set_aside": may - compared}
    return replace(manifest, files=(*manifest.files, entry), summary=summary)


def _eligible(scores: Scores, key: int, mask: Mask) -> NDArray[np.float32]:
    """Return a concept's similarities that may be compared, in order of row."""
    column = scores.column(key)
    return column.similarity[mask[column.rows] & (column.fold >= FOLD_FULL)]
