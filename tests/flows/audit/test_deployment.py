"""The scheduled deployment on a real Prefect server and worker, all on loopback: deploy, run, artifacts, overlap."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from t2c.flows.audit.prefect_deployments import NEW, OLD
from t2c.schemas.specs.audit import load_audit
from t2c.store.disk.lease import lease
from t2c.store.disk.paths import answers
from t2c.store.disk.root import open_store

pytestmark = pytest.mark.server

ROOT = Path(__file__).parents[3]
PREFECT = str(Path(sys.executable).with_name("prefect"))
START_S = 180
RUN_S = 240


class Prefect:
    """A server on a free port of loopback, with a home of its own."""

    def __init__(self, home: Path, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.api = f"http://127.0.0.1:{self.port}/api"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }
        self.log = log

    def start(self, *arguments: str, cwd: Path) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen([PREFECT, *arguments], cwd=cwd, env=self.environment, stdout=log, stderr=log)

    def run(self, *arguments: str, cwd: Path) -> str:
        done = subprocess.run(  # noqa: PLW1510 - the assertion shows what was printed
            [PREFECT, *arguments], cwd=cwd, env=self.environment, capture_output=True, text=True, timeout=START_S
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.api}{path}", json.dumps(body or {}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.api}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.5)
        raise AssertionError(self.log.read_text())

    def run_deployment(self) -> dict[str, Any]:
        """Start the deployment now, and return the flow run once it has ended."""
        deployment = self.post("/deployments/filter", {"deployments": {"name": {"any_": ["nightly"]}}})[0]
        made = self.post(f"/deployments/{deployment['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})
        deadline = time.monotonic() + RUN_S
        while time.monotonic() < deadline:
            found = self.post("/flow_runs/filter", {"flow_runs": {"id": {"any_": [made["id"]]}}})[0]
            if found["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
                return dict(found["state"])
            time.sleep(1)
        raise AssertionError(self.log.read_text())


@pytest.fixture
def deployed(audit_file: Path, tmp_path: Path) -> Iterator[tuple[Prefect, Path]]:
    """A server, the deployment of prefect.yaml, and a worker, started the way the README says."""
    prefect = Prefect(tmp_path / "prefect", tmp_path / "log.txt")
    shutil.copy(ROOT / "prefect.yaml", tmp_path)
    (tmp_path / "flows").mkdir()
    for name in ("flows/__init__.py", "store.py", "schemas.py"):  # a user's own modules, which are not ours to import
        (tmp_path / name).write_text("raise ImportError('a module of the user was imported')")
    running = [prefect.start("server", "start", "--host", "127.0.0.1", "--port", str(prefect.port), cwd=tmp_path)]
    try:
        prefect.wait_until_up()
        prefect.run("work-pool", "create", "t2c", "--type", "process", cwd=tmp_path)
        prefect.run("--no-prompt", "deploy", "--all", cwd=tmp_path)
        running.append(prefect.start("worker", "start", "--pool", "t2c", cwd=tmp_path))
        yield prefect, audit_file
    finally:
        for process in reversed(running):
            process.terminate()
        for process in running:
            process.wait(timeout=60)


def test_a_deployment_runs_leaves_artifacts_and_yields_to_a_run_that_holds_the_store(
    deployed: tuple[Prefect, Path],
) -> None:
    prefect, audit_file = deployed
    audit_file.write_text(audit_file.read_text().replace("fail_on_drift: true", ""))
    state = prefect.run_deployment()
    assert (state["type"], state["name"]) == ("COMPLETED", "Drift"), prefect.log.read_text()
    assert (audit_file.parent / "report.html").is_file()
    keys = {artifact["key"] for artifact in prefect.post("/artifacts/filter")}
    assert {"audit-summary", "shift"} <= keys
    spec = load_audit(audit_file)
    with lease(open_store(spec.store), answers("audit", spec.digest), purpose="audit"):
        state = prefect.run_deployment()
    assert (state["type"], state["name"]) == ("COMPLETED", "AlreadyRunning")
    assert_old_entrypoints_are_named(prefect, audit_file.parent)


def assert_old_entrypoints_are_named(prefect: Prefect, folder: Path) -> None:
    """A worker that starts names the deployments that a user made under the flow's old entrypoint, and no other."""
    (nightly,) = prefect.post("/deployments/filter", {"deployments": {"name": {"any_": ["nightly"]}}})
    prefect.post("/deployments/", {"name": "old", "flow_id": nightly["flow_id"], "entrypoint": OLD})
    started = subprocess.run(
        [PREFECT, "worker", "start", "--pool", "t2c", "--run-once"],
        cwd=folder,
        env=prefect.environment,
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    said = [line for line in started.stderr.splitlines() if line.startswith("t2c: ")]
    assert len(said) == 1, started.stdout + started.stderr
    assert f"deployment old: expected the entrypoint {NEW}, but got {OLD}" in said[0]
