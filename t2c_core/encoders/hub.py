"""Weights on a hub: found in the local cache first, fetched when the network is there, else an error that says what to do."""

import os
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

from t2c.schemas.errors import WeightsMissing, expected

TIMEOUT_S = 5.0
"""Seconds to wait for the hub's address before calling it unreachable."""

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


def cached_file(repository: str, filenames: Iterable[str]) -> str | None:
    """Return the path of the first of these files that the Hugging Face cache holds, or None; never uses the network."""
    from huggingface_hub import try_to_load_from_cache

    for filename in filenames:
        path = try_to_load_from_cache(repository, filename)
        if isinstance(path, str):
            return path
    return None


def reachable(url: str) -> bool:
    """Tell whether the host of a URL accepts a connection; true without asking behind a proxy or with a hub offline switch."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        return False
    if any(os.environ.get(name) for name in _PROXIES):
        return True
    parts = urlsplit(url)
    port = parts.port or (80 if parts.scheme == "http" else 443)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=TIMEOUT_S).close()
    except OSError:
        return False
    return True


def hub_url() -> str:
    """Return the Hugging Face endpoint in use (HF_ENDPOINT or the public one)."""
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def weights_missing(name: str, source: str, *, reason: str) -> WeightsMissing:
    """Return the error for weights that are neither here nor reachable: which file to fetch and what to type then."""
    todo = f"On a machine with network, fetch {source}; copy the file here and write {name}@/path/to/FILE"
    return WeightsMissing(
        expected(f"weights of {name}", "a file in the local cache or a network that reaches it", reason, todo)
    )
