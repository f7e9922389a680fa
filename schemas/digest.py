"""Stable digests: sha256 over sorted, compact JSON of a spec and its parents."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any

SHORT = 12
"""Hex digits of a digest used in file names and messages."""


def canonical_json(value: Any) -> bytes:
    """Return value as UTF-8 JSON with sorted keys, no spaces and no NaN: the same bytes for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest(value: Any) -> str:
    """Return the sha256 hex digest of a JSON value's canonical bytes."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def digest_bytes(*parts: bytes | memoryview) -> str:
    """Return the sha256 hex digest of the parts, one after the other."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()


def artifact_digest(spec: Any, parents: Iterable[str]) -> str:
    """Return the digest that names an artifact: its spec and its parents' digests (order kept)."""
    return digest({"spec": spec, "parents": list(parents)})
