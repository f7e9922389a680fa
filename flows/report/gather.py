"""Read from the store what a report says about inputs, the linear map, distributions, lineage, and how it was made."""

import platform
import re
import shlex
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from t2c.core.shift.shift import ALPHA
from t2c.core.statistics.stats import concept_stats
from t2c.flows.page import words
from t2c.flows.page.report_spec import ReportSpec
from t2c.flows.report.data import (
    ARTIFACTS,
    DUPLICATES,
    FIDELITY,
    LABELS,
    OUTCOME_COUNTS,
    PROBLEMS,
    QUALITY,
    SIZES,
    Aligner,
    DatasetAccount,
)
from t2c.flows.rows.sides import Side
from t2c.schemas import logic
from t2c.schemas.certificate import Certificate, HeldOut
from t2c.schemas.digest import SHORT
from t2c.schemas.errors import CorruptError, expected
from t2c.schemas.tables.tables import CONCEPT_STATS, OUTCOMES
from t2c.store.artifacts.images import Images
from t2c.store.artifacts.linear_maps import StoredMap
from t2c.store.artifacts.similarities import Scores, empty_stats
from t2c.store.disk.manifest import Manifest, Parent, check_files, find_manifest
from t2c.store.disk.paths import artifact as artifact_folder
from t2c.store.disk.root import Store

EXAMPLES = 20
"""Inputs that are listed by name, for each reason to list them."""
_COLUMNS = ["row", "image_id", "label", "width", "height", "bytes", "outcome", "error", "duplicate_of"]


def account(images: Images, *, role: Literal["reference", "current"]) -> DatasetAccount:
    """Return where every input of a dataset went, as of the snapshot the handle reads."""
    table = images.table(_COLUMNS)
    ok = table.filter(pc.equal(table["outcome"], "ok"))
    bad = table.filter(pc.not_equal(table["outcome"], "ok"))
    copies = ok.filter(pc.is_valid(ok["duplicate_of"]))
    return DatasetAccount(
        name=images.dataset,
        snapshot=images.snapshot,
        role=role,
        outcomes=_outcomes(table),
        problems=bad.select(PROBLEMS.names).slice(0, EXAMPLES).cast(PROBLEMS),
        duplicates=_duplicates(images, copies.slice(0, EXAMPLES)),
        n_duplicates=copies.num_rows,
        labels=_labels(ok),
        sizes=_sizes(ok),
        superseded=images.rows - table.num_rows,
    )


def aligner(linear_map: StoredMap, *, bank: str) -> Aligner:
    """Return what a map's certificate says, with the fidelity of one bank's concepts."""
    source, target = linear_map.source.describe(), linear_map.target.describe()
    certificate = linear_map.certificate
    if certificate is None:
        return Aligner(source, target, digest="", identity=True)
    return Aligner(
        source,
        target,
        digest=linear_map.digest,
        facts=_facts(certificate),
        quality=None if certificate.held_out is None else _quality(certificate.held_out),
        notes=certificate.notes,
        fidelity=_fidelity(certificate, bank),
    )


def check_artifacts(store: Store, manifests: Iterable[Manifest]) -> None:
    """Recompute size and sha256 of every file; raises CorruptError naming the first damaged file and their number."""
    problems = [problem for manifest in manifests for problem in check_files(store, manifest)]
    if problems:
        todo = "Run: t2c verify" if len(problems) == 1 else f"{len(problems)} files are damaged. Run: t2c verify"
        subject, _, rest = problems[0].partition(": ")
        want, _, actual = rest.removeprefix("expected ").partition(", but got ")
        raise CorruptError(expected(subject, want, actual, todo))


def artifacts(store: Store, read: Iterable[Manifest]) -> pa.Table:
    """Return ARTIFACTS: the snapshots that were read and checked, then all their ancestors, each once.

    Raises CorruptError for an ancestor that is no longer what its descendants were made from.
    """
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    waiting: list[Parent] = []
    for manifest in read:
        rows.setdefault((manifest.artifact, manifest.snapshot), _artifact(manifest, checked=True))
        waiting += manifest.parents
    while waiting:
        # breadth first, so that the nearest ancestors are listed first
        parent = waiting.pop(0)
        folder = artifact_folder(parent.kind, parent.name)
        if (folder, parent.snapshot) in rows:
            continue
        ancestor = find_manifest(store, folder, snapshot=parent.snapshot)
        if ancestor is not None and ancestor.content_digest != parent.digest:
            want, actual = parent.digest[:SHORT], ancestor.content_digest[:SHORT]
            raise CorruptError(expected(f"{folder}@{parent.snapshot}", f"digest {want}", actual, "Run: t2c verify"))
        rows[folder, parent.snapshot] = (
            _gone(folder, parent) if ancestor is None else _artifact(ancestor, checked=False)
        )
        waiting += () if ancestor is None else ancestor.parents
    return pa.Table.from_pylist(list(rows.values()), schema=ARTIFACTS)


def _outcomes(table: pa.Table) -> pa.Table:
    counts = {row["values"]: row["counts"] for row in table["outcome"].value_counts().to_pylist()}
    rows = [{"outcome": outcome, "count": counts.get(outcome, 0)} for outcome in OUTCOMES]
    return pa.Table.from_pylist(rows, schema=OUTCOME_COUNTS)


def _duplicates(images: Images, copies: pa.Table) -> pa.Table:
    """Return DUPLICATES of some rows: the first image with the same bytes may be superseded by now."""
    if copies.num_rows == 0:
        return DUPLICATES.empty_table()
    names = images.table(["image_id"], current=False)["image_id"]
    return pa.table([copies["image_id"], names.take(copies["duplicate_of"])], schema=DUPLICATES)


def _labels(ok: pa.Table) -> pa.Table:
    """Return LABELS, most frequent first; nothing when no image has a label."""
    if ok["label"].null_count == ok.num_rows:
        return LABELS.empty_table()
    counts = ok.group_by("label").aggregate([([], "count_all")]).rename_columns(["label", "count"])
    return counts.sort_by([("count", "descending"), ("label", "ascending")]).cast(LABELS)


def _sizes(ok: pa.Table) -> pa.Table:
    rows = []
    for measure in ("width", "height", "bytes"):
        values = np.asarray(ok[measure].drop_null(), dtype=np.float64)
        if len(values):
            low, middle, high = (float(value) for value in (values.min(), np.median(values), values.max()))
            rows.append({"measure": measure, "smallest": low, "median": middle, "largest": high})
    return pa.Table.from_pylist(rows, schema=SIZES)


def _facts(certificate: Certificate) -> tuple[tuple[str, str], ...]:
    held = certificate.held_out
    claims = (("minimised", certificate.objective), ("needed", "; ".join(certificate.needed)))
    fitted_on = f"{certificate.dataset}@{certificate.snapshot}" if certificate.dataset else "not known: a file"
    measured_on = (("measured on", certificate.measured_on),) if certificate.measured_on else ()
    return (
        ("aligner", certificate.aligner),
        *(pair for pair in claims if pair[1]),
        ("fitted on", fitted_on),
        *measured_on,
        ("rows fitted", words.count(certificate.fitted)),
        ("rows held out", words.count(held.n) if held else "none"),
        ("ridge", f"{certificate.ridge:.4g}"),
        ("folds", str(certificate.folds)),
        ("rank", f"{words.count(certificate.rank)} of {words.count(certificate.source.dimension)}"),
        ("condition", "not known" if certificate.condition is None else f"{certificate.condition:.3g}"),
        ("solved by", certificate.method),
        ("seed", str(certificate.seed)),
    )


def _quality(held: HeldOut) -> pa.Table:
    rows = [
        ("variance-weighted", held.r2_variance_weighted, held.mean_variance_weighted),
        ("uniform", held.r2_uniform, held.mean_uniform),
        ("global", held.r2_global, held.mean_global),
    ]
    return pa.Table.from_pylist([dict(zip(QUALITY.names, row, strict=True)) for row in rows], schema=QUALITY)


def _fidelity(certificate: Certificate, bank: str) -> pa.Table:
    fidelities = [fidelity for fidelity in certificate.fidelity if fidelity.bank == bank]
    fidelities.sort(key=lambda fidelity: (fidelity.correlation is not None, fidelity.correlation or 0.0))
    rows = [
        {"concept": fidelity.concept, "n": fidelity.n, "correlation": fidelity.correlation} for fidelity in fidelities
    ]
    return pa.Table.from_pylist(rows, schema=FIDELITY)


def _artifact(manifest: Manifest, *, checked: bool) -> dict[str, Any]:
    return {
        "artifact": manifest.artifact,
        "snapshot": manifest.snapshot,
        "digest": manifest.content_digest,
        "created_at": datetime.fromisoformat(manifest.created_at),
        "files": len(manifest.files) if checked else None,
        "bytes": sum(entry.size for entry in manifest.files) if checked else None,
        "checked": checked,
        "parents": [
            f"{_short(artifact_folder(parent.kind, parent.name))}@{parent.snapshot}" for parent in manifest.parents
        ],
    }


def _short(folder: str) -> str:
    """Return an artifact's folder with a full digest in it shortened."""
    return re.sub(r"[0-9a-f]{64}", lambda match: f"{match[0][:SHORT]}…", folder)


def _gone(folder: str, parent: Parent) -> dict[str, Any]:
    blank: dict[str, Any] = {"created_at": None, "files": None, "bytes": None, "checked": False, "parents": []}
    return {"artifact": folder, "snapshot": parent.snapshot, "digest": parent.digest, **blank}


def side_stats(side: Side) -> pa.Table:
    """Return CONCEPT_STATS of a side; the stored ones where the side is the whole set that they describe."""
    if side.among.mask is None and not side.left_out.any():
        return side.among.scores.stats()
    rows: list[dict[str, Any]] = []
    for key, concept in enumerate(side.among.names):
        values = side.values(key)
        rows.append({"key": key, "concept": concept, **(concept_stats(values) if len(values) else empty_stats())})
    return pa.Table.from_pylist(rows, schema=CONCEPT_STATS)


def most_telling(stats: pa.Table, shift: pa.Table | None, *, most: int) -> list[int]:
    """Return the keys of the concepts worth looking at: the smallest q first, or the widest when nothing is compared."""
    if shift is not None:
        keys: list[int] = shift.sort_by([("log10_q", "ascending"), ("d", "descending")])["key"].to_pylist()
    else:
        keys = stats.sort_by([("std", "descending"), ("key", "ascending")])["key"].to_pylist()
    return keys[:most]


PACKAGES = ("t2c-audit-store", "numpy", "pyarrow", "duckdb", "pillow")
"""Distributions whose versions are named."""


def reproduce_command(spec: ReportSpec, output: str | Path, *, scores: Scores, title: str | None = None) -> str:
    """Return the command that makes the report again: snapshots, map and bank named, whatever the store holds by then."""
    parts = ["t2c", "report", spec.reference, *([spec.current] if spec.current else [])]
    options = {"--where": spec.where, "--reference-where": spec.reference_where, "--source": spec.source}
    options |= {"--target": spec.target, "--concepts": scores.bank, "--map": scores.map, "--title": title}
    parts += [text for query in spec.queries for text in ("--query", logic.render(query))]
    parts += [text for key, value in options.items() if value for text in (key, value)]
    parts += ["--alpha", f"{spec.alpha:g}"] if spec.alpha != ALPHA else []
    for name, value in spec.judged.items():
        option = f"--{name.replace('_', '-')}"
        parts += [option] if value is True else [option, str(value)]
    return shlex.join([*parts, "--store", str(spec.store.url), "-o", Path(output).name])


def versions() -> tuple[tuple[str, str], ...]:
    """Return the software that took part, with its versions."""
    software = [("Python", platform.python_version())]
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            software.append((package, version(package)))
    return tuple(software)
