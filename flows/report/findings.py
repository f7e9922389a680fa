"""The headline: what was found, one sentence each, from the same numbers as the tables below it."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from t2c.flows.page import words
from t2c.flows.page.words import named
from t2c.flows.report.data import ReportData
from t2c.flows.shift.first_table import COLUMN, FirstTable
from t2c.flows.shift.table import FALLEN, RISEN, by_effect

MOST_SHIFTED = 8
"""Shifted concepts that get a sentence of their own; the table has them all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence of the headline."""

    kind: str
    """risen, fallen, warning or plain: how it is marked."""
    text: Markup
    """The sentence, escaped."""
    section: str
    """Id of the section that holds the numbers."""


def findings(data: ReportData) -> list[Finding]:
    """Return the sentences of the headline, what changed first."""
    return [*_shifted(data), *_inputs(data), *_alignment(data), *_zeroshot(data), *_logic(data)]


def headline(data: ReportData) -> Markup:
    """Return the one sentence above all others."""
    reference = data.accounts[0]
    if data.shift is None or len(data.sides) < 2:
        return Markup("{} concepts describe the {} readable images of {}@{}; nothing was compared.").format(
            words.count(data.reference_stats.num_rows),
            words.count(reference.count("ok")),
            named(reference.name),
            reference.snapshot,
        )
    if data.verdict is None:
        return Markup("")
    return Markup("{}: {}.").format(data.verdict.word.capitalize(), data.verdict.why)


def _shifted(data: ReportData) -> list[Finding]:
    if data.shift is None:
        return []
    if data.first is not None and not data.first.why_not:
        return [*_families(data.first), *_left_out(data)]
    rows = [row for row in by_effect(data.shift).to_pylist() if row["verdict"] in (RISEN, FALLEN)]
    sentences = [Finding(row["verdict"], _shift_sentence(row), "shift") for row in rows[:MOST_SHIFTED]]
    if len(rows) > MOST_SHIFTED:
        more = Markup("{} shifted: see the table.").format(words.plural(len(rows) - MOST_SHIFTED, "more concept"))
        sentences.append(Finding("plain", more, "shift"))
    return [*sentences, *_left_out(data)]


def _left_out(data: ReportData) -> list[Finding]:
    left_out = sum(bool(row) for row in data.shift["left_out"].to_pylist()) if data.shift is not None else 0
    if not left_out:
        return []
    text = Markup("{} no verdict, because nothing bears out what the name says.")
    return [
        Finding(
            "warning", text.format(words.plural(left_out, "untrusted concept gets", "untrusted concepts get")), "trust"
        )
    ]


def _families(first: FirstTable) -> list[Finding]:
    """Return a sentence for each of the families that changed most."""
    rows = [row for row in first.table.to_pylist() if row["verdict"] in (RISEN, FALLEN)]
    sentences = [Finding(row["verdict"], _family_sentence(row), "shift") for row in rows[:MOST_SHIFTED]]
    if len(rows) > MOST_SHIFTED:
        more = Markup("{} changed: see the table.").format(
            words.plural(len(rows) - MOST_SHIFTED, "more family", "more families")
        )
        sentences.append(Finding("plain", more, "shift"))
    return sentences


def _family_sentence(row: dict[str, Any]) -> Markup:
    end = COLUMN[row["lens"]]
    against = "the reference itself" if row["lens"] == "within" else "varied images at large"
    others = [name for name in row["family"] if name != row["name"]]
    with_others = Markup(" (with {})").format(named(", ".join(others[:3]) + (", ..." if len(others) > 3 else "")))
    return Markup("{}{} stands out in {} → {} of the images, held against {} (q\N{NO-BREAK SPACE}{}).").format(
        Markup("<strong>{}</strong>").format(named(row["name"])),
        with_others if others else "",
        words.percent(row[f"share_before_{end}"], 1),
        words.percent(row[f"share_after_{end}"], 1),
        against,
        words.small(row["log10_q"]),
    )


def _shift_sentence(row: dict[str, Any]) -> Markup:
    return Markup(
        "{} has {}: mean similarity {} → {}, {} reference standard deviations{} (D\N{NO-BREAK SPACE}{}, q\N{NO-BREAK SPACE}{})."
    ).format(
        Markup("<strong>{}</strong>").format(named(row["concept"])),
        row["verdict"],
        words.number(row["mean_reference"], 3),
        words.number(row["mean_current"], 3),
        words.signed(row["effect"]),
        ", by class mix alone" if row["cause"] == "class mix" else "",
        words.number(row["d"]),
        words.small(row["log10_q"]),
    )


def _inputs(data: ReportData) -> list[Finding]:
    return [
        Finding(
            "warning",
            Markup("{} of {} inputs of {} cannot be used: {}.").format(
                words.count(account.total - account.count("ok")),
                words.count(account.total),
                named(account.name),
                ", ".join(
                    f"{words.count(row['count'])} {row['outcome'].replace('_', ' ')}"
                    for row in account.outcomes.to_pylist()
                    if row["outcome"] != "ok" and row["count"]
                ),
            ),
            "inputs",
        )
        for account in data.accounts
        if account.total > account.count("ok")
    ]


def _alignment(data: ReportData) -> list[Finding]:
    if data.aligner is None or data.aligner.quality is None:
        return []
    first = data.aligner.quality.to_pylist()[0]
    sentence = Markup("The aligner explains {} of the variance of rows it was not fitted on (the mean predictor {}).")
    return [
        Finding("plain", sentence.format(words.percent(first["r2"], 0), words.percent(first["baseline"], 0)), "aligner")
    ]


def _zeroshot(data: ReportData) -> list[Finding]:
    sentences = []
    for task in data.zeroshot:
        rows = {row["role"]: row for row in task.accuracies.to_pylist()}
        if "aligned" not in rows:
            continue
        beside = [f"CLIP's own encoder {words.percent(rows['target']['accuracy'])}"] if "target" in rows else []
        text = Markup("Zero-shot {}: the aligned encoder is right for {} of {} ({}).").format(
            named(task.title),
            words.percent(rows["aligned"]["accuracy"]),
            words.plural(rows["aligned"]["n"], "image"),
            ", ".join([*beside, f"chance {words.percent(task.chance)}"]),
        )
        sentences.append(Finding("plain", text, "zeroshot"))
    return sentences


def _logic(data: ReportData) -> list[Finding]:
    sentence = Markup("<code>{}</code> finds {} of {} in {}.")
    return [
        Finding(
            "plain",
            sentence.format(
                named(result.expression, 160),
                words.count(result.found),
                words.plural(result.searched, "image"),
                named(result.dataset),
            ),
            "logic",
        )
        for result in data.logic
    ]
