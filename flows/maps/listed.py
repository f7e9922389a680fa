"""Linear maps as things of their own: listed, loaded, imported from files, measured on rows they were not fitted on."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.maps.linear_map import LinearMap
from t2c.flows.engine.answers import store_path, stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.maps.fitted import measured
from t2c.flows.rows.blocks import READ_ROWS
from t2c.flows.rows.features_of_rows import find_features, folds_of, ranges
from t2c.schemas.certificate import IMPORTED, Certificate, HeldOut
from t2c.schemas.digest import SHORT, digest_bytes
from t2c.schemas.errors import InputError, MismatchError, UnknownName, expected, unknown
from t2c.schemas.extras import require
from t2c.schemas.names import DatasetRef
from t2c.schemas.spaces import Space
from t2c.schemas.tables.answers.maps import MAP_QUALITY
from t2c.schemas.tables.tables import FITTED_ROWS, FOLD_FULL
from t2c.store.artifacts.concepts import list_banks, open_concepts
from t2c.store.artifacts.features import Features, how_to_get, list_features
from t2c.store.artifacts.images import Images, content_hashes, list_datasets, open_images
from t2c.store.artifacts.linear_maps import StoredMap, add_quality, list_maps, open_map, preferred_maps, write_map
from t2c.store.artifacts.selection import searchable
from t2c.store.disk import paths
from t2c.store.disk.root import Store

CLAIM = "origin and quality are the file's own claim until measured here: t2c maps measure"
"""What the certificate of an imported map says first."""
CLAIMED = (
    "map",
    "source",
    "source_space",
    "target",
    "target_space",
    "aligner",
    "fitted_rows",
    "r2_variance_weighted",
    "r2_rows",
)
"""What a file may say of its map: the metadata that an export writes."""
LONGEST_CLAIM = 200
"""Characters of one claim that are kept: a file may say anything."""

MAPS = pa.schema(
    {
        "map": pa.string(),
        "aligner": pa.string(),
        "source": pa.string(),
        "target": pa.string(),
        "dataset": pa.string(),
        "fitted": pa.int64(),
        "r2": pa.float64(),
        "used": pa.bool_(),
    }
)
"""Columns of `maps_table`; `used`: taken for its pair of spaces unless another map is named."""


@dataclass(frozen=True, slots=True)
class ImportedMap(Shown):
    """The imported map: where it is, its digest, and the certificate of its file's claim."""

    digest: str
    """The map's digest."""
    path: str
    """Where it is."""
    certificate: Certificate
    """What is known of it: the file's claim."""
    new: bool
    """False when the same file had been imported for the same spaces before."""


@dataclass(frozen=True, slots=True)
class MapQuality(Shown):
    """The quality of a map on rows of a dataset that it was not fitted on."""

    dataset: str
    """Dataset and snapshot."""
    map: str
    """12 hex digits of the map's digest."""
    quality: HeldOut
    """On rows not fitted; the mean predictor says these rows' own mean."""
    path: str
    """Where the answer is; empty when it could not be stored."""
    new: bool
    """False when it had been measured before."""


def maps_table(store: Store) -> pa.Table:
    """Return MAPS: every map of the store, oldest first."""
    used = {stored.digest for stored in preferred_maps(store)}
    rows = [_map_row(stored, stored.certificate, used) for stored in list_maps(store) if stored.certificate is not None]
    return pa.Table.from_pylist(rows, schema=MAPS)


def load_map(store: Store, digest: str) -> LinearMap:
    """Return a stored map, found by its digest or a beginning of it, ready to apply; raises UnknownName, CorruptError."""
    arrays = open_map(store, digest).arrays()
    if arrays is None:  # pragma: no cover - a digest never names the identity
        raise UnknownName(expected("linear map", "one with weights", "the identity"))
    return LinearMap(arrays.weight, arrays.bias)


def import_map(store: Store, file: str | Path, *, source: str, target: str) -> ImportedMap:
    """Store the map of an aligner file (.pth of W (target, source) and b, or safetensors) between two known spaces.

    `source` and `target` are encoders with features in the store, or space ids; the target may be known by a concept
    bank alone. What a safetensors file says of itself is kept as its claim. No pickle is executed. Raises InputError for
    a file that is no aligner, MismatchError when its shape does not fit the two spaces or it says that it joins others,
    UnknownName for a space that the store does not know.
    """
    require("extract", subject=f"aligner {file}")
    from t2c.core.maps.gradient.aligner_files import read_aligner, read_metadata

    sides = space_named(store, source), space_named(store, target)
    linear_map, dtype = read_aligner(file)
    _check_shape(linear_map, *sides, file=Path(file))
    metadata = read_metadata(file)
    _check_spaces(metadata, *sides, file=Path(file))
    sha256 = digest_bytes(Path(file).expanduser().read_bytes())
    spec = {"algorithm": IMPORTED, "sha256": sha256}
    settings = (("file", Path(file).name), ("sha256", sha256), ("dtype", dtype))
    certificate = _claimed(linear_map, *sides, settings=settings, metadata=metadata)
    before = {existing.digest for existing in list_maps(store)}
    stored = write_map(store, linear_map, certificate, fitted=FITTED_ROWS.empty_table(), spec=spec, parents=())
    path = store_path(store, paths.linear_map(stored.digest))
    return ImportedMap(stored.digest, path, stored.certificate or certificate, stored.digest not in before)


def measure_map(
    store: Store, digest: str, dataset: DatasetRef | str, *, progress: Progress | None = None
) -> MapQuality:
    """Measure a map on the rows of a dataset that have both features and whose content it was not fitted on.

    The answer is kept (view `map_quality`); the certificate of an imported map then says what was measured, and where.
    Raises UnknownName for a map, dataset or features that are not there, InputError for fewer than two rows.
    """
    images, stored = open_images(store, dataset), open_map(store, digest)
    x, y = _features(images, stored.source), _features(images, stored.target)
    parents = [images.manifest.as_parent(), x.manifest.as_parent(), y.manifest.as_parent()]
    own = stored.as_parent()
    parents += [own] if own is not None else []
    work = partial(_measure, images, stored, x, y, progress=progress or NoProgress())
    spec = {"dataset": images.dataset, "map": stored.name}
    measurement = stored_once(store, "map_quality", work, spec=spec, parents=parents)
    (row,) = measurement.table.to_pylist()
    quality = HeldOut(**{name: row[name] for name in HeldOut.__dataclass_fields__})
    where = f"{images.dataset}@{images.snapshot}"
    if stored.certificate is not None and stored.certificate.aligner == IMPORTED:
        note = (
            f"origin is the file's own claim; quality was measured here on {where}, whose images its fit may have seen"
        )
        notes = (note, *_claim_note(stored.certificate.claims))
        add_quality(store, stored.digest, quality, measured_on=where, notes=notes)
    return MapQuality(where, stored.name, quality, measurement.path, measurement.new)


def space_named(store: Store, which: str) -> Space:
    """Return the space that an encoder name or the start of a space id (6 digits) means among those the store knows.

    Raises UnknownName with the nearest names, or naming the spaces when one encoder has several.
    """
    spaces = {
        features.space.id: features.space for name in list_datasets(store) for features in list_features(store, name)
    }
    names = {
        features.encoder: features.space
        for dataset in list_datasets(store)
        for features in list_features(store, dataset)
    }
    spaces |= {space.id: space for space in (open_concepts(store, bank).space for bank in list_banks(store))}
    matches = {space.id for space in spaces.values() if which == space.name}
    matches |= {names[which].id} if which in names else set()
    matches = matches or {space_id for space_id in spaces if len(which) >= 6 and space_id.startswith(which)}
    if not matches:
        todo = "Extract or import its features first: t2c extract, t2c features import"
        raise unknown("encoder or space", which, [*names, *(space.name for space in spaces.values())], todo=todo)
    if len(matches) > 1:
        actual = f"{which!r} in {len(matches)}: {', '.join(sorted(space_id[:12] for space_id in matches))}"
        raise UnknownName(expected("encoder or space", "one space", actual, "Name the space."))
    return spaces[matches.pop()]


def _map_row(stored: StoredMap, certificate: Certificate, used: set[str]) -> dict[str, Any]:
    quality = certificate.held_out
    return {
        "map": stored.name,
        "aligner": certificate.aligner,
        "source": stored.source.name,
        "target": stored.target.name,
        "dataset": certificate.dataset or certificate.measured_on or "-",
        "fitted": certificate.fitted,
        "r2": quality.r2_variance_weighted if quality is not None else None,
        "used": stored.digest in used,
    }


def _claimed(
    linear_map: LinearMap,
    source: Space,
    target: Space,
    *,
    settings: tuple[tuple[str, str], ...],
    metadata: dict[str, str],
) -> Certificate:
    claims = tuple((name, metadata[name][:LONGEST_CLAIM]) for name in CLAIMED if name in metadata)
    return Certificate(
        source=source,
        target=target,
        dataset="",
        snapshot=0,
        ridge=0.0,
        rank=int(np.linalg.matrix_rank(linear_map.weight)),
        condition=None,
        method="file",
        fitted=0,
        folds=0,
        seed=0,
        notes=(CLAIM, *_claim_note(claims), "no row was fitted here: every row is scored with the full map"),
        aligner=IMPORTED,
        objective="not known: the file does not say",
        needed=("the file",),
        settings=settings,
        claims=claims,
    )


def _claim_note(claims: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return one note of what the file says of itself, or none."""
    says = "; ".join(f"{name} {text}" for name, text in claims if not name.endswith("_space") and name != "map")
    return (f"the file's own claim, not checked here: {says}",) if says else ()


def _check_shape(linear_map: LinearMap, source: Space, target: Space, *, file: Path) -> None:
    actual, want = (linear_map.target, linear_map.source), (target.dimension, source.dimension)
    if actual != want:
        sides = f"W {want}, from {source.describe()} to {target.describe()}"
        turned = "It fits the other way round: swap --source and --target." if actual == want[::-1] else ""
        raise MismatchError(expected(f"aligner {file}", sides, f"W {actual}", turned))


def _check_spaces(metadata: dict[str, str], source: Space, target: Space, *, file: Path) -> None:
    """Raise MismatchError when a file says that its map joins other spaces than those it is imported for."""
    sides = {"source": source, "target": target}
    if all(metadata.get(f"{side}_space", space.id) == space.id for side, space in sides.items()):
        return
    want = " to ".join(f"{space.name} (space {space.short})" for space in sides.values())
    actual = " to ".join(
        f"{metadata.get(side, '?')[:LONGEST_CLAIM]} (space {metadata.get(f'{side}_space', '?')[:SHORT]})"
        for side in sides
    )
    todo = "Name the encoders that it was fitted for as --source and --target."
    raise MismatchError(expected(f"aligner {file}", f"a map from {want}", f"one that says it goes from {actual}", todo))


def _features(images: Images, space: Space) -> Features:
    """Open a dataset's features in a space; raises UnknownName with the command that makes them, naming the encoder."""
    features = find_features(images, space.id)
    if features is None:
        want, todo = f"features in {space.describe()}", how_to_get(images.dataset, space.name)
        raise UnknownName(expected(f"features of {images.dataset}", want, "none in this space", todo))
    return features


def _measure(images: Images, stored: StoredMap, x: Features, y: Features, *, progress: Progress) -> pa.Table:
    linear_map = load_map(images.store, stored.digest)
    progress.start(f"measure {stored.name}", min(images.rows, x.rows, y.rows), "images")
    try:
        quality = measured(linear_map, _unseen(images, stored, x, y, progress))
    finally:
        progress.done()
    if quality is None:
        want = "2 rows or more with both features that the map was not fitted on"
        todo = "Name another dataset, or fit with --holdout."
        raise InputError(expected(f"{images.dataset}@{images.snapshot}", want, "fewer", todo))
    aligner = stored.certificate.aligner if stored.certificate is not None else IMPORTED
    row = {"aligner": aligner, "source": stored.source.name, "target": stored.target.name, **asdict(quality)}
    return pa.Table.from_pylist([row], schema=MAP_QUALITY)


def _unseen(
    images: Images, stored: StoredMap, x: Features, y: Features, progress: Progress
) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Yield (x, y) of the current rows with both features whose content was not fitted, each content once."""
    rows = min(images.rows, x.rows, y.rows)
    fold = folds_of(stored.fitted(), content_hashes(images))[:rows]
    usable = searchable(images, exclude_duplicates=True)[:rows] & (fold == FOLD_FULL)
    usable &= x.present(0, rows) & y.present(0, rows)
    for start, stop in ranges(rows, READ_ROWS):
        used = np.flatnonzero(usable[start:stop])
        if len(used):
            yield x.read(start, stop)[used], y.read(start, stop)[used]
        progress.advance(stop - start)
