"""One input of a dataset before it is read: its id, where its bytes are, and what the source says about it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from t2c.schemas.errors import InputError, SpecError, expected
from t2c.store.sources.cells import text_or_none, time_or_none

IMAGE_SUFFIXES = frozenset(
    f".{name}"
    for name in (
        *(
            "jpg",
            "jpeg",
            "jpe",
            "jfif",
            "png",
            "webp",
            "gif",
            "bmp",
            "dib",
            "tif",
            "tiff",
            "avif",
            "avifs",
            "heic",
            "heif",
        ),
        *("jp2", "j2k", "jpx", "ppm", "pgm", "pbm", "pnm", "tga", "ico", "psd"),
    )
)
"""Names that promise an image; used to tell containers from folders, never to decide what a file is."""

_BESIDE = frozenset(
    f".{name}"
    for name in (
        *(
            "txt",
            "caption",
            "json",
            "jsonl",
            "ndjson",
            "csv",
            "tsv",
            "parquet",
            "arrow",
            "md",
            "rst",
            "yaml",
            "yml",
            "toml",
        ),
        *("xml", "npy", "npz", "cls", "log", "ini", "cfg", "lst", "sqlite", "db", "py", "sh", "ipynb", "sha256", "md5"),
    )
)
_BESIDE_NAMES = frozenset({"readme", "license", "licence", "copying", "changelog", "makefile", "checksums", "manifest"})
_HIDDEN = frozenset({"Thumbs.db", "desktop.ini", "__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information"})
_SPLITS = r"train|training|val|valid|validation|dev|eval|test|testing"
_SPLIT_FOLDER = re.compile(_SPLITS, re.I)
_SPLIT_SHARD = re.compile(rf"({_SPLITS})(?![A-Za-z0-9])", re.I)


@dataclass(frozen=True, slots=True)
class Item:
    """One input: exactly one outcome will be recorded for it."""

    image_id: str
    """Path relative to the dataset, or the key inside a container; valid UTF-8, otherwise anything."""
    uri: str
    """Where the bytes are (t2c.store.sources.uris)."""
    label: str | None = None
    """Class label; None when unknown."""
    split: str | None = None
    """train, test, ...; None when unknown."""
    captured_at: datetime | None = None
    """When the picture was taken, from a column, UTC; None when no column says."""
    outcome: str | None = None
    """corrupt, unsupported or missing when that is known without reading the bytes; else None."""
    error: str | None = None
    """Why, when outcome is set."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Where label, split, time and id of an item come from."""

    label: str = "auto"
    """`folder`: the image's own folder; `none`; a column name; `auto`: folder, a column `label`, or webdataset's .cls."""
    split: str = "auto"
    """`folder`: a folder or shard called train, val, test, ...; `none`; a column name; `auto`: a column `split`, else folder."""
    captured_at: str = "exif"
    """`exif`: DateTimeOriginal; `none`; a column of times or ISO 8601 text (no offset means UTC)."""
    ids: str = "path"
    """Parquet only: `path`: the image's path field, else its row; `row`: always the row; or a column name."""
    image: str = ""
    """Parquet only: column that holds the image bytes; empty finds it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that were asked for by name."""
        named = (
            (self.label, ("auto", "folder", "none")),
            (self.split, ("auto", "folder", "none")),
            (self.captured_at, ("exif", "none")),
        )
        return tuple(name for name, words in named if name not in words)


@dataclass(frozen=True, slots=True)
class Source:
    """Everything a source holds, listed but not read."""

    kind: str
    """folder, tar or parquet."""
    location: str
    """Absolute path or URL."""
    items: tuple[Item, ...]
    """Folders: sorted by image_id. Containers: shard by shard in name order, then as stored."""
    skipped: int
    """Hidden files and folders, and metadata beside the images: not inputs."""
    notes: tuple[str, ...] = ()
    """What a user should know about the metadata: rows that match no image, images named twice."""


def is_hidden(path: str) -> bool:
    """Return whether a path is skipped in every source: dot files, and what operating systems leave behind."""
    return any((part.startswith(".") and part not in (".", "..")) or part in _HIDDEN for part in path.split("/"))


def is_beside(path: str) -> bool:
    """Return whether a name promises a caption, table or note that lies beside images, so that it is no bad image."""
    name = PurePosixPath(path).name.lower()
    return PurePosixPath(name).suffix in _BESIDE or name in _BESIDE_NAMES


def label_of_folder(image_id: str) -> str | None:
    """Return the name of the folder an image lies in; None at the top or when that folder only names a split."""
    parent = PurePosixPath(image_id).parent.name
    return None if not parent or _SPLIT_FOLDER.fullmatch(parent) else parent


def split_of_path(path: str, *, shard: bool = False) -> str | None:
    """Return the split that a folder on the path names, or for a shard the one its file name starts with."""
    parts = PurePosixPath(path).parts
    found = next((part for part in parts[:-1] if _SPLIT_FOLDER.fullmatch(part)), None)
    if found is None and shard and parts:
        match = _SPLIT_SHARD.match(parts[-1])
        found = match[1] if match else None
    return found


def fields_from_row(row: Mapping[str, object], fields: Fields, *, subject: str) -> dict[str, object]:
    """Return label, split and captured_at of one metadata row, for those that were asked for by column name."""
    asked = fields.columns
    values: dict[str, object] = {}
    if fields.label in asked:
        values["label"] = text_or_none(row.get(fields.label), subject=f"label of {subject}")
    if fields.split in asked:
        values["split"] = text_or_none(row.get(fields.split), subject=f"split of {subject}")
    if fields.captured_at in asked:
        values["captured_at"] = time_or_none(row.get(fields.captured_at), subject=f"captured_at of {subject}")
    return values


def check_columns(asked: Iterable[str], known: Iterable[str], *, where: str) -> None:
    """Raise SpecError unless every column asked for is known."""
    names = list(known)
    for name in asked:
        if name not in names:
            listed = ", ".join(repr(column) for column in names[:12]) or "no columns"
            raise SpecError(
                expected(f"column {name!r} of {where}", f"one of {listed}", "no such column", "Name another column.")
            )


def check_unique(items: Iterable[Item], *, where: str) -> None:
    """Raise InputError naming the id when two items share one."""
    seen: dict[str, str] = {}
    for item in items:
        first = seen.setdefault(item.image_id, item.uri)
        if first is not item.uri:
            got = f"{item.image_id[:200]!r} twice: {first[:300]} and {item.uri[:300]}"
            todo = "Rename one; for Parquet, --ids row numbers the rows instead."
            raise InputError(expected(f"image ids of {where}", "one image an id", got, todo))
