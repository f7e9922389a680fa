"""One HTML file that holds everything, reaches for nothing, and in which no name can act."""

import base64
import hashlib
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
import pytest

from t2c.flows.page import words
from t2c.flows.page.document import FOLDED_PANELS, FOLDED_ROWS, PANELS, SHOWN_ROWS
from t2c.flows.page.pictures import Strip, Thumbnail
from t2c.flows.report.data import DUPLICATES, LABELS, PROBLEMS, ConceptImages, ReportData
from t2c.flows.report.render import OPTIONAL, SECTIONS, render

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)" x="',
    "' autofocus onfocus=alert(1) '",
    "</style></title><svg onload=alert(1)>",
    "javascript:alert(1)",
    "https://example.org/x.png",
    "url(https://example.org/y)",
    "x'); DROP TABLE concepts;--",
    "../../etc/passwd",
    "\0\x1b[31mred\x07",
    "\u202egnp.elif\u202c",
    "עברית عربي",
    "{{ 7 * 7 }}{% raw %}",
    "{0.__class__}",
    "line\nbreak\rreturn",
    "=cmd()|' /C calc'!A0",
    "🦊" * 10,
    "long " * 1000,
    "\ud800 lone",
)
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """What a browser would see: elements with attributes, the text, and whether tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] or "" for _, attributes in self.elements if "id" in attributes]

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.text))


def renamed(table: pa.Table, column: str, names: list[str]) -> pa.Table:
    at = table.schema.get_field_index(column)
    return table.set_column(at, table.schema.field(at), pa.array(names, pa.string()))


def utf8(name: str) -> str:
    return name.encode("utf-8", "replace").decode()


def hostile_report(data: ReportData) -> ReportData:
    """The same report with a hostile text wherever a user's text can stand."""
    names = [utf8(HOSTILE[index % len(HOSTILE)]) + ("" if index < len(HOSTILE) else str(index)) for index in range(26)]
    account = replace(
        data.accounts[0],
        name=HOSTILE[0],
        problems=pa.Table.from_pylist(
            [{"image_id": n, "outcome": "corrupt", "error": n} for n in names], schema=PROBLEMS
        ),
        duplicates=pa.Table.from_pylist([{"image_id": n, "first": n} for n in names], schema=DUPLICATES),
        labels=pa.Table.from_pylist([{"label": n, "count": 1} for n in names], schema=LABELS),
    )
    shown = tuple(Thumbnail(name, "", 112, 112, (name,)) for name in HOSTILE)
    return replace(
        data,
        title=HOSTILE[4],
        bank=HOSTILE[2],
        sides=HOSTILE[:2],
        accounts=(account, data.accounts[1]),
        aligner=replace(
            data.aligner, source=HOSTILE[0], target=HOSTILE[1], notes=HOSTILE, facts=(("rows", HOSTILE[3]),)
        ),
        reference_stats=renamed(data.reference_stats, "concept", names),
        current_stats=renamed(data.current_stats, "concept", names),
        shift=renamed(data.shift, "concept", names),
        logic=(
            replace(
                data.logic[0],
                expression=" & ".join(HOSTILE[:9]),
                dataset=HOSTILE[1],
                funnel=renamed(data.logic[0].funnel, "step", ["all images", *HOSTILE[1:4]]),
                thumbnails=shown,
            ),
        ),
        zeroshot=tuple(
            replace(
                t,
                title=HOSTILE[1],
                dataset=HOSTILE[2],
                per_class=renamed(t.per_class, "class", names[: t.per_class.num_rows]),
            )
            for t in data.zeroshot
        ),
        grids=tuple(ConceptImages(name, (Strip(name, shown),)) for name in HOSTILE),
        artifacts=renamed(data.artifacts, "artifact", names[: data.artifacts.num_rows]),
        commands=HOSTILE,
        versions=((HOSTILE[0], HOSTILE[1]),),
        missing=(),
    )


def assert_inert(text: str) -> Page:
    page = Page(text)
    assert page.open == []
    for tag, attributes in page.elements:
        assert tag not in {"script", "iframe", "object", "embed", "link", "base", "form", "input", "foreignObject"}
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name not in {"style", "autofocus", "srcset", "action", "xlink:href", "formaction", "ping"}
            if name == "href":
                assert re.fullmatch(r"#[a-z]+", value or "")
            if name == "src":
                assert re.fullmatch(r"data:image/webp;base64,[A-Za-z0-9+/=]+", value or "")
    return page


def test_a_report_is_inert_self_contained_and_balanced(full_report: ReportData) -> None:
    text = render(full_report)
    assert_inert(text)
    assert not re.search(r"https?:|@import|url\(", text)


def test_hostile_names_are_shown_and_do_nothing(full_report: ReportData) -> None:
    text = render(hostile_report(full_report))
    page = assert_inert(text)
    assert [tag for tag, _ in page.elements if tag == "style"] == ["style"]
    assert not set("\0\x1b\x07") & set(text)
    assert "<script>alert(1)</script>" in page.words
    assert "{{ 7 * 7 }}" in page.words
    assert "long long" in page.words
    assert len(text) < 2_000_000
    text.encode()


def test_the_policy_admits_the_one_stylesheet_and_nothing_else(full_report: ReportData) -> None:
    text = render(full_report)
    page = Page(text)
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    style = text[text.index("<style>") + len("<style>") : text.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert (
        policy == f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert text.index("Content-Security-Policy") < text.index("<style>")


def test_every_section_is_there_and_linked(full_report: ReportData) -> None:
    page = Page(render(full_report))
    links = [a["href"] for tag, a in page.elements if tag == "a"]
    for key, title in SECTIONS:
        if key in OPTIONAL and key not in full_report.sections:
            continue  # optional sections are tested with their own data
        assert key in page.ids
        assert f"#{key}" in links
        assert title in page.words
    assert {(link or "")[1:] for link in links} <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)


def test_sections_without_data_are_left_out_or_explained(bare_report: ReportData) -> None:
    page = Page(render(bare_report))
    assert {"inputs", "aligner", "distributions", "zeroshot", "lineage"} <= set(page.ids)
    assert not {"shift", "logic", "images"} & set(page.ids)
    assert "No labels were given." in page.words


def test_the_smallest_report_still_renders(bare_report: ReportData) -> None:
    least = replace(
        bare_report,
        aligner=None,
        reference_stats=bare_report.reference_stats.slice(0, 0),
        missing=(),
        commands=(),
        versions=(),
    )
    assert "distributions" not in Page(render(least)).ids


def cells(row: dict[str, Any]) -> str:
    return " ".join(
        [
            words.signed(row["effect"]),
            words.number(row["wasserstein"], 2),
            words.number(row["d"], 3),
            words.small(row["log10_q"]),
            words.number(row["log10_q"], 2),
            words.number(row["mean_reference"], 3),
            words.number(row["mean_current"], 3),
            f"{row['n_reference']:,} : {row['n_current']:,}",
        ]
    )


def test_the_shift_table_holds_the_datas_numbers_largest_effect_of_what_shifted_first(full_report: ReportData) -> None:
    table = re.search(r'<table class="shift">.*?</table>', render(full_report), re.DOTALL)
    assert table
    rows = [Page(row).text for row in re.findall(r"<tr class.*?</tr>", table[0], re.DOTALL)]
    want = sorted(full_report.shift.to_pylist(), key=lambda row: (row["verdict"] == "none", -abs(row["effect"])))
    assert [row[0] for row in rows] == [row["concept"] for row in want]
    for shown, row in zip(rows, want, strict=True):
        parts = [part for part in shown if part.strip()]
        assert " ".join(parts[-8:]) == cells(row)
        assert row["verdict"] in " ".join(parts)


def test_the_other_numbers_are_the_datas(full_report: ReportData) -> None:
    seen = Page(render(full_report)).words.replace("\N{NO-BREAK SPACE}", " ")
    for row in full_report.aligner.quality.to_pylist():
        assert f"{row['definition']}{words.number(row['r2'], 3)}{words.number(row['baseline'], 3)}" in seen
    for task in full_report.zeroshot:
        for row in task.accuracies.to_pylist():
            assert (
                f"{100 * row['accuracy']:.1f} %{100 * row['low']:.1f} % – {100 * row['high']:.1f} %{row['n']}" in seen
            )
    for row in full_report.artifacts.to_pylist():
        assert row["digest"] in seen
    for account in full_report.accounts:
        assert f"inputs{account.total:,}" in re.sub(r"\s", "", seen)
    assert full_report.commands[0] in seen


def test_pictures_have_a_text_and_a_placeholder_when_they_cannot_be_shown(full_report: ReportData) -> None:
    grid = ConceptImages("dog", (Strip("most similar", (Thumbnail("gone.jpg", "", 112, 112),)),))
    page = Page(render(replace(full_report, grids=(grid,))))
    assert all(a.get("alt") for tag, a in page.elements if tag == "img")
    assert any(a.get("aria-label") == "no preview of gone.jpg" for _, a in page.elements)
    assert all(a.get("aria-label") or a.get("aria-hidden") for tag, a in page.elements if tag == "svg" and "class" in a)


def test_a_bank_of_thousands_is_folded_and_counted(full_report: ReportData) -> None:
    def grown(table: pa.Table, n: int) -> pa.Table:
        rows = table.slice(0, 1).to_pylist()[0]
        return pa.Table.from_pylist(
            [{**rows, "key": key, "concept": f"word {key}"} for key in range(n)], schema=table.schema
        )

    n = 3000
    big = replace(
        full_report,
        reference_stats=grown(full_report.reference_stats, n),
        current_stats=grown(full_report.current_stats, n),
        shift=grown(full_report.shift, n),
    )
    text = render(big)
    assert len(text) < 5_000_000
    assert text.count('class="histogram"') == PANELS + FOLDED_PANELS
    assert f"{SHOWN_ROWS + FOLDED_ROWS} of 3,000 concepts are in this file" in Page(text).words


def test_a_full_report_of_thumbnails_stays_small(full_report: ReportData) -> None:
    assert len(render(full_report)) < 1_500_000


def test_the_same_data_give_the_same_page(full_report: ReportData) -> None:
    assert render(full_report) == render(full_report)


@pytest.mark.parametrize("log10_q", [-math.inf, -5000.0])
def test_a_q_beyond_floats_is_written(full_report: ReportData, log10_q: float) -> None:
    at = full_report.shift.schema.get_field_index("log10_q")
    extreme = full_report.shift.set_column(at, full_report.shift.schema.field(at), pa.array([log10_q] * 26))
    assert "indoors" in Page(render(replace(full_report, shift=extreme))).words
