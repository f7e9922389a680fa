"""The demo's audit as the file that `t2c audit` reads: the same spine a user runs on their own images."""

import os
from pathlib import Path

import yaml

from t2c.flows.demo.pictures import Pictures
from t2c.flows.demo.plan import BANK, CONCEPTS, PROMPTS, QUERIES, REFERENCE, SECOND, SOURCE, TARGET, DemoPlan
from t2c.flows.world.world import VALUES
from t2c.schemas.specs.audit import AlignSpec, AuditSpec, BankSpec, DatasetSpec, EncodersSpec, ZeroshotSpec
from t2c.schemas.specs.shift import ShiftSpec

REPORT = "report.html"
"""Name of the report beside the audit file."""


def write_audit_file(out: Path, store: Path, pictures: tuple[Pictures, Pictures], plan: DemoPlan) -> Path:
    """Write audit.yaml into a folder, every path relative to it, and return its path."""
    file = out / "audit.yaml"
    spec = audit_spec(out, store, pictures, plan).model_dump(mode="json", exclude_defaults=True)
    file.write_text(
        "# Written by the demo. Run it again: t2c audit audit.yaml\n" + yaml.safe_dump(spec, sort_keys=False)
    )
    return file


def audit_spec(out: Path, store: Path, pictures: tuple[Pictures, Pictures], plan: DemoPlan) -> AuditSpec:
    """Return the audit: both folders with their ground truth, map, concepts, comparison, queries, zero-shot, report."""
    return AuditSpec(
        store=os.path.relpath(store, out),
        datasets={
            batch.name: DatasetSpec(
                source=os.path.relpath(batch.folder, out), attributes=os.path.relpath(batch.truth, out)
            )
            for batch in pictures
        },
        encoders=EncodersSpec(source=SOURCE, target=TARGET),
        concepts=BankSpec(bank=BANK, inline=CONCEPTS),
        align=AlignSpec(dataset=REFERENCE, holdout=plan.held_out, seed=plan.seed),
        shift=(ShiftSpec(reference=REFERENCE, current=SECOND, alpha=plan.alpha),),
        queries=tuple(query.expression for query in QUERIES),
        zeroshot=tuple(
            ZeroshotSpec(name=name, classes=values, templates=(PROMPTS[name],), labels=name, datasets=(REFERENCE,))
            for name, values in VALUES.items()
        ),
        report=REPORT,
    )
