"""Dask workers give the bytes that one process gives, in order, and what fails there is raised here."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster

from t2c.flows.cli.app import run
from t2c.flows.engine.dask_runner import DaskRunner
from t2c.flows.engine.runner import Runner, SerialRunner, runner_for
from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.flows.zeroshot.zeroshot import zeroshot
from t2c.schemas.errors import InputError
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.artifacts.similarities import open_similarities
from t2c.store.disk.root import Store, open_store
from tests.planted.features import SOURCE, TARGET, Planted


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """Two worker processes on loopback."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0", memory_limit=None
    ) as running:
        yield running


def reciprocal(value: int) -> float:
    return 1 / value


def make(folder: Path, runner: Runner) -> tuple[Store, list[str]]:
    """Fill a store with the planted pipeline through a runner; return it and what it computed."""
    store = open_store(folder, create=True)
    planted = Planted(store)
    planted.dataset("photos", 700, label=["red" if row % 2 else "blue" for row in range(700)])
    planted.bank()
    digest = align(store, "photos", source=SOURCE.name, target=TARGET.name, runner=runner).digest
    report = score(store, "photos", source=SOURCE.name, bank="everyday", runner=runner)
    task = zeroshot(store, "photos", bank="everyday", runner=runner)
    scores = open_similarities(store, "photos", linear_map=report.map, bank="everyday")
    found = [open_map(store, digest).manifest, scores.manifest]
    hashes = [entry.sha256 for manifest in found for entry in manifest.files]
    return store, [digest, *hashes, json.dumps(task.predictions.to_pylist())]


def test_align_score_and_zeroshot_give_the_same_bytes(tmp_path: Path, cluster: LocalCluster) -> None:
    _, serial = make(tmp_path / "serial", SerialRunner())
    with runner_for(cluster.scheduler_address) as runner:
        assert isinstance(runner, DaskRunner)
        assert runner.parallel == 2
        _, dask = make(tmp_path / "dask", runner)
    assert dask == serial


def test_results_come_in_order_and_an_error_after_those_before_it(cluster: LocalCluster) -> None:
    with runner_for(cluster.scheduler_address) as runner:
        assert list(runner.map(reciprocal, range(1, 21))) == [1 / value for value in range(1, 21)]
        results = runner.map(reciprocal, [2, 4, 0, 1])
        assert [next(results), next(results)] == [0.5, 0.25]
        with pytest.raises(ZeroDivisionError):
            next(results)


def test_an_address_where_nothing_answers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2c.flows.engine.dask_runner.CONNECT_S", 0.3)
    with (
        pytest.raises(
            InputError, match=r"--dask: expected the address of a Dask scheduler, but got 'tcp://127.0.0.1:9'"
        ),
        runner_for("tcp://127.0.0.1:9"),
    ):
        pass


@pytest.mark.filterwarnings("ignore:Couldn't detect a suitable IP address:RuntimeWarning")  # no network, none needed
def test_a_scheduler_without_workers_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t2c.flows.engine.dask_runner.CONNECT_S", 1.0)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty,
        pytest.raises(InputError, match=r"--dask: expected a scheduler with workers, but got .* without any"),
        runner_for(empty.scheduler_address),
    ):
        pass


def test_a_method_that_reads_rows_says_that_the_scheduler_had_no_work(
    tmp_path: Path, cluster: LocalCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    store, _ = make(tmp_path / "store", SerialRunner())
    asked = ["align", "photos", "--source", SOURCE.name, "--target", TARGET.name, "--store", store.url]
    dask = ["--dask", cluster.scheduler_address]
    assert run([*asked, *dask, "--method", "sgd", "--epochs", "1", "--folds", "0", "--device", "cpu"]) == 0
    assert f"note: sgd fits in this process: the scheduler at {dask[1]} had no work" in _printed(capsys)
    assert run([*asked, *dask, "--method", "procrustes"]) == 0
    assert "had no work" not in _printed(capsys)


def _printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Return what was printed, its lines joined."""
    return " ".join(capsys.readouterr().out.split())
