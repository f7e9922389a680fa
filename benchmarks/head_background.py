"""Write flows/concepts/lite0_background.npz: what EfficientNet-Lite0's head says of 1,000 varied photographs, as moments.

    T2C_ASSETS=shared/assets python -m benchmarks.head_background

The photographs are one of each class of ImageNet-1k. None of them can be had back from the file: it holds the mean and
the covariance of 1,000 similarities over all of them.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from t2c.core.concepts.head_bank import class_rows
from t2c.core.statistics.unit_rows import unit
from t2c.flows.concepts.from_head import BACKGROUNDS, weights_digest
from t2c.flows.data.index import index
from t2c.flows.features.extract import extract
from t2c.flows.maps.encoder_heads import own_head
from t2c.schemas.digest import digest_bytes
from t2c.schemas.specs.base import parse_encoder
from t2c.store.artifacts.features import open_features
from t2c.store.artifacts.images import content_hashes, open_images
from t2c.store.disk.root import Store, open_store

ENCODER = "demo:efficientnet-lite0"
PHOTOS = "photos/imagenet-one-per-class"
IMAGES = "1,000 photographs, one of each class of ImageNet-1k (EliSchwartz/imagenet-sample-images), shorter side 256"


def moments(store: Store) -> dict[str, np.ndarray]:
    """Return the arrays of the file for the dataset `photos`."""
    space, head = own_head(ENCODER)
    rows = class_rows(head.weight).astype(np.float64)
    images, features = open_images(store, "photos"), open_features(store, "photos", space.id)
    x = unit(features.read(0, features.rows).astype(np.float64))
    similarity = x @ (rows - rows.mean(axis=0)).T
    covariance = np.cov(similarity, rowvar=False, ddof=0)
    provenance = {
        "images": IMAGES,
        "images_sha256": digest_bytes("".join(sorted(content_hashes(images).to_pylist())).encode()),
        "encoder": ENCODER,
        "space": space.id,
        "weights": weights_digest(head.weight),
        "of": "cosine of the image's feature and the class's row less the mean of all rows; ddof 0",
        "licence": "moments of numbers computed here; no picture, and none that can be had back",
    }
    return {
        "mean": similarity.mean(axis=0).astype(np.float32),
        "upper": covariance[np.triu_indices(len(rows))].astype(np.float32),
        "n": np.array(len(x)),
        "cosine": np.quantile((x @ x.T)[np.triu_indices(len(x), 1)], 1 - 1e-4),
        "provenance": np.array(json.dumps(provenance, sort_keys=True)),
    }


def main(target: Path) -> None:
    """Index the photographs, extract their features and write the moments."""
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(folder, create=True)
        index(store, str(Path(os.environ["T2C_ASSETS"]) / PHOTOS), "photos")
        extract(store, "photos", [parse_encoder(ENCODER)])
        np.savez(target, **moments(store))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else BACKGROUNDS[0])
