"""The flow: retries only what may pass, ends in a state that says what happened, leaves artifacts; the store alone remembers."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from t2c.flows.audit.prefect_flows import ALONE, TASKS, TOGETHER, _end, is_passing
from t2c.schemas.errors import BusyError, ConflictError, CorruptError, InputError, StoreWriteError, WeightsMissing

SCRIPT = """
import json, sys
from pathlib import Path
from t2c.flows.audit.prefect_run import run_audit
from t2c.schemas.specs.audit import load_audit
from t2c.store.disk.lease import lease
from t2c.store.disk.paths import answers
from t2c.store.disk.root import open_store

path = sys.argv[1]
first, again = run_audit(path), run_audit(path)
spec = load_audit(path)
with lease(open_store(spec.store), answers("audit", spec.digest), purpose="audit"):
    busy = run_audit(path)
from prefect import get_client
with get_client(sync_client=True) as client:
    runs = sorted(client.read_flow_runs(), key=lambda run: run.start_time)
    tasks = client.read_task_runs()
    artifacts = sorted(client.read_artifacts(), key=lambda one: one.created)
print(json.dumps({
    "codes": [first.exit_code, again.exit_code, busy.exit_code],
    "new": [first.new, again.new, busy.new],
    "busy": busy.busy,
    "states": [[run.state.type.value, run.state.name] for run in runs],
    "tasks": sorted({task.name.rsplit("-", 1)[0] for task in tasks}),
    "summary": [one.data for one in artifacts if one.key == "audit-summary"],
    "shift": [json.loads(one.data)[0] for one in artifacts if one.key == "shift"],
}))
"""


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (ConnectionResetError("reset by peer"), True),
        (TimeoutError("read timed out"), True),
        (ConflictError("commit: another run was first"), True),
        (BusyError("lease"), False),
        (StoreWriteError("disk full"), False),
        (CorruptError("a flipped byte"), False),
        (WeightsMissing("weights"), False),
        (InputError("no images"), False),
        (FileNotFoundError("photos"), False),
        (PermissionError("photos"), False),
        (ValueError("a bug"), False),
        (None, False),
    ],
)
def test_only_io_errors_that_may_pass_are_retried(error: BaseException | None, again: bool) -> None:
    assert is_passing(error) is again


def test_every_stage_is_a_task_that_decorates_the_plain_function() -> None:
    for stage, task in TASKS.items():
        assert task.fn is stage
        assert task.retries == 3
    assert set(ALONE) & set(TOGETHER) == set()


def test_the_flow_run_ends_in_a_state_that_says_what_happened() -> None:
    from t2c.flows.audit.run import AuditReport

    quiet = _end(AuditReport("d", fail_on_drift=True))
    assert (quiet.type.value, quiet.message) == ("COMPLETED", "nothing compared")
    busy = _end(AuditReport("d", fail_on_drift=True, busy="process 7 holds it"))
    assert (busy.type.value, busy.name, busy.message) == ("COMPLETED", "AlreadyRunning", "process 7 holds it")


@pytest.mark.parametrize(
    "setting", [{"PREFECT_API_URL": "http://127.0.0.1:9/api"}, {"PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false"}]
)
def test_without_a_server_the_audit_runs_all_the_same_and_says_so(
    audit_file: Path, tmp_path: Path, setting: dict[str, str]
) -> None:
    code = (
        "import sys; from t2c.flows.audit.prefect_run import run_audit; report = run_audit(sys.argv[1]);"
        "print(report.exit_code, report.new, *report.notes)"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PREFECT_HOME": str(tmp_path / "prefect"), **setting}
    done = subprocess.run(
        [sys.executable, "-c", code, str(audit_file)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("3 True no Prefect server answered ("), done.stderr


def test_runs_on_a_server_of_its_own_and_leaves_artifacts(audit_file: Path, tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "home"), "PREFECT_HOME": str(tmp_path / "prefect")}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(audit_file)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)  # and nothing else on standard output
    assert found["codes"] == [3, 3, 0]
    assert found["new"] == [True, False, False]
    assert found["states"] == [["FAILED", "Drift"], ["FAILED", "Drift"], ["COMPLETED", "AlreadyRunning"]]
    assert found["tasks"] == [
        "add bank", "align encoders", "ask", "classify", "compare", "extract dataset", "index dataset",
        "score dataset", "summarise", "write report",
    ]  # fmt: skip
    assert found["summary"][0].startswith("# Audit: changed")
    assert "already running" in found["summary"][-1]
    assert found["shift"][0]["concept"] == "red"
    assert found["shift"][0]["verdict"] == "risen"
