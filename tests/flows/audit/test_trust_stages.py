"""An audit measures trust before it compares, so that its first run already leaves untrusted concepts out of verdicts."""

from pathlib import Path

import pytest

from t2c.flows.audit.markdown import summary_markdown
from t2c.flows.audit.run import audit
from t2c.flows.trust.trust import TrustReport
from t2c.schemas.errors import SpecError
from t2c.schemas.specs.audit import load_audit

TRUST = "trust: {labels: [colour], mapping: {red: blue, blue: red}}\n"


def test_marks_are_there_when_the_first_comparison_is_made(audit_file: Path) -> None:
    audit_file.write_text(audit_file.read_text() + TRUST)
    spec = load_audit(audit_file)
    first = audit(spec)
    (measured,) = first.extras
    assert isinstance(measured, TrustReport)
    assert (
        measured.headline == "Trust of 3 concepts of everyday on photos@1: 0 trusted, 0 weak, 1 unverified, 2 untrusted"
    )
    assert first.shifts[0].left_out == 2
    assert set(first.shifts[0].table["trust"].to_pylist()) == {"untrusted", "unverified"}
    text = summary_markdown(first)
    assert f"- {measured.headline}" in text
    assert "| red | untrusted | none |" in text
    assert '<section id="trust"' in Path(first.reports[0].path).read_text()
    again = audit(spec)
    assert not again.new
    assert again.shifts[0].table.equals(first.shifts[0].table)


def test_comparisons_are_judged_as_the_file_says(audit_file: Path) -> None:
    text = audit_file.read_text().replace(
        "current: new_photos}", "current: new_photos, classes: none, beyond: blocks, blocks: 6, untrusted: true}"
    )
    audit_file.write_text(text + TRUST)
    report = audit(load_audit(audit_file))
    shift = report.shifts[0]
    assert (shift.classes, shift.left_out, shift.drift) == ("", 0, True)
    page = Path(report.reports[0].path).read_text()
    assert "--classes none --beyond blocks --blocks 6 --untrusted" in page
    assert report.reports[0].verdict == shift.verdict.word


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ("trust: {dataset: photo}", "trust.dataset: expected one of the datasets photos, new_photos, but got 'photo'"),
        ("trust: {label: [colour]}", "label"),
        ("trust: {directions: 3}", "directions"),
    ],
)
def test_mistakes_in_the_block_are_named(audit_file: Path, block: str, message: str) -> None:
    audit_file.write_text(audit_file.read_text() + block)
    with pytest.raises(SpecError, match=message):
        load_audit(audit_file)
