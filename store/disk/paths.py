"""The one place that builds store paths: every artifact's folder, its manifests, and the names of its files.

A path is relative to the store's root, with `/` between parts on every system. An artifact is named by a kind and a
name, and `artifact(kind, name)` is its folder:

    kind           name                                   folder
    images         photos                                 datasets/photos/images
    attributes     photos                                 datasets/photos/attributes
    predictions    photos                                 datasets/photos/predictions
    features       photos/timm-resnet50-0123456789ab      features/photos/timm-resnet50-0123456789ab.zarr
    linear_maps    0123456789ab...                        linear_maps/0123456789ab...
    concepts       everyday                               concepts/everyday
    similarities   photos/0123456789ab/everyday           similarities/photos/0123456789ab/everyday
    comparable     photos/0123456789ab/everyday           comparable/photos/0123456789ab/everyday
    answers        shift/0123456789ab                     answers/shift/0123456789ab
    bottlenecks    0123456789ab...                        bottlenecks/0123456789ab...
    vocabularies   0123456789ab...                        vocabularies/0123456789ab...
"""

import re
from pathlib import PurePosixPath

from t2c.schemas.digest import SHORT
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import check_name, slug
from t2c.schemas.spaces import Space

MARKER = "t2c-store.json"
"""The file at the root that says: this folder is a store of format 1."""

HASH = "*"
"""Stands in a new file's name for the first 12 hex digits of its content's sha256, known once it is written."""

TEMPORARY = ".tmp-"
"""Prefix of a file that is still being written; never named by a manifest, removed by `gc`."""

KINDS = {
    "images": "datasets/{}/images",
    "attributes": "datasets/{}/attributes",
    "predictions": "datasets/{}/predictions",
    "features": "features/{}.zarr",
    "linear_maps": "linear_maps/{}",
    "concepts": "concepts/{}",
    "similarities": "similarities/{}",
    "comparable": "comparable/{}",
    "answers": "answers/{}",
    "bottlenecks": "bottlenecks/{}",
    "vocabularies": "vocabularies/{}",
}
"""Folder of each kind of artifact; {} is its name."""

NAME_PARTS = {"features": 2, "similarities": 3, "comparable": 3, "answers": 2}
"""How many folders a name has, where it is not one."""

_DATA_FILE = re.compile(r"(\d{8})-\d+-[0-9a-f]{12}\.[a-z0-9]+")


def artifact(kind: str, name: str) -> str:
    """Return the folder of an artifact; every part of its name must be a plain folder name, else SpecError."""
    if kind not in KINDS:
        raise SpecError(expected("artifact kind", f"one of {', '.join(KINDS)}", repr(kind)))
    parts = name.split("/")
    if len(parts) != NAME_PARTS.get(kind, 1):
        raise SpecError(expected(f"{kind} name", f"{NAME_PARTS.get(kind, 1)} parts between slashes", repr(name)))
    for part in parts:
        check_name(part, what=f"{kind} name")
    return KINDS[kind].replace("{}", name)


def artifact_of(path: str) -> str | None:
    """Return the folder of the artifact that a file belongs to, or None for a file that belongs to none."""
    parts = path.split("/")
    for kind, folder in KINDS.items():
        pattern = folder.replace("{}", "/".join(["*"] * NAME_PARTS.get(kind, 1)))
        depth = pattern.count("/") + 1
        if len(parts) > depth and PurePosixPath("/".join(parts[:depth])).match(pattern):
            return "/".join(parts[:depth])
    return None


def images(dataset: str) -> str:
    """Return the folder of a dataset's image index."""
    return artifact("images", check_name(dataset, what="dataset name"))


def attributes(dataset: str) -> str:
    """Return the folder of a dataset's imported attributes."""
    return artifact("attributes", check_name(dataset, what="dataset name"))


def predictions(dataset: str) -> str:
    """Return the folder of a dataset's imported predictions."""
    return artifact("predictions", check_name(dataset, what="dataset name"))


def features_name(dataset: str, encoder: str, space: Space) -> str:
    """Return the name of a dataset's features in a space: `photos/<slug of the encoder>-<12 hex of the space id>`."""
    return f"{check_name(dataset, what='dataset name')}/{slug(encoder)}-{space.short}"


def features(dataset: str, encoder: str, space: Space) -> str:
    """Return the folder of a dataset's features in a space, a Zarr array."""
    return artifact("features", features_name(dataset, encoder, space))


def linear_map(digest: str) -> str:
    """Return the folder of a linear map, named by its full digest."""
    return artifact("linear_maps", digest)


def concepts(bank: str) -> str:
    """Return the folder of a concept bank."""
    return artifact("concepts", check_name(bank, what="concept bank"))


def similarities(dataset: str, map_digest: str, bank: str) -> str:
    """Return the folder of similarities; a map is the first 12 hex digits of its digest, or `identity-<space>`."""
    short = map_digest if map_digest.startswith("identity-") else map_digest[:SHORT]
    return artifact("similarities", f"{dataset}/{short}/{bank}")


def answers(kind: str, digest: str) -> str:
    """Return the folder of an answer (shift, zeroshot, ...), named by its digest."""
    return artifact("answers", f"{kind}/{digest[:SHORT]}")


def manifest(artifact: str, snapshot: int) -> str:
    """Return the path of a snapshot's manifest."""
    return f"{artifact}/_snapshots/{snapshot:08d}.json"


def head(artifact: str) -> str:
    """Return the path of the hint that says which snapshot was the newest some time ago."""
    return f"{artifact}/_head"


def lease_file(artifact: str) -> str:
    """Return the path of a local store's lock file."""
    return f"{artifact}/_lease"


def lease_token(artifact: str, number: int) -> str:
    """Return the path of an object store's lease with a fencing number."""
    return f"{artifact}/_leases/{number:08d}.json"


def data_file(artifact: str, snapshot: int, *, n: int = 0, suffix: str = "parquet") -> str:
    """Return the path for a snapshot's n-th new file, `<snapshot>-<n>-*.<suffix>`.

    The `*` becomes the content's hash when the file is finished (`FileEntry.path` is the final path), so the file of
    a killed run is either this very content or has another name.
    """
    return f"{artifact}/{snapshot:08d}-{n}-{HASH}.{suffix}"


def is_data_file(path: str) -> bool:
    """Say whether a path has the form that `data_file` gives; anything else in a folder is not ours to delete."""
    return _DATA_FILE.fullmatch(PurePosixPath(path).name) is not None


def check_path(path: str) -> str:
    """Return a relative store path unchanged, or raise SpecError when it could leave the store."""
    parts = path.split("/")
    if not path or "\0" in path or "\\" in path or any(part in ("", ".", "..") for part in parts):
        raise SpecError(expected("store path", "folders and a name between single slashes", repr(path)))
    return path
