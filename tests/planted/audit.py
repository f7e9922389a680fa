"""A whole audit on planted vectors: features imported for two datasets and two encoders, concept vectors, an audit file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from t2c.flows.features.imports import import_concepts, import_features
from t2c.store.disk.root import open_store

AUDIT = """
store: store
datasets:
  photos: {attributes: truth.parquet}
  new_photos: {}
encoders: {source: my-model, target: my-clip}
concepts: {bank: everyday}
shift: {reference: photos, current: new_photos}
queries: ["red > 1 & blue < 0"]
zeroshot: [{name: colours, classes: [red, blue], labels: colour, bank: everyday, datasets: [photos]}]
report: report.html
fail_on_drift: true
"""


def write_audit(folder: Path, *, rows: int = 240) -> Path:
    """Make a store with imported features and concept vectors in a folder, and return its audit file.

    Target features are a linear map of the source's; new_photos lie further along the vector of `red`.
    """
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(6, 4))
    names = ["red", "blue", "in a tree"]
    vectors = rng.normal(size=(3, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    store = open_store(folder / "store", create=True)
    back = np.linalg.pinv(weight)
    for dataset, shift in (("photos", 0.0), ("new_photos", 2.0)):
        red = rng.random(rows) < 0.5
        centres = np.where(red[:, None], 3 * vectors[0], 3 * vectors[1]) + shift * vectors[0]
        x = centres @ back + 0.3 * rng.normal(size=(rows, 6))
        ids = [f"{dataset}/{row:04d}.jpg" for row in range(rows)]
        (folder / "ids.txt").write_text("\n".join(ids) + "\n")
        for encoder, values in (("my-model", x), ("my-clip", x @ weight + 0.1 * rng.normal(size=(rows, 4)))):
            np.save(folder / "feats.npy", values.astype(np.float32))
            import_features(
                store, dataset, folder / "feats.npy", encoder=encoder, ids=folder / "ids.txt", space=f"{encoder}-space"
            )
        if dataset == "photos":
            truth = {"image_id": ids, "colour": np.where(red, "red", "blue").tolist()}
            pq.write_table(pa.table(truth), folder / "truth.parquet")
    np.save(folder / "words.npy", vectors.astype(np.float32))
    (folder / "words.txt").write_text("\n".join(names) + "\n")
    import_concepts(store, "everyday", folder / "words.npy", names=folder / "words.txt", space="my-clip-space")
    (folder / "audit.yaml").write_text(AUDIT)
    return folder / "audit.yaml"
