"""Webdataset tars: images and their sidecars share a key, the path up to the first dot of the file name."""

import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from t2c.schemas.errors import InputError, expected
from t2c.store.sources.cells import text_or_none
from t2c.store.sources.items import (
    IMAGE_SUFFIXES,
    Fields,
    Item,
    fields_from_row,
    is_hidden,
    label_of_folder,
    split_of_path,
)
from t2c.store.sources.text_tables import decode_text
from t2c.store.sources.uris import as_text, file_uri, tar_uri

_MOST_SIDECAR = 1 << 20
_LABELS = ("label", "class", "cls")


def list_tar(
    stream: BinaryIO, name: str, address: str, *, fields: Fields, problem: str | None = None
) -> tuple[list[Item], int]:
    """Return the items of one tar in stored order, and how many hidden members and sidecar files were left out.

    An image's id is `<tar's relative name>/<member name>`. Members that share a key with an image are its sidecars,
    every other file is an input of its own, and so is a name that comes again: the first stands, later ones are
    `unsupported`. A tar that ends early, or of which unpacking found a problem, gives what was whole and one corrupt
    item for itself.
    """
    shard = as_text(name)
    stored, damage = _members(stream)
    problem = problem or damage
    members = [member for member in stored if not is_hidden(member.name)]
    keys = {_key(member.name) for member in members if _is_image(member)}
    sidecars = [member for member in members if not _is_image(member) and _key(member.name) in keys]
    rows = _read_sidecars(stream, sidecars, fields, shard)
    left_out = set(map(id, sidecars))
    items: list[Item] = []
    times: Counter[str] = Counter()
    for member in members:
        if id(member) in left_out:
            continue
        times[member.name] += 1
        if times[member.name] == 1:
            items.append(_item(member, shard, address, fields, rows))
        else:
            items.append(_again(member, shard, address, times[member.name]))
    if problem:
        items.append(Item(shard, file_uri(address), outcome="corrupt", error=problem))
    return items, len(sidecars) + len(stored) - len(members)


def _again(member: tarfile.TarInfo, shard: str, address: str, times: int) -> Item:
    """Return the item of a name that came before: a tar that was appended to, or two runs of a writer."""
    error = f"expected each name once in a tar, but got {as_text(member.name)[:200]!r} for the {times}. time"
    image_id = f"{shard}/{as_text(member.name)}#{times}"
    return Item(image_id, file_uri(address), outcome="unsupported", error=error)


def _members(stream: BinaryIO) -> tuple[list[tarfile.TarInfo], str | None]:
    found: list[tarfile.TarInfo] = []
    size = stream.seek(0, 2)
    stream.seek(0)
    try:
        for member in _open(stream):
            if member.isreg() and member.offset_data + member.size > size:
                return found, f"expected a whole tar, but got one that ends inside {as_text(member.name)[:200]!r}"
            if not member.isdir():
                found.append(member)
    except (tarfile.TarError, EOFError, OSError, ValueError) as reason:
        return found, f"expected a tar, but got: {reason}"
    return found, None


def _open(stream: BinaryIO) -> Iterator[tarfile.TarInfo]:
    with tarfile.open(fileobj=stream, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
        yield from tar


def _is_image(member: tarfile.TarInfo) -> bool:
    return member.isreg() and PurePosixPath(member.name).suffix.lower() in IMAGE_SUFFIXES


def _key(name: str) -> str:
    folder, slash, base = name.rpartition("/")
    return f"{folder}{slash}{base.partition('.')[0]}"


def _item(member: tarfile.TarInfo, shard: str, address: str, fields: Fields, rows: dict[str, dict[str, Any]]) -> Item:
    image_id = f"{shard}/{as_text(member.name)}"
    if not member.isreg():
        error = "expected a regular file, but got a link or device inside the tar"
        return Item(image_id, file_uri(address), outcome="unsupported", error=error)
    row = rows.get(_key(member.name), {})
    found: dict[str, Any] = fields_from_row(row, fields, subject=repr(image_id[:200]))
    if fields.label == "auto":
        found["label"] = next((_text(row, name, image_id) for name in _LABELS if name in row), None)
    if fields.label == "folder" or (fields.label == "auto" and found["label"] is None):
        found["label"] = label_of_folder(as_text(member.name))
    if fields.split in ("auto", "folder"):
        said_split = _text(row, "split", image_id) if fields.split == "auto" else None
        found["split"] = said_split or split_of_path(shard, shard=True)
    return Item(image_id, tar_uri(address, member.offset_data, member.size), **found)


def _text(row: dict[str, Any], name: str, image_id: str) -> str | None:
    return text_or_none(row.get(name), subject=f"{name} of {image_id[:200]!r}")


def _read_sidecars(
    stream: BinaryIO, sidecars: list[tarfile.TarInfo], fields: Fields, shard: str
) -> dict[str, dict[str, Any]]:
    """Return key -> what its .json says, and its .cls as `cls`; empty when no field needs them."""
    rows: dict[str, dict[str, Any]] = {}
    if "auto" not in (fields.label, fields.split) and not fields.columns:
        return rows
    for member in sidecars:
        kind = member.name.rpartition(".")[2].lower()
        if kind in ("json", "cls") and member.isreg() and member.size <= _MOST_SIDECAR:
            stream.seek(member.offset_data)
            name = f"{shard}/{as_text(member.name)}"
            rows.setdefault(_key(member.name), {}).update(_parse(kind, stream.read(member.size), name))
    return rows


def _parse(kind: str, data: bytes, name: str) -> dict[str, Any]:
    """Return what a sidecar says; raises InputError for text that is not UTF-8, which would become another class."""
    try:
        text = decode_text(data).strip()
    except ValueError as reason:
        todo = "Mend the file, or pass --label-from none or folder."
        raise InputError(expected(f"sidecar {name[:200]}", "text in UTF-8", f"{reason}", todo)) from reason
    if kind == "cls":
        return {"cls": text}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
