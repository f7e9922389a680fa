"""An audit from one file: every answer is there, twice does nothing new, killed it goes on, two at once do it once."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from t2c.flows.audit.run import audit
from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.flows.shift.shift import shift
from t2c.schemas.errors import UnknownName
from t2c.schemas.specs.audit import load_audit
from t2c.store.disk.lease import lease
from t2c.store.disk.manifest import list_artifacts, read_manifest
from t2c.store.disk.paths import KINDS, answers
from t2c.store.disk.root import Store, open_store
from tests.planted.audit import write_audit


def contents(store: Store) -> dict[str, tuple[int, str]]:
    """Return snapshot and content digest of every artifact."""
    found = (read_manifest(store, artifact) for kind in KINDS for artifact in list_artifacts(store, kind))
    return {one.artifact: (one.snapshot, one.content_digest) for one in found}


def test_every_answer_is_there_and_drift_is_exit_code_3(audit_file: Path) -> None:
    report = audit(load_audit(audit_file))
    assert report.aligned is not None
    assert report.aligned.certificate.held_out is not None
    assert report.aligned.certificate.held_out.r2_variance_weighted > 0.8
    assert [one.dataset for one in report.scored] == ["photos", "new_photos"]
    assert report.shifts[0].table["concept"][0].as_py() == "red"
    assert (report.drift, report.exit_code, report.new) == (True, 3, True)
    assert [one.dataset for one in report.found] == ["photos@1", "new_photos@1"]
    assert report.zeroshot[0].scores[0].accuracy > 0.9
    page = Path(report.reports[0].path).read_text()
    assert "in a tree" in page
    assert page.startswith("<!DOCTYPE html>")


def test_drift_is_exit_code_0_unless_asked_to_fail(audit_file: Path) -> None:
    audit_file.write_text(audit_file.read_text().replace("fail_on_drift: true", ""))
    report = audit(load_audit(audit_file))
    assert (report.drift, report.exit_code) == (True, 0)


def test_a_second_run_does_nothing_new(audit_file: Path) -> None:
    spec = load_audit(audit_file)
    first = audit(spec)
    before = contents(open_store(spec.store))
    again = audit(spec)
    assert not again.new
    assert contents(open_store(spec.store)) == before
    assert again.shifts[0].table.equals(first.shifts[0].table)
    assert again.exit_code == 3


def test_answers_stay_under_the_audits_own_map_whatever_is_fitted_and_scored_since(audit_file: Path) -> None:
    spec = load_audit(audit_file)
    first = audit(spec)
    store = open_store(spec.store)
    other = align(store, "photos", source="my-model", target="my-clip", seed=9)
    for dataset in ("photos", "new_photos"):
        score(store, dataset, source="my-model", bank="everyday")
    assert shift(store, "photos", "new_photos").map == other.digest[:12]
    again = audit(spec)
    assert not again.new
    assert {one.map for one in (*again.shifts, *again.found, *again.summaries)} == {first.shifts[0].map}


def test_without_comparisons_the_report_describes_the_first_dataset(audit_file: Path) -> None:
    lines = [line for line in audit_file.read_text().splitlines() if not line.startswith("shift:")]
    audit_file.write_text("\n".join(lines))
    report = audit(load_audit(audit_file))
    assert (report.shifts, report.drift, len(report.reports)) == ((), False, 1)


def test_while_another_audit_runs_nothing_is_done_and_it_is_said(audit_file: Path) -> None:
    spec = load_audit(audit_file)
    store = open_store(spec.store)
    before = contents(store)
    with lease(store, answers("audit", spec.digest), purpose="audit"):
        report = audit(spec)
    assert f"process {os.getpid()}" in report.busy
    assert (report.exit_code, report.new, contents(store)) == (0, False, before)


def test_an_artifact_that_another_run_holds_ends_the_audit_the_same_way(audit_file: Path) -> None:
    spec = load_audit(audit_file)
    with lease(open_store(spec.store), "datasets/photos/attributes", purpose="import attributes"):
        report = audit(spec)
    assert "datasets/photos/attributes" in report.busy
    assert report.exit_code == 0


def test_what_a_step_refuses_is_raised(audit_file: Path) -> None:
    audit_file.write_text(audit_file.read_text().replace("target: my-clip}", "target: my-clop}"))
    with pytest.raises(UnknownName, match="Did you mean 'my-clip'"):
        audit(load_audit(audit_file))


@pytest.mark.parametrize(
    "after",
    [0.02, 0.1, 0.3, *(pytest.param(0.01 + 0.02 * step, marks=pytest.mark.slow) for step in range(30))],
)
def test_killed_anywhere_and_run_again_it_holds_what_an_uninterrupted_run_holds(audit_file: Path, after: float) -> None:
    code = (
        "import sys\nfrom t2c.flows.audit.run import audit\nfrom t2c.schemas.specs.audit import load_audit\n"
        "spec = load_audit(sys.argv[1])\nprint('ready', flush=True)\naudit(spec)\n"
    )
    whole = load_audit(audit_file)
    running = subprocess.Popen([sys.executable, "-c", code, str(audit_file)], stdout=subprocess.PIPE)
    assert running.stdout is not None
    running.stdout.readline()
    time.sleep(after)
    running.send_signal(signal.SIGKILL)
    running.wait()
    running.stdout.close()
    report = audit(whole)
    assert report.busy == ""
    resumed = contents(open_store(whole.store))
    assert not audit(whole).new
    assert contents(open_store(whole.store)) == resumed
    fresh = load_audit(_copy(audit_file))
    audit(fresh)
    assert {name: digest for name, (_, digest) in contents(open_store(fresh.store)).items()} == {
        name: digest for name, (_, digest) in resumed.items()
    }


def _copy(audit_file: Path) -> Path:
    """Make the same planted audit again in another folder."""
    folder = audit_file.parent / "again"
    folder.mkdir()
    return write_audit(folder)


def test_another_aligner_is_fitted_and_every_answer_is_given_under_it(audit_file: Path) -> None:
    audit_file.write_text(audit_file.read_text() + "align: {method: low-rank, rank: 3, folds: 3}\n")
    report = audit(load_audit(audit_file))
    certificate = report.aligned.certificate
    assert (certificate.aligner, certificate.folds) == ("low-rank", 3)
    assert {one.map for one in (*report.scored, *report.shifts, *report.summaries)} == {report.aligned.digest[:12]}
