"""Hugging Face's metadata files beside the images of a folder, or of any folder inside it: a column file_name, then anything.

Names match as paths: relative to the metadata file's own folder, `./` and backslashes put right, Unicode in its
composed form; upper and lower case count. A file that describes other images than those that are there is refused.
"""

import posixpath
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from t2c.schemas.errors import InputError, expected
from t2c.store.sources.items import Fields, check_columns
from t2c.store.sources.text_tables import read_rows

METADATA_FILES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""What they are called, in any case; the first of a folder counts."""

_KEYS = ("file_name", "image_id")
_MOST_STRANGE = 0.5
"""Share of rows without an image and of images without a row; beyond it on both sides the file is about other images."""


def is_metadata(image_id: str) -> bool:
    """Return whether a file is a metadata file by its name, in whatever folder."""
    return image_id.rpartition("/")[2].lower() in METADATA_FILES


def name_key(name: str) -> str:
    """Return what two names of one image have in common: `.\\a\\b.jpg` and `a/b.jpg`, composed and decomposed letters."""
    return posixpath.normpath(unicodedata.normalize("NFC", name.strip().replace("\\", "/"))).lstrip("/")


@dataclass(slots=True)
class Described:
    """Rows of metadata files, by the image that they describe."""

    rows: dict[str, Mapping[str, object]] = field(default_factory=dict)
    """Image id to its row; the last where there are several."""
    total: int = 0
    """Rows read."""
    strange: list[str] = field(default_factory=list)
    """Names that no image has."""
    repeated: list[str] = field(default_factory=list)
    """Names that came before."""

    def notes(self) -> tuple[str, ...]:
        """Return a line each for rows that match no image and for images that are named twice."""
        told = (
            (self.strange, "match no image", "Names are paths relative to the metadata file; case counts."),
            (self.repeated, "name an image again", "The last row counts."),
        )
        return tuple(
            f"metadata: {len(names):,} of {self.total:,} rows {what}, first {names[0][:200]!r}. {rule}"
            for names, what, rule in told
            if names
        )


def describe(ids: Sequence[str], files: Mapping[str, bytes], fields: Fields, *, where: str) -> Described:
    """Return the rows of metadata files (path in the folder to bytes) for the images they describe.

    Raises InputError for a file that is no table, has no file_name or is about other images, SpecError for a column.
    """
    known = {name_key(image_id): image_id for image_id in ids} | {image_id: image_id for image_id in ids}
    described = Described()
    for path in sorted(files, key=lambda path: (posixpath.dirname(path), METADATA_FILES.index(_base(path)))):
        rows = _named_rows(path, files[path], fields, where)
        described.total += len(rows)
        for name, row in rows:
            full = posixpath.join(posixpath.dirname(path), name)
            image_id = known.get(full) or known.get(name_key(full))
            if image_id is None:
                described.strange.append(name)
                continue
            if image_id in described.rows:
                described.repeated.append(name)
            described.rows[image_id] = row
    _check_share(described, ids, where)
    return described


def _base(path: str) -> str:
    return posixpath.basename(path).lower()


def _named_rows(path: str, data: bytes, fields: Fields, where: str) -> list[tuple[str, Mapping[str, object]]]:
    subject = f"{where}/{path}"
    try:
        columns, rows = read_rows(path, data)
    except ValueError as reason:
        raise InputError(expected(subject, "a table", f"an error: {reason}")) from reason
    key = next((column for column in _KEYS if column in columns), None)
    if key is None:
        todo = "Name the column that holds paths relative to the folder file_name."
        if len(columns) == 1 and any(mark in columns[0] for mark in ";\t|"):
            todo = "Save it with commas between the columns."
        raise InputError(expected(subject, "a column file_name", ", ".join(columns) or "no columns", todo))
    check_columns(fields.columns, columns, where=subject)
    wanted = tuple(dict.fromkeys((key, *fields.columns)))
    return [(str(row[key]), {name: row.get(name) for name in wanted}) for row in rows if row.get(key)]


def _check_share(described: Described, ids: Sequence[str], where: str) -> None:
    if not described.total or not ids:
        return
    strange = len(described.strange) / described.total
    bare = 1 - len(described.rows) / len(ids)
    if (strange > _MOST_STRANGE and bare > _MOST_STRANGE) or not described.rows:
        got = (
            f"{len(described.strange):,} of {described.total:,} that are there under no such name, "
            f"first {described.strange[0][:200]!r} where the images are called {ids[0][:200]!r}"
        )
        todo = "Put the metadata file where its names start, or mend the names."
        raise InputError(expected(f"rows of the metadata in {where}", "names of images", got, todo))
