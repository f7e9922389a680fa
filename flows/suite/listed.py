"""Pictures that are image files already: which of a folder's files are the task's, and what each shows."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from t2c.flows.suite import classes
from t2c.schemas.errors import InputError, expected
from t2c.store.sources.items import IMAGE_SUFFIXES, Item
from t2c.store.sources.source import Source
from t2c.store.sources.uris import file_uri

NAMED = 20
"""Missing files that a message names; more are counted."""

TEST = "2"
"""CelebA's number of the test partition."""


def imagenet(files: Mapping[str, Path]) -> Source:
    """Return ImageNet's validation images, which lie in a folder a class, labelled by WordNet id."""
    return _source(files["val"], _in_class_folders(files["val"]))


def in9(files: Mapping[str, Path]) -> Source:
    """Return the unmodified validation images of ImageNet-9: nine folders, `00_dog` to `08_fish`."""
    root = files["00"].parent
    labels = {files[f"{number:02d}"].name: name for number, name in enumerate(classes.IN9)}
    return _source(root, ((path, labels[path.split("/")[0]]) for path, _ in _in_class_folders(root, only=labels)))


def dtd(files: Mapping[str, Path]) -> Source:
    """Return the first test split of the Describable Textures Dataset: lines such as `banded/banded_0002.jpg`."""
    root = files["images"]
    names = [line.strip() for line in files["split"].read_text(encoding="utf-8").splitlines() if line.strip()]
    _check_there(names, {f"{folder}/{name}" for folder in _folders(root) for name in _names(root / folder)}, root)
    return _source(root, ((name, name.rpartition("/")[0]) for name in names))


def shape(files: Mapping[str, Path]) -> Source:
    """Return the pictures of five of the nine 2D geometric shapes.

    The authors put all pictures into one folder and call them `Circle_<id>.png`; a folder a shape is read as well.
    """
    root, shapes = files["images"], set(classes.SHAPES)
    flat = [(name, name.partition("_")[0].casefold()) for name in _names(root)]
    nested = [(path, folder.casefold()) for path, folder in _in_class_folders(root)]
    return _source(root, ((path, label) for path, label in (*flat, *nested) if label in shapes))


def celeba(files: Mapping[str, Path]) -> Source:
    """Return CelebA's test images on which exactly one of four hair colours is marked, labelled by it.

    `list_attr_celeba.txt` holds a count, the attribute names, then `000001.jpg -1 1 ...`; `list_eval_partition.txt`
    holds `000001.jpg 0` with 2 for the test part. Raises InputError for lines of another form, and for images that the
    lists name but the folder lacks.
    """
    test = {name for name, part in _partition(files["partition"]) if part == TEST}
    labelled = [(name, hair) for name, hair in _hair(files["attributes"]) if name in test]
    _check_there([name for name, _ in labelled], set(_names(files["images"])), files["images"])
    return _source(files["images"], labelled)


def _partition(file: Path) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        words = line.split()
        if len(words) != 2:
            raise InputError(expected(f"line {number} of {file}", "an image and its partition", repr(line[:80])))
        yield words[0], words[1]


def _hair(file: Path) -> Iterator[tuple[str, str]]:
    """Yield the images that have exactly one hair colour, with it."""
    lines = file.read_text(encoding="utf-8").splitlines()
    header = lines[1].split() if len(lines) > 1 else []
    missing = [name for name in classes.HAIR if name not in header]
    if missing:
        raise InputError(expected(f"line 2 of {file}", "attribute names", f"no {' and no '.join(missing)}"))
    columns = {header.index(attribute) + 1: label for attribute, label in classes.HAIR.items()}
    for number, line in enumerate(lines[2:], 3):
        words = line.split()
        if len(words) != len(header) + 1:
            actual = f"{max(0, len(words) - 1)}"
            raise InputError(expected(f"line {number} of {file}", f"an image and {len(header)} values", actual))
        marked = [label for column, label in columns.items() if words[column] == "1"]
        if len(marked) == 1:
            yield words[0], marked[0]


def _source(root: Path, labelled: Iterable[tuple[str, str]]) -> Source:
    """Return files, given as path below root and label, as a source sorted by path."""
    place = os.path.realpath(root)
    items = [Item(path, file_uri(f"{place}/{path}"), label) for path, label in sorted(labelled)]
    if not items:
        raise InputError(expected(f"suite folder {root}", "images of the task", "none", "Unpack the archive there."))
    return Source("folder", place, tuple(items), 0)


def _in_class_folders(root: Path, *, only: Iterable[str] | None = None) -> Iterator[tuple[str, str]]:
    """Yield (path below root, folder name) of the image files one folder deep."""
    requested = None if only is None else set(only)
    for folder in _folders(root):
        if requested is None or folder in requested:
            yield from ((f"{folder}/{name}", folder) for name in _names(root / folder))


def _folders(root: Path) -> list[str]:
    return _scan(root, lambda entry: entry.is_dir() and not entry.name.startswith("."))


def _names(root: Path) -> list[str]:
    return _scan(root, lambda entry: Path(entry.name).suffix.lower() in IMAGE_SUFFIXES and entry.is_file())


def _scan(root: Path, keep: Callable[[os.DirEntry[str]], bool]) -> list[str]:
    with os.scandir(root) as entries:
        return sorted(entry.name for entry in entries if keep(entry))


def _check_there(names: Sequence[str], existing: set[str], root: Path) -> None:
    """Raise InputError naming the files that are not there."""
    missing = [name for name in names if name not in existing]
    if missing:
        more = f" and {len(missing) - NAMED:,} more" if len(missing) > NAMED else ""
        actual = f"no {', '.join(missing[:NAMED])}{more}"
        raise InputError(expected(f"suite folder {root}", f"{len(names):,} listed images", actual, "Unpack it again."))
