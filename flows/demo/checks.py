"""What must come out of the demo, each claim with the numbers that decide it; the tests assert the same list."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from t2c.flows.audit.run import AuditReport
from t2c.flows.demo.findings import Findings
from t2c.flows.demo.plan import PLANTED_TEXTURE, DemoPlan
from t2c.flows.world.world import VALUES

WITHIN = 3.0
"""Standard errors within which a shift must be the one that the mix predicts."""


@dataclass(frozen=True, slots=True)
class Check:
    """A claim and whether it holds."""

    claim: str
    """What should be so."""
    holds: bool
    """Whether it is."""
    seen: str
    """The numbers."""


def checks(audit: AuditReport, found: Findings, plan: DemoPlan) -> list[Check]:
    """Return every check, in the order of the demo's output."""
    return [
        *_accounting(audit, found, plan),
        *_map(audit),
        *_zeroshot(audit),
        *_queries(found),
        *_planted(audit, plan),
        *_explained(audit, found, plan),
    ]


def _accounting(audit: AuditReport, findings: Findings, plan: DemoPlan) -> Iterator[Check]:
    right = sum(file.outcome == file.wanted for file in findings.broken)
    yield Check(
        "every broken file has its outcome", right == len(findings.broken), f"{right} of {len(findings.broken)}"
    )
    inputs = sum(report.inputs for report in audit.indexed)
    outcomes = sum(sum(report.outcomes.values()) for report in audit.extracted)
    drawn = plan.reference + plan.second + len(findings.broken)
    yield Check("every input is accounted for", inputs == outcomes == drawn, f"{outcomes:,} of {drawn:,}")


def _map(audit: AuditReport) -> Iterator[Check]:
    held = audit.aligned.certificate.held_out if audit.aligned else None
    r2 = held.r2_variance_weighted if held else float("nan")
    yield Check("held-out R2 is above 0.6", r2 > 0.6, f"{r2:.2f}")


def _zeroshot(audit: AuditReport) -> Iterator[Check]:
    for task in audit.zeroshot:
        aligned = task.scores[0]
        claim = f"zero-shot {task.name} is at least 3 times chance"
        yield Check(claim, aligned.low >= min(3 * task.chance, 0.6), f"{aligned.accuracy:.1%}")


def _queries(findings: Findings) -> Iterator[Check]:
    for finding in findings.queries:
        aligned = finding.aligned
        good = aligned.precision >= 10 * aligned.base_rate and aligned.recall >= 0.5
        numbers = f"precision {aligned.precision:.0%}, recall {aligned.recall:.0%}, base rate {aligned.base_rate:.1%}"
        yield Check(f"{finding.query.expression}: precision 10 times the base rate, recall 50 %", good, numbers)


def _planted(audit: AuditReport, plan: DemoPlan) -> Iterator[Check]:
    rows = {row["concept"]: row for row in audit.shifts[0].table.to_pylist()}
    for concept, verdict in (("indoors", "risen"), ("red", "risen"), ("on grass", "fallen")):
        row = rows[concept]
        yield Check(f"{concept} has {verdict} at q <= {plan.alpha}", row["verdict"] == verdict, f"q {row['q']:.0e}")
    effect = {name: row["effect"] for name, row in rows.items()}
    for claim, values, pick, target in (
        ("among contexts indoors rises most", VALUES["context"], max, "indoors"),
        ("among contexts on grass falls most", VALUES["context"], min, "on grass"),
        ("among colours red rises most", VALUES["colour"], max, "red"),
    ):
        most = pick(values, key=effect.__getitem__)
        yield Check(claim, most == target, f"{most} {effect[most]:+.2f}")


def _explained(audit: AuditReport, findings: Findings, plan: DemoPlan) -> Iterator[Check]:
    flagged = set(audit.shifts[0].table.filter(_is_flagged(audit))["concept"].to_pylist())
    errors = np.abs(
        [e for name, e in zip(findings.concepts, findings.predicted.errors, strict=True) if name in flagged]
    )
    worst = float(errors.max()) if len(errors) else 0.0
    claim = f"every flag agrees with the shift that the mix predicts, within {WITHIN:.0f} standard errors"
    yield Check(claim, worst <= WITHIN, f"{len(errors)} flags, worst {worst:.1f}")
    least = min(findings.within.q.values())
    claim = "with colour x context held fixed nothing is flagged"
    yield Check(claim, not findings.within.flagged, f"smallest q {least:.2f}")
    claim = f"a {PLANTED_TEXTURE} shift outside the mix is"
    numbers = ", ".join(f"{name} q {findings.texture.q[name]:.3f}" for name in findings.texture.flagged) or "nothing"
    yield Check(claim, PLANTED_TEXTURE in findings.texture.flagged, numbers)
    claim = f"A/A tests flag at the nominal rate of {plan.alpha:.0%}"
    yield Check(claim, abs(findings.aa_rate - plan.alpha) <= 0.02, f"{findings.aa_rate:.1%} of {findings.aa_tests:,}")
    claim = "fresh images of the same mix are flagged no more often against those the map was fitted on"
    yield Check(claim, findings.fresh_rate <= plan.alpha + 0.02, f"{findings.fresh_rate:.1%}")


def _is_flagged(audit: AuditReport) -> list[bool]:
    return [verdict != "none" for verdict in audit.shifts[0].table["verdict"].to_pylist()]
