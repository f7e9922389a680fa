"""How a shift is shown at 80 columns: what has moved first, by size of effect; p-values after."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from t2c.flows.cli.output import Output
from t2c.flows.shift.first_table import COLUMN, FirstTable
from t2c.flows.shift.shift import ShiftReport
from t2c.flows.shift.table import by_effect


def show_shift(out: Output, report: ShiftReport, *, limit: int) -> None:
    """Show the verdict and what it stands on, then one row a concept; machines get the whole table, smallest q first."""
    show_verdict(out, report)
    show_first(out, report.first, limit=limit)
    ordered = by_effect(report.table)
    # with a first table above it, this one is an early warning
    limit = limit if report.first.why_not else max(limit // 3, 1)
    title = "similarities (Kolmogorov-Smirnov), largest effect first"
    out.table("shift", shift_columns(ordered.slice(0, limit)), title=title)
    if ordered.num_rows > limit:
        out.say(f"  ... and {ordered.num_rows - limit:,} more (all of them: --json)")
    out.put("shift", report.table)
    counts = {"flagged": report.flagged, "changed_shape": report.changed_shape, "concepts": report.table.num_rows}
    out.put("verdict", {**asdict(report.verdict), **counts, "alpha": report.alpha})
    out.put("classes", report.classes)
    out.notes(report.notes)
    if report.path:
        out.wrote(report.path)


def show_verdict(out: Output, report: ShiftReport) -> None:
    """Show the first lines of a comparison: what it comes to, between what, in which unit, under which map and trust."""
    out.sentence(str(report.verdict), indent="")
    standing = report.standing
    out.facts(
        "sides",
        {
            "reference": f"{report.reference} ({report.n_reference:,} {report.unit})",
            "current": f"{report.current} ({report.n_current:,} {report.unit})",
        },
    )
    out.facts(
        "standing",
        {"map": f"{standing.map}, {standing.between}", "quality": standing.quality, "trust": standing.trust},
    )


def show_first(out: Output, first: FirstTable, *, limit: int) -> None:
    """Show which families stand out in more or fewer images, or why none can; machines get every family."""
    out.put("ranking", first.table)
    out.put("background", first.background)
    if first.why_not:
        out.sentence(f"what stands out: {first.why_not}")
        return
    shown = first.table.filter(pc.not_equal(first.table["verdict"], "none")).slice(0, limit)
    title = f"stands out in more or fewer images, held against: {' and '.join(first.lenses)} ({first.background})"
    out.sentence(title, indent="")
    if shown.num_rows:
        out.table("first", first_columns(shown, first))
    else:
        out.say("  no family's share changed by more than is worth a line")
    for note in first.notes:
        out.sentence(f"note: {note}")
    out.sentence(first.power)


def first_columns(table: pa.Table, first: FirstTable) -> pa.Table:
    """Return the columns of RANKING that people are shown: shares before and after under each lens, then q."""
    rows = table.to_pylist()
    columns = {"family": [_name(row) for row in rows], "verdict": [row["verdict"] for row in rows]}
    for lens in first.lenses:
        end = COLUMN[lens]
        columns[lens] = [f"{row[f'share_before_{end}']:.1%} -> {row[f'share_after_{end}']:.1%}" for row in rows]
    return pa.table({**columns, "log10_q": pc.add(pc.round(table["log10_q"], ndigits=1), 0.0)})


def _name(row: Mapping[str, Any]) -> str:
    """Return a family by its name, with how many more words it holds."""
    return str(row["name"]) if len(row["family"]) == 1 else f"{row['name']} +{len(row['family']) - 1}"


def shift_columns(table: pa.Table) -> pa.Table:
    """Return the columns that people are shown: effects, their cause and mark, then p-values."""
    columns = {"concept": table["concept"]}
    if table["trust"].null_count < table.num_rows:
        columns["trust"] = table["trust"]
    columns |= {"verdict": table["verdict"], "effect": _rounded(table["effect"], 2)}
    if table["effect_mix"].null_count < table.num_rows:
        columns |= {"mix": _rounded(table["effect_mix"], 2), "cause": _short_cause(table["cause"])}
    columns |= {"d": _rounded(table["d"], 3), "log10_q": _rounded(table["log10_q"], 1)}
    if table["q_blocks"].null_count < table.num_rows:
        columns["q blocks"] = _rounded(table["q_blocks"], 4)
    return pa.table(columns)


def _rounded(values: pa.ChunkedArray, digits: int) -> pa.ChunkedArray:
    """Return numbers rounded, without a negative zero."""
    return pc.add(pc.round(values, ndigits=digits), 0.0)


def _short_cause(causes: pa.ChunkedArray) -> pa.Array:
    """Return causes in a word: mix, within or both."""
    short = {"class mix": "mix", "within classes": "within"}
    return pa.array([None if cause is None else short.get(cause, cause) for cause in causes.to_pylist()], pa.string())
