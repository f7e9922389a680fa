"""ReportData in, one HTML string out: Jinja2 with autoescape, one hashed stylesheet, no script, nothing external."""

import math
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from t2c.flows.bottleneck import section as bottleneck_section
from t2c.flows.decode import section as words_section
from t2c.flows.laboratory import section as laboratory_section
from t2c.flows.page import charts, words
from t2c.flows.page.document import FOLDED_PANELS, PANELS, SHOWN_ROWS, STYLE, environment, policy
from t2c.flows.page.section import Context, Gathered, Section
from t2c.flows.reading import section as reading_section
from t2c.flows.report.data import ReportData
from t2c.flows.report.findings import findings, headline
from t2c.flows.shift.first_table import COLUMN, FirstTable
from t2c.flows.shift.table import FALLEN, NONE, RISEN, SHAPE, by_effect
from t2c.flows.study import section as study_section
from t2c.flows.suite import section as suite_section
from t2c.flows.trust import section as trust_section

OPTIONAL: Mapping[str, Section] = {
    "trust": Section("Concept trust", "trust/section.html.jinja", trust_section.gather),
    "words": Section("In words", "decode/section.html.jinja", words_section.gather),
    "study": Section("Human study", "study/section.html.jinja", study_section.gather),
    "bottleneck": Section("Bottlenecks", "bottleneck/section.html.jinja", bottleneck_section.gather),
    "reading": Section("Reading", "reading/section.html.jinja", reading_section.gather),
    "laboratory": Section("Alignment laboratory", "laboratory/section.html.jinja", laboratory_section.gather),
    "suite": Section("Zero-shot suite", "suite/section.html.jinja", suite_section.gather),
}
"""Sections that are shown when the store holds something for them: id to section, in the order in which they are shown."""


def gather_sections(context: Context) -> dict[str, Gathered]:
    """Return the sections that have something to show, in order."""
    gathered = {key: section.gather(context) for key, section in OPTIONAL.items()}
    return {key: content for key, content in gathered.items() if content is not None}


SECTIONS = (
    ("inputs", "Inputs"),
    ("aligner", "Aligner"),
    ("shift", "Shift"),
    ("distributions", "Distributions"),
    ("logic", "Concept logic"),
    ("zeroshot", "Zero-shot"),
    *((key, section.title) for key, section in OPTIONAL.items()),
    ("images", "Images"),
    ("lineage", "Lineage"),
)
"""Every section in order: id and heading."""

TEMPLATES = {
    key: OPTIONAL[key].template if key in OPTIONAL else f"report/templates/{key}.html.jinja" for key, _ in SECTIONS
}
"""Section id to its template."""


def render(data: ReportData) -> str:
    """Return the report as one HTML document; the same data give the same string."""
    style = STYLE.read_text(encoding="utf-8")
    page = environment().get_template("report/templates/report.html.jinja")
    missing = dict(data.missing)
    return page.render(
        data=data,
        style=style,
        policy=policy(style),
        headline=headline(data),
        findings=findings(data),
        tiles=tiles(data),
        sections=[(key, title) for key, title in SECTIONS if has_section(data, key) or key in missing],
        missing=missing,
        templates=TEMPLATES,
        panels=panels(data),
        first_rows=first_rows(data),
        shift_rows=shift_rows(data),
        alpha_log10=words.number(math.log10(data.alpha), 2),
    )


def has_section(data: ReportData, key: str) -> bool:
    """Tell whether there is anything to show in an optional section."""
    optional = {
        "aligner": data.aligner is not None,
        "shift": data.shift is not None,
        "distributions": data.reference_stats.num_rows > 0,
        "logic": bool(data.logic),
        "zeroshot": bool(data.zeroshot),
        "images": bool(data.grids),
        **{key: key in data.sections for key in OPTIONAL},
    }
    return bool(optional.get(key, True))


def tiles(data: ReportData) -> list[tuple[str, str, str]]:
    """Return the figures above the findings: (figure, what it is, more)."""
    figures = []
    for account in data.accounts:
        dropped = account.total - account.count("ok")
        more = (
            f"{words.count(dropped)} of {words.count(account.total)} inputs not usable"
            if dropped
            else "every input is usable"
        )
        figures.append((words.count(account.count("ok")), f"images in {words.clean(account.name, 40)}", more))
    if data.shift is not None:
        figures.append(_changed(data.shift, data.first))
    if data.aligner is not None and data.aligner.quality is not None:
        first = data.aligner.quality.to_pylist()[0]
        figures.append(
            (words.number(first["r2"]), "R² on rows not fitted", f"mean predictor {words.number(first['baseline'])}")
        )
    for task in data.zeroshot[:1]:
        best = task.accuracies.to_pylist()[0]
        figures.append(
            (
                words.percent(best["accuracy"], 0),
                f"zero-shot {words.clean(task.title, 40)}",
                f"chance {words.percent(task.chance, 0)}",
            )
        )
    return figures


def _changed(shift: pa.Table, first: FirstTable | None) -> tuple[str, str, str]:
    """Return the figure of what changed: families where they could be ranked, else concepts."""
    ranked = first is not None and not first.why_not
    table, what = (first.table, "families") if first is not None and ranked else (shift, "concepts")
    verdicts = table["verdict"].to_pylist()
    risen, fallen, shape = (verdicts.count(word) for word in (RISEN, FALLEN, SHAPE))
    more = f"▲ {risen} risen, ▼ {fallen} fallen" + (f", {shape} changed shape" if shape else "")
    return words.count(risen + fallen), f"of {words.count(len(verdicts))} {what} changed", more


def first_rows(data: ReportData) -> list[dict[str, Any]]:
    """Return the families that the first table shows, with the words they hold and their shares under each lens."""
    if data.first is None:
        return []
    rows = [row for row in data.first.table.to_pylist() if row["verdict"] != NONE][:SHOWN_ROWS]
    for row in rows:
        ends = [COLUMN[lens] for lens in data.first.lenses]
        row["others"] = ", ".join(name for name in row["family"] if name != row["name"])
        row["shares"] = [(row[f"share_before_{end}"], row[f"share_after_{end}"]) for end in ends]
        row["low"], row["high"] = (row[f"{name}_{COLUMN[row['lens']]}"] for name in ("low", "high"))
    return rows


def shift_rows(data: ReportData) -> list[dict[str, Any]]:
    """Return the rows of the shift table, what has shifted first, largest effect first, each with its bars."""
    if data.shift is None:
        return []
    rows: list[dict[str, Any]] = by_effect(data.shift).to_pylist()
    most = max((abs(row["effect"]) for row in rows), default=0.0)
    for row in rows:
        row["effect_bar"] = charts.diverging(
            row["effect"], most, kind=row["verdict"] if row["verdict"] in (RISEN, FALLEN) else "weak"
        )
        row["d_bar"] = charts.bar(row["d"], 1.0)
    return rows


def panels(data: ReportData) -> list[dict[str, Any]]:
    """Return one small multiple a concept: in the order of the shift table, or by mean when nothing was compared."""
    reference = {row["key"]: row for row in data.reference_stats.to_pylist()}
    current = {} if data.current_stats is None else {row["key"]: row for row in data.current_stats.to_pylist()}
    span = charts.span_of(row["histogram"] for side in (reference, current) for row in side.values())
    if data.shift is None:
        ordered = sorted(reference.values(), key=lambda row: (-row["mean"], row["key"]))
        verdicts: list[dict[str, Any]] = [
            {"key": row["key"], "verdict": "none", "effect": None, "log10_q": None} for row in ordered
        ]
    else:
        verdicts = shift_rows(data)
    rows = [row for row in verdicts if row["key"] in reference][: PANELS + FOLDED_PANELS]
    marks = data.marks or {}
    multiples = [_panel(reference[row["key"]], current.get(row["key"]), shift=row, span=span) for row in rows]
    return [{**panel, "trust": marks.get(panel["concept"])} for panel in multiples]


def _panel(
    reference: dict[str, Any], current: dict[str, Any] | None, *, shift: dict[str, Any], span: charts.Span
) -> dict[str, Any]:
    """Return the parts of one small multiple."""
    label = f"Similarity to {words.clean(reference['concept'])}: reference mean {words.number(reference['mean'], 3)}"
    if current is not None:
        label += f", current mean {words.number(current['mean'], 3)}, {shift['verdict'] if shift['verdict'] != 'none' else 'no shift'}"
    chart = charts.histogram(
        reference["histogram"],
        None if current is None else current["histogram"],
        span=span,
        means=(reference["mean"], None if current is None else current["mean"]),
        verdict=shift["verdict"],
        label=label,
    )
    return {
        **shift,
        "concept": reference["concept"],
        "chart": chart,
        "mean": reference["mean"],
        "std": reference["std"],
    }
