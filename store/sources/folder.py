"""A folder of images, local or on an fsspec URL: every file that is not hidden is an input, whatever its name."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from t2c.store.sources.items import Fields, Item, fields_from_row, is_hidden, label_of_folder, split_of_path
from t2c.store.sources.uris import as_text, file_uri

_SPECIAL = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


def walk_local(root: Path) -> Iterator[Item | None]:
    """Yield a bare item for every file under root, None for every hidden file or folder (not entered).

    Nothing is opened. Links that leave the folder, links to folders, FIFOs, sockets and devices get the outcome
    `unsupported`; a dangling link and a folder that cannot be listed `missing`.
    """
    top = _slashed(os.path.realpath(root))
    folders = [""]
    while folders:
        folder = folders.pop()
        try:
            entries = list(os.scandir(os.path.join(top, folder)))  # noqa: PTH118 -- names may not be UTF-8
        except OSError as reason:
            yield _item(top, folder, "missing", f"expected a folder that can be listed, but got: {reason.strerror}")
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if is_hidden(entry.name):
                yield None
            elif entry.is_dir(follow_symlinks=False):
                folders.append(path)
            else:
                yield _judge(top, path, entry)


def _slashed(path: str) -> str:
    """Return a path with `/` between its parts on every system, as image ids and addresses have it."""
    return path.replace(os.sep, "/")


def _judge(top: str, path: str, entry: os.DirEntry[str]) -> Item:
    want = "expected a regular file, but got"
    if entry.is_file(follow_symlinks=False):
        return _item(top, path)
    if entry.is_symlink():
        return _judge_link(top, path, entry)
    mode = entry.stat(follow_symlinks=False).st_mode
    kind = next((words for test, words in _SPECIAL if test(mode)), "something else")
    return _item(top, path, "unsupported", f"{want} {kind}")


def _judge_link(top: str, path: str, entry: os.DirEntry[str]) -> Item:
    want = "expected a regular file, but got a link"
    target = _slashed(os.path.realpath(entry.path))
    if not target.startswith(top.rstrip("/") + "/"):
        return _item(top, path, "unsupported", f"{want} that leaves the folder")
    try:
        mode = os.stat(target).st_mode  # noqa: PTH116 -- names may not be UTF-8
    except OSError:
        return _item(top, path, "missing", f"{want} to nothing")
    if stat.S_ISDIR(mode):
        return _item(top, path, "unsupported", f"{want} to a folder (its files are indexed where they are)")
    kind = next((words for test, words in _SPECIAL if test(mode)), None)
    return _item(top, path, "unsupported", f"{want} to {kind}") if kind else _item(top, path)


def _item(top: str, path: str, outcome: str | None = None, error: str | None = None) -> Item:
    return Item(as_text(path), file_uri(f"{top.rstrip('/')}/{path}"), outcome=outcome, error=error)


def walk_remote(filesystem: Any, root: str) -> Iterator[Item | None]:
    """Yield a bare item for every key under root of an fsspec filesystem, None for hidden ones."""
    for path in filesystem.find(root):
        relative = path[len(root) :].lstrip("/")
        if is_hidden(relative):
            yield None
        elif relative:
            yield Item(as_text(relative), file_uri(filesystem.unstrip_protocol(path)))


def describe_items(items: list[Item], fields: Fields, metadata: Mapping[str, Mapping[str, object]]) -> list[Item]:
    """Return the items sorted by id, with label, split and time from their folder or the metadata's columns."""
    described = []
    for item in sorted(items, key=lambda item: item.image_id):
        found = fields_from_row(metadata.get(item.image_id, {}), fields, subject=repr(item.image_id[:200]))
        if fields.label in ("auto", "folder"):
            found["label"] = label_of_folder(item.image_id)
        if fields.split in ("auto", "folder"):
            found["split"] = split_of_path(item.image_id)
        described.append(Item(item.image_id, item.uri, outcome=item.outcome, error=item.error, **found))  # type: ignore[arg-type]
    return described
