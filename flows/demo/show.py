"""The demo's output: plain text, at most 80 columns, in the order in which the questions arise."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from t2c.flows.audit.run import AuditReport
from t2c.flows.demo.checks import Check
from t2c.flows.demo.findings import TOP, Findings, QueryFinding
from t2c.flows.demo.plan import KEEP_OTHERS, PLANTED, PLANTED_TEXTURE, QUERIES, REFERENCE, DemoPlan
from t2c.flows.demo.retrieval import Retrieval
from t2c.flows.zeroshot.zeroshot import ZeroshotReport
from t2c.schemas.tables.tables import OUTCOMES

COLUMNS = 80
"""No line is longer."""


def heading(text: str) -> str:
    """Return a section's heading with a blank line before it."""
    return f"\n{text}\n{'-' * len(text)}"


def opening(plan: DemoPlan) -> Iterator[str]:
    """Say what is about to happen, before anything is drawn."""
    yield "A world of primitives, audited in words by an encoder that never saw text"
    yield "=" * 73
    yield "  under audit    EfficientNet-Lite0 with its ImageNet weights, 128 px"
    yield "  words from     a small CLIP trained on other draws of the same world"
    yield "  world          11 colours x 5 shapes x 4 textures x 6 contexts"
    yield f"  reference      {plan.reference:,} images, every value alike; {plan.held_out:.0%} never fitted"
    odds = ", ".join(f"{value} x{factor:g}" for mix in PLANTED.values() for value, factor in mix.items())
    yield f"  second batch   {plan.second:,} images, odds planted: {odds}"
    yield "                 and five broken files"
    yield f"  queries        {QUERIES[0].expression}"
    for query in QUERIES[1:]:
        yield f"                 {query.expression}"
    yield "                 (thresholds frozen, chosen on other seeds)"


def accounting(audit: AuditReport, found: Findings) -> Iterator[str]:
    """Every file, by outcome, and why the broken ones are out."""
    yield heading("1. Every file is accounted for")
    yield f"  {'':14}" + "".join(f"{name.replace('_', ' '):>12}" for name in OUTCOMES)
    for report in audit.extracted:
        yield f"  {report.dataset:14}" + "".join(f"{report.outcomes.get(name, 0):>12,}" for name in OUTCOMES)
    yield ""
    for file in found.broken:
        why = file.error.rpartition("but got ")[2] or file.error
        yield clip(f"  {file.name:24} {file.outcome:12} {why}")


def linear_map(audit: AuditReport) -> Iterator[str]:
    """How good the map is on images it never saw."""
    if audit.aligned is None:
        return
    certificate = audit.aligned.certificate
    held = certificate.held_out
    yield heading("2. One linear map carries the encoder's features into the CLIP's space")
    yield f"  fitted on {certificate.fitted:,} images in closed form, ridge {certificate.ridge:.3g} by cross-validation"
    if held is not None:
        yield f"  R2 on {held.n:,} images it never saw        this map   predicting the mean"
        yield f"    variance-weighted                {held.r2_variance_weighted:12.2f}{held.mean_variance_weighted:22.2f}"
        yield f"    uniform                          {held.r2_uniform:12.2f}{held.mean_uniform:22.2f}"
        yield f"    global                           {held.r2_global:12.2f}{held.mean_global:22.2f}"


def zeroshot(audit: AuditReport) -> Iterator[str]:
    """Accuracy of the aligned encoder, the CLIP and chance."""
    n = audit.zeroshot[0].scores[0].n
    yield heading("3. Zero-shot: so it answers to words")
    yield f"  {n:,} images, none by a map that was fitted on it"
    yield f"  {'':9}{'aligned':>9}{'the CLIP':>10}{'chance':>8}  prompt"
    for task in audit.zeroshot:
        yield _zeroshot_line(task)


def _zeroshot_line(task: ZeroshotReport) -> str:
    aligned, *own = (score.accuracy for score in task.scores)
    own_accuracy = f"{own[0]:.1%}" if own else "-"
    return f"  {task.name:9}{aligned:>9.1%}{own_accuracy:>10}{task.chance:>8.1%}  {task.templates[0]}"


def queries(found: Findings) -> Iterator[str]:
    """How right the most similar images are; precision and recall of the two queries."""
    yield heading("4. Searching the reference in words")
    shares = ", ".join(f"{name} {share:.0%}" for name, share in found.top.items())
    yield f"  of the {TOP} images most like each concept, so many are what it says:"
    yield f"    {shares}"
    for finding in found.queries:
        yield f"  {finding.query.expression}"
        yield f"    wanted: {_wanted(finding)}"
        yield f"    {'':10}{'found':>7}{'precision':>11}{'recall':>8}{'base rate':>11}"
        yield _retrieval_line("aligned", finding.aligned)
        yield _retrieval_line("the CLIP", finding.clip)


def _wanted(finding: QueryFinding) -> str:
    desired = ", ".join(value for _, value in finding.query.wanted)
    unwanted = "".join(f", not {value}" for _, value in finding.query.unwanted)
    return f"{desired}{unwanted}: {finding.aligned.relevant} of {finding.aligned.searched:,} images"


def _retrieval_line(name: str, answer: Retrieval) -> str:
    return f"    {name:10}{answer.found:>7}{answer.precision:>11.0%}{answer.recall:>8.0%}{answer.base_rate:>11.1%}"


def shift(audit: AuditReport, found: Findings, plan: DemoPlan) -> Iterator[str]:
    """What changed, and whether the planted mix explains it."""
    report = audit.shifts[0]
    yield heading("5. What changed in the second batch")
    yield f"  {report.flagged} of {report.table.num_rows} concepts flagged at q <= {plan.alpha}. Planted first; the others follow from"
    yield "  the mix (shares sum to one, and a CLIP pushes colours apart), as predicted by"
    yield "  sum over colour x context cells of (p_cur - p_ref) E_ref[similarity | cell]."
    yield ""
    yield f"  {'concept':12}{'verdict':10}{'q':>8}{'effect':>9}{'predicted':>11}{'difference':>12}"
    planted = {value for mix in PLANTED.values() for value in mix}
    rows = [row for row in report.table.to_pylist() if row["verdict"] != "none"]
    place = {name: i for i, name in enumerate(found.concepts)}
    for row in sorted(rows, key=lambda row: row["concept"] not in planted):
        i = place[row["concept"]]
        mark = "*" if row["concept"] in planted else " "
        effect, predicted = (
            found.predicted.observed[i] / found.reference_std[i],
            found.predicted.predicted[i] / found.reference_std[i],
        )
        yield f"{mark} {row['concept']:12}{row['verdict']:10}{row['q']:>8.0e}{effect:>+9.2f}{predicted:>+11.2f}{found.predicted.errors[i]:>+9.1f} SE"
    yield "  effect and prediction in standard deviations of the reference; * planted"


def attribution(found: Findings, plan: DemoPlan) -> Iterator[str]:
    """What is left when the mix is held fixed, and the A/A rate."""
    yield heading("6. Is it only the mix?")
    yield "  Reference re-weighted to the batch's colour x context counts, labels permuted"
    yield f"  within cells {plan.permutations:,} times: {_flags(found.within.flagged)} (smallest q {min(found.within.q.values()):.2f})."
    yield f"  Now every {PLANTED_TEXTURE} image of the batch and {KEEP_OTHERS:.0%} of the others, a shift outside"
    yield clip(f"  the mix: {_flags(found.texture.flagged)}.")
    yield f"  A/A, thirds of the reference: {found.aa_rate:.1%} of {found.aa_tests:,} tests have p <= {plan.alpha} (nominal {plan.alpha:.0%})."
    yield f"  Fresh images of the same mix against those the map was fitted on: {found.fresh_rate:.1%}."


def _flags(names: tuple[str, ...]) -> str:
    return f"{len(names)} flagged: {', '.join(names)}" if names else "nothing is flagged"


def verdict(every: list[Check]) -> Iterator[str]:
    """Whether all claims hold; those that do not, with their numbers."""
    failed = [check for check in every if not check.holds]
    yield heading("7. What should have come out")
    yield f"  {len(every) - len(failed)} of {len(every)} checks hold."
    for check in failed:
        yield clip(f"  FAILED  {check.claim}: {check.seen}")


def everything(audit: AuditReport, found: Findings, every: list[Check], *, plan: DemoPlan) -> Iterator[str]:
    """All sections in order."""
    yield from accounting(audit, found)
    yield from linear_map(audit)
    yield from zeroshot(audit)
    yield from queries(found)
    yield from shift(audit, found, plan)
    yield from attribution(found, plan)
    yield from verdict(every)


def closing(audit: AuditReport, out: Path, store: Path, *, seconds: float) -> Iterator[str]:
    """Where things are, what to type next, and how long it took."""
    page = audit.reports[0]
    yield ""
    yield clip(f"  report   {short(Path(page.path))} ({page.bytes / 1e6:.1f} MB: open it in a browser)")
    yield clip(f"  audit    {short(out / 'audit.yaml')} (what t2c audit reads)")
    yield f"  ask on   {this_command()} find {REFERENCE} 'star > 1 & in snow > 1' \\"
    yield f"             --store {short(store)}"
    yield f"  total    {seconds:.0f} s"


def this_command() -> str:
    """Return what to type for the command that is running: t2c where the shell finds it, else its path."""
    script = Path(sys.executable).with_name("t2c")
    command = shutil.which("t2c")
    return "t2c" if command is not None and Path(command).resolve() == script.resolve() else short(script)


def short(path: Path) -> str:
    """Return a path relative to here where it lies below."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def clip(line: str) -> str:
    """Return a line cut to the page."""
    return line if len(line) <= COLUMNS else f"{line[: COLUMNS - 3]}..."
