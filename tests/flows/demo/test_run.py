"""A smaller draw of the demo, from end to end: what it prints is true, fits the page, and comes out again the same."""

import subprocess
import sys
from dataclasses import replace

import pytest

from t2c.flows.demo.plan import SMALL
from t2c.flows.demo.run import run
from t2c.schemas.tables.tables import OUTCOMES


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    lines = []
    outcome = run(folder / "out", folder / "store", SMALL, say=lines.append, prefect=False)
    return outcome, lines, folder


def test_every_check_holds(demo):
    outcome, _, _ = demo
    assert [(check.claim, check.seen) for check in outcome.checks if not check.holds] == []
    assert len(outcome.checks) >= 18


def test_every_broken_file_is_accounted_for(demo):
    outcome, _, _ = demo
    second = outcome.audit.extracted[1].outcomes
    assert {name: second.get(name, 0) for name in OUTCOMES} == {
        "ok": SMALL.second,
        "corrupt": 2,
        "too_large": 1,
        "unsupported": 2,
        "missing": 0,
    }
    assert all(file.outcome == file.wanted and file.error for file in outcome.findings.broken)


def test_held_out_rows_were_not_fitted_and_are_predicted_well(demo):
    outcome, _, _ = demo
    certificate = outcome.audit.aligned.certificate
    assert certificate.fitted + certificate.held_out.n == SMALL.reference
    assert certificate.held_out.r2_variance_weighted > 0.6
    assert abs(certificate.held_out.mean_variance_weighted) < 0.05


def test_the_aligned_encoder_answers_to_words(demo):
    outcome, _, _ = demo
    accuracy = {task.name: task.scores[0].accuracy for task in outcome.audit.zeroshot}
    own = {task.name: task.scores[1].accuracy for task in outcome.audit.zeroshot}
    assert accuracy["colour"] > 0.5
    assert accuracy["shape"] > 0.7
    assert accuracy["texture"] > 0.9
    assert accuracy["context"] > 0.95
    assert min(own.values()) > 0.9


def test_the_most_similar_images_are_what_the_concept_says(demo):
    top = demo[0].findings.top
    assert top["colour"] > 0.6
    assert min(top["shape"], top["texture"], top["context"]) > 0.9


def test_queries_find_what_they_ask_for(demo):
    outcome, _, _ = demo
    for one in outcome.findings.queries:
        assert one.aligned.searched == one.clip.searched == SMALL.reference
        assert one.aligned.precision > 10 * one.aligned.base_rate
        assert one.aligned.recall > 0.5
        assert one.clip.precision > 0.9


def test_what_the_mix_does_not_explain_is_seen_and_what_it_does_is_not(demo):
    outcome, _, _ = demo
    assert outcome.findings.within.flagged == ()
    assert outcome.findings.within.images == SMALL.second
    assert "dotted" in outcome.findings.texture.flagged
    assert abs(outcome.findings.aa_rate - SMALL.alpha) < 0.02
    assert 0.01 < outcome.findings.fresh_rate < SMALL.alpha + 0.02


def test_the_output_fits_a_page_of_80_columns_and_says_the_main_things(demo):
    outcome, lines, _ = demo
    text = "\n".join(lines)
    assert max(len(line) for line in text.splitlines() if str(demo[2]) not in line) <= 80  # a path is never cut
    for word in ("broken-cut-short.jpg", "R2 on", "the CLIP", "base rate", "predicted", "A/A", "checks hold"):
        assert word in text
    assert f"{len(outcome.checks)} of {len(outcome.checks)} checks hold" in text


def test_the_report_is_one_file_under_5_mb(demo):
    page = demo[2] / "out" / "report.html"
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert page.stat().st_size < 5_000_000


def test_a_second_run_does_nothing_twice_and_says_the_same(demo):
    outcome, lines, folder = demo
    again = []
    second = run(folder / "out", folder / "store", SMALL, say=again.append, prefect=False)
    assert all(report.decoded == 0 for report in second.audit.extracted)
    assert not second.audit.aligned.new
    assert [check.seen for check in second.checks] == [check.seen for check in outcome.checks]
    assert [line for line in again if " s  " not in line and "total" not in line] == [
        line for line in lines if " s  " not in line and "total" not in line
    ]


def test_another_plan_draws_other_images(demo, tmp_path):
    from t2c.flows.demo.pictures import draw_both

    tiny = replace(SMALL, reference=4, second=3)
    one, other = draw_both(tmp_path, tiny, processes=1)
    assert (one.table().num_rows, other.table().num_rows) == (4, 3)
    assert len(list(other.folder.iterdir())) == 3 + len(other.broken)
    before = (one.folder / "000000.jpg").read_bytes()
    draw_both(tmp_path, replace(tiny, reference_seed=99), processes=1)
    assert (one.folder / "000000.jpg").read_bytes() != before


@pytest.mark.slow
def test_the_command_runs_the_demo_as_a_prefect_flow_and_exits_with_0(tmp_path):
    command = [
        sys.executable,
        "-m",
        "t2c.flows.cli",
        "demo",
        "--out",
        str(tmp_path / "out"),
        "--store",
        str(tmp_path / "store"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "19 of 19 checks hold" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80
