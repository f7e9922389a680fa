"""The handle of a store, and opening one: a folder or an fsspec URL with the marker file of a known format."""

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from t2c.schemas.digest import canonical_json
from t2c.schemas.errors import SpecError, StoreError, T2CError, expected
from t2c.store.disk.files import Files
from t2c.store.disk.local_files import LocalFiles
from t2c.store.disk.paths import MARKER

FORMAT = 1
"""Format of the store this code reads and writes."""


@dataclass(frozen=True, slots=True)
class Store:
    """A store's address; cheap to make, to compare, and to send to a worker."""

    url: str
    """Absolute local folder, or an fsspec URL such as s3://bucket/prefix."""
    storage_options: tuple[tuple[str, Any], ...] = field(default=(), hash=False)
    """Options for fsspec, as pairs; empty for a local folder. Credentials come from the environment instead."""

    @property
    def files(self) -> Files:
        """The bytes under the address; one connection per process and address."""
        return _files(os.getpid(), self.url, _Options(self.storage_options))

    def __str__(self) -> str:
        return self.url


class _Options(tuple[tuple[str, Any], ...]):
    """Options compared by their text, so that nested dictionaries can be part of a cache key."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(repr(self))


@functools.lru_cache(maxsize=32)
def _files(pid: int, url: str, options: _Options) -> Files:  # noqa: ARG001 - a fork must not share a connection
    if "://" not in url:
        return LocalFiles(url)
    from t2c.store.disk.object_files import ObjectFiles

    return ObjectFiles(url, dict(options))


def open_store(url: str | Path, *, create: bool = False, storage_options: Mapping[str, Any] | None = None) -> Store:
    """Open the store at a folder or fsspec URL; with `create`, make one where there is none (an empty folder is one).

    Raises StoreError when there is no store (or something else) there, when its format is newer than this code, or
    when the address cannot be reached; StoreWriteError when it cannot be created.
    """
    store = Store(_absolute(url), tuple(sorted((storage_options or {}).items())))
    _refuse_file(store)
    try:
        marker = store.files.find(MARKER)
        if marker is None:
            marker = _create(store) if create else _refuse_missing(store)
    except T2CError:
        raise
    except Exception as error:  # every fsspec back end has its own errors for "not reachable"
        todo = "Check the address, the credentials in the environment and the network."
        raise StoreError(expected(f"store {store.url}", "an address that answers", f"{error}", todo)) from error
    _check_format(store, marker)
    return store


def _absolute(url: str | Path) -> str:
    text = str(url)
    if not text.strip():
        raise SpecError(expected("store", "a folder or an fsspec URL such as s3://bucket/prefix", "nothing"))
    if text.startswith("file://"):
        text = text.removeprefix("file://")
    return text.rstrip("/") if "://" in text else str(Path(text).expanduser().absolute())


def _refuse_file(store: Store) -> None:
    """Raise StoreError when the address, or a folder on the way to it, is a file."""
    for place in (Path(store.url), *Path(store.url).parents) if "://" not in store.url else ():
        if os.path.lexists(place):
            if not place.is_dir():
                todo = "Choose a new or empty folder."
                raise StoreError(expected(f"store {store.url}", "a folder", f"{place}, which is none", todo))
            return


def _refuse_missing(store: Store) -> bytes:
    actual = "nothing there" if store.files.empty() else "a folder that holds something else"
    todo = "Make one by indexing images: t2c index FOLDER --name NAME (it takes --store too)."
    raise StoreError(expected(f"store {store.url}", f"a folder with {MARKER}", actual, todo))


def _create(store: Store) -> bytes:
    if not store.files.empty():
        todo = "Choose a new or empty folder."
        raise StoreError(
            expected(f"store {store.url}", "a store or an empty folder", "a folder that holds something else", todo)
        )
    store.files.put_if_absent(MARKER, canonical_json({"format": FORMAT, "made_by": "t2c-audit-store"}) + b"\n")
    return store.files.read(MARKER)


def _check_format(store: Store, marker: bytes) -> None:
    try:
        number = json.loads(marker)["format"]
    except (ValueError, KeyError, TypeError):
        number = None
    if not isinstance(number, int):
        raise StoreError(expected(f"{store.url}/{MARKER}", 'JSON with a "format" number', repr(marker[:80])))
    if number > FORMAT:
        todo = "Upgrade t2c: it was written by a newer one"
        raise StoreError(expected(f"store {store.url}", f"format {FORMAT} or older", f"format {number}", todo))
