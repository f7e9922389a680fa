"""The headline says what the tables say, what changed first."""

from dataclasses import replace

import pyarrow as pa
from markupsafe import Markup

from t2c.flows.report.data import ReportData
from t2c.flows.report.findings import MOST_SHIFTED, findings, headline
from t2c.flows.shift.verdict import Verdict

NBSP = "\N{NO-BREAK SPACE}"


def plain(text: Markup) -> str:
    return text.striptags().replace(NBSP, " ")


def test_the_headline_is_the_verdict(full_report: ReportData) -> None:
    assert plain(headline(full_report)) == "Changed: some concepts have risen or fallen."


def test_the_headline_says_so_when_nothing_moved(full_report: ReportData) -> None:
    at = full_report.shift.schema.get_field_index("verdict")
    still = full_report.shift.set_column(at, full_report.shift.schema.field(at), pa.array(["none"] * 26))
    quiet = replace(full_report, shift=still, verdict=Verdict("pass", "a change of 0.2 would have been seen with 80%"))
    assert plain(headline(quiet)) == "Pass: a change of 0.2 would have been seen with 80%."
    assert not [finding for finding in findings(quiet) if finding.section == "shift"]


def test_the_headline_without_a_comparison(bare_report: ReportData) -> None:
    assert (
        plain(headline(bare_report))
        == "26 concepts describe the 3,000 readable images of demo@3; nothing was compared."
    )


def test_one_sentence_each_with_the_tables_numbers(full_report: ReportData) -> None:
    found = findings(full_report)
    first = full_report.shift.sort_by("log10_q").to_pylist()[0]
    assert first["concept"] == "indoors"
    assert plain(found[0].text).startswith(
        f"indoors has risen: mean similarity {first['mean_reference']:.3f} → {first['mean_current']:.3f}, "
        f"{first['effect']:+.2f} reference standard deviations (D {first['d']:.2f}, q "
    )
    texts = [plain(finding.text) for finding in found]
    assert "4 of 3,004 inputs of demo cannot be used: 2 corrupt, 1 too large, 1 unsupported." in texts
    assert "The aligner explains 69 % of the variance of rows it was not fitted on (the mean predictor 0 %)." in texts
    assert (
        "Zero-shot colour: the aligned encoder is right for 62.0 % of 600 images (CLIP's own encoder 99.0 %, chance 9.1 %)."
        in texts
    )
    assert "red > 1.5 & indoors > 1 & 'on grass' < 0 finds 38 of 3,000 images in demo@3.".replace("'", "'") in [
        text.replace("&amp;", "&") for text in texts
    ]


def test_many_shifted_concepts_are_counted_not_listed(full_report: ReportData) -> None:
    at = full_report.shift.schema.get_field_index("verdict")
    moved = full_report.shift.set_column(at, full_report.shift.schema.field(at), pa.array(["risen"] * 26))
    sentences = [finding for finding in findings(replace(full_report, shift=moved)) if finding.section == "shift"]
    assert len(sentences) == MOST_SHIFTED + 1
    assert plain(sentences[-1].text) == "18 more concepts shifted: see the table."
