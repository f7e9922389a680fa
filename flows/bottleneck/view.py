"""How concept bottlenecks are shown at 80 columns."""

import pyarrow as pa

from t2c.flows.bottleneck.fit import BottleneckReport
from t2c.flows.bottleneck.use import EditReport, ExplainReport
from t2c.flows.cli.output import Output
from t2c.flows.engine.text_table import show

WHO = {
    "concepts": "concept bottleneck",
    "before": "before the edit",
    "features": "linear probe, full features",
    "attributes": "head on true attributes",
    "majority": "commonest class",
}
"""What the rows of BOTTLENECK are called."""
TOP_WEIGHTS = 3
_CLASSES = 20


def show_fit(out: Output, report: BottleneckReport) -> None:
    """Show what was fitted, accuracy beside its peers, the largest weights of each class, and AUROCs."""
    certificate = report.certificate
    out.facts(
        "report",
        {
            "model": report.name,
            "dataset": report.dataset,
            "concepts seen": certificate.concepts,
            "concepts used": certificate.used,
            "classes": len(certificate.classes),
            "fitted": certificate.fitted,
            "held out": certificate.held_out,
            "unlabelled": certificate.unlabelled,
            "other labels": certificate.other_labels,
        },
    )
    out.sentence(certificate.recipe)
    for why in dict.fromkeys(left_out.why for left_out in certificate.left_out):
        names = [left_out.concept for left_out in certificate.left_out if left_out.why == why]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        out.say(f"  left out as {why}: {show(', '.join(names[:5]))}{more}")
    show_accuracy(out, report.accuracy)
    out.table("weights", largest_weights(report.weights), title="what speaks most for each class")
    out.put("weights", report.weights)
    if report.aurocs.num_rows:
        columns = ["attribute", "concept", "mark", "positives", "negatives", "auroc", "low", "high"]
        out.table("aurocs", report.aurocs.slice(0, 30), columns=columns, title="similarity against true attributes")
        mean, share = auroc_facts(report.aurocs)
        out.say(f"  mean AUROC {mean:.3f}; {share:.0%} of {report.aurocs.num_rows} at 0.75 or better")
    out.put("aurocs", report.aurocs)
    out.put("by_class", report.by_class)
    out.put("errors", report.errors)
    out.put("certificate", certificate)
    out.notes(certificate.notes)
    out.wrote(report.path)


def auroc_facts(table: pa.Table) -> tuple[float, float]:
    """Return the mean AUROC and the share at 0.75 or better, the two figures the paper gives."""
    values = table["auroc"].to_pylist()
    return sum(values) / len(values), sum(value >= 0.75 for value in values) / len(values)


def show_accuracy(out: Output, table: pa.Table) -> None:
    """Show BOTTLENECK with intervals."""
    named = [WHO[who] for who in table["who"].to_pylist()]
    readable = table.set_column(0, "who", pa.array(named)).select(["who", "inputs", "n", "accuracy", "low", "high"])
    out.table("accuracy", readable, title="accuracy on images not fitted, with Wilson's 95 % interval")
    out.put("accuracy", table)


def largest_weights(weights: pa.Table) -> pa.Table:
    """Return a line a class with its largest weights in words."""
    lines: dict[str, list[str]] = {}
    for row in weights.to_pylist():
        texts = lines.setdefault(row["class"], [])
        if len(texts) < TOP_WEIGHTS and row["weight"] > 0:
            texts.append(f"{row['concept']} {row['weight']:+.2f}")
    table = {"class": list(lines), "concepts": [", ".join(texts) or "none" for texts in lines.values()]}
    return pa.table(table, schema=pa.schema({"class": pa.string(), "concepts": pa.string()})).slice(0, _CLASSES)


def show_explanations(out: Output, report: ExplainReport) -> None:
    """Show each image: its class, the runner-up, three shares, three differences."""
    out.facts("model", {"model": report.name, "dataset": report.dataset})
    ids = dict(zip(report.images["row"].to_pylist(), report.images["image_id"].to_pylist(), strict=True))
    titled: set[int] = set()
    for line in report.table.to_pylist():
        if line["row"] not in titled:
            titled.add(line["row"])
            truth = f", labelled {line['label']}" if line["label"] not in (None, line["predicted"]) else ""
            out.say(show(f"{ids[line['row']]} (row {line['row']}, {line['side']})"))
            out.say(show(f"  {line['predicted']}{truth}; runner-up {line['runner_up']}, {line['margin']:.2f} behind"))
        share, z = line["share"], line["z"]
        if line["part"].endswith("share"):
            out.say(show(f"    {share:+7.1%} of the logit   {line['concept']} ({z:+.1f} sd)"))
        else:
            out.say(
                show(f"    {share - line['runner_up_share']:+7.1%} over runner-up  {line['concept']} ({z:+.1f} sd)")
            )
    out.put("explanations", report.table)
    out.put("images", report.images)


def show_edit(out: Output, report: EditReport) -> None:
    """Show the edits, accuracy before and after, and what changed."""
    edits = ", ".join(f"{edit.concept} x {edit.factor:g}" for edit in report.certificate.edits)
    out.facts(
        "report",
        {"model": report.name, "edited from": report.edited_from, "dataset": report.dataset, "edits": edits},
    )
    show_accuracy(out, report.accuracy)
    changed = report.changed.to_pylist()
    better = sum(row["after"] == row["label"] for row in changed)
    worse = sum(row["before"] == row["label"] for row in changed)
    out.facts("changes", {"predictions changed": len(changed), "now right": better, "now wrong": worse})
    if changed:
        pairs = report.changed.group_by(["label", "before", "after"]).aggregate([([], "count_all")])
        pairs = pairs.rename_columns(["label", "before", "after", "images"]).sort_by([("images", "descending")])
        out.table("changed_pairs", pairs.slice(0, 10), title="predictions that changed")
    out.put("changed", report.changed)
    out.wrote(report.path)
