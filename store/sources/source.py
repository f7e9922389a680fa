"""Where images come from: a folder, webdataset tars or Parquet files, on this machine or on an fsspec URL.

Opening a source lists it (ids, places, labels) and reads no image; `open_bytes` reads one image by its URI.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from t2c.schemas.errors import InputError, T2CError, expected
from t2c.store.disk.open_files import filesystem_of, open_file
from t2c.store.sources.folder import describe_items, walk_local, walk_remote
from t2c.store.sources.image_bytes import open_bytes, open_stream
from t2c.store.sources.items import IMAGE_SUFFIXES, Fields, Item, Source, check_unique, is_beside
from t2c.store.sources.metadata import METADATA_FILES, Described, describe, is_metadata
from t2c.store.sources.unpacked import is_tar, packing, unpack
from t2c.store.sources.uris import is_remote, parse_uri

__all__ = ["Fields", "Item", "Source", "open_bytes", "open_source", "open_stream"]

_WANT = "a folder, .tar or .parquet"
_EXAMPLE = "Try: t2c index photos/ --name photos"


@dataclass(frozen=True, slots=True)
class _Listing:
    """The files of a source, before anybody asks what they are."""

    location: str
    items: list[Item]
    hidden: int
    remote: bool


def open_source(location: str | Path, *, fields: Fields | None = None, kind: str = "auto") -> Source:
    """List a source; `kind` is folder, tar, parquet, or auto, which looks at the file names.

    Raises InputError for a missing or empty source, for a file that is no container, and for two images with one id;
    SpecError for a column that is not there; MissingExtra for an address whose driver is not installed.
    """
    fields = fields or Fields()
    listing = _list(str(location))
    if kind == "auto":
        kind = _kind(listing)
    source = _open_folder(listing, fields) if kind == "folder" else _open_shards(listing, fields, kind)
    if not source.items:
        raise InputError(expected(f"source {listing.location}", "images", "no files", _EXAMPLE))
    check_unique(source.items, where=listing.location)
    return source


def _list(location: str) -> _Listing:
    if is_remote(location):
        return _list_remote(location.rstrip("/"))
    path = Path(location.removeprefix("file://")).expanduser()
    if not os.path.lexists(path):
        raise InputError(expected(f"source {location}", _WANT, "nothing there", _EXAMPLE))
    place = Path(os.path.realpath(path))
    if place.is_file():
        return _single(str(place), place.name, remote=False)
    if not place.is_dir():
        raise InputError(expected(f"source {location}", _WANT, "no regular file", _EXAMPLE))
    return _gather(str(place), walk_local(place), remote=False)


def _list_remote(url: str) -> _Listing:
    todo = "Check the address, the credentials in the environment and the network."
    try:
        filesystem, root = filesystem_of(url)
    except OSError as reason:
        want = "a folder or an fsspec URL such as s3://bucket/prefix"
        raise InputError(expected("source", want, repr(url), _EXAMPLE)) from reason
    filesystem.invalidate_cache()  # a long-lived process must see what is there now
    try:
        if filesystem.isfile(root):
            return _single(filesystem.unstrip_protocol(root), root.rpartition("/")[2], remote=True)
        listing = _gather(url, walk_remote(filesystem, root), remote=True)
    except T2CError:
        raise
    except Exception as reason:  # every fsspec back end has its own errors for "not reachable"
        raise InputError(expected(f"source {url}", "an address that answers", f"{reason}", todo)) from reason
    if not listing.items and not listing.hidden:
        raise InputError(expected(f"source {url}", "keys under this prefix", "none", todo))
    return listing


def _single(address: str, name: str, *, remote: bool) -> _Listing:
    from t2c.store.sources.uris import as_text, file_uri

    suffix = PurePosixPath(name).suffix.lower()
    if _shard_kind(name) is None:
        todo = (
            "Index the folder it lies in."
            if suffix in IMAGE_SUFFIXES
            else "Unpack it into a folder, or use .tar, .tar.gz, .tar.zst or .parquet."
        )
        raise InputError(expected(f"source {address}", _WANT, f"a {suffix or 'plain'} file", todo))
    return _Listing(address, [Item(as_text(name), file_uri(address))], 0, remote)


def _gather(location: str, walked: Iterator[Item | None], *, remote: bool) -> _Listing:
    items: list[Item] = []
    hidden = 0
    for item in walked:
        if item is None:
            hidden += 1
        else:
            items.append(item)
    return _Listing(location, items, hidden, remote)


def _shard_kind(name: str) -> str | None:
    """Return tar or parquet for the name of such a container, else None."""
    if is_tar(name):
        return "tar"
    return "parquet" if PurePosixPath(name).suffix.lower() == ".parquet" else None


def _kind(listing: _Listing) -> str:
    """Return tar or parquet when such files lie there and no image does, else folder."""
    suffixes = {PurePosixPath(item.image_id).suffix.lower() for item in listing.items}
    kinds = {kind for item in listing.items if (kind := _shard_kind(item.image_id))}
    if suffixes & IMAGE_SUFFIXES or not kinds:
        return "folder"
    if len(kinds) > 1:
        todo = "Say which with --kind tar or --kind parquet."
        raise InputError(expected(f"source {listing.location}", "tars or Parquet files", "both", todo))
    return kinds.pop()


def _open_folder(listing: _Listing, fields: Fields) -> Source:
    beside = {item.image_id: item for item in listing.items if is_metadata(item.image_id) and item.outcome is None}
    items = [item for item in listing.items if item.image_id not in beside]
    described = Described()
    if fields.columns:
        if not beside:
            got = f"no such file, and the columns {', '.join(map(repr, fields.columns))} asked for"
            todo = "Columns of a folder come from a metadata file with a column file_name."
            raise InputError(expected(f"source {listing.location}", " or ".join(METADATA_FILES), got, todo))
        files = {name: open_bytes(item.uri) for name, item in beside.items()}
        described = describe(
            [item.image_id for item in items if not is_beside(item.image_id)], files, fields, where=listing.location
        )
    found = describe_items(items, fields, described.rows)
    return Source("folder", listing.location, tuple(found), listing.hidden + len(beside), described.notes())


def _open_shards(listing: _Listing, fields: Fields, kind: str) -> Source:
    items: list[Item] = []
    skipped = listing.hidden
    for shard in sorted(listing.items, key=lambda item: item.image_id):
        if _shard_kind(shard.image_id) != kind:
            skipped += 1
        elif shard.outcome is not None:
            items.append(shard)
        else:
            found, left_out = _open_shard(shard, fields, kind)
            items += found
            skipped += left_out
    return Source(kind, listing.location, tuple(items), skipped)


def _open_shard(shard: Item, fields: Fields, kind: str) -> tuple[list[Item], int]:
    place = parse_uri(shard.uri)
    problem = None
    try:
        if packing(place.address):
            unpacked = unpack(place.address, remote=place.remote)
            stream, problem = unpacked.stream(), unpacked.problem
        else:
            stream = open_file(place.address, remote=place.remote)
    except OSError as reason:
        error = f"expected a file that can be read, but got: {reason.strerror or reason}"
        return [Item(shard.image_id, shard.uri, outcome="missing", error=error)], 0
    with stream:
        if kind == "tar":
            from t2c.store.sources.tar import list_tar

            return list_tar(stream, shard.image_id, place.address, fields=fields, problem=problem)
        from t2c.store.sources.parquet import list_parquet

        return list_parquet(stream, shard.image_id, place.address, fields=fields), 0
