"""The pictures of a reader as a dataset of the store: read and indexed once, then found again as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.data.index import index
from t2c.flows.engine.progress import Progress
from t2c.flows.suite.pictures import Pictures, packed
from t2c.flows.suite.readers import READERS
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.tables.tables import ATTRIBUTES
from t2c.store.artifacts.dataset_tables import read_attributes, write_attributes
from t2c.store.artifacts.images import Images, open_images
from t2c.store.disk import paths
from t2c.store.disk.manifest import find_manifest, snapshots
from t2c.store.disk.root import Store
from t2c.store.sources.source import Source
from t2c.store.sources.uris import parse_uri


@dataclass(frozen=True, slots=True)
class Prepared:
    """A dataset of the suite."""

    images: Images
    """Its images."""
    new: bool
    """Whether anything was indexed now."""


def dataset_of(reader: str) -> str:
    """Return the name under which the store keeps a reader's pictures."""
    return f"suite-{reader}"


def default_pictures(store: Store) -> Path:
    """Return the folder beside a local store for pictures that are no image files; SpecError for a store elsewhere."""
    if store.files.filesystem is not None:
        todo = "Name one: --pictures FOLDER"
        raise SpecError(expected("pictures folder", "a local folder for unpacked pictures", "none", todo))
    place = Path(store.url)
    return place.with_name(f"{place.name}-suite")


def prepare(store: Store, reader: str, data: Path, *, pictures: Path | None, progress: Progress) -> Prepared:
    """Read a reader's files and index what they show; a folder or a file that did not change is not read again.

    Raises InputError for files that are missing or damaged (each named), and what `index` raises.
    """
    chosen_reader = READERS[reader]
    source = chosen_reader.read(chosen_reader.folder.open(data) if not chosen_reader.drawn else {})
    name = dataset_of(reader)
    if isinstance(source, Pictures):
        place = pictures or default_pictures(store)
        source = packed(source, name=name, folder=place, progress=progress)
    if find_manifest(store, paths.images(name)) is not None:
        images = open_images(store, name)
        if _unchanged(images, source):
            return Prepared(images, new=False)
    report = index(store, source, name, captured_at="none", progress=progress)
    return Prepared(open_images(store, name), new=bool(report.new or report.changed or report.deleted))


def keep_classes(images: Images, name: str, mapping: Mapping[str, str]) -> None:
    """Keep which class of a task each label stands for as an attribute of the task's name, for who asks beside the suite.

    Images whose label stands for no class have no value. What is there already is not written again.
    """
    labels = images.table(["label"])["label"].to_pylist()
    values = {row: mapping[label] for row, label in enumerate(labels) if label in mapping}
    lines = [{"row": row, "name": name, "value": value, "number": None} for row, value in values.items()]
    table = pa.Table.from_pylist(lines, schema=ATTRIBUTES)
    held = read_attributes(images.store, images.dataset)
    if not held.filter(pc.equal(held["name"], name)).equals(table):
        write_attributes(images.store, images.dataset, table, parents=[images.manifest.as_parent()])


def _unchanged(images: Images, source: Source) -> bool:
    """Whether the index holds exactly these items and no file was touched since.

    What decides is the time at which the file system last changed the file's entry, which nobody can set back; a
    touched file is only a reason to hash everything again. A Parquet file of ours is named by what is in it.
    """
    indexed = images.table(["image_id", "uri", "label", "bytes", "outcome"])
    indexed = indexed.filter(pc.not_equal(indexed["outcome"], "missing"))
    listed = {row["image_id"]: (row["uri"], row["label"]) for row in indexed.to_pylist()}
    if listed != {item.image_id: (item.uri, item.label) for item in source.items}:
        return False
    if source.kind == "parquet":
        return True
    sizes = dict(zip(indexed["image_id"].to_pylist(), indexed["bytes"].to_pylist(), strict=True))
    indexed_at = _indexed_at(images)
    for item in source.items:
        try:
            status = Path(parse_uri(item.uri).address).stat()
        except OSError:
            return False
        if status.st_size != sizes[item.image_id] or status.st_ctime >= indexed_at:
            return False
    return True


def _indexed_at(images: Images) -> float:
    """Return when the newest rows were committed, in seconds since 1970 (later snapshots may hold outcomes alone)."""
    first = next(
        snapshot for snapshot in snapshots(images.store, images.manifest.artifact) if snapshot.rows == images.rows
    )
    return datetime.fromisoformat(first.created_at).timestamp()
