"""Where an image's bytes are, as text: a path or URL, with `#tar=offset,size` or `#parquet=row,column` inside a container.

Local paths are written as they are unless they hold '#', '%' or bytes that are not UTF-8: those become percent-encoded
`file://` URLs. In remote URLs '#' and '%' of a key are percent-encoded. So every URI leads back to exactly one file.
"""

import os
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, unquote_to_bytes

_FRAGMENT = re.compile(r"(.*)#(?:tar=(\d+),(\d+)|parquet=(\d+),(.*))", re.S)


@dataclass(frozen=True, slots=True)
class Place:
    """A parsed URI."""

    address: str
    """Absolute local path (bytes that are not UTF-8 as Python's surrogates) or an fsspec URL with nothing encoded."""
    remote: bool = False
    """True when address is a URL."""
    offset: int | None = None
    """First byte inside a tar; None when the place is no tar member."""
    size: int = 0
    """Bytes of the tar member."""
    row: int | None = None
    """Row inside a Parquet file; None when the place is no Parquet row."""
    column: str = ""
    """Column that holds the image, when row is set."""


def is_remote(text: str) -> bool:
    """Return whether text is an fsspec URL rather than a local path."""
    return bool(re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text)) and not text.startswith("file://")


def file_uri(address: str) -> str:
    """Return the URI of a whole file given its absolute local path or its URL."""
    if is_remote(address):
        return address.replace("%", "%25").replace("#", "%23")
    if "#" in address or "%" in address or not is_text(address):
        return "file://" + quote(os.fsencode(address))
    return address


def tar_uri(address: str, offset: int, size: int) -> str:
    """Return the URI of `size` bytes at `offset` of an uncompressed tar."""
    return f"{file_uri(address)}#tar={offset},{size}"


def parquet_uri(address: str, row: int, column: str) -> str:
    """Return the URI of the image in one row of a Parquet file."""
    return f"{file_uri(address)}#parquet={row},{quote(column)}"


def parse_uri(uri: str) -> Place:
    """Return what a URI written by this module means."""
    match = _FRAGMENT.fullmatch(uri)
    base = match[1] if match else uri
    remote = is_remote(base)
    if base.startswith("file://"):
        address = os.fsdecode(unquote_to_bytes(base.removeprefix("file://")))
    else:
        address = unquote(base) if remote else base
    if match is None:
        return Place(address, remote)
    if match[2] is not None:
        return Place(address, remote, offset=int(match[2]), size=int(match[3]))
    return Place(address, remote, row=int(match[4]), column=unquote(match[5]))


def is_text(name: str) -> bool:
    """Return whether a file name is valid UTF-8 (Python marks other bytes with surrogates)."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def as_text(name: str) -> str:
    r"""Return a file name as valid UTF-8: bytes that are not become `\xNN`, and only then a backslash becomes two."""
    if is_text(name):
        return name
    return os.fsencode(name.replace("\\", "\\\\")).decode("utf-8", "backslashreplace")
