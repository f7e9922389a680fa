"""What the audit file says about the encoders reaches the step that runs them."""

from pathlib import Path

import pytest

from t2c.flows.audit.stages import Job, extract_dataset, index_dataset
from t2c.flows.engine.progress import NoProgress
from t2c.flows.engine.runner import SerialRunner
from t2c.schemas.specs.audit import load_audit
from t2c.store.artifacts.features import open_features
from t2c.store.disk.root import open_store
from tests.planted.photos import fill

AUDIT = """
store: store
datasets: {{photos: {{source: photos}}}}
encoders: {{source: demo:clip, target: demo:clip, batch_size: 1, workers: 1, device: cpu{more}}}
concepts: {{bank: everyday}}
"""


@pytest.mark.parametrize(
    ("more", "dtype", "small"), [("", "float16", False), (", dtype: float32, chunk_seconds: 1.0e-6", "float32", True)]
)
def test_dtype_and_chunk_seconds_decide_how_features_are_stored(
    tmp_path: Path, *, more: str, dtype: str, small: bool
) -> None:
    fill(tmp_path / "photos", 3)
    (tmp_path / "audit.yaml").write_text(AUDIT.format(more=more))
    spec = load_audit(tmp_path / "audit.yaml")
    job = Job(spec, open_store(spec.store, create=True), SerialRunner(), NoProgress())
    index_dataset(job, "photos")
    extract_dataset(job, "photos")
    features = open_features(job.store, "photos", "demo:clip")
    assert (features.dtype, features.chunk_rows == 1) == (dtype, small)
