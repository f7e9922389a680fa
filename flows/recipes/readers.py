"""Datasets that lie on disk in a layout of their own: which files are images, what they show, what else is known of them.

Nothing is unpickled and no mask is read; a reader lists files and reads labels, attributes and mappings.
"""

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from t2c.schemas.errors import InputError, SpecError, expected, unknown
from t2c.store.sources.items import IMAGE_SUFFIXES, Item
from t2c.store.sources.source import Source
from t2c.store.sources.uris import file_uri

RIVAL10_ATTRIBUTES = (
    "long-snout", "wings", "wheels", "text", "horns", "floppy-ears", "ears", "colored-eyes", "tail",
    "mane", "beak", "hairy", "metallic", "rectangular", "wet", "long", "tall", "patterned",
)  # fmt: skip
"""The attributes of RIVAL10's public label files, in their order; the paper speaks of 28, which were never released."""

_MASK, _LABELS = "_merged_mask", "_attr_labels.npy"


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """A dataset as its reader lists it: images with labels, and attributes."""

    source: Source
    """The images, labelled."""
    attributes: pa.Table
    """image_id, then a column an attribute; no column where the dataset has none."""


def read_rival10(folder: str | Path, *, part: str = "") -> Listed:
    """Read RIVAL10: `{train,test}/ordinary/<wnid>_<n>.JPEG`, attributes beside each image, classes in `meta/`.

    `part` is train, test, or empty for both. Attributes are `<image>_attr_labels.npy` (no pickle), the first row of
    which holds 0 or 1 an attribute, in the order of RIVAL10_ATTRIBUTES or of the list in `meta/attributes.json`.
    Merged masks and mask dictionaries are left alone. Raises InputError naming the file that is missing or of another form.
    """
    top = Path(folder)
    parts = _choose_parts(top, part)
    class_of = _rival10_classes(top)
    names = _rival10_attributes(top)
    items: list[Item] = []
    values: list[np.ndarray[Any, Any]] = []
    skipped = 0
    for split in parts:
        place = top / split / "ordinary"
        for name in _names(place):
            stem, suffix = os.path.splitext(name)  # noqa: PTH122 - names, not paths
            if suffix.lower() not in IMAGE_SUFFIXES or stem.endswith(_MASK):
                skipped += 1
                continue
            wnid = stem.partition("_")[0]
            if wnid not in class_of:
                want = "a file name that starts with a WordNet id of meta/wnid_to_class.json"
                raise InputError(expected(f"image {place / name}", want, repr(wnid)))
            items.append(Item(f"{split}/ordinary/{name}", _uri(place / name), class_of[wnid], split))
            values.append(_rival10_values(place / f"{stem}{_LABELS}", names))
    if not items:
        raise InputError(expected(f"RIVAL10 folder {top}", "images in train/ordinary or test/ordinary", "none"))
    stacked = np.stack(values)
    columns = {name: pa.array(stacked[:, at].astype(np.int8)) for at, name in enumerate(names)}
    table = pa.table({"image_id": [item.image_id for item in items], **columns})
    return Listed(Source("folder", str(top.absolute()), tuple(items), skipped), table)


def read_objectnet(folder: str | Path, *, part: str = "") -> Listed:
    """Read ObjectNet: `images/<folder>/*.png`, `mappings/folder_to_objectnet_label.json`, `objectnet_to_imagenet_1k.json`.

    Labels are ObjectNet's own names. Attributes: `imagenet` (yes or no: whether ImageNet-1k has the class) and
    `imagenet_classes` (the classes' names, `; ` between them, null without). `part` is `overlap` (yes alone) or empty.
    The red border that every image has is left on: an encoder that crops at 0.875 never sees it. Raises InputError.
    """
    top = Path(folder)
    if part not in ("", "overlap"):
        raise SpecError(expected("part of ObjectNet", "overlap, or nothing for all", repr(part)))
    label_of = _mapping(top / "mappings" / "folder_to_objectnet_label.json")
    imagenet = _mapping(top / "mappings" / "objectnet_to_imagenet_1k.json")
    items: list[Item] = []
    for name in _names(top / "images"):
        place = top / "images" / name
        if not place.is_dir():
            continue
        if name not in label_of:
            want = "a folder that mappings/folder_to_objectnet_label.json names"
            raise InputError(expected(f"folder {place}", want, repr(name)))
        label = str(label_of[name])
        if label in imagenet or not part:
            images = (file for file in _names(place) if Path(file).suffix.lower() in IMAGE_SUFFIXES)
            items += [Item(f"{name}/{file}", _uri(place / file), label) for file in images]
    if not items:
        raise InputError(expected(f"ObjectNet folder {top}", "images in images/<folder>", "none"))
    imagenet_classes = [imagenet.get(str(item.label)) for item in items]
    table = pa.table(
        {
            "image_id": [item.image_id for item in items],
            "imagenet": ["yes" if classes else "no" for classes in imagenet_classes],
            "imagenet_classes": pa.array(
                [str(classes) if classes else None for classes in imagenet_classes], pa.string()
            ),
        }
    )
    return Listed(Source("folder", str(top.absolute()), tuple(items), 0), table)


READERS: Mapping[str, Callable[..., Listed]] = {"rival10": read_rival10, "objectnet": read_objectnet}
"""Reader by the name that a recipe gives it; `folder` needs none."""


def _choose_parts(top: Path, part: str) -> tuple[str, ...]:
    parts = tuple(name for name in ("train", "test") if (top / name / "ordinary").is_dir())
    if part and part not in ("train", "test"):
        raise unknown("part of RIVAL10", part, ("train", "test"))
    if (part and part not in parts) or not parts:
        actual = f"{', '.join(parts)} alone" if parts else "neither"
        raise InputError(expected(f"RIVAL10 folder {top}", f"{part or 'train or test'}/ordinary", actual))
    return (part,) if part else parts


def _rival10_classes(top: Path) -> dict[str, str]:
    """Return WordNet id -> RIVAL10 class of the ids that have one."""
    names = _mapping(top / "meta" / "wnid_to_class.json")
    classes = _mapping(top / "meta" / "label_mappings.json")
    class_of = {wnid: classes[name] for wnid, name in names.items() if name in classes}
    return {wnid: str(value[0] if isinstance(value, list) else value) for wnid, value in class_of.items()}


def _rival10_attributes(top: Path) -> tuple[str, ...]:
    file = top / "meta" / "attributes.json"
    if not file.exists():
        return RIVAL10_ATTRIBUTES
    names = _json(file)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise InputError(expected(str(file), "a list of attribute names, each once", f"{type(names).__name__}"))
    return tuple(names)


def _rival10_values(file: Path, names: tuple[str, ...]) -> np.ndarray[Any, Any]:
    """Return 0 or 1 an attribute, (attributes,)."""
    want = f"an array of 0 and 1 with {len(names)} columns, one an attribute, that needs no pickle"
    todo = "Where the file has other attributes, list their names in order in meta/attributes.json."
    try:
        array = np.load(io.BytesIO(file.read_bytes()), allow_pickle=False)
    except FileNotFoundError as error:
        raise InputError(expected(f"attributes {file}", "one file beside each image", "none")) from error
    except (OSError, ValueError, EOFError) as error:
        raise InputError(expected(f"attributes {file}", want, f"{error}")) from error
    row = np.atleast_2d(array)[0] if array.ndim <= 2 and array.size else np.empty(0)
    if row.shape != (len(names),) or not np.isin(row, (0, 1)).all():
        raise InputError(expected(f"attributes {file}", want, f"shape {array.shape} of {array.dtype}", todo))
    attributes: np.ndarray[Any, Any] = row
    return attributes


def _mapping(file: Path) -> dict[str, Any]:
    value = _json(file)
    if not isinstance(value, dict):
        raise InputError(expected(str(file), "a JSON object", f"a {type(value).__name__}"))
    return value


def _json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(expected(str(file), "a file of the dataset", "none", "Unpack the whole archive.")) from error
    except (OSError, ValueError) as error:
        raise InputError(expected(str(file), "JSON", f"{error}")) from error


def _names(folder: Path) -> Iterator[str]:
    """Yield the names in a folder, sorted; raises InputError when it cannot be listed."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError as error:
        raise InputError(expected(f"folder {folder}", "one that can be listed", f"{error.strerror}")) from error
    yield from names


def _uri(path: Path) -> str:
    return file_uri(str(path.absolute()))
