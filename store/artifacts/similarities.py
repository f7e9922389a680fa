"""Similarities of one dataset, linear map and concept bank: a lazy handle that reads one concept's column at a time.

The table is long (SIMILARITIES), clustered by concept: a file holds the same rows for each of its concepts, concept
after concept, and a row group never spans two. So the row groups of a concept are known from the manifest alone, and
reading three concepts of a million images touches three columns of four bytes an image.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from t2c.schemas.errors import SpecError, UnknownName, expected, nearest
from t2c.schemas.names import DatasetRef, parse_dataset_ref
from t2c.schemas.spaces import Space, space_from
from t2c.schemas.tables.tables import CONCEPT_STATS, FOLD_FULL, HISTOGRAM_BINS
from t2c.store.artifacts.concepts import place_of
from t2c.store.artifacts.features import list_features
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.linear_maps import regressions
from t2c.store.disk import paths
from t2c.store.disk.data_files import read_row_groups
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.manifest import Manifest, Parent, list_artifacts, read_manifest, read_parquet
from t2c.store.disk.root import Store

STATS_ROLE = "stats"
"""Role of the file of concept_stats."""


@dataclass(frozen=True, slots=True)
class Column:
    """Similarities of one concept, in order of row."""

    rows: NDArray[np.int64]
    """(scored,) image rows, ascending."""
    similarity: NDArray[np.float32]
    """(scored,) cosine."""
    fold: NDArray[np.int8]
    """(scored,) -1: full map; 0 and up: out of fold; -2: in-sample, never compared."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Similarities as of a snapshot."""

    store: Store
    manifest: Manifest

    @property
    def dataset(self) -> str:
        """Dataset that was scored."""
        return self.manifest.name.split("/")[0]

    @property
    def map(self) -> str:
        """Folder name of the map: 12 hex digits of its digest, or `identity-<space>`."""
        return self.manifest.name.split("/")[1]

    @property
    def bank(self) -> str:
        """Concept bank."""
        return self.manifest.name.split("/")[2]

    @property
    def source(self) -> Space:
        """Space of the features that were scored."""
        return space_from(self.manifest.spec["source"])

    @property
    def target(self) -> Space:
        """Space of the concept vectors."""
        return space_from(self.manifest.spec["target"])

    @property
    def identity(self) -> bool:
        """Whether the features were the target's own."""
        return self.map.startswith("identity-")

    @property
    def concepts(self) -> int:
        """Number of concepts scored; keys are 0 .. concepts - 1."""
        return int(self.manifest.summary["concepts"])

    @property
    def rows(self) -> int:
        """Image rows considered: every row below this that has a feature is scored, for every concept."""
        return int(self.manifest.summary["rows"])

    @property
    def images_snapshot(self) -> int:
        """Snapshot of the images whose current rows `stats` describes."""
        return parent_of(self.manifest, "images").snapshot

    def stats(self, columns: list[str] | None = None) -> pa.Table:
        """Return CONCEPT_STATS in order of key, as of `images_snapshot`."""
        table = read_parquet(self.store, self.manifest.with_role(STATS_ROLE)[0], columns=columns)
        return table if columns is None else table.select(columns)

    def names(self) -> list[str]:
        """Return the concepts in order of key."""
        names: list[str] = self.stats(["concept"])["concept"].to_pylist()
        return names

    def key_of(self, concept: str) -> int:
        """Return a concept's key; raises UnknownName with the nearest names and the command that adds it."""
        return place_of(concept, self.names(), bank=self.bank, store=self.store)

    def column(self, key: int) -> Column:
        """Read one concept's similarities; raises CorruptError. Memory: 13 bytes a scored row."""
        parts = [_read(self.store, entry, key) for entry in self.manifest.with_role("data") if key in _keys(entry)]
        if not parts:
            return Column(np.empty(0, np.int64), np.empty(0, np.float32), np.empty(0, np.int8))
        rows, similarity, fold = (
            parts[0][name] if len(parts) == 1 else np.concatenate([part[name] for part in parts])
            for name in ("row", "similarity", "fold")
        )
        if len(parts) > 1 and not (rows[1:] > rows[:-1]).all():
            order = np.argsort(rows, kind="stable")
            rows, similarity, fold = rows[order], similarity[order], fold[order]
        return Column(rows, similarity, fold)

    def values(self, key: int) -> NDArray[np.float32]:
        """Return one concept's similarity by image row, (rows,) float32; NaN where a row has none that may be compared."""
        column = self.column(key)
        out = np.full(self.rows, np.nan, dtype=np.float32)
        eligible = column.fold >= FOLD_FULL
        if eligible.all():
            out[column.rows] = column.similarity
        else:
            out[column.rows[eligible]] = column.similarity[eligible]
        return out


def parent_of(manifest: Manifest, kind: str) -> Parent:
    """Return the first parent of a kind; raises UnknownName."""
    for parent in manifest.parents:
        if parent.kind == kind:
            return parent
    raise UnknownName(expected(f"parents of {manifest.artifact}", f"one of kind {kind}", "none"))


def open_similarities(store: Store, dataset: str, *, linear_map: str, bank: str, snapshot: int | None = None) -> Scores:
    """Open the similarities of a dataset under a map (digest, its first 12 digits, or identity-...) and a bank."""
    return Scores(store, read_manifest(store, paths.similarities(dataset, linear_map, bank), snapshot=snapshot))


def list_similarities(store: Store, *, dataset: str | None = None) -> list[Scores]:
    """Return the newest snapshot of all similarities (of one dataset, when named), in order of name."""
    prefix = "similarities/" if dataset is None else f"similarities/{dataset}/"
    artifacts = [artifact for artifact in list_artifacts(store, "similarities") if artifact.startswith(prefix)]
    return [Scores(store, read_manifest(store, artifact)) for artifact in artifacts]


def resolve_scores(
    store: Store,
    dataset: DatasetRef | str,
    *,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
) -> Scores:
    """Return the similarities that a question means: of a dataset, and of an encoder, target, bank and map where named.

    Aligned ones are preferred to the target model's own, and of several maps between the same spaces the regression
    scored last. `source` and `target` are names of an encoder or a space, or the beginning of a space id; `linear_map` is a
    digest. Raises UnknownName when nothing fits and SpecError naming the choices when several do.
    """
    ref = parse_dataset_ref(dataset) if isinstance(dataset, str) else dataset
    every = list_similarities(store, dataset=ref.name)
    if not every:
        open_images(store, ref)  # an unknown dataset is the better message
        todo = f"Score it: t2c score {ref.name} --source ENCODER --concepts BANK"
        raise UnknownName(expected(f"similarities of {ref.name}", "some", "none", todo))
    spaces = _space_ids(store, ref.name) if source or target else {}
    sides = {"source": spaces.get(source or "", source), "target": spaces.get(target or "", target)}
    fits = [scores for scores in every if _fits(scores, bank=bank, linear_map=linear_map, **sides)]
    if not fits:
        options = {"source": source, "target": target, "concepts": bank, "map": linear_map}
        hints = (nearest(name, _sides(every)[side]) for side, name in options.items() if name)
        actual = ", ".join(f"--{side} {name}" for side, name in options.items() if name)
        raise UnknownName(
            expected(f"similarities of {ref.name}", _choices(every), actual, " ".join(filter(None, hints)))
        )
    aligned = [scores for scores in fits if not scores.identity]
    newest = _newest(aligned or fits)
    if len(newest) > 1:
        todo = "Say which with --source and --concepts."
        raise SpecError(expected(f"similarities of {ref.name}", "one choice", _choices(newest), todo))
    return newest[0]


def _space_ids(store: Store, dataset: str) -> dict[str, str]:
    """Return the space of each encoder whose imported features go by another name than their space."""
    stored = list_features(store, dataset)
    return {features.encoder: features.space.id for features in stored if features.encoder != features.space.name}


def _fits(scores: Scores, *, source: str | None, target: str | None, bank: str | None, linear_map: str | None) -> bool:
    return (
        (linear_map is None or linear_map.startswith(scores.map))
        and (bank is None or scores.bank == bank)
        and (source is None or _is(scores.source, source))
        and (target is None or _is(scores.target, target))
    )


def _is(space: Space, text: str) -> bool:
    return space.name == text or (len(text) >= 6 and space.id.startswith(text))


def _newest(fits: list[Scores]) -> list[Scores]:
    """Return one of each (source, target, bank): under the regression that was scored last, else under any other map."""
    by_sides: dict[tuple[str, str, str], list[Scores]] = {}
    for scores in sorted(fits, key=lambda scores: (scores.manifest.created_at, scores.map)):
        by_sides.setdefault((scores.source.id, scores.target.id, scores.bank), []).append(scores)
    regression_maps = (
        regressions(fits[0].store) if any(len(several) > 1 for several in by_sides.values()) else frozenset()
    )
    return [
        ([scores for scores in several if scores.map in regression_maps] or several)[-1]
        for several in by_sides.values()
    ]


def _sides(every: list[Scores]) -> Mapping[str, list[str]]:
    return {
        "source": [scores.source.name for scores in every],
        "target": [scores.target.name for scores in every],
        "concepts": [scores.bank for scores in every],
        "map": [scores.map for scores in every],
    }


def _choices(every: list[Scores]) -> str:
    return " or ".join(
        f"--source {scores.source.name} --target {scores.target.name} --concepts {scores.bank}" for scores in every
    )


def _keys(entry: FileEntry) -> range:
    return range(*entry.extra["keys"])


def _read(store: Store, entry: FileEntry, key: int) -> dict[str, Any]:
    """Read one concept's row groups of one file."""
    groups = int(entry.extra["groups"])
    first = (key - int(entry.extra["keys"][0])) * groups
    table = read_row_groups(store, entry, range(first, first + groups), columns=("row", "similarity", "fold"))
    return {name: table[name].to_numpy() for name in table.column_names}


def empty_stats() -> dict[str, Any]:
    """Return the statistics of a concept without a single similarity that may be compared: count 0, the rest NaN."""
    row: dict[str, Any] = {name: float("nan") for name in CONCEPT_STATS.names if name not in ("key", "concept")}
    return {**row, "count": 0, "histogram": [0] * HISTOGRAM_BINS}
