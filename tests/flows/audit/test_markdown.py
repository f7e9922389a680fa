"""The audit in Markdown: verdict first, everything a user wrote escaped."""

from pathlib import Path

from t2c.flows.audit.markdown import escape, shift_rows, summary_markdown
from t2c.flows.audit.run import AuditReport, audit
from t2c.schemas.specs.audit import load_audit


def test_verdict_comes_first_and_every_part_is_there(audit_file: Path) -> None:
    report = audit(load_audit(audit_file))
    lines = summary_markdown(report).splitlines()
    assert lines[0] == "# Audit: changed"
    assert any(line.startswith("- Verdict: changed: ") for line in lines)
    assert any(line.startswith("- Trust: not measured") for line in lines)
    assert "## new\\_photos against photos" in lines
    assert any(line.startswith("| red |  | risen |") for line in lines)
    assert any(line.startswith("| colours | photos@1 | my-model | aligned | 240 |") for line in lines)
    assert any("R2 0.9" in line and "held-out images" in line for line in lines)
    assert "| red &gt; 1 &amp; blue &lt; 0 | photos@1 | 240 |" in "\n".join(lines)


def test_rows_are_plain_rounded_values(audit_file: Path) -> None:
    row = shift_rows(audit(load_audit(audit_file)).shifts[0])[0]
    assert row["concept"] == "red"
    assert row["n_current"] == 240
    assert len(str(row["effect"])) <= 7


def test_a_busy_store_is_said() -> None:
    assert summary_markdown(AuditReport("d", False, busy="process 7")) == "# Audit: already running\n\nprocess 7\n"


def test_hostile_text_is_shown_as_it_is() -> None:
    assert escape("<img src=x onerror=alert(1)> | a_b*c\n[x](y)") == (
        "&lt;img src=x onerror=alert(1)&gt; \\| a\\_b\\*c \\[x\\](y)"
    )
