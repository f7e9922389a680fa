"""A run that is killed, stopped, or spread over workers ends in the same bytes as one that is left alone."""

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch

from t2c.flows.data.index import index
from t2c.flows.features import blocks as extract_blocks
from t2c.schemas.errors import T2CError
from t2c.store.artifacts.features import list_features
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store, open_store
from tests.planted.encoders import FakeEncoder
from tests.planted.photos import fill, picture, run, tree


class _Threads:
    """A runner that is not the serial one: items one by one, in another thread each."""

    parallel = 2

    def map(self, function: Any, items: Any) -> Any:
        for item in items:
            yield function(pickle.loads(pickle.dumps(item)))


def test_a_runner_gives_the_same_bytes(indexed: Store, tmp_path: Path) -> None:
    serial = run(indexed, FakeEncoder(), FakeEncoder(seed=2)).features
    other = open_store(tmp_path / "other", create=True)
    index(other, str(tmp_path / "photos"), "photos")
    spread = run(other, FakeEncoder(), FakeEncoder(seed=2), runner=_Threads()).features
    for a, b in zip(serial, spread, strict=True):
        assert a.read(0, 20).tobytes() == b.read(0, 20).tobytes()


def test_rows_lost_by_a_killed_run_are_explained_by_the_next(store: Store, photos: Path) -> None:
    (photos / "0002.jpg").write_bytes(picture(2)[:-60])
    index(store, str(photos), "photos")
    real = extract_blocks.FeatureWriter.write_chunk
    written = []

    def dies(self: Any, *args: Any, **options: Any) -> Any:
        if written:
            raise T2CError("killed")
        written.append(real(self, *args, **options))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extract_blocks.FeatureWriter, "write_chunk", dies)
        with pytest.raises(T2CError, match="killed"):
            run(store)
    assert open_images(store, "photos").table(["outcome"])["outcome"].to_pylist().count("ok") == 20
    report = run(store)
    assert report.decoded == 12
    assert report.outcomes == {"ok": 19, "corrupt": 1}


class _Signalling(FakeEncoder):
    """Sends this process a signal in its first batch, and gives it time to arrive."""

    sent: ClassVar[list[int]] = []
    number: ClassVar[int]

    def encode(self, batch: torch.Tensor) -> Any:
        if not self.sent:
            self.sent.append(self.number)
            os.kill(os.getpid(), self.number)
            time.sleep(0.05)
        return super().encode(batch)


@pytest.mark.parametrize(
    ("number", "error", "code"), [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, SystemExit, 143)]
)
def test_a_signal_keeps_the_batches_that_were_begun(
    indexed: Store, monkeypatch: pytest.MonkeyPatch, number: int, error: type[BaseException], code: int | None
) -> None:
    monkeypatch.setattr(_Signalling, "sent", [])
    monkeypatch.setattr(_Signalling, "number", number, raising=False)
    with pytest.raises(error) as raised:
        run(indexed, _Signalling(), workers=1, chunk_rows=20)
    assert code is None or raised.value.code == code
    assert list_features(indexed, "photos") == []
    rest = run(indexed, chunk_rows=20)
    assert 8 <= rest.decoded <= 16
    assert rest.features[0].present(0, 20).all()


_SCRIPT = """
import sys
from t2c.flows.features.extract import extract
from t2c.store.disk.root import open_store
from tests.planted.encoders import FakeEncoder
extract(open_store(sys.argv[1]), "photos", [FakeEncoder()], batch_size=4, chunk_rows=8, workers=2, dtype="float32")
"""


def _killed(store: Store, after_writes: int) -> None:
    """Extract in a process of its own that kills itself with SIGKILL at its n-th write of a file."""
    bomb = f"""
import os, signal, sys
from t2c.store.disk.root import open_store
Files = type(open_store(sys.argv[1]).files)
count = 0
real = Files.put
def put(self, path, data):
    global count
    count += 1
    if count == {after_writes}:
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, path, data)
Files.put = put
"""
    done = subprocess.run(
        [sys.executable, "-c", bomb + _SCRIPT, store.url], check=False, capture_output=True, cwd=Path.cwd()
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize("after_writes", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2, 3, 5, 6, 7))])
def test_a_run_killed_anywhere_resumes_to_the_same_bytes(indexed: Store, tmp_path: Path, after_writes: int) -> None:
    whole = open_store(tmp_path / "whole", create=True)
    index(whole, str(tmp_path / "photos"), "photos")
    want = run(whole).features[0]
    _killed(indexed, after_writes)
    assert list_features(indexed, "photos") == []
    got = run(indexed)
    assert got.decoded == 20 - 8 * min((after_writes - 1) // 2, 2) or after_writes > 6
    artifact = want.manifest.artifact
    assert tree(Path(indexed.url) / artifact) == tree(Path(whole.url) / artifact)
    assert [f.sha256 for f in got.features[0].manifest.files] == [f.sha256 for f in want.manifest.files]


@pytest.mark.filterwarnings("ignore:Couldn't detect a suitable IP address:RuntimeWarning")  # no network, none needed
def test_dask_workers_write_the_same_bytes(indexed: Store, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    from t2c.flows.engine.dask_runner import dask_runner

    want = run(indexed, dtype="float16").features[0]
    other = open_store(tmp_path / "other", create=True)
    index(other, str(tmp_path / "photos"), "photos")
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": None}
    with distributed.LocalCluster(**options) as cluster, dask_runner(cluster.scheduler_address) as runner:
        report = run(other, runner=runner, dtype="float16")
    assert report.decoded == 20
    assert report.features[0].read(0, 20).tobytes() == want.read(0, 20).tobytes()


_MEMORY = """
import resource, sys
from t2c.flows.features.extract import extract
from t2c.schemas.specs.base import parse_encoder
from t2c.store.disk.root import open_store
from t2c.core.encoders.load import load_encoder
encoder = load_encoder(parse_encoder("demo:efficientnet-lite0-128"), device="cpu")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = extract(open_store(sys.argv[1]), "photos", [encoder], workers=2, chunk_rows=64)
print(report.plan.peak_bytes, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.slow
def test_memory_stays_within_the_plan(store: Store, tmp_path: Path) -> None:
    index(store, str(fill(tmp_path / "many", 300)), "photos")
    done = subprocess.run([sys.executable, "-c", _MEMORY, store.url], check=True, capture_output=True, text=True)
    planned, used = map(int, done.stdout.split())
    assert used <= planned
