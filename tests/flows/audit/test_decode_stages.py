"""An audit file may ask for words: the stage answers under the audit's own map, and the report shows them."""

from pathlib import Path

import numpy as np
import pytest

from t2c.flows.audit.run import audit
from t2c.schemas.errors import SpecError
from t2c.schemas.specs.audit import load_audit
from t2c.store.artifacts.answers import list_answers
from t2c.store.disk.root import open_store

BLOCK = """
decode:
  - {what: "classes:colour"}
  - {what: "shift:new_photos", k: 2}
  - {what: "file:mine.npy", decoder: sparse, dataset: photos}
"""


def with_block(audit_file: Path, block: str) -> Path:
    audit_file.write_text(audit_file.read_text() + block)
    return audit_file


def test_the_stage_answers_under_the_audits_own_map_and_the_report_shows_it(audit_file: Path) -> None:
    np.save(audit_file.parent / "mine.npy", np.eye(2, 6, dtype=np.float32))
    spec = load_audit(with_block(audit_file, BLOCK))
    first = audit(spec)
    decoded = [report for report in first.extras if hasattr(report, "decoder")]
    assert [report.what.partition(":")[0] for report in decoded] == ["classes", "shift", "file"]
    assert all(report.new for report in decoded)
    assert decoded[0].headline.startswith("2 vectors of classes:colour in words (vocabulary)")
    answers = list_answers(open_store(spec.store), "decoded")
    maps = {parent.name for one in answers for parent in one.parents if parent.kind == "linear_maps"}
    assert maps == {first.aligned.digest}
    assert {one.spec["vocabulary"] for one in answers} == {"bank:everyday"}
    page = Path(spec.report).read_text()
    assert "Class means: classes:colour" in page
    assert "<b>In words</b>" in page
    again = audit(spec)
    assert not any(report.new for report in again.extras)


def test_one_block_needs_no_list_and_its_files_are_beside_the_audit_file(audit_file: Path) -> None:
    block = "decode: {what: 'file:mine.npy', vocabulary: 'file:words.txt'}\n"
    (asked,) = load_audit(with_block(audit_file, block)).decode
    assert asked.what == f"file:{audit_file.parent / 'mine.npy'}"
    assert asked.vocabulary == f"file:{audit_file.parent / 'words.txt'}"


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (
            "decode: {what: classes, dataset: others}\n",
            r"decode.dataset: expected one of the datasets photos, new_photos",
        ),
        ("decode: {what: classes, where: 'row > 1'}\n", r"decode.where: expected what: shift, but got what: classes"),
        ("decode: {what: classes, decoder: clip}\n", r"decoder"),
        ("decode: {decoder: sparse}\n", r"what"),
    ],
)
def test_a_block_that_is_none_is_refused(audit_file: Path, block: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        load_audit(with_block(audit_file, block))
