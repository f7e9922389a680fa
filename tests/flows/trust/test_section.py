"""The report shows marks wherever a concept is, says what each rests on, and asks again as it was asked."""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from markupsafe import Markup

from t2c.flows.maps.align import align
from t2c.flows.report.data import ReportData
from t2c.flows.report.findings import findings
from t2c.flows.report.render import render
from t2c.flows.report.write import report
from t2c.flows.scores.score import score
from t2c.flows.shift.shift import shift
from t2c.flows.trust.trust import trust
from t2c.schemas.specs.shift import Judging
from t2c.store.disk.root import Store, open_store
from tests.planted.audit import write_audit


@pytest.fixture
def stored(tmp_path: Path) -> Store:
    """photos and new_photos scored, the colour of photos known."""
    from t2c.flows.data.table_imports import import_attributes

    write_audit(tmp_path)
    store = open_store(tmp_path / "store")
    align(store, "photos", source="my-model", target="my-clip")
    for name in ("photos", "new_photos"):
        score(store, name, source="my-model", bank="everyday")
    import_attributes(store, "photos", tmp_path / "truth.parquet")
    return store


def page(store: Store, folder: Path, **options: object) -> str:
    return Path(report(store, "photos", "new_photos", output=folder / "r.html", **options).path).read_text()


def test_without_marks_the_section_says_what_to_type_and_with_them_every_concept_has_its_own(
    stored: Store, tmp_path: Path
) -> None:
    text = page(stored, tmp_path)
    assert '<section id="trust"' in text
    assert "Trust was not measured, so no concept is more than a name: t2c trust photos" in text
    assert '<span class="trust ' not in text
    marks = trust(stored, "photos", mapping={"red": "in a tree"}).table
    text = page(stored, tmp_path, queries=["red > 0 & blue < 1"])
    assert '<section id="trust"' in text
    for name, mark in zip(marks["concept"].to_pylist()[:2], marks["mark"].to_pylist()[:2], strict=True):
        assert f'<span><bdi>{name}</bdi> <span class="trust {mark}">{mark}</span></span>' in text
    for row in marks.to_pylist():
        assert text.count(f'<span class="trust {row["mark"]}">{row["mark"]}</span>') >= 4
        if row["auroc"] is not None:
            assert f'{row["auroc"]:.2f}</td><td class="n">{row["auroc_low"]:.2f} – {row["auroc_high"]:.2f}</td>' in text
            assert f"{row['positives']} : {row['negatives']}</td>" in text
    assert "Why not trusted" in text
    assert "answers/trust/" in text


def test_a_concept_that_is_left_out_is_said_so_in_table_panel_and_headline(stored: Store, tmp_path: Path) -> None:
    rows = trust(stored, "photos", mapping={"blue": "red", "red": "blue"}).table.to_pylist()
    assert [row["mark"] for row in rows][:2] == ["untrusted", "untrusted"]
    text = page(stored, tmp_path)
    assert text.count('<span class="verdict none">left out</span>') == 2
    assert text.count("<small>left out</small>") == 2
    assert "2 untrusted concepts get no verdict, because nothing bears out what the name says." in text
    assert "2 untrusted concepts have no verdict (--untrusted gives one)" in text
    asked = page(stored, tmp_path, judging=Judging(untrusted=True, beyond="blocks", classes="none", blocks=8))
    assert "left out" not in asked
    assert "--classes none --beyond blocks --blocks 8 --untrusted" in asked


def test_the_split_by_classes_has_columns_and_a_sentence(full_report: ReportData) -> None:
    table = full_report.shift.to_pylist()
    for row in table:
        row |= {"effect_mix": 0.9 * row["effect"], "effect_within": 0.1 * row["effect"], "q_blocks": 0.0123}
        row["cause"] = None if row["verdict"] == "none" else "class mix"
    split = replace(
        full_report, shift=pa.Table.from_pylist(table, schema=full_report.shift.schema), shift_notes=("<b>",)
    )
    text = render(split)
    assert '<th scope="col">cause</th>' in text
    assert "0.0123</td>" in text
    assert "&lt;b&gt;" in text
    assert '<th scope="col">cause</th>' not in render(full_report)
    first = Markup(findings(split)[0].text).striptags()
    assert "reference standard deviations, by class mix alone (D" in first


def test_the_report_judges_as_shift_does(stored: Store, tmp_path: Path) -> None:
    judging = Judging(classes="none", beyond="blocks", blocks=8)
    made = report(stored, "photos", "new_photos", output=tmp_path / "r.html", judging=judging)
    want = shift(stored, "photos@1", "new_photos@1", judging=judging)
    assert (made.verdict, want.new) == (want.verdict.word, False)


def test_hostile_names_are_escaped_in_the_section(full_report: ReportData) -> None:
    from t2c.flows.trust.section import TrustSection

    name = "<img src=x onerror=alert(1)>"
    row = {
        "key": 0, "concept": name, "mark": "untrusted", "why": "<script>", "auroc": 0.5, "auroc_low": 0.4,
        "auroc_high": 0.6, "random_auroc": 0.7, "positives": 20, "negatives": 30, "spearman": 0.1,
        "random_spearman": 0.8, "overlap": 0.1, "neighbours": [name], "cosines": [0.5],
    }  # fmt: skip
    section = TrustSection((row,), (("untrusted", 1),), (row,), 0.6, 0.5)
    text = render(replace(full_report, sections={"trust": section}, marks={name: "untrusted"}))
    assert name not in text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
